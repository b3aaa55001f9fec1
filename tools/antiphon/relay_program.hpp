#pragma once

#include "tools/antiphon/relay_config.hpp"

#include <antiphon/endpoint.hpp>
#include <antiphon/relay/broker.hpp>
#include <antiphon/relay/sharing.hpp>
#include <antiphon/relay/supervisor.hpp>
#include <antiphon/relay/topics.hpp>
#include <antiphon/transport/listener.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace antiphon_command {

namespace asio = boost::asio;

/// A line on standard error that says who says it.
void say(std::string_view what);

/// A relay that runs: its processes, its clients, and the file that it was made from.
class relay_program : public std::enable_shared_from_this<relay_program> {
 public:
  /// @param path of the configuration's file, which SIGHUP reads again
  relay_program(asio::any_io_executor executor, relay_config config, std::string path);

  /// Serves until it is cancelled, or its client on standard input has ended; then everything is brought to
  /// an end in order.
  /// @throws boost::system::system_error when there is no listening where it should
  asio::awaitable<void> run();

 private:
  struct place {
    const listen_config* config;
    std::shared_ptr<const antiphon::endpoint_options> options;
    antiphon::listener at;
  };

  asio::awaitable<void> open_places();
  void add(const target_config& target);
  antiphon::relay::process_options options_of(const target_config& target);
  asio::awaitable<void> accept(std::size_t place);
  asio::awaitable<void> serve_stdio(std::shared_ptr<const antiphon::endpoint_options> options);
  asio::awaitable<void> serve_client(antiphon::transport_ptr over,
                                     std::shared_ptr<const antiphon::endpoint_options> options);
  antiphon::router client_routes();
  asio::awaitable<void> reload_on_signal();
  asio::awaitable<void> reload();
  asio::awaitable<void> apply(relay_config next);
  asio::awaitable<void> drop(std::string name);
  asio::awaitable<void> wait_until_stopped();
  asio::awaitable<void> shut_down();
  void stop();
  void stdio_ended();

  asio::any_io_executor executor_;
  relay_config config_;
  std::string path_;
  antiphon::relay::broker hub_;
  std::optional<antiphon::relay::shared_server> shared_;  // in place of the broker
  antiphon::relay::topics topics_;
  std::list<antiphon::peer> clients_;
  std::vector<place> places_;
  asio::signal_set hang_up_;
  asio::steady_timer stopped_;     // cancelled when it is time to end
  asio::steady_timer no_clients_;  // cancelled when there are none any more
  bool stopping_ = false;
  bool ends_with_the_last_ = false;     // of its clients
  antiphon::relay::supervisor keeper_;  // before what its processes are attached to
};

}  // namespace antiphon_command
