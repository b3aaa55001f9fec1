#include "lib/params_member.hpp"
#include "lib/relay/passing_route.hpp"
#include "lib/relay/shared_documents.hpp"
#include "lib/relay/target_core.hpp"

#include <antiphon/relay/sharing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
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

/// A request for `initialize` that waits for the answer to another one.
class waiting_request final : public core::transit {
 public:
  explicit waiting_request(core::record& call) noexcept : call_(&call) {}
  void answered(bool, const slice&) noexcept override {}
  void failed(error_code) noexcept override {}
  void cancelled() noexcept override {}
  void caller_gone() noexcept override { call_ = nullptr; }
  /// Null: the caller is gone.
  core::record* call() const noexcept { return call_; }

 private:
  core::record* call_;
};

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
    std::erase_if(tokens_, [number](const auto& one) { return one.second.owner == number; });
    gone->back.detach("the client has left");
    try {
      for (const std::string& uri : documents_.of(number)) close_document(*gone, uri);
    } catch (const std::exception&) {  // no memory to tell the server
    }
  }

  void end(std::string reason) {
    server_.detach(std::move(reason));
    documents_.clear();
    tokens_.clear();
    stage_ = stage::fresh;
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
    if (call.method() == "initialize") return initialize(*who, call);
    if (!who->initialized) return refuse(rpc_errc::server_not_initialized, "not initialized");
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
    if (!who->initialized) return;
    if (method == "initialized") {
      if (!std::exchange(told_initialized_, true)) tell_server(call);
      return;
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
    if (call.method() == "window/workDoneProgress/create") {
      const std::string token(core::params_member(call.params_.bytes(), "token"));
      if (!token.empty()) tokens_[token] = {to->number, token};
    }
    to->back.core()->pass_request(call, call.method(), {&call.params_, 1});
  }

  void notification_of_server(core::record& call) {
    const std::string_view params = call.params_.bytes();
    if (call.method() == "$/progress") {
      const std::string_view token = core::params_member(params, "token");
      const auto found = tokens_.find(token);
      client* const to = found == tokens_.end() ? nullptr : client_number(found->second.owner);
      if (to == nullptr) return tell_all(call);
      const auto pieces = replaced(call.params_, token, found->second.original);
      to->back.core()->pass_notification(*call.connection_, call.method(), pieces);
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
    bool asked = false;  // for `initialize`
    bool initialized = false;
    bool shut_down = false;
  };
  enum class stage { fresh, asked, answered };
  struct waiter {
    std::uint64_t number = 0;
    std::unique_ptr<waiting_request> request;
  };
  struct token_owner {
    std::uint64_t owner = 0;
    std::string original;  // as JSON
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
  /// Takes the answer to `initialize` for all.
  class first_answer final : public answer_tap {
   public:
    explicit first_answer(sharing_core& home) noexcept : answer_tap(true), home_(home) {}
    void answered(bool is_error, const slice& value) noexcept override {
      home_.initialize_answered(is_error, value);
    }
    void lost() noexcept override { home_.initialize_lost(); }

   private:
    sharing_core& home_;
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
      if (one->initialized && !one->shut_down) return one.get();
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
      if (one->initialized)
        one->back.core()->pass_notification(*call.connection_, call.method(), {&call.params_, 1});
    }
  }
  void close_document(client& who, const std::string& uri) {
    const auto then = documents_.closed(who.number, uri);
    const auto tell = [&](std::string_view method, const std::string& params) {
      const slice text{std::string_view(params)};
      // The connection is one that can keep it in memory; any will do.
      if (const auto& through = server_.core()->through())
        server_.core()->pass_notification(*through, method, {&text, 1});
    };
    if (then.closes)
      tell("textDocument/didClose", fmt::format(R"({{"textDocument":{{"uri":{}}}}})", quoted(uri)));
    if (!then.opens.empty()) tell("textDocument/didOpen", then.opens);
  }

  // ---- initialize

  void initialize(client& who, core::record& call) {
    core::connection& from = *call.connection_;
    if (who.initialized || std::exchange(who.asked, true))
      return from.fail_forwarded(call, static_cast<int>(rpc_errc::invalid_request), "initialized already",
                                 {});
    if (stage_ == stage::answered) {
      who.initialized = true;
      return from.answer_forwarded(call, false, answer_.bytes());
    }
    if (stage_ == stage::asked) {
      waiting_.push_back({who.number, std::make_unique<waiting_request>(call)});
      return from.leave_to(call, *waiting_.back().request);
    }
    stage_ = stage::asked;
    asking_ = who.number;
    server_.core()->pass_request(call, "initialize", {&call.params_, 1}, &first_answer_);
  }

  void initialize_answered(bool is_error, const slice& value) noexcept {
    stage_ = is_error ? stage::fresh : stage::answered;
    if (!is_error) {
      try {
        answer_ = raw_json(value).keep();
      } catch (const std::bad_alloc&) {
        stage_ = stage::fresh;
      }
    }
    const auto initialized = [&](std::uint64_t number) {
      client* const who = client_number(number);
      if (who == nullptr) return;
      who->initialized = !is_error;
      who->asked = !is_error;
    };
    initialized(asking_);
    for (const auto& one : std::exchange(waiting_, {})) {
      initialized(one.number);
      if (core::record* const call = one.request->call())
        call->connection_->answer_forwarded(*call, is_error, value);
    }
  }

  void initialize_lost() noexcept {
    stage_ = stage::fresh;
    for (const auto& one : clients_) one->asked = one->initialized;
    for (const auto& one : std::exchange(waiting_, {})) {
      if (core::record* const call = one.request->call()) {
        call->connection_->fail_forwarded(*call, static_cast<int>(relay_errc::target_down),
                                          "the server is down", {});
      }
    }
  }

  // ---- tokens

  /// `params` with the piece `what` of it, one of its values, replaced.
  static std::array<slice, 3> replaced(const slice& params, std::string_view what, std::string_view by) {
    const std::string_view all = params.bytes();
    const auto begin = static_cast<std::size_t>(what.data() - all.data());
    if (what == by) return {params, slice(), slice()};
    return {params.part(all.substr(0, begin)), slice(by), params.part(all.substr(begin + what.size()))};
  }

  void pass_with_tokens(client& who, core::record& call) {
    const std::string_view params = call.params_.bytes();
    // A token may have to be replaced where it stands, so the places are gone through in their order.
    std::array<std::string_view, 2> found = {core::params_member(params, "workDoneToken"),
                                             core::params_member(params, "partialResultToken")};
    if (!core::is_id_text(found[0])) found[0] = {};
    if (!core::is_id_text(found[1])) found[1] = {};
    if (found[0].empty() && found[1].empty())
      return server_.core()->pass_request(call, call.method(), {&call.params_, 1});
    if (found[0].empty() || (!found[1].empty() && found[1].data() < found[0].data()))
      std::swap(found[0], found[1]);

    std::array<std::string, 2> names;
    std::vector<slice> pieces;
    std::vector<std::string> watched;
    std::size_t done = 0;
    for (std::size_t i = 0; i < found.size() && !found[i].empty(); ++i) {
      names[i] = found[i];
      const auto taken = tokens_.find(found[i]);
      if (taken != tokens_.end() && taken->second.owner != who.number) {
        names[i] = fmt::format(R"("antiphon/{}")", ++renamed_);
        const auto begin = static_cast<std::size_t>(found[i].data() - params.data());
        pieces.push_back(call.params_.part(params.substr(done, begin - done)));
        pieces.push_back(slice(std::string_view(names[i])));
        done = begin + found[i].size();
      }
      tokens_[names[i]] = {who.number, std::string(found[i])};
      watched.push_back(names[i]);
    }
    pieces.push_back(call.params_.part(params.substr(done)));
    watches_.push_back(std::make_unique<watch>(*this, std::move(watched)));
    server_.core()->pass_request(call, call.method(), pieces, watches_.back().get());
  }

  void forget(watch& one) noexcept {
    for (const std::string& name : one.names()) tokens_.erase(name);
    std::erase_if(watches_, [&one](const auto& kept) { return kept.get() == &one; });
  }

  void cancel_progress(client& who, core::record& call) {
    const std::string_view token = core::params_member(call.params_.bytes(), "token");
    std::string name(token);
    for (const auto& [there, known] : tokens_) {
      if (known.owner == who.number && known.original == token) name = there;
    }
    const auto pieces = replaced(call.params_, token, name);
    server_.core()->pass_notification(*call.connection_, call.method(), pieces);
  }

  sharing_options options_;
  target server_;
  std::vector<std::unique_ptr<client>> clients_;
  std::uint64_t joined_ = 0;
  stage stage_ = stage::fresh;
  raw_json answer_;
  std::uint64_t asking_ = 0;
  first_answer first_answer_{*this};
  std::vector<waiter> waiting_;
  bool told_initialized_ = false;
  shared_documents documents_;
  std::map<std::string, token_owner, std::less<>> tokens_;
  std::uint64_t renamed_ = 0;
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
