#include <antiphon/middleware/exception_mapping.hpp>

namespace antiphon {

std::exception_ptr exception_mapping::handler_threw(const handler_event&, std::exception_ptr what) {
  try {
    std::rethrow_exception(what);
  } catch (const rpc_error&) {
    return what;
  } catch (...) {
  }
  const std::optional<rpc_error> error = map_(what);
  return error ? std::make_exception_ptr(*error) : what;
}

}  // namespace antiphon
