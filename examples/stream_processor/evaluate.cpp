#include "expression.hpp"

#include <antiphon/streaming/validate.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace stream {

namespace {

bool fail(failure& why, std::size_t column, std::string_view what) {
  why = {column, what};
  return false;
}

bool joined(value& left, const value& right, scratch& memory) {
  char* const text = memory.allocate(left.text.size() + right.text.size());
  if (!left.text.empty()) std::memcpy(text, left.text.data(), left.text.size());
  if (!right.text.empty()) std::memcpy(text + left.text.size(), right.text.data(), right.text.size());
  left.text = {text, left.text.size() + right.text.size()};
  return true;
}

/// Of two strings: less than, equal to or more than zero.
int order_of(const value& left, const value& right, scratch& memory) {
  return plain(left.text, memory).compare(plain(right.text, memory));
}

/// Text as a number, the whole of it, as JSON writes them.
bool parsed(std::string_view text, double& number) {
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9'))) return false;
  if (text.back() < '0' || text.back() > '9' || antiphon::validate(text, 1)) return false;
  number = number_of({value_kind::number, false, 0, text});
  return true;
}

}  // namespace

// Everything that works on the top of the stack only. What is taken off it is always there: the compiler has
// seen to that.
bool expression::apply(const instruction& what, value*& top, scratch& memory, failure& why) {
  const auto number = [&](const value& of, double& out) {
    if (of.kind != value_kind::number) return fail(why, what.column, "this needs numbers");
    out = number_of(of);
    return true;
  };
  double left = 0;
  double right = 0;
  const auto two_numbers = [&] {
    if (!number(top[-1], left) || !number(top[0], right)) return false;
    --top;
    return true;
  };
  const auto result = [&](double computed) {
    if (!std::isfinite(computed)) return fail(why, what.column, "the result is too large for a number");
    *top = value::of(computed);
    return true;
  };
  const auto compared = [&](auto holds) {
    const value& first = top[-1];
    const value& second = top[0];
    bool truth = false;
    if (first.kind == value_kind::number && second.kind == value_kind::number) {
      const double a = number_of(first);
      const double b = number_of(second);
      truth = holds(a < b ? -1 : a > b ? 1 : 0);
    } else if (first.kind == value_kind::string && second.kind == value_kind::string) {
      truth = holds(order_of(first, second, memory));
    } else {
      return fail(why, what.column, "only two numbers or two strings have an order");
    }
    *--top = value::of(truth);
    return true;
  };
  const auto equal = [&](bool wanted) {
    const value& first = top[-1];
    const value& second = top[0];
    if (first.kind == value_kind::json || second.kind == value_kind::json)
      return fail(why, what.column, "arrays and objects can't be compared");
    bool same = first.kind == second.kind;
    if (same && first.kind == value_kind::number) same = number_of(first) == number_of(second);
    if (same && first.kind == value_kind::boolean) same = first.truth == second.truth;
    if (same && first.kind == value_kind::string) same = order_of(first, second, memory) == 0;
    *--top = value::of(same == wanted);
    return true;
  };
  switch (what.code) {
    case op::add:
      if (top[-1].kind == value_kind::string && top[0].kind == value_kind::string) {
        --top;
        return joined(top[0], top[1], memory);
      }
      if (top[-1].kind == value_kind::string || top[0].kind == value_kind::string)
        return fail(why, what.column, "'+' joins two strings: text() makes one of anything else");
      return two_numbers() && result(left + right);
    case op::subtract: return two_numbers() && result(left - right);
    case op::multiply: return two_numbers() && result(left * right);
    case op::divide:
      if (!two_numbers()) return false;
      if (right == 0) return fail(why, what.column, "division by zero");
      return result(left / right);
    case op::remainder:
      if (!two_numbers()) return false;
      if (right == 0) return fail(why, what.column, "division by zero");
      return result(std::fmod(left, right));
    case op::smallest: return two_numbers() && result(std::min(left, right));
    case op::largest: return two_numbers() && result(std::max(left, right));
    case op::negate: return number(top[0], left) && result(-left);
    case op::absolute: return number(top[0], left) && result(std::abs(left));
    case op::round: return number(top[0], left) && result(std::round(left));
    case op::invert:
      if (top->kind != value_kind::boolean) return fail(why, what.column, "this needs a boolean");
      top->truth = !top->truth;
      return true;
    case op::boolean:
      if (top->kind != value_kind::boolean) return fail(why, what.column, "this needs a boolean");
      return true;
    case op::equal: return equal(true);
    case op::unequal: return equal(false);
    case op::less: return compared([](int order) { return order < 0; });
    case op::less_equal: return compared([](int order) { return order <= 0; });
    case op::greater: return compared([](int order) { return order > 0; });
    case op::greater_equal: return compared([](int order) { return order >= 0; });
    case op::text: {
      if (top->kind == value_kind::string) return true;
      if (top->kind == value_kind::json) return fail(why, what.column, "an array or an object is no text");
      std::string text;  // short
      append_inside(text, *top);
      char* const kept = memory.allocate(text.size());
      std::memcpy(kept, text.data(), text.size());
      *top = value::string({kept, text.size()});
      return true;
    }
    case op::number:
      if (top->kind == value_kind::number) return true;
      if (top->kind != value_kind::string || !parsed(top->text, left))
        return fail(why, what.column, "this is no number");
      return result(left);
    case op::exists: *top = value::of(top->kind != value_kind::missing); return true;
    default: return fail(why, what.column, "unknown operation");
  }
}

bool expression::evaluate(const message_values& message, scratch& memory, value& out, failure& why) const {
  value stack[most_values + 1];
  value* top = stack;  // the first is below everything
  std::size_t column = 0;
  try {
    for (std::size_t at = 0; at < code_.size(); ++at) {
      const instruction& next = code_[at];
      column = next.column;
      switch (next.code) {
        case op::constant: *++top = constants_[next.operand]; break;
        case op::path:
        case op::path_or_nothing:
          *++top = value::from_json(message.paths[next.operand]);
          if (top->kind == value_kind::missing && next.code == op::path)
            return fail(why, column, "the payload has no such value");
          break;
        case op::capture: *++top = value::string(message.captures[next.operand]); break;
        case op::topic: *++top = value::string(message.topic); break;
        case op::variable: *++top = value::from_json((*message.vars)[next.operand]); break;
        case op::jump: at = next.operand - 1; break;
        case op::branch:  // of `?:`
          if (top->kind != value_kind::boolean) return fail(why, column, "this needs a boolean");
          if (!top->truth) at = next.operand - 1;
          --top;
          break;
        case op::both:
        case op::either:
          if (top->kind != value_kind::boolean) return fail(why, column, "this needs a boolean");
          if (top->truth == (next.code == op::either)) {
            at = next.operand - 1;
          } else {
            --top;
          }
          break;
        case op::otherwise:  // of `??`
          if (top->kind != value_kind::missing && top->kind != value_kind::null) {
            at = next.operand - 1;
          } else {
            --top;
          }
          break;
        default:
          if (!apply(next, top, memory, why)) return false;
      }
    }
  } catch (const boost::system::system_error&) {
    return fail(why, column, "a string with half a surrogate pair");
  }
  out = *top;
  return true;
}

}  // namespace stream
