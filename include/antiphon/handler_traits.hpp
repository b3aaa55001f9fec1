#pragma once

#include <antiphon/call_context.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/value_traits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/mp11/list.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

// What a handler's signature says, and how parameters become its arguments. For router.hpp.
namespace antiphon::detail {

template <class F>
struct signature : signature<decltype(&F::operator())> {};
template <class R, class... Args>
struct signature<R (*)(Args...)> {
  using result = R;
  using arguments = boost::mp11::mp_list<Args...>;
};
template <class R, class... Args>
struct signature<R (*)(Args...) noexcept> : signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct signature<R (C::*)(Args...)> : signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct signature<R (C::*)(Args...) const> : signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct signature<R (C::*)(Args...) noexcept> : signature<R (*)(Args...)> {};
template <class C, class R, class... Args>
struct signature<R (C::*)(Args...) const noexcept> : signature<R (*)(Args...)> {};

template <class R>
struct handler_result {
  static constexpr bool is_coroutine = false;
  using type = R;
};
template <class R>
struct handler_result<asio::awaitable<R>> {
  static constexpr bool is_coroutine = true;
  using type = R;
};

/// Where an argument lives between decoding and the handler's end.
template <class T>
struct argument_slot {
  T value{};
  bool decode(json_cursor& in) { return decode_value(in, value); }
  T& get() { return value; }
};
/// A string with escapes has no place in the message to be viewed at, so it gets one here.
template <>
struct argument_slot<std::string_view> {
  std::string unescaped;
  std::string_view view;
  bool decode(json_cursor& in) {
    const json_cursor start = in;
    string_token token;
    if (!in.read_string(token)) return false;
    view = token.inside;
    if (!token.escapes) return true;
    in = start;
    const bool read = in.read_string(unescaped);
    view = unescaped;
    return read;
  }
  // The small string's bytes move with it.
  std::string_view& get() {
    if (!unescaped.empty()) view = unescaped;
    return view;
  }
};

template <>
struct argument_slot<std::optional<std::string_view>> {
  argument_slot<std::string_view> text;
  std::optional<std::string_view> view;
  bool decode(json_cursor& in) {
    view.reset();
    if (in.read_null()) return true;
    if (!text.decode(in)) return false;
    view = text.get();
    return true;
  }
  std::optional<std::string_view>& get() {
    if (view) view = text.get();
    return view;
  }
};

template <class Arguments>
struct split_context {
  static constexpr bool present = false;
  using rest = Arguments;
};
template <class... Rest>
struct split_context<boost::mp11::mp_list<call_context&, Rest...>> {
  static constexpr bool present = true;
  using rest = boost::mp11::mp_list<Rest...>;
};

template <class List>
struct argument_slots;
template <class... Args>
struct argument_slots<boost::mp11::mp_list<Args...>> {
  using tuple = std::tuple<argument_slot<std::remove_cvref_t<Args>>...>;
  static constexpr std::size_t size = sizeof...(Args);
};

/// Whether the slot's argument may be left out.
template <class Slot>
inline constexpr bool is_optional_slot = false;
template <class T>
inline constexpr bool is_optional_slot<argument_slot<T>> = is_optional_like<T>;

template <class Slot>
struct slot_type;
template <class T>
struct slot_type<argument_slot<T>> {
  using type = T;
};

/// A method's parameters into its handler's arguments, by position or by name.
class params_reader {
 public:
  /// @param text the params member, "null" when there is none; raw_json values among the arguments share its
  ///        pin. It outlives the reader.
  /// @param names of the arguments, empty when they have none
  params_reader(const slice& text, const std::vector<std::string>& names) noexcept
      : in_(text.bytes(), &text), missing_(text.bytes() == "null"), names_(names) {}

  template <class... Slots>
  bool read(std::tuple<Slots...>& slots) {
    if constexpr (sizeof...(Slots) == 0) {
      return none_expected();
    } else {
      if constexpr (sizeof...(Slots) == 1) {
        using only = typename slot_type<std::tuple_element_t<0, std::tuple<Slots...>>>::type;
        if constexpr (is_whole_params<only>) {
          if (names_.empty()) return whole(std::get<0>(slots).value);
        } else if constexpr (is_a<only, std::optional>) {
          if constexpr (is_whole_params<typename only::value_type>) {
            if (names_.empty()) return optional_whole(slots);
          }
        }
      }
      return separate(slots, std::index_sequence_for<Slots...>());
    }
  }

