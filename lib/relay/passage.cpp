#include "lib/relay/passage.hpp"

#include "lib/relay/target_core.hpp"

#include <antiphon/streaming/raw_json.hpp>

namespace antiphon::relay::detail {

namespace {

// A text that is longer isn't kept for the next message.
constexpr std::size_t short_text = 1024;

void clear(std::string& text) noexcept {
  text.clear();
  if (text.capacity() > short_text) std::string().swap(text);
}

}  // namespace

void passage::answered(bool is_error, const slice& value) noexcept { home.answered(*this, is_error, value); }
void passage::failed(error_code why) noexcept { home.failed(*this, why); }
void passage::cancelled() noexcept { home.cancelled(*this); }
void passage::caller_gone() noexcept { home.caller_gone(*this); }

void passage::keep(std::string_view method_there, std::span<const slice> of_message) {
  as.assign(method_there);
  bytes = sizeof(passage) + as.size();
  if (call != nullptr) bytes += call->id_.size() + call->method_.size();
  for (const slice& part : of_message) {
    if (part.empty()) continue;
    params.push_back(raw_json(part).keep().bytes());
    bytes += params.back().pinned_bytes();
  }
}

void passage::hold(core::connection& from) {
  held = from.shared_from_this();
  from.hold_reading();
}

void passage::let_go() noexcept {
  if (held) held->release_reading();
  held = nullptr;
}

passage& passage_pool::take() {
  if (free_.empty()) {
    free_.reserve(all_.size() + 1);
    all_.push_back(std::make_unique<passage>(home_));
    free_.push_back(all_.back().get());
  }
  passage& one = *free_.back();
  free_.pop_back();
  return one;
}

void passage_pool::give_back(passage& one) noexcept {
  one.call = nullptr;
  one.forwarded = 0;
  one.told = false;
  one.tap = nullptr;
  one.arrived = {};
  one.params.clear();
  one.bytes = 0;
  clear(one.as);
  clear(one.id);
  clear(one.method);
  free_.push_back(&one);
}

}  // namespace antiphon::relay::detail
