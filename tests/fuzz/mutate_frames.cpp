#include "tests/fuzz/check.hpp"
#include "tests/fuzz/frames.hpp"

#include <array>
#include <cstring>
#include <random>

// What libFuzzer does to the inputs of targets that are fed a stream of messages. Changing bytes blindly
// breaks the first length and gets no further; so every other time whole messages are changed: one's body,
// one's id, how often and in what order they come, what is a batch.

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed);

namespace {

using fuzz::loose_frame;
using frames = std::vector<loose_frame>;

constexpr std::size_t most_frames = 200;

constexpr std::array<std::string_view, 12> ids = {
    "1",  "2",     "3",   R"("a")", R"("\u0061")", "null", "-0", "1.0", "18446744073709551616",
    "[]", R"("")", "true"};
constexpr std::array<std::string_view, 12> messages = {
    R"({"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]})",
    R"({"jsonrpc":"2.0","id":2,"method":"slow","params":[5]})",
    R"({"jsonrpc":"2.0","id":3,"method":"back","params":{"n":1}})",
    R"({"jsonrpc":"2.0","id":"a","method":"repeat","params":["x"]})",
    R"({"jsonrpc":"2.0","id":4,"method":"newest","params":["k"]})",
    R"({"jsonrpc":"2.0","method":"note","params":[1]})",
    R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}})",
    R"({"jsonrpc":"2.0","method":"$/progress","params":{"token":1,"value":2}})",
    R"({"jsonrpc":"2.0","id":1,"result":3})",
    R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}})",
    "[]",
    "{}",
};

// Where the value of the first member "id" stands.
std::string_view id_in(std::string_view body) {
  constexpr std::string_view name = R"("id":)";
  const auto found = body.find(name);
  if (found == body.npos) return {};
  const auto begin = found + name.size();
  return body.substr(begin, std::min(body.find_first_of(",}]", begin), body.size()) - begin);
}

class change {
 public:
  change(frames& of, fuzz::frame_style style, unsigned seed) : frames_(of), style_(style), random_(seed) {}

  void make() {
    if (frames_.empty()) return add_message();
    switch (below(11)) {
      case 0: return add_message();
      case 1: return duplicate();
      case 2: return remove();
      case 3: return std::swap(any(), any());
      case 4: return change_id();
      case 5: return wrap();
      case 6: return unwrap();
      case 7: return answer_or_cancel();
      case 8: return libfuzzer_changes(any().head);
      default: break;
    }
    loose_frame& one = any();
    libfuzzer_changes(one.body);
    fuzz::mend_head(one, style_);
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  loose_frame& any() { return frames_[below(frames_.size())]; }

  void insert(std::string body) {
    loose_frame made{{}, std::move(body)};
    fuzz::mend_head(made, style_);
    frames_.insert(frames_.begin() + static_cast<std::ptrdiff_t>(below(frames_.size() + 1)), std::move(made));
  }
  void add_message() { insert(std::string(messages[below(messages.size())])); }

  void duplicate() {
    const loose_frame copy = any();
    const std::size_t times = below(4) == 0 ? below(20) : 1;
    const auto where = frames_.begin() + static_cast<std::ptrdiff_t>(below(frames_.size() + 1));
    frames_.insert(where, times, copy);
  }

  void remove() { frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(below(frames_.size()))); }

  void change_id() {
    loose_frame& one = any();
    const std::string_view there = id_in(one.body);
    if (there.empty()) return;
    std::string other(ids[below(ids.size())]);
    const std::string_view elsewhere = id_in(any().body);
    if (below(2) == 0 && !elsewhere.empty()) other = elsewhere;
    one.body.replace(static_cast<std::size_t>(there.data() - one.body.data()), there.size(), other);
    fuzz::mend_head(one, style_);
  }

  void wrap() {
    const std::size_t first = below(frames_.size());
    const std::size_t count = std::min(1 + below(4), frames_.size() - first);
    loose_frame& one = frames_[first];
    for (std::size_t i = 1; i < count; ++i) one.body.append(",").append(frames_[first + i].body);
    one.body = "[" + one.body + "]";
    const auto behind = frames_.begin() + static_cast<std::ptrdiff_t>(first) + 1;
    frames_.erase(behind, behind + static_cast<std::ptrdiff_t>(count) - 1);
    fuzz::mend_head(one, style_);
  }

  void unwrap() {
    loose_frame& one = any();
    if (one.body.size() < 2 || one.body.front() != '[') return;
    one.body = one.body.substr(1, one.body.size() - 2);
    fuzz::mend_head(one, style_);
  }

  void answer_or_cancel() {
    std::string id(id_in(any().body));
    if (id.empty()) id = ids[below(3)];
    switch (below(3)) {
      case 0: return insert(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":[]})");
      case 1: return insert(R"({"jsonrpc":"2.0","id":)" + id + R"(,"error":{"code":1,"message":""}})");
      default: return insert(R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + id + "}}");
    }
  }

  static void libfuzzer_changes(std::string& text) {
    std::vector<std::uint8_t> bytes(text.size() + 64);
    std::copy(text.begin(), text.end(), bytes.begin());
    const std::size_t size = LLVMFuzzerMutate(bytes.data(), text.size(), bytes.size());
    text.assign(reinterpret_cast<const char*>(bytes.data()), size);
  }

  frames& frames_;
  fuzz::frame_style style_;
  std::minstd_rand random_;
};

// One bit of what stands in front of the messages. Where that asks for another framing, they come in it.
fuzz::frames_place change_setup(std::uint8_t* data, std::size_t size, fuzz::frames_place was, frames& of,
                                unsigned seed) {
  data[seed / 8 % was.begin] ^= static_cast<std::uint8_t>(1u << seed % 8);
  const fuzz::frames_place now = fuzz::frames_of(fuzz::as_text(data, size));
  if (now.style == was.style) return now;
  for (loose_frame& one : of) {
    one.head.clear();
    fuzz::mend_head(one, now.style);
  }
  return now;
}

}  // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned seed) {
  const std::string_view input = fuzz::as_text(data, size);
  fuzz::frames_place place = fuzz::frames_of(input);
  if (seed % 2 == 0 || place.begin == 0) return LLVMFuzzerMutate(data, size, max_size);
  auto frames = fuzz::split_frames(input.substr(place.begin), place.style);
  if (frames.size() > most_frames) return LLVMFuzzerMutate(data, size, max_size);
  if (seed / 2 % 8 == 0) {
    place = change_setup(data, size, place, frames, seed / 16);
  } else {
    change(frames, place.style, seed / 16).make();
  }
  const std::string bytes = fuzz::join_frames(frames, place.style);
  const std::size_t left = std::min(bytes.size(), max_size - std::min(place.begin, max_size));
  std::memcpy(data + place.begin, bytes.data(), left);
  return place.begin + left;
}
