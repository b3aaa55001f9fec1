#include "script.hpp"

#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/validate.hpp>

#include <duktape.h>
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace stream {

namespace {

constexpr std::size_t most_memory = 16 * 1024 * 1024;  // of one context
constexpr std::size_t most_uses = 100'000;             // of one context, lest its heap falls into pieces
constexpr std::size_t most_kept = 4;
// What a peer takes by default, less the batch, the message and its parameters around the result.
constexpr std::size_t deepest_result = antiphon::limits().depth - 3;

// So that no script can leave anything for the next one.
constexpr const char* freeze_all = R"((function (global) {
  'use strict';
  function freeze(what) {
    if (what === null || (typeof what !== 'object' && typeof what !== 'function') || Object.isFrozen(what)) return;
    Object.freeze(what);
    Object.getOwnPropertyNames(what).forEach(function (name) {
      var member = Object.getOwnPropertyDescriptor(what, name);
      if (member && 'value' in member) freeze(member.value);
    });
    freeze(Object.getPrototypeOf(what));
  }
  freeze(global);
})(this))";

/// Duktape has JavaScript's strings, whose characters beyond the first 65,536 are two surrogates, and writes
/// them as such: three bytes each, which is no UTF-8. In JSON a pair of them may stand as escapes.
void escape_surrogates(std::string& json) {
  const auto surrogate = [&json](std::size_t at) {
    return at + 2 < json.size() && json[at] == '\xed' && static_cast<unsigned char>(json[at + 1]) >= 0xa0;
  };
  std::size_t at = json.find('\xed');
  for (; at != std::string::npos; at = json.find('\xed', at + 1)) {
    if (!surrogate(at)) continue;
    const int second = json[at + 1] & 0x3f;
    const int third = json[at + 2] & 0x3f;
    char escape[7];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(0xd000 | second << 6 | third));
    json.replace(at, 3, escape);
  }
}

/// One Duktape heap with all functions compiled, numbered as they are among the scripts.
class context {
 public:
  explicit context(const std::vector<std::string>& bodies)
      : heap_(duk_create_heap(allocate, reallocate, release, this, nullptr)) {
    if (heap_ == nullptr) throw std::runtime_error("no memory for a script context");
    try {
      check(duk_peval_string_noresult(heap_, freeze_all));
      for (const std::string& body : bodies) add(body);
    } catch (...) {
      duk_destroy_heap(heap_);
      throw;
    }
  }
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context() { duk_destroy_heap(heap_); }

  void add(const std::string& body) {
    const std::string whole = "(function (payload, topic, captures, vars) { 'use strict';\n" + body + "\n})";
    duk_push_heap_stash(heap_);
    const duk_int_t failed = duk_peval_lstring(heap_, whole.data(), whole.size());
    if (failed != 0) {
      const std::string why = duk_safe_to_string(heap_, -1);
      duk_set_top(heap_, 0);
      throw std::runtime_error(why);
    }
    duk_put_prop_index(heap_, -2, static_cast<duk_uarridx_t>(count_++));
    duk_set_top(heap_, 0);
  }

  bool run(std::size_t which, const script_input& input, std::string& result, std::string& why) {
    ++uses_;
    call next{which, &input, &result};
    const bool fine = duk_safe_call(heap_, do_run, &next, 0, 1) == DUK_EXEC_SUCCESS;
    if (!fine) why = duk_safe_to_string(heap_, -1);
    duk_set_top(heap_, 0);
    if (!fine || result.empty()) return fine;
    escape_surrogates(result);
    const auto wrong = antiphon::validate(result, deepest_result);
    if (wrong) why = "the result is no JSON: " + wrong.message();
    return !wrong;
  }
  bool worn_out() const noexcept { return starved_ || uses_ >= most_uses; }

 private:
  struct call {
    std::size_t which;
    const script_input* input;
    std::string* result;
  };

  void check(duk_int_t failed) {
    if (failed != 0) throw std::runtime_error("a script context can't be prepared");
  }

