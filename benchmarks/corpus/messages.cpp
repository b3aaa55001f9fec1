#include "benchmarks/corpus/messages.hpp"

#include "benchmarks/corpus/lsp.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/format.h>

#include <utility>

// As in prose.cpp, each choice has an expression of its own.
namespace corpus {
namespace {

// Written by Boost.JSON, so that antiphon never reads what it wrote itself.
template <class T>
std::string json(const T& value) {
  return boost::json::serialize(boost::json::value_from(value));
}

// `head` is all of the message up to its payload.
message make(std::string name, std::string head, std::string_view payload) {
  message made{.name = std::move(name), .text = std::move(head), .payload_at = 0};
  made.payload_at = made.text.size();
  made.text += payload;
  made.text += '}';
  return made;
}

std::string reply_head(int id) { return fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":)", id); }
std::string notification_head(std::string_view method) {
  return fmt::format(R"({{"jsonrpc":"2.0","method":"{}","params":)", method);
}

lsp::range short_range(random& choose) {
  const lsp::position start{.line = choose.below(4000), .character = choose.below(80)};
  return {.start = start, .end = {.line = start.line, .character = start.character + choose.below(20)}};
}

lsp::completion_item completion_item(random& choose, script letters) {
  const std::string name = identifier(choose);
  const std::string argument = identifier(choose);
  lsp::completion_item item;
  item.label = fmt::format(" {}(value_type &&{})", name, argument);
  item.kind = static_cast<int>(choose.between(1, 25));
  item.detail = choose.one_in(3) ? "std::pair<iterator, bool>" : "void";
  if (choose.one_in(2))
    item.documentation = {.kind = "markdown", .value = markdown(choose, letters)};
  else
    item.documentation = {.kind = "plaintext", .value = sentences(choose, letters)};
  item.sortText = fmt::format("{:08x}{}", choose.between(0x3f000000, 0x3fffffff), name);
  item.filterText = name;
  item.insertText = fmt::format("{}(${{1:value_type &&{}}})", name, argument);
  item.insertTextFormat = 2;
  item.textEdit = {.newText = item.insertText, .range = short_range(choose)};
  item.data = {.symbol = fmt::format("{:08X}F35C1B2E", choose.below(0xffffffff)), .file = choose.below(5000)};
  return item;
}

std::string symbol(random& choose) {
  const std::string name = identifier(choose);
  const std::uint32_t kind = choose.between(1, 26);
  const bool deprecated = choose.one_in(20);
  const std::string uri = file_uri(choose);
  const std::string range = json(short_range(choose));
  return fmt::format(R"({{"name":"{}","kind":{},"deprecated":{},"containerName":null,"location":)"
                     R"({{"uri":"{}","range":{}}}}})",
                     name, kind, deprecated, uri, range);
}

std::string timing(random& choose) {
  const std::string phase = identifier(choose);
  const std::uint32_t seconds = choose.below(100);
  const std::uint32_t fraction = choose.below(1'000'000);
  const std::uint32_t exponent = choose.between(1, 12);
  return fmt::format(R"({{"phase":"{0}","seconds":{1}.{2:06},"share":{3}.{2}e-{3},"delta":-0.{2}}})", phase,
                     seconds, fraction, exponent);
}

std::string record(random& choose) {
  const script letters = choose.one_in(8) ? script::cjk : script::latin;
  std::string out = R"({"items":[)" + json(completion_item(choose, letters)) + R"(],"symbols":[)";
  out += symbol(choose);
  out += ',';
  out += symbol(choose);
  out += R"(],"timings":[)";
  out += timing(choose);
  out += ',';
  out += timing(choose);
  out += "]}";
  return out;
}

}  // namespace

message hover() {
  const lsp::hover_params params{.textDocument = {.uri = "file:///home/user/src/parse/numbers.cpp"},
                                 .position = {.line = 412, .character = 27}};
  return make("hover", R"({"jsonrpc":"2.0","id":17,"method":"textDocument/hover","params":)", json(params));
}

message completion(std::size_t size, script documentation) {
  random choose(40);
  lsp::completion_list list;
  for (std::size_t made = 0; made < size; made += json(list.items.back()).size() + 1)
    list.items.push_back(completion_item(choose, documentation));
  return make(documentation == script::cjk ? "completion_cjk" : "completion", reply_head(208), json(list));
}

message did_change(std::size_t size) {
  random choose(100);
  std::string text;
  // As JSON, most lines grow by the escapes of their line end and their tabs.
  for (std::size_t made = 0; made < size;) {
    const std::string line = source_line(choose);
    made += boost::json::serialize(boost::json::string_view(line)).size() - 2;
    text += line;
  }
  lsp::did_change_params params;
  params.textDocument = {.uri = file_uri(choose), .version = 93};
  params.contentChanges.push_back({.text = std::move(text)});
  return make("did_change", notification_head("textDocument/didChange"), json(params));
}

message semantic_tokens(std::size_t size) {
  random choose(500);
  lsp::semantic_tokens tokens{.resultId = "7", .data = {}};
  std::size_t made = 0;
  const auto add = [&](std::uint32_t number) {
    tokens.data.push_back(number);
    made += number < 10 ? 2 : number < 100 ? 3 : 4;
  };
  while (made < size) {
    const bool next_line = choose.one_in(5);
    add(next_line ? choose.between(1, choose.one_in(10) ? 30 : 2) : 0);
    add(choose.between(1, choose.one_in(8) ? 110 : 24));
    add(choose.between(1, 22));
    add(choose.below(23));
    add(choose.one_in(3) ? choose.below(512) : 0);
  }
  return make("semantic_tokens", reply_head(311), json(tokens));
}

message long_string(std::size_t size) {
  random choose(1);
  std::string text;
  while (text.size() < size) text += sentences(choose, script::latin) + ' ';
  text.resize(size);
  return make("long_string", notification_head("window/logMessage"),
              fmt::format(R"({{"type":4,"message":"{}"}})", text));
}

message document(std::size_t size) {
  constexpr std::string_view before_padding = R"(],"padding":")";
  constexpr std::string_view end = R"("}})";
  random choose(16);
  const std::string head = reply_head(5);
  std::string body = R"({"records":[)";
  for (;;) {
    const std::string next = record(choose);
    if (head.size() + body.size() + next.size() + before_padding.size() + end.size() > size) break;
    body += next;
    body += ',';
  }
  body.back() = ']';
  body += before_padding.substr(1);
  body.append(size - head.size() - body.size() - end.size(), '.');
  body += end.substr(0, end.size() - 1);
  const std::size_t kib = size / 1024;
  return make(kib < 1024 ? fmt::format("document_{}KiB", kib) : fmt::format("document_{}MiB", kib / 1024),
              head, body);
}

}  // namespace corpus
