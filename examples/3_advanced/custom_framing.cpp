// A framing of one's own: that of browser extensions' native messaging, where a message is its length in four
// bytes, as the machine has them, and then so many bytes of JSON.
//
//     antiphon-custom-framing      serves on standard input and output, as a browser starts its hosts
//
// To begin with your own, copy the class: `look` and `finish` read, `write_head` and `tail` write. HACKING.md
// ("A framing of your own") says what else there is to do in antiphon's own tree.

#include <antiphon/antiphon.hpp>

#include <cstring>

class native_messaging final : public antiphon::framing {
 public:
  explicit native_messaging(const antiphon::limits& bounds) : longest_(bounds.message_bytes) {}
  static std::unique_ptr<framing> make(const antiphon::limits& bounds) {
    return std::make_unique<native_messaging>(bounds);
  }

  step look(std::string_view window) override {
    step result;
    if (!length_) {
      length_type length = 0;
      if (window.size() < sizeof length) {
        result.need = sizeof length - window.size();
        return result;
      }
      std::memcpy(&length, window.data(), sizeof length);
      // Before any memory is asked for.
      if (length > longest_) return refused(antiphon::errc::message_too_large);
      length_ = length;
      result.skip = sizeof length;  // done with: the next window begins behind it
      window.remove_prefix(sizeof length);
    }
    if (window.size() < *length_) {
      result.need = *length_ - window.size();  // the buffer gets as large as that
      result.in_body = true;                   // what is there can be checked already
      return result;
    }
    result.status = status::frame;
    result.size = *length_;
    length_.reset();
    return result;
  }

  step finish(std::string_view rest) override {
    if (length_ || !rest.empty()) return refused(antiphon::errc::truncated_message);
    return {};  // between two messages
  }

  std::size_t max_head() const noexcept override { return sizeof(length_type); }
  std::size_t write_head(char* end, std::size_t body_size) const noexcept override {
    const auto length = static_cast<length_type>(body_size);
    std::memcpy(end - sizeof length, &length, sizeof length);
    return sizeof length;
  }
  std::string_view tail() const noexcept override { return {}; }

 private:
  using length_type = std::uint32_t;

  std::size_t longest_;
  std::optional<std::size_t> length_;  // of the message that is being read; none: its length comes next
};

boost::asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; }, {"a", "b"});
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  antiphon::endpoint_options options;
  options.framing = native_messaging::make;
  options.limits.message_bytes = 1024 * 1024;
  auto opening = antiphon::open_stdio();
  antiphon::endpoint browser(co_await std::move(opening), std::move(routes), options);
  auto serving = browser.run();
  co_return co_await std::move(serving);
}

int main() { return antiphon::run_main(serve()); }
