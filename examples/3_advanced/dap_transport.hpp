#pragma once

#include <antiphon/antiphon.hpp>
#include <antiphon/streaming/frame_decoder.hpp>

#include <algorithm>
#include <map>

/// What a message of DAP may have.
struct dap_message {
  std::int64_t seq = 0;
  std::string type;
  std::optional<std::string> command;           // requests and responses
  std::optional<antiphon::raw_json> arguments;  // requests
  std::optional<std::int64_t> request_seq;      // responses, as the next two
  std::optional<bool> success;
  std::optional<std::string> message;
  std::optional<std::string> event;        // events
  std::optional<antiphon::raw_json> body;  // responses and events
};
BOOST_DESCRIBE_STRUCT(dap_message, (),
                      (seq, type, command, arguments, request_seq, success, message, event, body))

struct dap_cancel {
  std::optional<std::int64_t> requestId;
};
BOOST_DESCRIBE_STRUCT(dap_cancel, (), (requestId))

/// And what one of JSON-RPC may have.
struct rpc_problem {
  int code = 0;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(rpc_problem, (), (code, message))
struct rpc_message {
  std::string jsonrpc = "2.0";
  std::optional<std::int64_t> id;
  std::optional<std::string> method;
  std::optional<antiphon::raw_json> params;
  std::optional<antiphon::raw_json> result;
  std::optional<rpc_problem> error;
};
BOOST_DESCRIBE_STRUCT(rpc_message, (), (jsonrpc, id, method, params, result, error))

/// The envelope of the Debug Adapter Protocol around JSON-RPC: a transport that translates what goes through.
///
///     {"seq":3,"type":"request","command":C,"arguments":A}       a request 3 of the method C
///     {"seq":7,"type":"response","request_seq":3,"success":true,"command":C,"body":R}       its result R
///     {"seq":8,"type":"event","event":E,"body":B}                a notification of E
///
/// Both sides have Content-Length framing, so an endpoint over it needs no options. Its handlers are named
/// after DAP's commands, its notifications become events, its calls are "reverse requests", `rpc_error` is a
/// response without success. DAP's `cancel` becomes `$/cancelRequest` and is handed on besides, to be
/// answered. What isn't DAP ends the connection, since DAP has no answer to it.
class dap_transport final : public antiphon::transport {
 public:
  explicit dap_transport(antiphon::transport_ptr over)
      : over_(std::move(over)),
        heard_(antiphon::content_length_framing::make({}), {}, *over_),
        said_(antiphon::content_length_framing::make({}), {}, *over_) {}

  antiphon::buffer acquire(std::size_t at_least) override { return over_->acquire(at_least); }

  antiphon::asio::awaitable<std::size_t> receive_into(antiphon::buffer& into) override {
    while (unread_.empty()) {
      const auto& next = heard_.next();
      if (next.status == status::frame) {
        hear(next.frame);
        continue;
      }
      if (next.status == status::failed) throw boost::system::system_error(next.error, "DAP");
      auto reading = over_->receive_into(heard_.prepare());
      const std::size_t count = co_await std::move(reading);
      if (count != 0) continue;
      const auto& last = heard_.finish();
      if (last.status == status::failed) throw boost::system::system_error(last.error, "DAP");
      co_return 0;
    }
    const auto rest = std::string_view(unread_).substr(received_);
    const std::size_t count = std::min(rest.size(), into.space().size());
    std::copy_n(rest.begin(), count, into.space().begin());
    into.commit(count);
    received_ += count;
    if (received_ == unread_.size()) {
      unread_.clear();
      received_ = 0;
    }
    co_return count;
  }

  antiphon::asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    antiphon::output_chain out(*over_);
    for (auto part : parts) {
      while (!part.empty()) {
        auto& into = said_.prepare();
        const std::size_t count = std::min(part.size(), into.space().size());
        std::copy_n(part.begin(), count, into.space().begin());
        into.commit(count);
        part.remove_prefix(count);
        for (auto next = said_.next(); next.status == status::frame; next = said_.next()) {
          antiphon::frame_messages messages(next.frame);
          while (const auto message = messages.next()) say(antiphon::message_view::parse(*message), out);
        }
      }
    }
    std::vector<antiphon::slice> slices;
    out.take(slices);
    std::vector<std::string_view> texts;
    for (const auto& one : slices) texts.push_back(one.bytes());
    auto sending = over_->send(texts);
    co_await std::move(sending);
  }

