#include <antiphon/buffer.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/request_id.hpp>

#include <string>
#include <string_view>
#include <utility>

// What run.py prints in gdb.

namespace {

/// Where gdb stops.
template <class... Seen>
[[gnu::noinline]] void look(const Seen&...) {
  asm volatile("");
}

void show() {
  const antiphon::request_id number(7);
  const antiphon::request_id text =
      antiphon::request_id::from_json(R"("a request's \u0069d that lies on the heap")");
  const antiphon::request_id null;

  antiphon::buffer filled = antiphon::buffer::allocate(64);
  const std::string_view bytes = R"([1,"two"])";
  bytes.copy(filled.data(), bytes.size());
  filled.commit(bytes.size());
  const antiphon::slice part = filled.share(filled.bytes().substr(3, 5));
  const antiphon::slice loose(bytes.substr(0, 1));
  antiphon::buffer moved_to = antiphon::buffer::allocate(16);
  const antiphon::buffer fresh = std::move(moved_to);

  const antiphon::raw_json value(filled.share(filled.bytes()));
  const auto request =
      antiphon::message_view::parse(R"({"jsonrpc":"2.0","id":7,"method":"initialize","params":[1,2]})");
  const auto notification = antiphon::message_view::parse(R"({"jsonrpc":"2.0","method":"exit"})");
  const auto failure =
      antiphon::message_view::parse(R"({"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"m"}})");
  const auto invalid = antiphon::message_view::parse("[]");
  const std::string long_text = "\"" + std::string(1000, 'l') + "\"";
  const antiphon::raw_json longer{std::string_view(long_text)};
  look(number, text, null, filled, moved_to, fresh, part, loose, value, request, notification, failure,
       invalid, longer);
}

}  // namespace

int main() { show(); }
