#include "benchmarks/load/inbox.hpp"

#include "benchmarks/load/failure.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace load {
namespace {

// What a pipe holds, so that one read may empty it.
constexpr std::size_t usual_read = 64 * 1024;

}  // namespace

inbox::inbox(std::unique_ptr<antiphon::framing> rules) : rules_(std::move(rules)), memory_(2 * usual_read) {}

std::span<char> inbox::space() {
  if (memory_.size() - end_ < usual_read || begin_ == end_) {
    std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
    window_ -= begin_;
    looked_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (memory_.size() - end_ < usual_read) memory_.resize(2 * memory_.size());
  return std::span(memory_).subspan(end_);
}

std::optional<inbox::frame> inbox::next() {
  if (looked_ == end_) return std::nullopt;
  looked_ = end_;
  return take(rules_->look(rest(window_)));
}

std::optional<inbox::frame> inbox::finish() {
  if (const auto whole = next()) return whole;
  const auto last = take(rules_->finish(rest(window_)));
  if (!last && window_ != end_) throw failure("the server's output ends inside a message");
  return last;
}

std::optional<inbox::frame> inbox::take(const antiphon::framing::step& step) {
  using enum antiphon::framing::status;
  window_ += step.skip;
  switch (step.status) {
    case need_more: return std::nullopt;
    case failed:
      throw failure(fmt::format("the server's output is no sequence of frames: {}", step.error.message()));
    case frame: break;
  }
  const std::string_view body = rest(window_).substr(0, step.size);
  const std::size_t size = window_ + step.size + step.trailer - begin_;
  const std::string_view whole = rest(begin_).substr(0, size);
  skip(size);
  return inbox::frame{whole, body};
}

}  // namespace load
