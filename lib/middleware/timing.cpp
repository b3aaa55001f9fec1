#include <antiphon/middleware/timing.hpp>

namespace antiphon {

void timing::handler_ended(const handler_event& call) {
  tell_(call.method, call.waited(), call.ran(), call.outcome);
}

}  // namespace antiphon
