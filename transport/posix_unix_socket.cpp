#include "transport/fail.hpp"
#include "transport/posix_listener.hpp"
#include "transport/posix_socket.hpp"

#include <antiphon/transport/unix_socket.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace antiphon {
namespace {

using posix::socket_address;
using posix::unique_fd;

constexpr auto retry_interval = std::chrono::milliseconds(10);
constexpr auto patience = std::chrono::seconds(5);

bool is_abstract(const std::string& path) { return path.front() == '@'; }

socket_address to_address(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) fail(errc::invalid_address, "unix socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A path keeps its NUL; an abstract name has one in place of the '@' and none at its end.
  const std::size_t length = path.size() + (is_abstract(path) ? 0 : 1);
  if (length > sizeof(address.sun_path)) fail(errc::path_too_long, path);
  path.copy(address.sun_path, path.size());
  if (is_abstract(path)) address.sun_path[0] = '\0';
  return socket_address(&address, offsetof(sockaddr_un, sun_path) + length);
}

/// The same file after a chdir.
std::string absolute(const std::string& path) {
  std::error_code ec;
  const auto full = std::filesystem::absolute(path, ec);
  return ec ? path : full.string();
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash + 1);
}

/// Keeps others who start in the same directory out until it is closed. Empty when this can't be locked (we
/// may not read it): then the check is as good as it can be without.
asio::awaitable<unique_fd> lock_directory(std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer pause(executor);
  unique_fd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) co_return unique_fd();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) co_return directory;
    if (errno != EWOULDBLOCK && errno != EINTR) co_return unique_fd();
    // Whoever holds it so long is not one of us.
    if (std::chrono::steady_clock::now() > deadline) co_return unique_fd();
    pause.expires_after(retry_interval);
    co_await pause.async_wait(asio::deferred);
  }
}

/// Makes way for the socket file, or throws because something is there that must stay.
void remove_stale(const std::string& path, const socket_address& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    fail(posix::last_error(), path);
  }
  if (!S_ISSOCK(found.st_mode)) fail(errc::not_a_socket, path);
  const unique_fd probe = posix::make_socket(AF_UNIX);
  if (::connect(probe.get(), address.get(), address.size) == 0) fail(errc::address_in_use, path);
  const int error = errno;
  if (error == ENOENT) return;
  // A full queue means that someone listens; so does a socket of another type.
  if (error == EAGAIN || error == EINPROGRESS || error == EPROTOTYPE) fail(errc::address_in_use, path);
  if (error != ECONNREFUSED) fail(posix::system_code(error), path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(posix::last_error(), path);
}

/// Removes a socket file that was bound when what follows fails.
class unlink_on_failure {
 public:
  explicit unlink_on_failure(const std::string& path) : path_(&path) {}
  unlink_on_failure(const unlink_on_failure&) = delete;
  unlink_on_failure& operator=(const unlink_on_failure&) = delete;
  ~unlink_on_failure() {
    if (path_ != nullptr) ::unlink(path_->c_str());
  }
  void keep() noexcept { path_ = nullptr; }

 private:
  const std::string* path_;
};

void bind_to(int socket, const std::string& path, const socket_address& address) {
  if (::bind(socket, address.get(), address.size) == 0) return;
  const error_code ec = posix::last_error();
  fail(ec == asio::error::address_in_use ? make_error_code(errc::address_in_use) : ec, path);
}

listener::state::socket_file bind_file(int socket, const std::string& path, const socket_address& address,
                                       const listen_options& options) {
  // Linux takes the file's mode from the socket, less the umask: at no moment may more people open it.
  if (::fchmod(socket, options.file_mode) != 0) fail(posix::last_error(), path);
  bind_to(socket, path, address);
  unlink_on_failure guard(path);
  struct stat made{};
  if (::lstat(path.c_str(), &made) != 0) fail(posix::last_error(), path);
  // A umask may have taken away even the owner's rights.
  if ((made.st_mode & 07777) != options.file_mode && ::chmod(path.c_str(), options.file_mode) != 0)
    fail(posix::last_error(), path);
  if (::listen(socket, options.backlog) != 0) fail(posix::last_error(), path);
  guard.keep();
  return {absolute(path), made.st_dev, made.st_ino};
}

}  // namespace

asio::awaitable<transport_ptr> connect_unix(std::string path, std::shared_ptr<buffer_source> buffers) {
  const auto executor = co_await asio::this_coro::executor;
  const auto address = to_address(path);
  auto socket = posix::channel::own(executor, posix::make_socket(AF_UNIX), posix::access::socket);
  asio::steady_timer pause(executor);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto connecting = posix::connect(socket, address);
    const error_code ec = co_await std::move(connecting);
    if (!ec) co_return posix::make_socket_transport(executor, std::move(socket), std::move(buffers));
    // The server's queue is full; the kernel offers nothing to wait for.
    const bool busy = ec == asio::error::try_again;
    if (!busy || std::chrono::steady_clock::now() > deadline) fail(ec, path);
    pause.expires_after(retry_interval);
    co_await pause.async_wait(asio::deferred);
  }
}

asio::awaitable<listener> listen_unix(std::string path, listen_options options) {
  const auto executor = co_await asio::this_coro::executor;
  const auto address = to_address(path);
  auto socket = posix::make_socket(AF_UNIX);
  std::optional<listener::state::socket_file> file;
  if (is_abstract(path)) {
    bind_to(socket.get(), path, address);
    if (::listen(socket.get(), options.backlog) != 0) fail(posix::last_error(), path);
  } else {
    auto locking = lock_directory(path);
    const unique_fd lock = co_await std::move(locking);
    remove_stale(path, address);
    file = bind_file(socket.get(), path, address, options);
  }
  co_return listener(std::make_shared<listener::state>(executor, std::move(socket), std::move(path), 0,
                                                       std::move(file), std::move(options)));
}

}  // namespace antiphon
