#include <antiphon/router.hpp>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace antiphon {

// Of its length and both ends, which may overlap. Names that have those in common are told apart when they
// are compared; the peer can't add any.
std::size_t router::name_hash::operator()(std::string_view name) const noexcept {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  if (name.size() >= 8) {
    std::memcpy(&begin, name.data(), 8);
    std::memcpy(&end, name.data() + name.size() - 8, 8);
  } else if (name.size() >= 4) {
    std::memcpy(&begin, name.data(), 4);
    std::memcpy(&end, name.data() + name.size() - 4, 4);
  } else if (!name.empty()) {
    begin = static_cast<unsigned char>(name.front());
    end = static_cast<unsigned char>(name.back());
  }
  return static_cast<std::size_t>((begin ^ name.size()) * 0x9E3779B97F4A7C15 + end);
}

const router::table::value_type* router::find(std::string_view method, bool is_notification) const noexcept {
  const table& routes = is_notification ? notifications_ : requests_;
  const auto found = routes.find(method);
  return found == routes.end() ? nullptr : &*found;
}

void router::check_names(std::size_t names, std::size_t arguments) {
  if (names != 0 && names != arguments)
    throw std::invalid_argument("antiphon: a handler needs a name for each of its arguments, or none");
}

}  // namespace antiphon
