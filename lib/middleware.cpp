#include <antiphon/middleware.hpp>
#include <antiphon/streaming/output_chain.hpp>

namespace antiphon {

std::string_view message_event::text() const {
  if (!text_) text_ = frame_->frame_text(joined_).substr(before_);
  return *text_;
}

std::string_view message_event::body() const {
  if (body_) return *body_;
  const message_view message = message_view::parse(text());
  switch (message.kind()) {
    case message_kind::request:
    case message_kind::notification: body_ = message.params_text(); break;
    case message_kind::response: body_ = message.result_text(); break;
    case message_kind::error_response: body_ = message.error_text(); break;
    case message_kind::invalid: body_ = std::string_view(); break;
  }
  return *body_;
}

}  // namespace antiphon
