#include "lib/relay/shared_documents.hpp"

#include "lib/relay/target_core.hpp"

#include <antiphon/streaming/decode.hpp>

#include <boost/describe/class.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace antiphon::relay::detail {

namespace lsp {

// Of the LSP's types, what is needed here.
struct position {
  std::uint32_t line = 0;
  std::uint32_t character = 0;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))
struct range {
  position start;
  position end;
};
BOOST_DESCRIBE_STRUCT(range, (), (start, end))
struct change {
  std::optional<lsp::range> range;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(change, (), (range, text))
struct document_text {
  std::string uri;
  std::string languageId;
  std::int64_t version = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(document_text, (), (uri, languageId, version, text))
struct open_params {
  document_text textDocument;
};
BOOST_DESCRIBE_STRUCT(open_params, (), (textDocument))
struct versioned_document {
  std::string uri;
  std::optional<std::int64_t> version;
};
BOOST_DESCRIBE_STRUCT(versioned_document, (), (uri, version))
struct change_params {
  versioned_document textDocument;
  std::vector<change> contentChanges;
};
BOOST_DESCRIBE_STRUCT(change_params, (), (textDocument, contentChanges))

}  // namespace lsp

namespace {

std::uint32_t columns_of(std::size_t bytes, column_unit unit) noexcept {
  switch (unit) {
    case column_unit::utf8: return static_cast<std::uint32_t>(bytes);
    case column_unit::utf16: return bytes == 4 ? 2 : 1;
    case column_unit::utf32: return 1;
  }
  return 1;
}

// Lines end with LF, CR LF or CR (LSP 3.17, "Position").
std::size_t offset_of(std::string_view text, lsp::position where, column_unit unit) {
  std::size_t at = 0;
  for (std::uint32_t line = 0; line < where.line; ++line) {
    at = text.find_first_of("\r\n", at);
    if (at == std::string_view::npos) return text.size();
    at += text.substr(at, 2) == "\r\n" ? 2 : 1;
  }
  for (std::uint32_t units = 0; units < where.character && at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead == '\r' || lead == '\n') break;
    const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    units += columns_of(bytes, unit);
    at = std::min(at + bytes, text.size());
  }
  return at;
}

void apply(std::string& text, const lsp::change& what, column_unit unit) {
  if (!what.range) {
    text = what.text;
    return;
  }
  const std::size_t begin = offset_of(text, what.range->start, unit);
  const std::size_t end = std::max(begin, offset_of(text, what.range->end, unit));
  text.replace(begin, end - begin, what.text);
}

auto find_holder(auto& holders, shared_documents::client who) {
  return std::find_if(holders.begin(), holders.end(), [who](const auto& one) { return one.who == who; });
}

}  // namespace

shared_documents::outcome shared_documents::opened(client who, const raw_json& params) {
  outcome then;
  auto said = params.try_decode<lsp::open_params>();
  if (!said) {
    then.pass_on = true;  // the server will say what is wrong with it
    return then;
  }
  auto& text = said->textDocument;
  document& what = documents_[text.uri];
  then.pass_on = what.holders.empty();
  if (what.diagnostics && !then.pass_on) {
    then.diagnostics = *what.diagnostics;
    then.has_diagnostics = true;
  }
  const auto there = find_holder(what.holders, who);
  holder& made = there != what.holders.end() ? *there : what.holders.emplace_back();
  made = {who, std::move(text.languageId), text.version, std::move(text.text)};
  return then;
}

shared_documents::outcome shared_documents::changed(client who, const raw_json& params) {
  outcome then;
  const auto said = params.try_decode<lsp::change_params>();
  const auto found = said ? documents_.find(said->textDocument.uri) : documents_.end();
  if (found == documents_.end()) {
    then.pass_on = true;
    return then;
  }
  auto& holders = found->second.holders;
  const auto mine = find_holder(holders, who);
  if (mine == holders.end()) return then;
  then.pass_on = mine == holders.begin();
  for (const lsp::change& one : said->contentChanges) apply(mine->text, one, unit_);
  if (said->textDocument.version) mine->version = *said->textDocument.version;
  return then;
}

shared_documents::outcome shared_documents::closed(client who, std::string_view uri) {
  outcome then;
  const auto found = documents_.find(uri);
  if (found == documents_.end()) {
    then.pass_on = true;
    return then;
  }
  auto& holders = found->second.holders;
  const auto mine = find_holder(holders, who);
  if (mine == holders.end()) return then;
  then.closes = mine == holders.begin();
  holders.erase(mine);
  if (holders.empty()) {
    documents_.erase(found);
  } else if (then.closes) {
    const holder& next = holders.front();
    then.opens =
        fmt::format(R"({{"textDocument":{{"uri":{},"languageId":{},"version":{},"text":{}}}}})",
                    json_string(uri), json_string(next.language), next.version, json_string(next.text));
  }
  return then;
}

std::vector<std::string> shared_documents::of(client who) const {
  std::vector<std::string> uris;
  for (const auto& [uri, what] : documents_) {
    if (find_holder(what.holders, who) != what.holders.end()) uris.push_back(uri);
  }
  return uris;
}

bool shared_documents::owns(client who, std::string_view uri) const {
  const auto* all = holders(uri);
  return all == nullptr || all->front().who == who;
}

const std::vector<shared_documents::holder>* shared_documents::holders(std::string_view uri) const {
  const auto found = documents_.find(uri);
  return found == documents_.end() ? nullptr : &found->second.holders;
}

void shared_documents::keep_diagnostics(std::string_view uri, const raw_json& params) {
  const auto found = documents_.find(uri);
  if (found != documents_.end()) found->second.diagnostics = params.keep();
}

}  // namespace antiphon::relay::detail
