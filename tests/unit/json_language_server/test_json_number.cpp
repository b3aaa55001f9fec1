#include "json_number.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using json_ls::number_mistake;

TEST_CASE("every form of RFC 8259 number is accepted") {
  for (const std::string_view number : {"0", "-0", "7", "10", "-12.50", "0.1", "1e5", "1E+05", "2.5e-300",
                                        "123456789012345678901234567890"}) {
    CAPTURE(number);
    CHECK_FALSE(number_mistake(number));
  }
}

TEST_CASE("each mistake in a number has its reason") {
  struct mistake {
    std::string_view number;
    std::string_view reason;
  };
  for (const mistake& row : {
           mistake{"01", "number has a leading zero"},
           mistake{"-012", "number has a leading zero"},
           mistake{"+1", "number has a leading '+'"},
           mistake{".5", "number needs a digit before its '.'"},
           mistake{"-.5", "number needs a digit before its '.'"},
           mistake{"1.", "number needs a digit after its '.'"},
           mistake{"1.e5", "number needs a digit after its '.'"},
           mistake{"1e", "number needs a digit in its exponent"},
           mistake{"1e+", "number needs a digit in its exponent"},
           mistake{"-", "number needs a digit after its '-'"},
           mistake{"-Infinity", "number needs a digit after its '-'"},
           mistake{"0x1F", "hexadecimal numbers are not JSON"},
           mistake{"12abc", "malformed number"},
           mistake{"1.2.3", "malformed number"},
           mistake{"1-2", "malformed number"},
       }) {
    CAPTURE(row.number);
    CHECK(number_mistake(row.number).value_or("none") == row.reason);
  }
}
