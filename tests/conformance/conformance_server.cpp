// antiphon-conformance: the black box that tests drive, over each transport and in each framing.

#include <antiphon/antiphon.hpp>
#include <antiphon/lsp/lifecycle.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace asio = boost::asio;

namespace {

// ------------------------------------------------------------------ command line

struct settings {
  enum class transport { stdio, tcp, unix_socket };
  transport over = transport::stdio;
  std::string host;
  std::uint16_t port = 0;
  std::string path;
  antiphon::listen_options listening;
  antiphon::endpoint_options options;
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Number>
Number number(std::string_view option, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw usage_error(fmt::format("{}: not a number from {} to {}: '{}'", option, least, most, text));
  return value;
}

settings parse(int argc, char** argv) {
  settings chosen;
  std::optional<std::string> transport;
  const auto choose = [&](std::string_view option, settings::transport over) {
    if (transport) throw usage_error(fmt::format("{} and {} exclude each other", *transport, option));
    transport = option;
    chosen.over = over;
  };
  for (int at = 1; at < argc; ++at) {
    const std::string_view option = argv[at];
    const auto value = [&]() -> std::string_view {
      if (++at >= argc) throw usage_error(fmt::format("{} needs a value", option));
      return argv[at];
    };
    const auto bytes = [&] { return number<std::size_t>(option, value(), 1, std::size_t{1} << 30); };
    const auto milliseconds = [&] {
      return std::chrono::milliseconds(number<std::int64_t>(option, value(), 1, 1'000'000));
    };
    if (option == "--stdio") {
      choose(option, settings::transport::stdio);
    } else if (option == "--tcp") {
      choose(option, settings::transport::tcp);
      const std::string_view address = value();
      const std::size_t colon = address.rfind(':');
      if (colon == std::string_view::npos || colon == 0) throw usage_error("--tcp needs HOST:PORT");
      chosen.host = address.substr(0, colon);
      if (chosen.host.starts_with('[') && chosen.host.ends_with(']'))
        chosen.host = chosen.host.substr(1, chosen.host.size() - 2);
      chosen.port = number<std::uint16_t>(option, address.substr(colon + 1), 0, 65535);
    } else if (option == "--unix") {
      choose(option, settings::transport::unix_socket);
      chosen.path = value();
      if (chosen.path.empty()) throw usage_error("--unix needs a path");
    } else if (option == "--framing") {
      const std::string_view name = value();
      if (name == "content-length") {
        chosen.options.framing = antiphon::content_length_framing::make;
      } else if (name == "newline") {
        chosen.options.framing = antiphon::line_framing::make;
      } else {
        throw usage_error(fmt::format("--framing: content-length or newline, not '{}'", name));
      }
    } else if (option == "--max-message-bytes") {
      chosen.options.limits.message_bytes = number<std::size_t>(option, value(), 1, std::size_t{1} << 30);
    } else if (option == "--max-in-flight") {
      chosen.options.max_in_flight = number<std::size_t>(option, value(), 1, 1'000'000);
    } else if (option == "--max-in-flight-bytes") {
      chosen.options.max_in_flight_bytes = bytes();
    } else if (option == "--max-queued") {
      chosen.options.max_queued = number<std::size_t>(option, value(), 0, 1'000'000);
    } else if (option == "--max-queued-bytes") {
      chosen.options.max_queued_bytes = bytes();
    } else if (option == "--max-outgoing-bytes") {
      chosen.options.max_outgoing_bytes = bytes();
    } else if (option == "--message-timeout") {
      chosen.options.partial_message_timeout = milliseconds();
    } else if (option == "--idle-timeout") {
      chosen.options.idle_timeout = milliseconds();
    } else if (option == "--max-connections") {
      chosen.listening.max_connections = number<std::size_t>(option, value(), 1, 1'000'000);
    } else if (option == "--overload") {
      const std::string_view policy = value();
      if (policy == "reject") {
        chosen.options.overload = antiphon::overload::reject;
        chosen.options.max_queued = 0;
      } else if (policy != "wait") {
        throw usage_error(fmt::format("--overload: reject or wait, not '{}'", policy));
      }
    } else {
      throw usage_error(fmt::format("unknown option '{}'", option));
    }
  }
  return chosen;
}

// ------------------------------------------------------------------ methods

/// Integers stay exact as long as they fit; everything else is a double.
using any_number = std::variant<std::int64_t, std::uint64_t, double>;
__extension__ using wide = __int128;

double as_double(const any_number& n) {
  return std::visit([](auto value) { return static_cast<double>(value); }, n);
}

wide as_wide(const any_number& n) {
  return std::holds_alternative<std::uint64_t>(n) ? static_cast<wide>(std::get<std::uint64_t>(n))
                                                  : static_cast<wide>(std::get<std::int64_t>(n));
}

bool is_double(const any_number& n) { return std::holds_alternative<double>(n); }

any_number narrowed(wide total) {
  if (total >= INT64_MIN && total <= INT64_MAX) return static_cast<std::int64_t>(total);
  if (total >= 0 && total <= static_cast<wide>(UINT64_MAX)) return static_cast<std::uint64_t>(total);
  return static_cast<double>(total);
}

any_number subtract(any_number minuend, any_number subtrahend) {
  if (is_double(minuend) || is_double(subtrahend)) return as_double(minuend) - as_double(subtrahend);
  return narrowed(as_wide(minuend) - as_wide(subtrahend));
}

any_number sum(const std::vector<any_number>& numbers) {
  // Far fewer than 2^63 of them fit into a message.
  wide exact = 0;
  double rounded = 0;
  bool all_integers = true;
  for (const any_number& n : numbers) {
    if (is_double(n)) {
      all_integers = false;
      rounded += std::get<double>(n);
    } else {
      exact += as_wide(n);
    }
  }
  if (all_integers) return narrowed(exact);
  return static_cast<double>(exact) + rounded;
}

struct fail_params {
  int code = 0;
  std::string message;
  std::optional<antiphon::raw_json> data;
};
BOOST_DESCRIBE_STRUCT(fail_params, (), (code, message, data))

struct call_back_params {
  std::string method;
  std::optional<antiphon::raw_json> params;
};
BOOST_DESCRIBE_STRUCT(call_back_params, (), (method, params))

asio::awaitable<std::uint64_t> sleep_for(std::uint64_t ms) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  // Saturates: the clock ends long before 2^64 milliseconds.
  const auto now = std::chrono::steady_clock::now();
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::time_point::max() - now);
  if (ms < static_cast<std::uint64_t>(most.count())) {
    timer.expires_at(now + std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
  } else {
    timer.expires_at(std::chrono::steady_clock::time_point::max());
  }
  co_await timer.async_wait(asio::use_awaitable);
  co_return ms;
}

asio::awaitable<antiphon::raw_json> call_back(antiphon::call_context& call, call_back_params params) {
  const auto kind = params.params ? params.params->kind() : antiphon::json_kind::null;
  if (kind != antiphon::json_kind::null && kind != antiphon::json_kind::array &&
      kind != antiphon::json_kind::object)
    throw antiphon::rpc_error(antiphon::rpc_errc::invalid_params,
                              "invalid params: /params: expected an array or an object");
  auto answer = call.call(params.method, params.params.value_or(antiphon::raw_json()));
  antiphon::raw_json result = co_await std::move(answer);
  co_return result;
}

/// What all connections share.
struct program_state {
  std::uint64_t bumps = 0;
  std::optional<int> exit_code;
};

antiphon::router make_routes(program_state& program, antiphon::lsp::lifecycle& life) {
  antiphon::router routes;
  routes.on_request("subtract", subtract, {"minuend", "subtrahend"});
  routes.on_request("sum", sum);
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  routes.on_request("get_data", [] { return std::tuple<std::string, int>("hello", 5); });
  routes.on_notification("update", [](antiphon::raw_json) {});
  routes.on_notification("notify_hello", [](antiphon::raw_json) {});
  routes.on_notification("notify_sum", [](antiphon::raw_json) {});
  routes.on_request("sleep", sleep_for, {"ms"});
  routes.on_request("fail", [](fail_params params) {
    throw antiphon::rpc_error(params.code, std::move(params.message), std::move(params.data));
  });
  routes.on_request("throw", [] { throw std::runtime_error("a secret that stays inside"); });
  routes.on_notification("bump", [&program](antiphon::raw_json) { ++program.bumps; });
  routes.on_request("count", [&program](antiphon::raw_json) { return program.bumps; });
  routes.on_request("call_back", call_back);
  routes.on_request("stats", [](antiphon::call_context& call) { return call.peer().stats(); });
  life.attach(routes);
  return routes;
}

// ------------------------------------------------------------------ the three transports

asio::awaitable<int> serve_stdio(const settings& chosen, program_state& program) {
  antiphon::lsp::lifecycle life(antiphon::lsp::lifecycle::start::anything_goes);
  auto transport = co_await antiphon::open_stdio();
  antiphon::endpoint peer(std::move(transport), make_routes(program, life), chosen.options);
  const antiphon::ended how = co_await peer.run();
  co_return life.exit_code(how);
}

asio::awaitable<int> serve_listener(const settings& chosen, program_state& program, antiphon::listener at) {
  antiphon::write_to_stderr(fmt::format("listening {}\n", at.address()));
  // `exit` on any connection ends the program, as it ends a language server.
  const auto routes_of_one = [&] {
    antiphon::lsp::lifecycle life(antiphon::lsp::lifecycle::start::anything_goes);
    life.on_exit([&program, &at](bool shut_down) {
      program.exit_code = shut_down ? 0 : 1;
      at.close();
    });
    return make_routes(program, life);
  };
  auto serving = antiphon::serve(at, routes_of_one, chosen.options);
  co_await std::move(serving);
  co_return program.exit_code.value_or(0);
}

asio::awaitable<int> run(const settings& chosen, program_state& program) {
  if (chosen.over == settings::transport::stdio) {
    auto serving = serve_stdio(chosen, program);
    co_return co_await std::move(serving);
  }
  antiphon::listener at;
  if (chosen.over == settings::transport::tcp) {
    auto opening = antiphon::listen_tcp(chosen.host, chosen.port, chosen.listening);
    at = co_await std::move(opening);
  } else {
    auto opening = antiphon::listen_unix(chosen.path, chosen.listening);
    at = co_await std::move(opening);
  }
  auto serving = serve_listener(chosen, program, std::move(at));
  co_return co_await std::move(serving);
}

}  // namespace

int main(int argc, char** argv) {
  settings chosen;
  try {
    chosen = parse(argc, argv);
  } catch (const usage_error& e) {
    antiphon::write_to_stderr(
        fmt::format("antiphon-conformance: {}\n"
                    "usage: antiphon-conformance [--stdio | --tcp HOST:PORT | --unix PATH]\n"
                    "         [--framing content-length|newline] [--max-message-bytes N]\n"
                    "         [--max-in-flight N] [--overload wait|reject] [--max-in-flight-bytes N]\n"
                    "         [--max-queued N] [--max-queued-bytes N] [--max-outgoing-bytes N]\n"
                    "         [--message-timeout MS] [--idle-timeout MS] [--max-connections N]\n",
                    e.what()));
    return 2;
  }
  program_state program;
  return antiphon::run_main(run(chosen, program));
}
