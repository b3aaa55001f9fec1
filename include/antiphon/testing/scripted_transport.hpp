#pragma once

#include <antiphon/error.hpp>
#include <antiphon/transport/transport.hpp>

#include <boost/asio/error.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::testing {

/// What can be made to fail in a scripted transport.
enum class operation : std::uint8_t { acquire, receive, send };

/// What the peer of a `scripted_transport` does, and what it has been told.
///
///     auto peer = std::make_shared<antiphon::testing::script>();
///     peer->says("...").pauses(10ms).says("...").ends();
///     antiphon::endpoint server(antiphon::testing::make_scripted_transport(executor, peer), routes());
///
/// The steps are taken one after the other, each by a receive; more may be added at any time, on the
/// transport's executor. Behind the last one the peer is silent.
class script {
 public:
  script();
  ~script();
  script(const script&) = delete;
  script& operator=(const script&) = delete;

  /// These bytes come in, in one read where the buffer has room for them.
  script& says(std::string bytes);
  /// They come in so many at a time, one read each.
  script& says_in_pieces(std::string_view bytes, std::size_t piece);
  /// What follows comes so much later than what was before it.
  script& pauses(std::chrono::milliseconds time);
  /// What follows comes once this has been sent to the peer, anywhere in its bytes; each such step looks
  /// behind what the one before it has found.
  script& hears(std::string text);
  /// The end of the input.
  script& ends();
  /// The connection breaks: receiving fails with this.
  script& breaks(error_code with = boost::asio::error::connection_reset);
  /// The nth operation of its kind, from 1 on, fails with this before it does anything; an acquire that is
  /// out of memory (`not_enough_memory`) throws std::bad_alloc. What fails doesn't use up a step.
  script& fails(operation what, std::size_t nth, error_code with);
  /// Sends let this many other turns of the executor pass for each part of at most so many bytes. 0 bytes,
  /// the default: all at once.
  script& listens_slowly(std::size_t bytes, unsigned turns = 1);

  /// Everything that was sent.
  const std::string& sent() const noexcept { return sent_; }
  /// What each send sent.
  const std::vector<std::string>& sends() const noexcept { return sends_; }
  /// How many operations of a kind there were, failed ones included.
  std::size_t count(operation what) const noexcept { return counts_[static_cast<std::size_t>(what)]; }
  /// Nothing more will come or be said: the transport closed.
  bool closed() const noexcept { return closed_; }
  /// `shutdown_send` was called, or `close`.
  bool has_heard_the_end() const noexcept { return heard_end_; }

 private:
  friend class scripted_transport;
  struct step;
  struct failure {
    operation what;
    std::size_t nth;
    error_code with;
  };

  script& add(step next);
  void begin(operation what);
  bool heard(const std::string& text);

  std::deque<step> steps_;
  std::vector<failure> failures_;
  std::array<std::size_t, 3> counts_{};
  std::size_t most_sent_ = 0;
  unsigned turns_ = 0;
  std::string sent_;
  std::vector<std::string> sends_;
  std::size_t heard_ = 0;
  bool closed_ = false;
  bool heard_end_ = false;
  std::weak_ptr<struct alarm> waker_;
};

/// A transport whose other side follows a script. One for each script. Its memory comes from the program's
/// shared pool.
transport_ptr make_scripted_transport(asio::any_io_executor executor, std::shared_ptr<script> peer);

}  // namespace antiphon::testing
