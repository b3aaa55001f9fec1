// A debug adapter, on standard input and output, that any client of the Debug Adapter Protocol can start: it
// "debugs" a text file, of which each line prints itself.
//
//     antiphon-debug-adapter      and then initialize, launch, setBreakpoints, configurationDone, continue
//
// DAP isn't JSON-RPC. dap_transport.hpp puts its envelope around the messages: what is left of an adapter are
// handlers and events. Requests are handled one after the other (`order::ordered`), what must follow an
// answer is sent when that has been written (`call_context::answer`), and the program runs in a coroutine of
// its own, no faster than its output is read.
//
// There are the life cycle, breakpoints on lines, continue, next, pause, threads, stackTrace, scopes, cancel:
// one thread, one frame, no variables, nothing to attach to. Failed responses have a `message` and no `body`.

#include "dap_transport.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/value.hpp>

#include <fstream>
#include <map>
#include <set>

namespace asio = boost::asio;
namespace json = boost::json;
using antiphon::call_context;

struct source {
  std::string path;
};
BOOST_DESCRIBE_STRUCT(source, (), (path))
struct breakpoint {
  std::size_t line = 0;
};
BOOST_DESCRIBE_STRUCT(breakpoint, (), (line))

class debuggee {
 public:
  void launch(std::string path, bool stop_on_entry) {
    if (!path_.empty()) throw failure("launched already");
    std::ifstream file(path);
    if (!file) throw failure("no file " + path);
    for (std::string line; std::getline(file, line);) lines_.push_back(line);
    path_ = std::move(path);
    pause_ = stop_on_entry;
  }
  /// In place of those that this file had; another file's stay.
  json::value set_breakpoints(const source& file, const std::vector<breakpoint>& wanted) {
    json::array verified;
    auto& lines = breakpoints_[file.path];
    lines.clear();
    for (const auto one : wanted) {
      lines.insert(one.line);
      verified.push_back({{"verified", true}, {"line", one.line}});
    }
    return {{"breakpoints", verified}};
  }
  json::value stack_trace() const {
    const json::value frame = {
        {"id", 1}, {"name", "main"}, {"source", {{"path", path_}}}, {"line", line_}, {"column", 1}};
    return {{"stackFrames", json::array{frame}}, {"totalFrames", 1}};
  }
  void pause() {
    if (running_) pause_ = true;
  }

  /// It will `run`; throws where it can't.
  void begin() {
    if (running_) throw failure("the program runs already");
    if (path_.empty() || ended_) throw failure("there is no program");
    running_ = true;
  }

  /// Runs on until there is a reason to stop. @param step after one line
  static asio::awaitable<void> run(std::shared_ptr<debuggee> it, antiphon::peer client, bool step) {
    std::string why = it->why_stop_before_the_first();
    while (why.empty() && it->line_ <= it->lines_.size()) {
      const json::value printed = {{"category", "stdout"}, {"output", it->lines_[it->line_ - 1] + "\n"}};
      ++it->line_;
      auto telling = client.notify("output", printed);
      co_await std::move(telling);
      auto others = asio::post(asio::use_awaitable);  // their turn: `pause` may have come
      co_await std::move(others);
      why = it->why_stop(step);
    }
    it->running_ = it->pause_ = false;
    it->started_ = true;
    it->ended_ = it->line_ > it->lines_.size();
    if (it->ended_) {
      const json::value code = {{"exitCode", 0}};
      auto exiting = client.notify("exited", code);
      co_await std::move(exiting);
      auto ending = client.notify("terminated");
      co_await std::move(ending);
    } else {
      const json::value stop = {{"reason", why}, {"threadId", 1}, {"allThreadsStopped", true}};
      auto stopping = client.notify("stopped", stop);
      co_await std::move(stopping);
    }
  }

 private:
  static antiphon::rpc_error failure(std::string why) {
    return {antiphon::rpc_errc::request_failed, std::move(why)};
  }
  std::string why_stop(bool step) const {
    if (pause_) return "pause";
    const auto here = breakpoints_.find(path_);
    if (here != breakpoints_.end() && here->second.contains(line_)) return "breakpoint";
    return step ? "step" : "";
  }
  std::string why_stop_before_the_first() const {
    if (started_) return "";  // it stopped at this line before
    return pause_ ? "entry" : why_stop(false);
  }

  std::string path_;
  std::vector<std::string> lines_;
  std::map<std::string, std::set<std::size_t>> breakpoints_;  // by file: they may be set before the launch
  std::size_t line_ = 1;                                      // that comes next
  bool started_ = false;
  bool running_ = false;
  bool ended_ = false;
  bool pause_ = false;
};

/// Answers with `result`, then lets the program run on.
asio::awaitable<void> resume(call_context& call, std::shared_ptr<debuggee> program, bool step) {
  program->begin();
  const json::value all = {{"allThreadsContinued", true}};
  auto answering = call.answer(all);
  co_await std::move(answering);
  const antiphon::peer client = call.peer();
  asio::co_spawn(client.get_executor(), debuggee::run(program, client, step),
                 [client](std::exception_ptr failure) {
                   if (failure) client.close();  // a line that isn't UTF-8, or he has gone
                 });
}

antiphon::router make_routes() {
  const auto program = std::make_shared<debuggee>();
  const antiphon::route_options in_order(antiphon::order::ordered);
  antiphon::router routes;
  routes.on_request(
      "initialize",
      [](call_context& call) -> asio::awaitable<void> {
        const json::value able = {{"supportsConfigurationDoneRequest", true},
                                  {"supportsCancelRequest", true}};
        auto answering = call.answer(able);
        co_await std::move(answering);
        auto telling = call.notify("initialized");  // now breakpoints may be set
        co_await std::move(telling);
      },
      {}, in_order);
  routes.on_request(
      "launch",
      [=](std::string path, std::optional<bool> stop) { program->launch(path, stop.value_or(false)); },
      {"program", "stopOnEntry"}, in_order);
  routes.on_request(
      "setBreakpoints",
      [=](source file, std::optional<std::vector<breakpoint>> wanted) {
        return program->set_breakpoints(file, wanted.value_or(std::vector<breakpoint>()));
      },
      {"source", "breakpoints"}, in_order);
  const auto go = [=](call_context& call) { return resume(call, program, false); };
  routes.on_request("configurationDone", go, {}, in_order);
  routes.on_request("continue", go, {}, in_order);
  routes.on_request("next", [=](call_context& call) { return resume(call, program, true); }, {}, in_order);
  routes.on_request("pause", [=] { program->pause(); }, {}, in_order);
  routes.on_request("threads", []() -> json::value {
    const json::value main = {{"id", 1}, {"name", "main"}};
    return {{"threads", json::array{main}}};
  });
  routes.on_request("stackTrace", [=] { return program->stack_trace(); }, {}, in_order);
  routes.on_request("scopes", []() -> json::value { return {{"scopes", json::array()}}; }, {}, in_order);
  routes.on_request("cancel", [] {});  // done by the transport
  routes.on_request(
      "disconnect",
      [](call_context& call) -> asio::awaitable<void> {
        auto answering = call.answer(nullptr);
        co_await std::move(answering);
        call.peer().close();
      },
      {}, in_order);
  return routes;
}

asio::awaitable<antiphon::ended> serve() {
  auto opening = antiphon::open_stdio();
  auto over = std::make_unique<dap_transport>(co_await std::move(opening));
  antiphon::endpoint client(std::move(over), make_routes());
  auto serving = client.run();
  co_return co_await std::move(serving);
}

int main() { return antiphon::run_main(serve()); }
