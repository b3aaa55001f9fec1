#include <antiphon/middleware/authentication.hpp>
#include <antiphon/rpc_error.hpp>

namespace antiphon {

std::shared_ptr<middleware> authentication::for_connection() { return make(check_); }

void authentication::received(const message_event& message) {
  // Others have an error of their own, or are the answers to what we asked.
  const bool asks = message.kind() == message_kind::request || message.kind() == message_kind::notification;
  if (passed_ || !asks) return;
  passed_ = check_(message);
  if (!passed_) throw rpc_error(rpc_errc::invalid_request, "not authenticated");
}

}  // namespace antiphon
