#include "tests/unit/allocations/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/scanner.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

// A message costs no memory of its own from its bytes to its envelope.

using antiphon::framing;
using antiphon::message_view;
using test::allocations_in;
using test::blocks;
using test::largest_block;
using test::report;
using test::sizes;

namespace {

// Requests about as long as asked for, each with another payload: one long string, integers, nested objects.
std::vector<std::string> texts() {
  std::vector<std::string> all;
  for (const std::size_t size : sizes) {
    const std::string head = R"({"jsonrpc":"2.0","id":"a-1","method":"textDocument/didChange","params":)";
    std::string string = "[\"", integers = "[1", objects = R"([{"a":[]})";
    while (head.size() + string.size() < size) string += R"(text \"\\\u00e9 )";
    while (head.size() + integers.size() < size) integers += ",17";
    while (head.size() + objects.size() < size) objects += R"(,{"line":1,"x":[true,null,-1.5e3]})";
    all.push_back(head + string + "\"]}");
    all.push_back(head + integers + "]}");
    all.push_back(head + objects + "]}");
  }
  return all;
}

// Under each implementation of the scanner, over all texts; a first round has the memory that stays.
template <class Run>
void count_over_texts(const std::string& what, Run run) {
  const std::vector<std::string> all = texts();
  std::size_t total = 0;
  for (const auto name : antiphon::scanner_implementations()) {
    REQUIRE(antiphon::use_scanner_implementation(name));
    for (const std::string& text : all) run(text);
    total += allocations_in([&] {
      for (const std::string& text : all) run(text);
    });
  }
  antiphon::use_scanner_implementation(antiphon::scanner_implementations().front());
  report(what, total);
}

std::string framed(framing& rules, const std::string& body) {
  std::string head(rules.max_head(), '\0');
  const auto size = rules.write_head(head.data() + head.size(), body.size());
  return head.substr(head.size() - size) + body + std::string(rules.tail());
}

void receive(antiphon::frame_decoder& decoder, std::string_view bytes) {
  while (!bytes.empty()) {
    antiphon::buffer& into = decoder.prepare();
    const auto size = std::min(bytes.size(), into.space().size());
    std::memcpy(into.space().data(), bytes.data(), size);
    into.commit(size);
    bytes.remove_prefix(size);
  }
}

const std::pair<const char*, std::unique_ptr<framing> (*)(const antiphon::limits&)> framings[] = {
    {"Content-Length", antiphon::content_length_framing::make},
    {"lines", antiphon::line_framing::make},
    {"texts without frames", antiphon::sequence_framing::make},
};

}  // namespace

TEST_CASE("what asks for memory is counted") {
  // clang leaves out memory that nobody looks at.
  const auto look_at = [](const auto& what) { asm volatile("" : : "r"(what.data()) : "memory"); };
  CHECK(allocations_in([&] {
          std::string text(1000, 'x');
          look_at(text);
        }) == 1);
  CHECK(allocations_in([&] {
          std::vector<std::string> many(3, std::string(1000, 'x'));
          look_at(many);
        }) == 5);
  CHECK(allocations_in([] { delete[] new (std::nothrow) char[10]; }) <= 1);
  struct alignas(256) wide {
    char bytes[256];
  };
  CHECK(allocations_in([&] {
          std::vector<wide> two(2);
          look_at(two);
        }) == 1);
}

TEST_CASE("validating a message asks for no memory") {
  count_over_texts("validate", [](const std::string& text) { REQUIRE(!antiphon::validate(text, 64)); });
}

TEST_CASE("refusing a message asks for no memory") {
  count_over_texts("validate, of half a text", [](const std::string& text) {
    REQUIRE(antiphon::validate(std::string_view(text).substr(0, text.size() / 2), 64).failed());
  });
}

TEST_CASE("looking at a message's envelope asks for no memory") {
  count_over_texts("message_view::parse", [](const std::string& text) {
    REQUIRE(message_view::parse(text).kind() == antiphon::message_kind::request);
  });
}

TEST_CASE("walking a batch asks for no memory") {
  std::string batch = "[";
  for (const std::string& text : texts()) batch += text + " ,";
  batch += "1]";
  std::size_t total = 0;
  for (const auto name : antiphon::scanner_implementations()) {
    REQUIRE(antiphon::use_scanner_implementation(name));
    total += allocations_in([&] {
      antiphon::frame_messages messages(batch);
      REQUIRE(messages.count(100) == 13);
      while (const auto member = messages.next()) message_view::parse(*member);
    });
  }
  report("frame_messages", total);
}

TEST_CASE("cutting frames out of what has arrived asks for no memory") {
  for (const auto& [name, make] : framings) {
    blocks memory(largest_block);
    antiphon::frame_decoder decoder(make({}), {}, memory);
    std::size_t count = 0;
    for (const auto implementation : antiphon::scanner_implementations()) {
      REQUIRE(antiphon::use_scanner_implementation(implementation));
      for (const std::string& text : texts()) {
        receive(decoder, framed(*make({}), text));
        std::size_t found = 0;
        count += allocations_in([&] {
          while (decoder.next().status == framing::status::frame) ++found;
        });
        CHECK(found == 1);
      }
    }
    report("frame_decoder::next, " + std::string(name), count);
  }
}

TEST_CASE("messages that come one after the other share the memory of the first") {
  for (const auto& [name, make] : framings) {
    blocks memory(256 * 1024);
    antiphon::frame_decoder decoder(make({}), {}, memory);
    std::vector<std::string> frames;
    for (const std::string& text : texts())
      if (text.size() <= 64 * 1024) frames.push_back(framed(*make({}), text));
    std::size_t found = 0;
    const auto read_all = [&] {
      for (int round = 0; round < 20; ++round) {
        for (std::string_view rest : frames) {
          for (; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 5000))) {
            receive(decoder, rest.substr(0, 5000));
            while (decoder.next().status == framing::status::frame) ++found;
          }
        }
      }
    };
    read_all();
    const auto count = allocations_in(read_all);
    CHECK(found == 2 * 20 * frames.size());
    report("frame_decoder, reads of 5000 B, " + std::string(name), count);
  }
}
