#include <antiphon/router.hpp>

#include <stdexcept>

namespace antiphon {

detail::route* router::find(std::string_view method, bool is_notification) const noexcept {
  const table& routes = is_notification ? notifications_ : requests_;
  const auto found = routes.find(method);
  return found == routes.end() ? nullptr : found->second.get();
}

void router::check_names(std::size_t names, std::size_t arguments) {
  if (names != 0 && names != arguments)
    throw std::invalid_argument("antiphon: a handler needs a name for each of its arguments, or none");
}

}  // namespace antiphon
