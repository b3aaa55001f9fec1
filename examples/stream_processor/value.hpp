#pragma once

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

namespace stream {

enum class value_kind : std::uint8_t { missing, null, boolean, number, string, json };

/// What an expression works with. All views are into the message, the configuration or the scratch memory.
struct value {
  value_kind kind = value_kind::missing;
  bool truth = false;
  double number = 0;  // unless `text` has it
  /// number: as it stands in the message, so that one that is only passed on keeps all its digits; empty for
  /// a computed one. string: what is between the quotes, escapes and all. json: an array or an object.
  std::string_view text;

  static value of(bool truth) noexcept { return {value_kind::boolean, truth, 0, {}}; }
  static value of(double number) noexcept { return {value_kind::number, false, number, {}}; }
  static value string(std::string_view inside) noexcept { return {value_kind::string, false, 0, inside}; }
  /// From valid JSON text; missing when that is empty.
  static value from_json(std::string_view json) noexcept;
};

/// The number that a value of that kind stands for; infinite when it is too large for a double.
double number_of(const value& number);

/// Memory for the texts that expressions make of one message; given back all at once, without a call to the
/// allocator unless they outgrew it.
class scratch {
 public:
  scratch() : memory_(first_, sizeof first_) {}
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  char* allocate(std::size_t size) { return static_cast<char*>(memory_.allocate(size == 0 ? 1 : size, 1)); }
  void clear() noexcept { memory_.release(); }

 private:
  alignas(16) char first_[16 * 1024];
  std::pmr::monotonic_buffer_resource memory_;
};

/// Plain text as what stands between the quotes of a JSON string: itself where nothing in it needs escaping.
std::string_view escaped(std::string_view plain, scratch& memory);
/// What stands between quotes as plain text: itself where nothing in it is escaped.
/// @throws boost::system::system_error for half a surrogate pair
std::string_view plain(std::string_view inside, scratch& memory);

/// Appends a value that isn't missing as JSON.
void append_json(std::string& out, const value& what);
/// Appends it as a piece of a string's inside: a string without its quotes. Arrays and objects have none.
void append_inside(std::string& out, const value& what);

}  // namespace stream
