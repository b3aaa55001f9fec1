#include "transcript.hpp"

#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace demo {
namespace {

constexpr std::size_t peer_width = 6;
constexpr std::size_t method_width = 33;
constexpr std::size_t time_width = 8;
constexpr std::string_view detail_indent = "                    ";

}  // namespace

std::string readable(duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 1e-3) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

void transcript::begin(std::string_view title, std::string peer) {
  peer_ = std::move(peer);
  fmt::print("\n{}\n\n", paint(colour::bold, title));
}

void transcript::request(std::string_view method, duration took, std::string_view answer) const {
  line("→", method, readable(took), answer);
}

void transcript::sent(std::string_view method, std::string_view what) const { line("→", method, "", what); }

void transcript::received(std::string_view method, duration after, std::string_view what) const {
  line("←", method, readable(after), what);
}

void transcript::detail(std::string_view lines) const {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    fmt::print("{}{}\n", detail_indent, lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void transcript::line(std::string_view arrow, std::string_view method, std::string_view time,
                      std::string_view what) const {
  const std::string peer = paint(colour::cyan, pad(peer_, peer_width));
  if (time.empty() && what.empty()) {
    fmt::print("  demo {} {} {}\n", arrow, peer, method);
  } else {
    fmt::print("  demo {} {} {} {}  {}\n", arrow, peer, pad(method, method_width),
               paint(colour::dim, pad_left(time, time_width)), what);
  }
  std::fflush(stdout);
}

}  // namespace demo
