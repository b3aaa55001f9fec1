#include "script.hpp"

#include <stdexcept>

// Instead of script_duktape.cpp, where there is no Duktape.
namespace stream {

class scripts::pool {};

scripts::scripts() = default;
scripts::scripts(scripts&&) noexcept = default;
scripts& scripts::operator=(scripts&&) noexcept = default;
scripts::~scripts() = default;

bool scripts::available() noexcept { return false; }
std::size_t scripts::add(std::string) {
  throw std::runtime_error("this program was built without Duktape, so it runs no scripts");
}
std::size_t scripts::size() const noexcept { return 0; }
bool scripts::run(std::size_t, const script_input&, std::string&, std::string&) { return false; }
std::size_t scripts::made() const noexcept { return 0; }
std::size_t scripts::discarded() const noexcept { return 0; }

}  // namespace stream
