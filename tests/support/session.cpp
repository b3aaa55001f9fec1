#include "tests/support/session.hpp"

namespace support {

std::string request(int id, const std::string& method) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + "\"}";
}

std::string notification(const std::string& method) {
  return R"({"jsonrpc":"2.0","method":")" + method + "\"}";
}

std::string cancellation(int id) {
  return R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + std::to_string(id) + "}}";
}

awaitable<int> nap(int ms) {
  auto pausing = pause_for(std::chrono::milliseconds(ms));
  co_await std::move(pausing);
  co_return 5;
}

awaitable<void> wire::say(std::string text) {
  text += '\n';
  auto sending = send(*transport_, text);
  co_await std::move(sending);
}

awaitable<std::string> wire::hear() {
  std::size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos) {
    auto space = antiphon::buffer::allocate(64 * 1024);
    auto receiving = transport_->receive_into(space);
    const std::size_t count = co_await std::move(receiving);
    if (count == 0) co_return std::string();
    received_ += space.bytes();
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  co_return line;
}

awaitable<boost::json::value> wire::hear_json() {
  auto hearing = hear();
  const std::string line = co_await std::move(hearing);
  boost::json::value message;
  if (!line.empty()) message = json(line);
  co_return message;
}

awaitable<boost::json::value> wire::ask(std::string text) {
  auto saying = say(std::move(text));
  co_await std::move(saying);
  auto hearing = hear_json();
  boost::json::value message = co_await std::move(hearing);
  co_return message;
}

antiphon::endpoint_options in_lines(antiphon::endpoint_options options) {
  options.framing = antiphon::line_framing::make;
  return options;
}

session::session(antiphon::router routes, antiphon::endpoint_options options,
                 antiphon::memory_pipe_options pipe)
    : ends_(antiphon::make_memory_pipe(context->get_executor(), pipe)), peer(std::move(ends_.first)) {
  endpoint.emplace(std::move(ends_.second), std::move(routes), in_lines(std::move(options)));
}

void session::play(const std::function<awaitable<void>(session&)>& script) {
  start(*context, run_endpoint(), failure_);
  start(*context, follow(script(*this)), failure_);
  drain(*context);
  if (failure_) std::rethrow_exception(failure_);
}

awaitable<void> session::run_endpoint() {
  auto running = endpoint->run();
  how = co_await std::move(running);
}

awaitable<void> session::follow(awaitable<void> script) {
  struct hang_up_at_end {
    wire& peer;
    ~hang_up_at_end() { peer.hang_up(); }
  };
  const hang_up_at_end guard{peer};
  co_await std::move(script);
}

boost::json::value answer_to(antiphon::router routes, std::string request,
                             antiphon::endpoint_options options) {
  session one(std::move(routes), std::move(options));
  boost::json::value answer;
  one.play([&](session& s) -> awaitable<void> {
    auto asking = s.peer.ask(request);
    answer = co_await std::move(asking);
  });
  return answer;
}

couple::couple(antiphon::router left_routes, antiphon::router right_routes,
               antiphon::endpoint_options left_options, antiphon::endpoint_options right_options) {
  auto ends = antiphon::make_memory_pipe(context->get_executor());
  left.emplace(std::move(ends.first), std::move(left_routes), std::move(left_options));
  right.emplace(std::move(ends.second), std::move(right_routes), std::move(right_options));
}

void couple::play(const std::function<awaitable<void>(couple&)>& script) {
  start(*context, run_right(), failure_);
  start(*context, run_left([&script, this](antiphon::endpoint&) { return script(*this); }), failure_);
  drain(*context);
  if (failure_) std::rethrow_exception(failure_);
}

awaitable<void> couple::run_left(std::function<awaitable<void>(antiphon::endpoint&)> body) {
  auto running = left->run(std::move(body));
  left_end = co_await std::move(running);
}

awaitable<void> couple::run_right() {
  auto running = right->run();
  right_end = co_await std::move(running);
}

std::string error_message(const boost::json::value& answer) {
  return std::string(answer.at("error").at("message").as_string());
}

std::int64_t error_code_of(const boost::json::value& answer) {
  return answer.at("error").at("code").as_int64();
}

}  // namespace support
