#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/request_id.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {

/// JSON-RPC 2.0, sections 4 and 5.
enum class message_kind : std::uint8_t { request, notification, response, error_response, invalid };

/// One JSON-RPC message seen in place: what a router needs and nothing more; no DOM is built.
///
/// Members may come in any order and are case-sensitive, escapes in member names are honoured, of duplicate
/// members the last one counts (as in Boost.JSON), unknown ones are ignored. A view of the text: it is valid
/// for as long as the text is.
class message_view {
 public:
  message_view() = default;
  /// Looks at the envelope of `text`, which is one JSON value. Never fails: what is no JSON-RPC message has
  /// the kind `invalid`. Safe on text that is not valid JSON; a payload's own errors are then not found.
  static message_view parse(std::string_view text, const limits& bounds = {}) noexcept;

  message_kind kind() const noexcept { return kind_; }
  /// With `invalid`: what is wrong, as a sentence for the error object.
  std::string_view problem() const noexcept { return problem_; }
  /// Whether the sender gets an answer, be it a result or an error: true for requests and for what is
  /// `invalid`, false for responses and notifications, also for an invalid message that has a method and no
  /// `id` member.
  bool wants_answer() const noexcept { return answered_; }

  bool has_id() const noexcept { return !id_.empty(); }
  /// The id's JSON text; empty when there is none or it is no valid id.
  std::string_view id_text() const noexcept { return id_; }
  request_id id() const { return id_.empty() ? request_id() : request_id::from_json(id_); }

  /// The method's JSON string without its quotes, escapes left as they are; most names have none.
  std::string_view method_text() const noexcept { return method_; }
  /// Whether `method_text` must be unescaped (`method`) before it is compared.
  bool method_has_escapes() const noexcept { return method_escaped_; }
  std::string method() const;

  /// The values as they stand; empty text when the member is missing.
  std::string_view params_text() const noexcept { return params_; }
  std::string_view result_text() const noexcept { return result_; }
  std::string_view error_text() const noexcept { return error_; }
  raw_json params() const noexcept { return params_.empty() ? raw_json() : raw_json(params_); }
  raw_json result() const noexcept { return result_.empty() ? raw_json() : raw_json(result_); }
  raw_json error() const noexcept { return error_.empty() ? raw_json() : raw_json(error_); }

  /// The same view of the same message, which now lies at `to` instead of `from`.
  void rebase(const char* from, const char* to) noexcept;

 private:
  message_kind kind_ = message_kind::invalid;
  bool method_escaped_ = false;
  bool answered_ = false;
  std::string_view problem_;
  std::string_view id_;
  std::string_view method_;
  std::string_view params_;
  std::string_view result_;
  std::string_view error_;
};

/// Walks the messages of a frame: one object, or the members of a batch array (JSON-RPC 2.0, section 6).
///
///     frame_messages messages(frame);
///     while (auto text = messages.next()) message_view::parse(*text);
///
/// An empty array has no member; `is_batch()` tells it from a frame that isn't one. Elements that are no
/// objects come out like any other. A view: nothing is copied.
class frame_messages {
 public:
  explicit frame_messages(std::string_view frame) noexcept;
  bool is_batch() const noexcept { return batch_; }
  /// The text of the next member, without the whitespace around it; none at the end.
  std::optional<std::string_view> next() noexcept;
  /// How many members a batch has, at most `up_to`; costs one walk.
  std::size_t count(std::size_t up_to) const noexcept;

 private:
  std::string_view rest_;
  bool batch_ = false;
  bool after_comma_ = false;
  bool done_ = false;
};

}  // namespace antiphon
