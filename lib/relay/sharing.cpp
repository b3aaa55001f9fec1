#include "lib/params_member.hpp"
#include "lib/relay/passing_route.hpp"
#include "lib/relay/progress_tokens.hpp"
#include "lib/relay/shared_documents.hpp"
#include "lib/relay/shared_initialize.hpp"
#include "lib/relay/target_core.hpp"

#include <antiphon/relay/sharing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace antiphon::relay {

namespace detail {

namespace {

/// A string's content; empty when it is none.
std::string string_of(std::string_view json) {
  if (json.empty() || json.front() != '"') return {};
  const auto text = raw_json(json).try_decode<std::string>();
  return text ? *text : std::string();
}

/// The document that parameters are about; empty when they are about none.
std::string document_of(std::string_view params) {
  const std::string_view document = core::params_member(params, "textDocument");
  return string_of(core::params_member(document.empty() ? params : document, "uri"));
}

/// In what the server counts columns, as it has answered `initialize`.
column_unit unit_of(const std::optional<raw_json>& answer) {
  if (!answer) return column_unit::utf16;
  std::string_view name =
      core::params_member(core::params_member(answer->text(), "capabilities"), "positionEncoding");
  // As clangd had it before LSP 3.17.
  if (name.empty()) name = core::params_member(answer->text(), "offsetEncoding");
  if (name == R"("utf-8")") return column_unit::utf8;
  if (name == R"("utf-32")") return column_unit::utf32;
  return column_unit::utf16;
}

}  // namespace

class sharing_core : public std::enable_shared_from_this<sharing_core> {
 public:
  sharing_core(std::string name, sharing_options options)
      : options_(std::move(options)), server_(std::move(name), options_.server) {}

  target& server() noexcept { return server_; }
  std::size_t size() const noexcept { return clients_.size(); }

  std::uint64_t join(antiphon::peer through) {
    auto made = std::make_unique<client>(++joined_, options_.client);
    made->connection = connection_of(through).get();
    made->peer = through;
    made->back.attach(std::move(through));
    clients_.push_back(std::move(made));
    return joined_;
  }

  void leave(std::uint64_t number) noexcept {
    const auto at = std::find_if(clients_.begin(), clients_.end(),
                                 [number](const auto& one) { return one->number == number; });
    if (at == clients_.end()) return;
    const auto gone = std::move(*at);
    clients_.erase(at);
    tokens_.leave(number);
    initialize_.leave(number);
    gone->back.detach("it has left");
    try {
      for (const std::string& uri : documents_.of(number)) close_document(*gone, uri);
    } catch (const std::exception&) {  // no memory to tell the server
    }
  }

  void end(std::string reason) {
    const bool comes_again = server_.state() == target_state::starting;
    server_.detach(std::move(reason));
    if (comes_again) server_.starting();
    documents_.clear();
    tokens_.clear();
    initialize_.reset();
    told_initialized_ = false;
    const auto all = std::move(clients_);
    clients_.clear();
    for (const auto& one : all) {
      one->back.detach("the server has ended");
      one->peer.close();
    }
  }

  // ---- what clients send

  void request_of_client(core::record& call) {
    client* const who = client_of(call);
    core::connection& from = *call.connection_;
    const auto refuse = [&](rpc_errc code, std::string_view why) {
      from.fail_forwarded(call, static_cast<int>(code), why, {});
    };
    if (who == nullptr) return refuse(rpc_errc::server_not_initialized, "the client has not joined");
    if (who->shut_down) return refuse(rpc_errc::invalid_request, "shutting down");
    if (call.method() == "initialize") return initialize_.ask(who->number, call, *server_.core());
    if (!initialize_.done_for(who->number))
      return refuse(rpc_errc::server_not_initialized, "not initialized");
    if (call.method() == "shutdown") {
      who->shut_down = true;
      return from.answer_forwarded(call, false, slice(std::string_view("null")));
    }
    pass_with_tokens(*who, call);
  }

