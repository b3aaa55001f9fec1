#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/error.hpp>

#include <span>
#include <string>
#include <string_view>

namespace antiphon::detail {

/// Of a message that is passed on.
struct passed_on {
  std::string_view method;
  /// Its parameters, in one piece or several that follow each other; empty when there are none.
  std::span<const slice> params;
};

/// A request that is passed on, between the connection that it came from and the one that it is forwarded
/// over: both know it and tell it what happens, in place of a coroutine that would wait for the answer. All
/// on one executor.
class transit {
 public:
  /// The peer over there has answered; that connection has forgotten it.
  /// @param value the result or the error as it stands: pinned where it is large, else valid during the call
  virtual void answered(bool is_error, const slice& value) noexcept = 0;
  /// There will be no answer; that connection has forgotten it.
  virtual void failed(error_code why) noexcept = 0;
  /// The caller has cancelled it. He still gets an answer.
  virtual void cancelled() noexcept = 0;
  /// The caller is gone; his connection has forgotten it.
  virtual void caller_gone() noexcept = 0;

  // What the caller's record needs of its message, which isn't kept. Here, so that the memory is used again.
  std::string id;
  std::string method;

 protected:
  ~transit() = default;
};

}  // namespace antiphon::detail
