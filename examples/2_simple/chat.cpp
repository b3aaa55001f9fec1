// A chat room on a Unix socket: what one member says, all the others are told.
//
//     antiphon-chat /tmp/room          opens the room, until SIGTERM or Ctrl-C
//     antiphon-chat /tmp/room anna     joins it: says the lines of its input, prints what others say
//
// A room must not suffer from a member who doesn't listen. Each has an inbox of 64 lines; where one is full,
// who speaks waits for it, and for two seconds at most. Then the slow member is shown out. The speaker's next
// lines wait meanwhile, and when they fill his own bounds he isn't read from any more: nothing grows.

#include <antiphon/antiphon.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <set>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;

struct line {
  std::string from, text;
};
BOOST_DESCRIBE_STRUCT(line, (), (from, text))

struct member {
  explicit member(const asio::any_io_executor& executor) : inbox(executor, 64) {}
  void show_out() {
    inbox.cancel();  // closing it wouldn't end a wait for room in it
    inbox.close();
    connection.close(0ms);
  }

  std::string name;  // empty until he has joined
  antiphon::peer connection;
  asio::experimental::channel<void(error_code, std::shared_ptr<const line>)> inbox;
};
using member_ptr = std::shared_ptr<member>;

class room {
 public:
  void enter(const member_ptr& who) {
    members_.insert(who);
    if (closed_) who->show_out();
  }
  void leave(const member_ptr& who) { members_.erase(who); }
  void close() {
    closed_ = true;
    for (const auto& who : members_) who->show_out();
  }

  /// Returns who is there already.
  std::vector<std::string> join(const member_ptr& who, const std::string& name) {
    const auto refuse = [](const char* why) {
      throw antiphon::rpc_error(antiphon::rpc_errc::request_failed, why);
    };
    if (!who->name.empty()) refuse("joined already");
    if (name.empty()) refuse("a name, please");
    std::vector<std::string> others;
    for (const auto& other : members_) {
      if (other->name == name) refuse("the name is taken");
      if (!other->name.empty()) others.push_back(other->name);
    }
    who->name = name;
    return others;
  }

  /// Completes when the line is in every inbox.
  asio::awaitable<void> say(member_ptr who, std::string text) {
    if (who->name.empty()) throw antiphon::rpc_error(antiphon::rpc_errc::invalid_request, "join first");
    const auto executor = co_await asio::this_coro::executor;
    const auto said = std::make_shared<const line>(line{who->name, std::move(text)});
    std::vector<member_ptr> full;
    for (const auto& other : members_) {
      if (other == who || other->name.empty()) continue;
      if (!other->inbox.try_send(error_code(), said)) full.push_back(other);
    }
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    for (const auto& other : full) {
      if (other->inbox.try_send(error_code(), said)) continue;
      asio::steady_timer patience(executor, deadline);
      patience.async_wait([other](error_code cancelled) {
        if (!cancelled) other->show_out();
      });
      auto sending = other->inbox.async_send(error_code(), said, asio::as_tuple(asio::use_awaitable));
      co_await std::move(sending);
    }
  }

 private:
  std::set<member_ptr> members_;  // with those who haven't said their names yet
  bool closed_ = false;
};

/// A member's place in the room, which he leaves when this ends.
struct seat {
  seat(std::shared_ptr<room> in, member_ptr whose) : here(std::move(in)), who(std::move(whose)) {
    here->enter(who);
  }
  seat(const seat&) = delete;
  ~seat() {
    here->leave(who);
    who->connection = antiphon::peer();  // whose routes refer to the member again
  }
  std::shared_ptr<room> here;
  member_ptr who;
};

asio::awaitable<void> visit(antiphon::transport_ptr over, std::shared_ptr<room> here) {
  const auto executor = co_await asio::this_coro::executor;
  const auto me = std::make_shared<member>(executor);
  antiphon::router routes;
  routes.on_request("join", [=](std::string name) { return here->join(me, name); }, {"name"});
  routes.on_request(
      "say", [=](std::string text) { return here->say(me, std::move(text)); }, {"text"},
      antiphon::route_options(antiphon::order::ordered));
  antiphon::endpoint_options options;
  options.limits.message_bytes = 16 * 1024;
  options.max_queued_bytes = 64 * 1024;
  options.max_outgoing_bytes = 64 * 1024;
  antiphon::endpoint visitor(std::move(over), std::move(routes), options);
  me->connection = visitor;
  const seat mine(here, me);

  const auto deliver = [me](antiphon::endpoint& to) -> asio::awaitable<void> {
    for (;;) {
      auto receiving = me->inbox.async_receive(asio::use_awaitable);
      const auto said = co_await std::move(receiving);
      auto telling = to.notify("said", *said);
      co_await std::move(telling);  // done when it has been written
    }
  };
  auto staying = visitor.run(deliver);
  co_await std::move(staying);
}

asio::awaitable<void> open_room(std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  const auto here = std::make_shared<room>();
  antiphon::listen_options at_most;
  at_most.max_connections = 100;
  auto opening = antiphon::listen_unix(path, at_most);
  antiphon::listener door = co_await std::move(opening);
  try {
    for (;;) {
      auto waiting = door.accept();
      auto visitor = co_await std::move(waiting);
      asio::co_spawn(executor, visit(std::move(visitor), here), asio::detached);
    }
  } catch (...) {  // SIGTERM
    here->close();
    throw;
  }
}

/// The lines of standard input.
class keyboard {
 public:
  explicit keyboard(antiphon::transport_ptr input) : input_(std::move(input)) {}

  asio::awaitable<std::optional<std::string>> next() {
    std::size_t end = 0;
    while ((end = typed_.find('\n')) == std::string::npos) {
      if (typed_.size() > 8 * 1024) throw std::length_error("a line of more than 8 KiB");
      antiphon::buffer piece = input_->acquire(1024);
      auto reading = input_->receive_into(piece);
      const std::size_t count = co_await std::move(reading);
      if (count == 0) co_return std::nullopt;
      typed_ += piece.bytes();
    }
    std::string line = typed_.substr(0, end);
    typed_.erase(0, end + 1);
    co_return line;
  }

 private:
  antiphon::transport_ptr input_;
  std::string typed_;
};

void print(const std::string& text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

asio::awaitable<antiphon::ended> join(std::string path, std::string name) {
  antiphon::router routes;
  routes.on_notification("said", [](line said) { print(said.from + ": " + said.text); });
  auto connecting = antiphon::connect_unix(path);
  antiphon::endpoint room(co_await std::move(connecting), std::move(routes));
  const auto talk = [&name](antiphon::endpoint& all) -> asio::awaitable<void> {
    auto joining = all.call<std::vector<std::string>>("join", name);
    const auto others = co_await std::move(joining);
    print(fmt::format("* {} here, with {} other(s)", name, others.size()));
    antiphon::stdio_options as_it_is;
    as_it_is.protect_stdout = false;  // we print there
    auto opening = antiphon::open_stdio(as_it_is);
    keyboard lines(co_await std::move(opening));
    for (;;) {
      auto typing = lines.next();
      const auto typed = co_await std::move(typing);
      if (!typed) co_return;
      auto saying = all.call<void>("say", *typed);
      co_await std::move(saying);
    }
  };
  auto talking = room.run(talk);
  co_return co_await std::move(talking);
}

int main(int argc, char** argv) {
  if (argc == 2) return antiphon::run_main(open_room(argv[1]));
  if (argc == 3) return antiphon::run_main(join(argv[1], argv[2]));
  antiphon::write_to_stderr("usage: antiphon-chat SOCKET [NAME]\n");
  return 2;
}