  void notification_of_client(core::record& call) {
    client* const who = client_of(call);
    if (who == nullptr) return;
    const std::string_view method = call.method();
    if (method == "exit") return who->peer.close(std::chrono::milliseconds(0));
    if (!initialize_.done_for(who->number)) return;
    if (method == "initialized") {
      if (std::exchange(told_initialized_, true)) return;
      documents_.count_columns_in(unit_of(initialize_.answer()));
      return tell_server(call);
    }
    if (method == "textDocument/didOpen") {
      const auto then = documents_.opened(who->number, call.params());
      if (then.pass_on) tell_server(call);
      if (then.has_diagnostics) {
        who->back.core()->pass_notification(*call.connection_, "textDocument/publishDiagnostics",
                                            {&then.diagnostics.bytes(), 1});
      }
    } else if (method == "textDocument/didChange") {
      if (documents_.changed(who->number, call.params()).pass_on) tell_server(call);
    } else if (method == "textDocument/didClose") {
      const std::string uri = document_of(call.params_.bytes());
      if (documents_.holders(uri) == nullptr) return tell_server(call);
      close_document(*who, uri);
    } else if (method == "window/workDoneProgress/cancel") {
      cancel_progress(*who, call);
    } else if (method.starts_with("textDocument/")) {
      if (documents_.owns(who->number, document_of(call.params_.bytes()))) tell_server(call);
    } else {
      tell_server(call);
    }
  }

  // ---- what the server sends

  void request_of_server(core::record& call) {
    client* to = owner_of(document_of(call.params_.bytes()));
    if (to == nullptr) to = first_client();
    if (to == nullptr) {
      return call.connection_->fail_forwarded(call, static_cast<int>(rpc_errc::request_failed),
                                              "no client is there", {});
    }
    if (call.method() == "window/workDoneProgress/create")
      tokens_.created(to->number, core::params_member(call.params_.bytes(), "token"));
    to->back.core()->pass_request(call, call.method(), {&call.params_, 1});
  }

  void notification_of_server(core::record& call) {
    const std::string_view params = call.params_.bytes();
    if (call.method() == "$/progress") {
      const std::string_view token = core::params_member(params, "token");
      const auto* const owner = tokens_.find(token);
      client* const to = owner == nullptr ? nullptr : client_number(owner->who);
      if (to == nullptr) return tell_all(call);
      const auto pieces = replaced(call.params_, token, owner->original);
      to->back.core()->pass_notification(*call.connection_, call.method(), pieces);
      tokens_.reported(token, params);
      return;
    }
    const std::string uri = document_of(params);
    if (call.method() == "textDocument/publishDiagnostics") documents_.keep_diagnostics(uri, call.params());
    const auto* holders = uri.empty() ? nullptr : documents_.holders(uri);
    if (holders == nullptr) return tell_all(call);
    for (const auto& one : *holders) {
      if (client* const to = client_number(one.who))
        to->back.core()->pass_notification(*call.connection_, call.method(), {&call.params_, 1});
    }
  }

 private:
  struct client {
    client(std::uint64_t n, const target_options& options) : number(n), back("client", options) {}
    std::uint64_t number;
    target back;
    antiphon::peer peer;
    const core::connection* connection = nullptr;
    bool shut_down = false;
  };
  /// Forgets the tokens of one request once that is answered.
  class watch final : public answer_tap {
   public:
    watch(sharing_core& home, std::vector<std::string> names)
        : answer_tap(false), home_(home), names_(std::move(names)) {}
    void answered(bool, const slice&) noexcept override { lost(); }
    void lost() noexcept override { home_.forget(*this); }
    const std::vector<std::string>& names() const noexcept { return names_; }

   private:
    sharing_core& home_;
    std::vector<std::string> names_;
  };

  client* client_of(const core::record& call) noexcept {
    for (const auto& one : clients_) {
      if (one->connection == call.connection_) return one.get();
    }
    return nullptr;
  }
  client* client_number(std::uint64_t number) noexcept {
    for (const auto& one : clients_) {
      if (one->number == number) return one.get();
    }
    return nullptr;
  }
  client* first_client() noexcept {
    for (const auto& one : clients_) {
      if (initialize_.done_for(one->number) && !one->shut_down) return one.get();
    }
    return clients_.empty() ? nullptr : clients_.front().get();
  }
  client* owner_of(std::string_view uri) noexcept {
    const auto* holders = uri.empty() ? nullptr : documents_.holders(uri);
    return holders == nullptr ? nullptr : client_number(holders->front().who);
  }

