// A transport of one's own: JSON-RPC, one message a line, over a serial line or any other terminal device.
//
//     antiphon-custom-transport /dev/ttyUSB0

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <fcntl.h>
#include <termios.h>

#include <cerrno>
#include <vector>

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

class serial_line final : public antiphon::transport {
 public:
  explicit serial_line(asio::posix::stream_descriptor line) : line_(std::move(line)) {}

  antiphon::buffer acquire(std::size_t at_least) override { return buffers_->acquire(at_least); }

  asio::awaitable<std::size_t> receive_into(antiphon::buffer& into) override {
    const auto space = asio::buffer(into.space().data(), into.space().size());
    error_code ec;
    auto reading = line_.async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
    const std::size_t count = co_await std::move(reading);
    // A terminal whose other side has gone says EIO.
    if (ec == asio::error::eof || ec == boost::system::errc::io_error) co_return 0;
    if (ec) throw system_error(closed_ ? asio::error::operation_aborted : ec, "serial line");
    into.commit(count);
    co_return count;
  }

  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    std::vector<asio::const_buffer> gathered;
    for (const auto part : parts) gathered.emplace_back(part.data(), part.size());
    error_code ec;
    auto writing = asio::async_write(line_, gathered, asio::redirect_error(asio::use_awaitable, ec));
    co_await std::move(writing);
    if (ec) throw system_error(closed_ ? asio::error::operation_aborted : ec, "serial line");
  }

  void close() noexcept override {
    closed_ = true;
    error_code ignored;
    line_.close(ignored);
  }

  executor_type get_executor() override { return line_.get_executor(); }

 private:
  asio::posix::stream_descriptor line_;
  std::shared_ptr<antiphon::buffer_source> buffers_ = antiphon::shared_buffer_pool();
  bool closed_ = false;
};

// Bytes as they are: no echo, no line editing.
asio::posix::stream_descriptor open_line(const asio::any_io_executor& executor, const char* device) {
  const auto fail = [device] { throw system_error(errno, boost::system::system_category(), device); };
  const int fd = ::open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) fail();
  asio::posix::stream_descriptor line(executor, fd);
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) fail();
  ::cfmakeraw(&settings);
  if (::tcsetattr(fd, TCSANOW, &settings) != 0) fail();
  return line;
}

asio::awaitable<antiphon::ended> serve(const char* device) {
  const auto executor = co_await asio::this_coro::executor;
  auto line = open_line(executor, device);
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; }, {"a", "b"});
  routes.on_request("echo", [](antiphon::raw_json params) { return params; });
  antiphon::endpoint_options options;
  options.framing = antiphon::line_framing::make;
  antiphon::endpoint peer(std::make_unique<serial_line>(std::move(line)), std::move(routes), options);
  co_return co_await peer.run();
}

int main(int argc, char** argv) {
  if (argc != 2) {
    antiphon::write_to_stderr("usage: antiphon-custom-transport DEVICE\n");
    return 2;
  }
  return antiphon::run_main(serve(argv[1]));
}