  decode_error take_error() { return in_.take_error(); }

 private:
  bool none_expected();

  template <class T>
  bool optional_whole(std::tuple<argument_slot<std::optional<T>>>& slots) {
    if (missing_) return true;
    json_cursor probe = in_;
    bool more = false;
    if (is_described_struct<T> && probe.at_value('[') && probe.enter_array(more)) {
      // An array of its members, or one that has it, or nothing, as its only element.
      if (!more) return in_.skip_value() && in_.at_end();
      if (probe.at_value('{') || probe.at_value('n')) return separate(slots, std::index_sequence<0>());
    }
    return whole(std::get<0>(slots).value.emplace());
  }

  template <class T>
  bool whole(T& value) {
    if constexpr (std::is_same_v<T, raw_json> || std::is_same_v<T, boost::json::value>) {
      if (missing_) return true;
    }
    // Absent parameters are those of a struct of which every member may be absent.
    constexpr bool by_name =
        is_described_struct<T> || is_string_map<T> || std::is_same_v<T, boost::json::object>;
    if (missing_) in_ = json_cursor(by_name ? "{}" : "[]");
    if constexpr (is_described_struct<T>) {
      if (in_.at_value('[')) return decode_by_position(in_, value) && in_.at_end();
    }
    return decode_value(in_, value) && in_.at_end();
  }

  template <class Tuple, std::size_t... Index>
  bool separate(Tuple& slots, std::index_sequence<Index...> all) {
    if (missing_) {
      in_ = json_cursor("[]");
    } else if (in_.at_value('{')) {
      if (names_.empty())
        return in_.fail(errc::wrong_type, "parameters are taken by position, found an object");
      return by_name(slots, all);
    }
    bool more = false;
    if (!in_.enter_array(more)) return false;
    const auto element = [&]<class Slot>(std::size_t index, Slot& slot) {
      if (!more) {
        if (is_optional_slot<Slot>) return true;
        return in_.fail(errc::missing_member, "missing parameter") || at(index);
      }
      if (!slot.decode(in_)) return at(index);
      more = in_.next_element();
      return in_.good();
    };
    if (!(element(Index, std::get<Index>(slots)) && ...)) return false;
    if (more)
      return in_.fail(errc::wrong_length, "expected at most ", sizeof...(Index), " parameters, found more");
    return in_.good() && in_.at_end();
  }

  template <class Tuple, std::size_t... Index>
  bool by_name(Tuple& slots, std::index_sequence<Index...>) {
    std::array<bool, sizeof...(Index)> seen{};
    bool more = false;
    if (!in_.enter_object(more)) return false;
    string_token name;
    for (; more; more = in_.next_member()) {
      if (!in_.read_name(name)) return false;
      bool known = false;
      bool fine = true;
      const auto member = [&](std::size_t index, auto& slot) {
        if (known || !name.is(names_[index])) return;
        known = true;
        if (std::exchange(seen[index], true)) slot = std::remove_reference_t<decltype(slot)>{};
        fine = slot.decode(in_) || at(index);
      };
      (member(Index, std::get<Index>(slots)), ...);
      if (!(known ? fine : in_.skip_value())) return false;
    }
    if (!in_.good()) return false;
    const auto required = [&]<class Slot>(std::size_t index, Slot&) {
      return seen[index] || is_optional_slot<Slot> ||
             (in_.fail(errc::missing_member, "missing parameter") || at(index));
    };
    return (required(Index, std::get<Index>(slots)) && ...) && in_.at_end();
  }

  /// Names the argument in the error.
  bool at(std::size_t index) { return names_.empty() ? in_.at_index(index) : in_.at_member(names_[index]); }

  json_cursor in_;
  bool missing_;
  const std::vector<std::string>& names_;
};

}  // namespace antiphon::detail