  void tell_server(core::record& call) {
    server_.core()->pass_notification(*call.connection_, call.method(), {&call.params_, 1});
  }
  void tell_all(core::record& call) {
    for (const auto& one : clients_) {
      if (initialize_.done_for(one->number))
        one->back.core()->pass_notification(*call.connection_, call.method(), {&call.params_, 1});
    }
  }
  void close_document(client& who, const std::string& uri) {
    const auto then = documents_.closed(who.number, uri);
    target_core& server = *server_.core();
    if (then.closes)
      server.tell("textDocument/didClose",
                  fmt::format(R"({{"textDocument":{{"uri":{}}}}})", json_string(uri)));
    if (!then.opens.empty()) server.tell("textDocument/didOpen", then.opens);
  }

  // ---- tokens

  void pass_with_tokens(client& who, core::record& call) {
    auto claimed = tokens_.claim(who.number, call.params_);
    if (claimed.names.empty()) return server_.core()->pass_request(call, call.method(), {&call.params_, 1});
    watches_.push_back(std::make_unique<watch>(*this, std::move(claimed.names)));
    server_.core()->pass_request(call, call.method(), claimed.params, watches_.back().get());
  }

  void forget(watch& one) noexcept {
    tokens_.forget(one.names());
    std::erase_if(watches_, [&one](const auto& kept) { return kept.get() == &one; });
  }

  void cancel_progress(client& who, core::record& call) {
    const std::string_view token = core::params_member(call.params_.bytes(), "token");
    const std::string name = tokens_.name_of(who.number, token);
    const auto pieces = replaced(call.params_, token, name);
    server_.core()->pass_notification(*call.connection_, call.method(), pieces);
  }

  sharing_options options_;
  target server_;
  std::vector<std::unique_ptr<client>> clients_;
  std::uint64_t joined_ = 0;
  shared_initialize initialize_;
  bool told_initialized_ = false;
  shared_documents documents_;
  progress_tokens tokens_;
  std::vector<std::unique_ptr<watch>> watches_;
};

namespace {

class client_side {
 public:
  explicit client_side(std::shared_ptr<sharing_core> home) : home_(std::move(home)) {}
  void request(core::record& call) { home_->request_of_client(call); }
  void notification(core::record& call) { home_->notification_of_client(call); }

 private:
  std::shared_ptr<sharing_core> home_;
};

class server_side {
 public:
  explicit server_side(std::shared_ptr<sharing_core> home) : home_(std::move(home)) {}
  void request(core::record& call) { home_->request_of_server(call); }
  void notification(core::record& call) { home_->notification_of_server(call); }

 private:
  std::shared_ptr<sharing_core> home_;
};

}  // namespace

}  // namespace detail

shared_client::shared_client(std::shared_ptr<detail::sharing_core> home, std::uint64_t number) noexcept
    : home_(std::move(home)), number_(number) {}
shared_client::shared_client(shared_client&& other) noexcept
    : home_(std::move(other.home_)), number_(other.number_) {}
shared_client& shared_client::operator=(shared_client&& other) noexcept {
  if (this != &other) {
    leave();
    home_ = std::move(other.home_);
    number_ = other.number_;
  }
  return *this;
}
shared_client::~shared_client() { leave(); }
void shared_client::leave() noexcept {
  if (home_ != nullptr) home_->leave(number_);
  home_ = nullptr;
}

shared_server::shared_server(std::string name, sharing_options options)
    : core_(std::make_shared<detail::sharing_core>(std::move(name), std::move(options))) {}
shared_server::~shared_server() { core_->end("it was removed"); }

target& shared_server::server() noexcept { return core_->server(); }
void shared_server::end(std::string reason) { core_->end(std::move(reason)); }
router shared_server::server_routes() const {
  return detail::pass_all_to(std::make_shared<detail::server_side>(core_));
}
router shared_server::client_routes() const {
  return detail::pass_all_to(std::make_shared<detail::client_side>(core_));
}
shared_client shared_server::join(antiphon::peer client) {
  const std::uint64_t number = core_->join(std::move(client));
  return shared_client(core_, number);
}
std::size_t shared_server::clients() const noexcept { return core_->size(); }

}  // namespace antiphon::relay
