#include <antiphon/rpc_error.hpp>
#include <antiphon/streaming/decode.hpp>

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using antiphon::call_failure;
using antiphon::errc;
using antiphon::raw_json;
using antiphon::rpc_errc;
using antiphon::rpc_error;

TEST_CASE("an rpc_error carries code, message and data") {
  const rpc_error plain(rpc_errc::invalid_params);
  CHECK(plain.value() == -32602);
  CHECK(plain.code() == rpc_errc::invalid_params);
  CHECK(plain.message() == rpc_error::default_message(rpc_errc::invalid_params));
  CHECK_FALSE(plain.message().empty());
  CHECK_FALSE(plain.data().has_value());

  const rpc_error worded(rpc_errc::request_failed, "no such file");
  CHECK(worded.value() == -32803);
  CHECK(worded.message() == "no such file");
  CHECK(std::string(worded.what()).find("no such file") != std::string::npos);

  const rpc_error own(7, "mine", boost::json::parse(R"({"retry":true})"));
  CHECK(own.value() == 7);
  CHECK(own.code().category() == antiphon::rpc_category());
  CHECK(own.data()->to_value() == boost::json::parse(R"({"retry":true})"));

  const rpc_error busy(rpc_errc::overloaded, "later", boost::json::parse(R"({"seconds":3})"));
  CHECK(busy.value() == -32000);
  CHECK(busy.message() == "later");
  CHECK(busy.data()->to_value() == boost::json::parse(R"({"seconds":3})"));
  const rpc_error as_text(rpc_errc::overloaded, "later", raw_json("[3]"));
  CHECK(as_text.data()->decode<std::vector<int>>() == std::vector{3});
}

TEST_CASE("an rpc_error keeps its data when what it was read from is gone") {
  std::string text = R"("only for a while")";
  const rpc_error error(1, "m", raw_json(text));
  text.assign(text.size(), 'x');
  CHECK(error.data()->decode<std::string>() == "only for a while");
  const rpc_error copy = error;  // NOLINT: that it can be copied is the point
  CHECK(copy.data()->decode<std::string>() == "only for a while");
}

TEST_CASE("every error code has a text of its own") {
  for (int value = 1; value <= static_cast<int>(errc::spawn_failed); ++value) {
    CAPTURE(value);
    const std::string text = make_error_code(static_cast<errc>(value)).message();
    CHECK_FALSE(text.empty());
    for (int other = 1; other < value; ++other)
      CHECK(text != make_error_code(static_cast<errc>(other)).message());
  }
}

TEST_CASE("a call_failure is thrown as what it is") {
  const call_failure answered{make_error_code(rpc_errc::method_not_found), "unknown", raw_json("[1]")};
  CHECK(answered.from_peer());
  try {
    answered.raise();
  } catch (const rpc_error& e) {
    CHECK(e.value() == -32601);
    CHECK(e.message() == "unknown");
    CHECK(e.data()->text() == "[1]");
  }
  const call_failure unanswered{make_error_code(errc::timed_out), "too late", std::nullopt};
  CHECK_FALSE(unanswered.from_peer());
  bool as_rpc_error = false;
  try {
    unanswered.raise();
  } catch (const rpc_error&) {
    as_rpc_error = true;
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == errc::timed_out);
  }
  CHECK_FALSE(as_rpc_error);
  const antiphon::call_result<int> result = unanswered;
  CHECK_THROWS_AS(result.value(), boost::system::system_error);
}

TEST_CASE("data that JSON has no form for is refused before it can be sent") {
  CHECK_THROWS_AS(rpc_error(1, "m", boost::json::value(std::numeric_limits<double>::quiet_NaN())),
                  boost::system::system_error);
}
