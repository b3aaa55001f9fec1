#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

// What the floor programs share: frames found and requests answered without a JSON library. They believe all
// that they are told and are good for nothing but being the limit of a benchmark. Each request has the shape
// {"jsonrpc":"2.0","id":N,"method":"echo","params":...}, or "add" with "params":[1,2], alone or in a batch.
namespace bench {

// The input that is not answered yet.
class input {
 public:
  // Where to read to.
  std::span<char> space() noexcept { return {memory_.data() + end_, memory_.size() - end_}; }
  void commit(std::size_t size) noexcept { end_ += size; }

  // The next whole message; empty when more input is needed. Its bytes stay until `make_space`.
  std::string_view next() {
    if (end_ - begin_ < wanted_) return {};
    const std::string_view rest(memory_.data() + begin_, end_ - begin_);
    const std::size_t header = rest.find("\r\n\r\n");
    if (header == rest.npos) return {};
    constexpr std::string_view name = "Content-Length: ";
    std::size_t size = 0;
    std::from_chars(rest.data() + name.size(), rest.data() + header, size);
    const std::size_t frame = header + 4 + size;
    if (frame > rest.size()) {
      wanted_ = frame;
      return {};
    }
    wanted_ = 0;
    begin_ += frame;
    return rest.substr(header + 4, size);
  }

  // Moves what is left to the front, and grows for a message that is larger than all of the memory.
  void make_space() {
    if (begin_ != 0) std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (wanted_ > memory_.size() || end_ == memory_.size()) memory_.resize(2 * memory_.size() + wanted_);
  }

  std::size_t capacity() const noexcept { return memory_.size(); }
  bool empty() const noexcept { return begin_ == end_; }

 private:
  std::vector<char> memory_ = std::vector<char>(std::size_t{256} << 10);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t wanted_ = 0;  // the size of the frame that has begun, once it is known
};

// The replies to all that one piece of input held, as parts for one gathered write. `Part` is made of a
// pointer and a size. Large payloads are not copied: their parts point into the input.
template <class Part>
class replies {
 public:
  // Answers every whole message of `from`.
  void answer_all(input& from) {
    // A reply is shorter than its request, so this much is enough for all, and nothing moves meanwhile.
    if (memory_.size() < from.capacity()) memory_.resize(from.capacity());
    parts_.clear();
    at_ = part_begin_ = memory_.data();
    for (auto message = from.next(); !message.empty(); message = from.next()) answer(message);
    end_part();
  }

  std::span<Part> parts() noexcept { return parts_; }

 private:
  static constexpr std::size_t copied_below = 4096;
  static constexpr std::string_view frame_begin = "Content-Length: ";
  static constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";
  static constexpr std::string_view before_result = R"(,"result":)";

  struct request {
    std::string_view id;
    std::string_view result;
    char sum[24];
  };

  void answer(std::string_view message) {
    if (message.starts_with('[')) return answer_batch(message);
    request asked;
    if (!take_apart(message, asked)) return;
    put(frame_begin);
    put(head.size() + asked.id.size() + before_result.size() + asked.result.size() + 1);
    put("\r\n\r\n");
    put_before_result(asked);
    if (asked.result.size() < copied_below) {
      put(asked.result);
      put("}");
    } else {
      end_part();
      // The request's last '}' too.
      parts_.emplace_back(const_cast<char*>(asked.result.data()), asked.result.size() + 1);
    }
  }

  void answer_batch(std::string_view batch) {
    put(frame_begin);
    char* const size_at = at_;
    constexpr std::size_t digits = 10;
    put("0000000000\r\n\r\n");
    const char* const body = at_;
    put("[");
    while (batch.size() > 1) {
      const std::size_t end = batch.find(R"(},{"jsonrpc")");
      request asked;
      if (take_apart(batch.substr(1, end == batch.npos ? batch.size() - 2 : end), asked)) {
        if (at_[-1] == '}') put(",");
        put_before_result(asked);
        put(asked.result);
        put("}");
      }
      batch = end == batch.npos ? std::string_view() : batch.substr(end + 1);
    }
    put("]");
    char size[20];
    const char* const size_end = std::to_chars(size, size + sizeof size, at_ - body).ptr;
    std::memcpy(size_at + digits - (size_end - size), size, static_cast<std::size_t>(size_end - size));
  }

  // False for a notification.
  static bool take_apart(std::string_view message, request& into) {
    constexpr std::string_view id_name = R"("id":)";
    constexpr std::string_view method_name = R"("method":")";
    constexpr std::string_view params_name = R"("params":)";
    const std::size_t method = message.find(method_name);
    const std::size_t id = message.substr(0, method).find(id_name);
    if (method == message.npos || id == message.npos) return false;
    into.id = message.substr(id + id_name.size(), method - 1 - id - id_name.size());
    const std::size_t params = message.find(params_name, method) + params_name.size();
    into.result = message.substr(params, message.size() - params - 1);
    if (message.substr(method + method_name.size()).starts_with("add"))
      into.result = add(into.result, into.sum);
    return true;
  }

  void put_before_result(const request& asked) {
    put(head);
    put(asked.id);
    put(before_result);
  }

  // The sum of the two integers in "[1,2]", written to `into`.
  static std::string_view add(std::string_view params, std::span<char> into) {
    std::int64_t a = 0;
    std::int64_t b = 0;
    const char* const end = params.data() + params.size();
    const char* const comma = std::from_chars(params.data() + 1, end, a).ptr;
    std::from_chars(comma + 1, end, b);
    return {into.data(), std::to_chars(into.data(), into.data() + into.size(), a + b).ptr};
  }

  void put(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(std::size_t number) noexcept { at_ = std::to_chars(at_, at_ + 20, number).ptr; }

  void end_part() {
    if (at_ != part_begin_) parts_.emplace_back(part_begin_, static_cast<std::size_t>(at_ - part_begin_));
    part_begin_ = at_;
  }

  std::vector<char> memory_;
  char* at_ = nullptr;
  char* part_begin_ = nullptr;
  std::vector<Part> parts_;
};

}  // namespace bench
