// antiphon in a program that has an event loop of its own, and no thread to spare: a game, an editor, a GUI.
//
//     antiphon-own-event-loop SERVER      scores ten points, which the tutorial's server adds up
//
// Once in each frame the loop gives antiphon what time it needs (`poll`, which never waits), and then does
// its own work until the next frame. Handlers and completions run inside of `poll`, so on the loop's own
// thread: no locks, and no surprises in the middle of drawing. An answer is seen at the next frame.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/core.h>

#include <csignal>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;

volatile std::sig_atomic_t interrupted = 0;

class game {
 public:
  explicit game(antiphon::peer server) : server_(std::move(server)) {}

  void frame() {
    if (asking_ || over()) return;
    asking_ = true;
    asio::co_spawn(server_.get_executor(), server_.call<int>("add", score_, 1),
                   [this](std::exception_ptr failure, int sum) {
                     asking_ = false;
                     if (failure) {
                       lost_ = true;
                     } else {
                       score_ = sum;
                     }
                   });
  }
  bool over() const { return score_ == 10 || lost_; }
  int result() const { return lost_ ? -1 : score_; }

 private:
  antiphon::peer server_;
  int score_ = 0;
  bool asking_ = false;
  bool lost_ = false;
};

/// Everything of antiphon's in this program: a connection that is served, or the reason why not.
struct connection {
  std::unique_ptr<antiphon::endpoint> server;  // there once it is open
  bool ended = false;
};

asio::awaitable<void> connect(connection& to, std::string program) {
  auto spawning = antiphon::spawn(antiphon::command(program));
  antiphon::transport_ptr over = co_await std::move(spawning);
  antiphon::endpoint_options options;
  options.call_timeout = 5s;
  to.server = std::make_unique<antiphon::endpoint>(std::move(over), antiphon::router(), options);
  auto running = to.server->run();
  co_await std::move(running);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    antiphon::write_to_stderr("usage: antiphon-own-event-loop SERVER\n");
    return 2;
  }
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { interrupted = 1; });
  asio::io_context context(1);
  connection to;
  asio::co_spawn(context, connect(to, argv[1]), [&to](std::exception_ptr failure) {
    to.ended = true;
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      antiphon::write_to_stderr(fmt::format("error: {}\n", e.what()));
    }
  });

  std::optional<game> playing;
  for (auto next = std::chrono::steady_clock::now(); !interrupted && !to.ended; next += 10ms) {
    context.poll();
    if (to.server && !playing) playing.emplace(*to.server);
    if (playing) {
      playing->frame();
      if (playing->over()) break;
    }
    std::this_thread::sleep_until(next);
  }
  const int result = playing ? playing->result() : -1;
  for (; !to.ended; context.run_one()) {
    if (to.server) to.server->close();
  }
  context.run();  // what is left: the server's end
  fmt::print("score: {}\n", result);
  return interrupted || result == 10 ? 0 : 1;
}