  // Duktape leaves this by longjmp when a script throws, so nothing here has a destructor.
  static duk_ret_t do_run(duk_context* heap, void* data) {
    const auto& next = *static_cast<const call*>(data);
    duk_push_heap_stash(heap);
    duk_get_prop_index(heap, -1, static_cast<duk_uarridx_t>(next.which));
    for (const std::string_view json :
         {next.input->payload, next.input->topic, next.input->captures, next.input->vars}) {
      duk_push_lstring(heap, json.data(), json.size());
      duk_json_decode(heap, -1);
    }
    duk_call(heap, 4);
    if (duk_is_undefined(heap, -1)) {
      next.result->clear();
      return 0;
    }
    duk_json_encode(heap, -1);
    duk_size_t size = 0;
    const char* const text = duk_get_lstring(heap, -1, &size);
    // A function has no JSON.
    if (text == nullptr) return duk_error(heap, DUK_ERR_TYPE_ERROR, "the result has no JSON");
    keep(*next.result, text, size);
    return 0;
  }
  static void keep(std::string& result, const char* text, std::size_t size) { result.assign(text, size); }

  bool may_have(std::size_t more) noexcept {
    if (used_ + more <= most_memory) return true;
    starved_ = true;
    return false;
  }
  static void* allocate(void* self, duk_size_t size) { return reallocate(self, nullptr, size); }
  static void* reallocate(void* self, void* memory, duk_size_t size) {
    auto& owner = *static_cast<context*>(self);
    const std::size_t before = memory == nullptr ? 0 : malloc_usable_size(memory);
    if (size > before && !owner.may_have(size - before)) return nullptr;
    if (size == 0) {
      release(self, memory);
      return nullptr;
    }
    void* const moved = std::realloc(memory, size);
    if (moved != nullptr) owner.used_ += malloc_usable_size(moved) - before;
    return moved;
  }
  static void release(void* self, void* memory) {
    if (memory == nullptr) return;
    static_cast<context*>(self)->used_ -= malloc_usable_size(memory);
    std::free(memory);
  }

  std::size_t used_ = 0;
  bool starved_ = false;
  std::size_t uses_ = 0;
  std::size_t count_ = 0;
  duk_context* heap_;  // last: it allocates through what is above
};

}  // namespace

class scripts::pool {
 public:
  std::vector<std::string> bodies;
  std::size_t made = 0;
  std::size_t discarded = 0;

  std::unique_ptr<context> take() {
    if (free_.empty()) {
      ++made;
      return std::make_unique<context>(bodies);
    }
    auto taken = std::move(free_.back());
    free_.pop_back();
    return taken;
  }
  void give_back(std::unique_ptr<context> used) {
    if (used->worn_out() || free_.size() == most_kept) {
      ++discarded;
    } else {
      free_.push_back(std::move(used));
    }
  }
  void add(std::string body) {
    auto first = take();
    first->add(body);
    bodies.push_back(std::move(body));
    free_.clear();  // they don't have it
    free_.push_back(std::move(first));
  }

 private:
  std::vector<std::unique_ptr<context>> free_;
};

scripts::scripts() : pool_(std::make_unique<pool>()) {}
scripts::scripts(scripts&&) noexcept = default;
scripts& scripts::operator=(scripts&&) noexcept = default;
scripts::~scripts() = default;

bool scripts::available() noexcept { return true; }
std::size_t scripts::add(std::string body) {
  pool_->add(std::move(body));
  return pool_->bodies.size() - 1;
}
std::size_t scripts::size() const noexcept { return pool_->bodies.size(); }
bool scripts::run(std::size_t which, const script_input& input, std::string& result, std::string& why) {
  auto lent = pool_->take();
  const bool fine = lent->run(which, input, result, why);
  pool_->give_back(std::move(lent));
  return fine;
}
std::size_t scripts::made() const noexcept { return pool_->made; }
std::size_t scripts::discarded() const noexcept { return pool_->discarded; }

}  // namespace stream
