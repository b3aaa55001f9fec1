#pragma once

#include <antiphon/batch.hpp>
#include <antiphon/peer.hpp>
#include <antiphon/streaming/limits.hpp>

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace stream {

/// Results on their way out. While a batch of them is being written, the next one grows, so that one write
/// takes as many as there are. On the endpoint's executor.
class outlet {
 public:
  explicit outlet(const boost::asio::any_io_executor& executor) : room_(executor) {}

  /// Whether more waits than should: `send` then takes its time.
  bool full() const noexcept { return waiting_bytes_ > most_bytes || waiting_ >= most_results; }
  void put(const antiphon::peer& to, std::string_view params);
  /// Whether there is something and nobody who writes it.
  bool wants_sender() const noexcept { return !sending_ && waiting_ > 0; }
  /// Writes all there is, and all that comes meanwhile.
  boost::asio::awaitable<void> send();
  /// Completes when it isn't full any more.
  boost::asio::awaitable<void> room();

 private:
  static constexpr std::size_t most_bytes = 1024 * 1024;
  // Peers refuse long batches whole (`limits::batch_members`), and the message that fills it may have
  // several.
  static constexpr std::size_t most_results = antiphon::limits().batch_members / 2;

  std::optional<antiphon::batch> next_;
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
  bool sending_ = false;
  boost::asio::steady_timer room_;
};

}  // namespace stream
