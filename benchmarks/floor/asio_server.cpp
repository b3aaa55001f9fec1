// The limit of whoever builds on Boost.Asio: what floor_server does, as one bare coroutine.

#include "benchmarks/floor/answers.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <unistd.h>

#include <span>

namespace {

namespace asio = boost::asio;

struct gathered {
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;
  const_iterator begin() const noexcept { return parts.data(); }
  const_iterator end() const noexcept { return parts.data() + parts.size(); }
  std::span<const asio::const_buffer> parts;
};

asio::awaitable<void> serve(int& exit_code) {
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor from(executor, STDIN_FILENO);
  asio::posix::stream_descriptor to(executor, STDOUT_FILENO);
  bench::input in;
  bench::replies<asio::const_buffer> out;
  boost::system::error_code error;

  for (;;) {
    const auto space = asio::buffer(in.space().data(), in.space().size());
    const std::size_t got =
        co_await from.async_read_some(space, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    in.commit(got);
    out.answer_all(in);
    if (!out.parts().empty()) {
      gathered parts;
      parts.parts = out.parts();
      co_await asio::async_write(to, parts, asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
    }
    in.make_space();
  }
  exit_code = error == asio::error::eof && in.empty() ? 0 : 1;
}

}  // namespace

int main() {
  asio::io_context context(1);
  int exit_code = 1;
  asio::co_spawn(context, serve(exit_code), asio::detached);
  context.run();
  return exit_code;
}