  bool shutdown_send() noexcept override { return over_->shutdown_send(); }
  antiphon::asio::awaitable<antiphon::hang_up> wait_hang_up(bool input_has_ended) override {
    return over_->wait_hang_up(input_has_ended);
  }
  void close() noexcept override { over_->close(); }
  executor_type get_executor() override { return over_->get_executor(); }

 private:
  using status = antiphon::framing::status;

  /// A message of the client's, for the endpoint to read.
  void hear(std::string_view text) {
    const auto heard = antiphon::raw_json(text).decode<dap_message>();
    rpc_message told;
    if (heard.type == "request" && heard.command) {
      if (*heard.command == "cancel") hear_cancel(heard);
      commands_.insert_or_assign(heard.seq, *heard.command);
      told.id = heard.seq;
      told.method = heard.command;
      told.params = heard.arguments;
    } else if (heard.type == "response" && heard.request_seq) {
      const auto asked = asked_.extract(*heard.request_seq);
      if (asked.empty()) return;  // for nothing, or twice
      told.id = asked.mapped();
      if (heard.success.value_or(false)) {
        told.result = heard.body.value_or(antiphon::raw_json());
      } else {
        told.error.emplace();
        told.error->code = static_cast<int>(antiphon::rpc_errc::request_failed);
        told.error->message = heard.message.value_or("failed");
      }
    } else {
      throw boost::system::system_error(antiphon::errc::wrong_type, "DAP: no request and no response");
    }
    pass_on(told);
  }

  void hear_cancel(const dap_message& heard) {
    if (!heard.arguments) return;
    const auto which = heard.arguments->try_decode<dap_cancel>();
    if (!which || !which->requestId) return;
    const std::string params = "{\"id\":" + std::to_string(*which->requestId) + "}";
    rpc_message told;
    told.method = "$/cancelRequest";
    told.params = antiphon::raw_json(std::string_view(params));
    pass_on(told);
  }

  void pass_on(const rpc_message& told) {
    antiphon::output_chain out(*over_);
    write(out, told);
    std::vector<antiphon::slice> slices;
    out.take(slices);
    for (const auto& one : slices) unread_ += one.bytes();
  }

  /// A message of the endpoint's, for the client.
  void say(const antiphon::message_view& said, antiphon::output_chain& out) {
    using kind = antiphon::message_kind;
    dap_message told;
    told.seq = last_seq_ + 1;
    if (said.kind() == kind::notification) {
      if (said.method() == "$/cancelRequest") return;  // an adapter can't cancel
      told.type = "event";
      told.event = said.method();
      if (!said.params_text().empty()) told.body = said.params();
    } else {
      const auto id = antiphon::raw_json(said.id_text()).try_decode<std::int64_t>();
      if (!id) return;  // the answer to what was no message
      if (said.kind() == kind::request) {
        asked_.emplace(told.seq, *id);
        told.type = "request";
        told.command = said.method();
        if (!said.params_text().empty()) told.arguments = said.params();
      } else {
        const auto command = commands_.extract(*id);
        told.type = "response";
        told.request_seq = *id;
        told.command = command.empty() ? "" : command.mapped();
        told.success = said.kind() == kind::response;
        if (*told.success) {
          if (said.result_text() != "null") told.body = said.result();
        } else {
          told.message = said.error().decode<rpc_problem>().message;
        }
      }
    }
    write(out, told);
    ++last_seq_;
  }

  template <class Message>
  void write(antiphon::output_chain& out, const Message& message) {
    out.begin_frame(said_.rules());
    antiphon::encode(out, message);
    out.end_frame(said_.rules());
  }

  antiphon::transport_ptr over_;
  antiphon::frame_decoder heard_, said_;  // from the client, and from the endpoint
  std::string unread_;                    // for the endpoint
  std::size_t received_ = 0;              // and how much of it it has
  std::int64_t last_seq_ = 0;
  std::map<std::int64_t, std::string> commands_;  // of the client's requests that aren't answered, by seq
  std::map<std::int64_t, std::int64_t> asked_;    // ids of our own, by seq
};
