#include <antiphon/router.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace antiphon {

namespace {

constexpr std::size_t fewest_places = 4;

// Of its length and both ends, which may overlap. Names that have those in common are told apart when they
// are compared; the peer can't add any.
std::size_t hash_of(std::string_view name) noexcept {
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
  constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;
  std::uint64_t mixed = ((begin ^ name.size()) * spread + end) * spread;
  // A product's upper bits alone have to do with all bits: once more, so that the last letter counts too.
  mixed = (mixed ^ mixed >> 32) * spread;
  return static_cast<std::size_t>(mixed >> 32);
}

}  // namespace

const router::entry* router::find(std::string_view name) const noexcept {
  if (methods_.empty()) return nullptr;
  const std::size_t mask = places_.size() - 2;
  for (std::size_t at = hash_of(name) & mask; places_[at] != 0; at = (at + 1) & mask) {
    const entry& found = methods_[places_[at] - 1];
    if (found.name == name) return &found;
  }
  return nullptr;
}

std::uint32_t& router::free_place(std::string_view name) noexcept {
  const std::size_t mask = places_.size() - 2;
  std::size_t at = hash_of(name) & mask;
  while (places_[at] != 0) at = (at + 1) & mask;
  return places_[at];
}

router::entry& router::entry_of(std::string name) {
  if (const entry* there = find(name)) return methods_[static_cast<std::size_t>(there - methods_.data())];
  make_places();
  methods_.push_back({std::move(name), nullptr, nullptr});
  free_place(methods_.back().name) = static_cast<std::uint32_t>(methods_.size());
  return methods_.back();
}

router::entry& router::any_entry() {
  if (places_.empty() || places_.back() == 0) {
    make_places();
    methods_.push_back({"*", nullptr, nullptr});
    places_.back() = static_cast<std::uint32_t>(methods_.size());
  }
  return methods_[places_.back() - 1];
}

// For one more method.
void router::make_places() {
  const std::size_t there = places_.empty() ? 0 : places_.size() - 1;
  if (there >= 2 * (methods_.size() + 1)) return;
  const std::uint32_t any = places_.empty() ? 0 : places_.back();
  std::vector<std::uint32_t> larger(std::max(fewest_places, 2 * there) + 1);
  places_.swap(larger);
  places_.back() = any;
  for (std::uint32_t number = 1; number <= methods_.size(); ++number) {
    if (number != any) free_place(methods_[number - 1].name) = number;
  }
}

void router::check_names(std::size_t names, std::size_t arguments) {
  if (names != 0 && names != arguments)
    throw std::invalid_argument("antiphon: a handler needs a name for each of its arguments, or none");
}

}  // namespace antiphon
