#include "benchmarks/streaming/cases.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

namespace bench {
namespace {

// Takes all there is and keeps nothing: what Boost.JSON's parser costs without a DOM.
struct ignore_all {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using text = boost::json::string_view;
  using error = boost::system::error_code;
  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return true; }
  bool on_object_end(std::size_t, error&) { return true; }
  bool on_array_begin(error&) { return true; }
  bool on_array_end(std::size_t, error&) { return true; }
  bool on_key_part(text, std::size_t, error&) { return true; }
  bool on_key(text, std::size_t, error&) { return true; }
  bool on_string_part(text, std::size_t, error&) { return true; }
  bool on_string(text, std::size_t, error&) { return true; }
  bool on_number_part(text, error&) { return true; }
  bool on_int64(std::int64_t, text, error&) { return true; }
  bool on_uint64(std::uint64_t, text, error&) { return true; }
  bool on_double(double, text, error&) { return true; }
  bool on_bool(bool, error&) { return true; }
  bool on_null(error&) { return true; }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }
};

}  // namespace

void add_boost_json(const corpus::message& message) {
  const std::string_view text = message.text;
  add(message.name, "boost parse", text.size(), [text](benchmark::State& state) {
    for (auto _ : state) {
      const auto value = boost::json::parse(text);
      benchmark::DoNotOptimize(value);
    }
  });
  add(message.name, "boost basic_parser", text.size(), [text](benchmark::State& state) {
    boost::json::basic_parser<ignore_all> parser{boost::json::parse_options()};
    for (auto _ : state) {
      boost::system::error_code error;
      parser.reset();
      parser.write_some(false, text.data(), text.size(), error);
      if (error) state.SkipWithError("basic_parser refuses the message");
      benchmark::DoNotOptimize(error);
    }
  });
}

}  // namespace bench
