#include "server.hpp"

#include "diagnostics.hpp"
#include "document_store.hpp"
#include "formatter.hpp"
#include "hover.hpp"
#include "outline.hpp"
#include "protocol.hpp"

#include <antiphon/rpc_error.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace json_ls {

namespace asio = boost::asio;

namespace {

initialize_result introduce(const antiphon::raw_json&) {
  initialize_result self;
  self.serverInfo.name = "antiphon-json-language-server";
  self.serverInfo.version = JSON_LS_VERSION;
  return self;
}

/// What the handlers of one connection share.
class session {
 public:
  asio::awaitable<void> open(antiphon::call_context& call, did_open_params params) {
    text_document_item& item = params.textDocument;
    const open_document& document = documents_.put(item.uri, std::move(item.text), item.version);
    auto published = publish(call, item.uri, &document);
    co_await std::move(published);
  }

  asio::awaitable<void> change(antiphon::call_context& call, did_change_params params) {
    const versioned_text_document_identifier& changed = params.textDocument;
    const bool known = documents_.find(changed.uri) != nullptr;
    if (!known || params.contentChanges.empty()) co_return;
    // Each change is a whole text, so only the last one counts.
    std::string& text = params.contentChanges.back().text;
    const open_document& document = documents_.put(changed.uri, std::move(text), changed.version);
    auto published = publish(call, changed.uri, &document);
    co_await std::move(published);
  }

  asio::awaitable<void> close(antiphon::call_context& call, did_close_params params) {
    documents_.close(params.textDocument.uri);
    auto published = publish(call, params.textDocument.uri, nullptr);
    co_await std::move(published);
  }

  std::vector<document_symbol> symbols(const document_symbol_params& params) const {
    const open_document& document = find(params.textDocument);
    return outline(document.text, document.tree);
  }

  std::optional<hover> look(const hover_params& params) const {
    const open_document& document = find(params.textDocument);
    return hover_at(document.text, document.tree, params.position);
  }

  std::optional<std::vector<text_edit>> format(const document_formatting_params& params) const {
    const open_document& document = find(params.textDocument);
    return format_document(document.text, document.tree, params.options);
  }

 private:
  const open_document& find(const text_document_identifier& wanted) const {
    const open_document* found = documents_.find(wanted.uri);
    if (found != nullptr) return *found;
    throw antiphon::rpc_error(antiphon::rpc_errc::invalid_params, "document is not open: " + wanted.uri);
  }

  // A document that was closed has no problems any more.
  static asio::awaitable<void> publish(antiphon::call_context& call, const std::string& uri,
                                       const open_document* document) {
    publish_diagnostics_params params;
    params.uri = uri;
    if (document != nullptr) {
      params.version = document->version;
      params.diagnostics = diagnostics(document->text, document->tree);
    }
    return call.notify("textDocument/publishDiagnostics", params);
  }

  document_store documents_;
};

}  // namespace

antiphon::router make_routes(antiphon::lsp::lifecycle& life) {
  antiphon::router routes;
  auto state = std::make_shared<session>();

  routes.on_request("initialize", introduce);
  routes.on_notification("initialized", [](const antiphon::raw_json&) {});
  routes.on_notification("textDocument/didOpen",
                         [state](antiphon::call_context& call, did_open_params params) {
                           return state->open(call, std::move(params));
                         });
  routes.on_notification("textDocument/didChange",
                         [state](antiphon::call_context& call, did_change_params params) {
                           return state->change(call, std::move(params));
                         });
  routes.on_notification("textDocument/didClose",
                         [state](antiphon::call_context& call, did_close_params params) {
                           return state->close(call, std::move(params));
                         });
  routes.on_request("textDocument/documentSymbol",
                    [state](const document_symbol_params& params) { return state->symbols(params); });
  routes.on_request("textDocument/hover",
                    [state](const hover_params& params) { return state->look(params); });
  routes.on_request("textDocument/formatting",
                    [state](const document_formatting_params& params) { return state->format(params); });
  life.attach(routes);
  return routes;
}

}  // namespace json_ls
