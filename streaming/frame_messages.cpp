#include "streaming/json_blanks.hpp"

#include <antiphon/streaming/message_view.hpp>

namespace antiphon {

frame_messages::frame_messages(std::string_view frame) noexcept : rest_(detail::trim_blanks(frame)) {
  batch_ = rest_.starts_with('[');
  if (batch_) rest_.remove_prefix(1);
}

std::optional<std::string_view> frame_messages::next() noexcept {
  if (done_) return std::nullopt;
  if (!batch_) {
    done_ = true;
    return rest_;
  }
  rest_.remove_prefix(detail::skip_blanks(rest_, 0));
  if (rest_ == "]" && !after_comma_) {
    done_ = true;
    return std::nullopt;
  }
  const auto size = detail::skip_json_value(rest_);
  const auto behind = detail::skip_blanks(rest_, size);
  const bool goes_on = size != 0 && behind < rest_.size() && rest_[behind] == ',';
  const bool ends = size != 0 && rest_.substr(behind) == "]";
  after_comma_ = goes_on;
  if (!goes_on && !ends) {  // malformed: what is left comes out as one element, which is no message
    done_ = true;
    return rest_;
  }
  const auto member = rest_.substr(0, size);
  rest_.remove_prefix(behind + 1);
  done_ = ends;
  return member;
}

std::size_t frame_messages::count(std::size_t up_to) const noexcept {
  frame_messages walk = *this;
  std::size_t members = 0;
  while (members < up_to && walk.next()) ++members;
  return members;
}

}  // namespace antiphon
