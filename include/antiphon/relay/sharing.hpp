#pragma once

#include <antiphon/peer.hpp>
#include <antiphon/relay/target.hpp>
#include <antiphon/router.hpp>

#include <memory>
#include <string>

namespace antiphon::relay {

struct sharing_options {
  sharing_options() { server.overload = antiphon::overload::wait; }

  /// How what is sent to the server is held back. Of what clients tell it nothing should be dropped, or it
  /// has other documents than they have.
  target_options server;
  /// How what is sent to each client is held back.
  target_options client;
};

namespace detail {
class sharing_core;
}

/// A client's place at a shared server; leaving is its destructor.
class shared_client {
 public:
  shared_client() noexcept = default;
  shared_client(std::shared_ptr<detail::sharing_core> home, std::uint64_t number) noexcept;
  shared_client(shared_client&& other) noexcept;
  shared_client& operator=(shared_client&& other) noexcept;
  ~shared_client();
  void leave() noexcept;

 private:
  std::shared_ptr<detail::sharing_core> home_;
  std::uint64_t number_ = 0;
};

/// One language server (LSP 3.17) for several clients, each of which takes it for its own.
///
///     relay::shared_server shared("clangd");
///     antiphon::endpoint server(co_await antiphon::spawn(std::move(command)), shared.server_routes());
///     shared.server().attach(server);
///     antiphon::endpoint client(std::move(accepted), shared.client_routes());
///     const relay::shared_client place = shared.join(client);
///
/// - `initialize` is asked once, with the parameters of the first client; the others get the same answer, so
///   the server knows of the first one's capabilities only. `initialized` is sent once. `shutdown` is
///   answered here, and `exit` ends that client's connection, not the server.
/// - A document that several clients have open is open once at the server, with the text of the one that
///   opened it first, its owner. What others change in it doesn't reach the server; their requests are
///   answered for the owner's text. When the owner closes it, the next one becomes the owner and the server
///   is given that one's text.
/// - `publishDiagnostics`, and every notification about a document, goes to those that have it open, or to
///   all when nobody has. Who opens a document that is open already gets its last diagnostics.
/// - `$/progress` goes to the client whose token it names (tokens that two clients choose alike are told
///   apart), or to all. A progress that the server creates belongs to the client it was created at.
/// - A request of the server goes to the owner of the document that it is about, or to the first client.
/// - All else that the server says goes to all.
///
/// All run on one serial executor. The routes keep what they need alive.
class shared_server {
 public:
  explicit shared_server(std::string name, sharing_options options = sharing_options());
  shared_server(const shared_server&) = delete;
  shared_server& operator=(const shared_server&) = delete;
  /// As `end`.
  ~shared_server();

  /// To be attached when the server is up.
  target& server() noexcept;
  /// The server is gone, and with it what the clients had told it: as if it were each one's own, the
  /// connections of all clients are closed. Afterwards new ones may join, for a server that starts anew: what
  /// they ask waits for it where the target has been detached as `restarting`.
  void end(std::string reason);

  /// For the endpoint of the server.
  router server_routes() const;
  /// For the endpoint of each client.
  router client_routes() const;
  /// Before the client's endpoint runs.
  [[nodiscard]] shared_client join(antiphon::peer client);
  std::size_t clients() const noexcept;

 private:
  std::shared_ptr<detail::sharing_core> core_;
};

}  // namespace antiphon::relay
