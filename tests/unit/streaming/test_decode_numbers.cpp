#include "tests/unit/streaming/codec.hpp"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

using antiphon::errc;
using codec::decoded;
using codec::refused;

namespace {

template <class Integer>
void check_range() {
  using bounds = std::numeric_limits<Integer>;
  CHECK(decoded<Integer>(std::to_string(bounds::min())) == bounds::min());
  CHECK(decoded<Integer>(std::to_string(bounds::max())) == bounds::max());
  CHECK(decoded<Integer>("7") == 7);
  CHECK(decoded<Integer>("0") == 0);
  CHECK(decoded<Integer>("-0") == 0);
  // One beyond the edge, by text, so that no type of ours needs to hold it.
  const auto beyond = [](Integer edge) {
    std::string text = std::to_string(edge);
    std::size_t digit = text.size() - 1;
    while (text[digit] == '9') text[digit--] = '0';
    ++text[digit];
    return text;
  };
  CHECK(refused<Integer>(beyond(bounds::max())).code == errc::number_out_of_range);
  CHECK(refused<Integer>(bounds::is_signed ? beyond(bounds::min()) : "-1").code == errc::number_out_of_range);
  CHECK(refused<Integer>("123456789012345678901234567890").code == errc::number_out_of_range);
  CHECK(refused<Integer>("-123456789012345678901234567890").code == errc::number_out_of_range);
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

TEST_CASE("an integer of every width takes what fits and refuses the next") {
  check_range<std::int8_t>();
  check_range<std::uint8_t>();
  check_range<std::int16_t>();
  check_range<std::uint16_t>();
  check_range<std::int32_t>();
  check_range<std::uint32_t>();
  check_range<std::int64_t>();
  check_range<std::uint64_t>();
  check_range<long>();
  check_range<unsigned long long>();
}

TEST_CASE("an integer is not made from a fraction, an exponent or another type") {
  for (const char* text : {"1.5", "1.0", "1e2", "-1E+2", "true", "null", "\"1\"", "[1]", "{}"}) {
    CHECK(refused<int>(text).code == errc::wrong_type);
    CHECK(refused<unsigned>(text).code == errc::wrong_type);
  }
  CHECK(refused<int>("\"1\"").message == "expected an integer, found a string");
  CHECK(refused<int>("1.5").message == "expected an integer, found a fraction");
  CHECK(refused<int>(" [1]").message == "expected an integer, found an array");
  CHECK(refused<int>("").message == "expected an integer, found the end of the text");
}

TEST_CASE("numbers that break the grammar are refused") {
  for (const char* text : {"01", "-", "--1", "+1", "-01", "1.", ".5", "1e", "1e+", "1.e3", "0x10", "1_0",
                           "NaN", "Infinity", "-Infinity", "1 2", "1,"}) {
    refused<int>(text);
    refused<double>(text);
    refused<boost::json::value>(text);
  }
}

TEST_CASE("a double is correctly rounded") {
  CHECK(decoded<double>("0") == 0);
  CHECK(same_bits(decoded<double>("-0"), -0.0));
  CHECK(same_bits(decoded<double>("-0.0e5"), -0.0));
  CHECK(decoded<double>("0.1") == 0.1);
  CHECK(decoded<double>("1E3") == 1000);
  CHECK(decoded<double>("18446744073709551615") == 18446744073709551615.0);
  CHECK(decoded<double>("9007199254740993") == 9007199254740992.0);
  CHECK(decoded<double>("9007199254740993.0000000000000000000000000000001") == 9007199254740994.0);
  CHECK(decoded<double>("1e23") == 1e23);
  CHECK(decoded<double>("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(decoded<double>("2.2250738585072014e-308") == std::numeric_limits<double>::min());
  CHECK(decoded<double>("4.9e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(decoded<double>("2.4703282292062328e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(decoded<double>("1.7976931348623157e308") == std::numeric_limits<double>::max());
  CHECK(decoded<double>("1.7976931348623158e308") == std::numeric_limits<double>::max());
  CHECK(decoded<double>("1" + std::string(400, '0') + "e-400") == 1);
  CHECK(decoded<double>("0." + std::string(400, '0') + "1e401") == 1);
}

TEST_CASE("random decimals become the double that strtod finds") {
  std::mt19937_64 random(20260101);
  const auto below = [&random](std::uint64_t n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = below(2) != 0 ? "-" : "";
    text += static_cast<char>('1' + below(9));
    for (int digits = below(30); digits > 0; --digits) text += static_cast<char>('0' + below(10));
    if (below(2) != 0) {
      text += '.';
      for (int digits = 1 + below(30); digits > 0; --digits) text += static_cast<char>('0' + below(10));
    }
    if (below(4) != 0) text += (below(2) != 0 ? "e" : "E") + std::to_string(below(680) - 345);
    const double expected = std::strtod(text.c_str(), nullptr);
    if (std::isfinite(expected)) {
      CHECK(same_bits(decoded<double>(text), expected));
      CHECK(decoded<boost::json::value>(text).to_number<double>() == expected);
    } else {
      CHECK(refused<double>(text).code == errc::number_out_of_range);
      CHECK(refused<boost::json::value>(text).code == errc::number_out_of_range);
    }
  }
}

TEST_CASE("a number beyond a double's range is an error, one that is too small is a zero") {
  for (const char* text : {"1.7976931348623159e308", "1e309", "-1e400", "1e99999999999999999999",
                           "1e9223372036854775807", "12.5e9223372036854775806", "0.001e312"}) {
    CHECK(refused<double>(text).code == errc::number_out_of_range);
    CHECK(refused<boost::json::value>(text).code == errc::number_out_of_range);
  }
  for (const char* text : {"2.4703282292062327e-324", "1e-400", "1e-99999999999999999999",
                           "1e-9223372036854775808", "0.001e-9223372036854775808", "0.000001e-320",
                           "0e999999", "0.0e9223372036854775807", "0e99999999999999999999"}) {
    CHECK(same_bits(decoded<double>(text), 0.0));
    CHECK(same_bits(decoded<double>("-" + std::string(text)), -0.0));
    CHECK(decoded<boost::json::value>(text).to_number<double>() == 0);
  }
  CHECK(refused<double>("1" + std::string(309, '0')).code == errc::number_out_of_range);
  CHECK(same_bits(decoded<double>("0." + std::string(400, '0') + "1"), 0.0));
}

TEST_CASE("a float is rounded once and has a range of its own") {
  CHECK(decoded<float>("0.1") == 0.1f);
  CHECK(decoded<float>("16777217") == 16777216.0f);
  // A double would round this to the middle between two floats, and from there to the wrong one.
  CHECK(decoded<float>("1.000000059604644775390625000000001") == std::nextafter(1.0f, 2.0f));
  CHECK(decoded<float>("3.4028235e38") == std::numeric_limits<float>::max());
  CHECK(refused<float>("3.4028236e38").code == errc::number_out_of_range);
  CHECK(refused<float>("-1e300").code == errc::number_out_of_range);
  CHECK(decoded<float>("1e-45") == std::numeric_limits<float>::denorm_min());
  CHECK(decoded<float>("1e-60") == 0);
  CHECK(std::signbit(decoded<float>("-1e-60")));
  CHECK(decoded<long double>("0.5") == 0.5L);
  CHECK(refused<float>("\"1\"").message == "expected a number, found a string");
}

TEST_CASE("booleans are true and false alone") {
  CHECK(decoded<bool>("true"));
  CHECK_FALSE(decoded<bool>(" false\n"));
  for (const char* text : {"1", "null", "\"true\"", "True", "tru", "truee", "[true]", ""})
    refused<bool>(text);
  CHECK(refused<bool>("0").code == errc::wrong_type);
  CHECK(refused<bool>("0").message == "expected a boolean, found a number");
}

TEST_CASE("a DOM keeps integers exact and says which kind they are") {
  CHECK(decoded<boost::json::value>("-9223372036854775808").as_int64() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(decoded<boost::json::value>("9223372036854775807").as_int64() ==
        std::numeric_limits<std::int64_t>::max());
  CHECK(decoded<boost::json::value>("9223372036854775808").as_uint64() == 9223372036854775808u);
  CHECK(decoded<boost::json::value>("18446744073709551615").as_uint64() == 18446744073709551615u);
  CHECK(decoded<boost::json::value>("18446744073709551616").as_double() == 18446744073709551616.0);
  CHECK(decoded<boost::json::value>("-9223372036854775809").as_double() == -9223372036854775808.0);
  CHECK(decoded<boost::json::value>("1.0").as_double() == 1);
  CHECK(std::signbit(decoded<boost::json::value>("-0").as_double()));
  CHECK(decoded<boost::json::value>("0").as_int64() == 0);
}
