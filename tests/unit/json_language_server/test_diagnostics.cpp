#include "diagnostics.hpp"

#include <doctest/doctest.h>

TEST_CASE("a diagnostic has the place in UTF-16 units, the reason, the severity and the source") {
  const json_ls::text_document document("{\r\n  \"\U0001F600\": 1,\r\n  \"\U0001F600\": 01 }");
  const auto shown = json_ls::diagnostics(document, json_ls::parse_json(document.text()));
  REQUIRE(shown.size() == 2);

  CHECK(shown[0].range == json_ls::text_range{{2, 2}, {2, 6}});
  CHECK(shown[0].severity == json_ls::severity_warning);

  CHECK(shown[1].range == json_ls::text_range{{2, 8}, {2, 10}});
  CHECK(shown[1].severity == json_ls::severity_error);
  CHECK(shown[1].source == "json");
  CHECK(shown[1].message == "number has a leading zero");
}

TEST_CASE("a document in order has no diagnostics") {
  const json_ls::text_document document("{}\n");
  CHECK(json_ls::diagnostics(document, json_ls::parse_json(document.text())).empty());
}
