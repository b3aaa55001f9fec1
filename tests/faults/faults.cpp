// Preloaded into a program, makes one system call of it go wrong: the n-th of a kind fails with an error that
// it may have, or moves one byte only. tests/faults/run.py says which, in the environment:
//
//   ANTIPHON_FAULT         call:what:n:count   e.g. writev:EAGAIN:3:1, recv:short:1:1000000
//   ANTIPHON_FAULT_REPORT  a file that gets a byte each time
//   ANTIPHON_FAULT_NO_PROC there is no /proc

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace {

constexpr std::pair<std::string_view, int> errors[] = {
    {"EINTR", EINTR},           {"EAGAIN", EAGAIN}, {"EPIPE", EPIPE},
    {"ECONNRESET", ECONNRESET}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
    {"ENOSPC", ENOSPC},         {"EIO", EIO},       {"ECONNABORTED", ECONNABORTED},
    {"ENOMEM", ENOMEM},         {"EACCES", EACCES}, {"EADDRINUSE", EADDRINUSE},
};

struct plan {
  std::string_view call;
  int error = 0;  // 0: one byte only
  long first = 0;
  long count = 0;
  int report = -1;
};

std::string_view next_field(std::string_view& text) {
  const auto end = text.find(':');
  const auto field = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return field;
}

plan read_plan() {
  plan made;
  const char* text = std::getenv("ANTIPHON_FAULT");
  if (text == nullptr) return made;
  std::string_view rest = text;
  made.call = next_field(rest);
  const auto what = next_field(rest);
  for (const auto& [name, value] : errors)
    if (name == what) made.error = value;
  made.first = std::atol(next_field(rest).data());
  made.count = std::atol(next_field(rest).data());
  // Not through the functions below. High up, so that the program's descriptors have the numbers they always
  // have.
  if (const char* path = std::getenv("ANTIPHON_FAULT_REPORT")) {
    const auto low = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC));
    made.report = static_cast<int>(::syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 500));
    ::syscall(SYS_close, low);
  }
  return made;
}

const plan& chosen() {
  static const plan made = read_plan();
  return made;
}

// What is watched of each descriptor, and in which epoll.
struct watched {
  int epoll = -1;
  epoll_event event{};
};
std::array<watched, 256> watched_in;

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// The kernel says EAGAIN only where there is nothing, and tells when there is something. So that is made
// true.
void tell_again(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= watched_in.size()) return;
  watched& it = watched_in[static_cast<std::size_t>(fd)];
  if (it.epoll >= 0) ::syscall(SYS_epoll_ctl, it.epoll, EPOLL_CTL_MOD, fd, &it.event);
}

// Neither an event, a timer nor an epoll: the kernel doesn't do to those what it does to files.
bool is_file(int fd) {
  struct stat about{};
  return ::fstat(fd, &about) == 0 && (about.st_mode & S_IFMT) != 0;
}

enum class fault { none, fail, shorten };

fault due(std::string_view call, int fd = -1) {
  const int saved = errno;
  const plan& it = chosen();
  if (it.call != call) return fault::none;
  if (fd >= 0 && !is_file(fd)) {
    errno = saved;
    return fault::none;
  }
  static long so_far = 0;
  ++so_far;
  errno = saved;
  if (so_far < it.first || so_far >= it.first + it.count) return fault::none;
  if (it.report >= 0) ::syscall(SYS_write, it.report, "!", 1);
  if (it.error == 0) return fault::shorten;
  if (it.error == EAGAIN) tell_again(fd);
  errno = it.error;
  return fault::fail;
}

// For calls that move bytes: an iovec or a size.
std::size_t shortened(fault what, std::size_t size) { return what == fault::shorten && size > 1 ? 1 : size; }

struct first_byte {
  iovec piece{};
  const iovec* list;
  int count;
  first_byte(fault what, const iovec* from, int how_many) : list(from), count(how_many) {
    if (what != fault::shorten) return;
    for (int at = 0; at < how_many; ++at) {
      if (from[at].iov_len == 0) continue;
      piece = {from[at].iov_base, 1};
      list = &piece;
      count = 1;
      return;
    }
  }
};

}  // namespace

#define ANTIPHON_NEXT(name) static const auto call = next<decltype(&name)>(#name)

extern "C" {

ssize_t read(int fd, void* into, size_t size) {
  ANTIPHON_NEXT(read);
  const fault what = due("read", fd);
  return what == fault::fail ? -1 : call(fd, into, shortened(what, size));
}

ssize_t write(int fd, const void* from, size_t size) {
  ANTIPHON_NEXT(write);
  const fault what = due("write", fd);
  return what == fault::fail ? -1 : call(fd, from, shortened(what, size));
}

ssize_t readv(int fd, const iovec* list, int count) {
  ANTIPHON_NEXT(readv);
  const fault what = due("readv", fd);
  const first_byte part(what, list, count);
  return what == fault::fail ? -1 : call(fd, part.list, part.count);
}

ssize_t writev(int fd, const iovec* list, int count) {
  ANTIPHON_NEXT(writev);
  const fault what = due("writev", fd);
  const first_byte part(what, list, count);
  return what == fault::fail ? -1 : call(fd, part.list, part.count);
}

ssize_t recv(int fd, void* into, size_t size, int flags) {
  ANTIPHON_NEXT(recv);
  const fault what = due("recv", fd);
  return what == fault::fail ? -1 : call(fd, into, shortened(what, size), flags);
}

ssize_t send(int fd, const void* from, size_t size, int flags) {
  ANTIPHON_NEXT(send);
  const fault what = due("send", fd);
  return what == fault::fail ? -1 : call(fd, from, shortened(what, size), flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  ANTIPHON_NEXT(recvmsg);
  const fault what = due("recvmsg", fd);
  if (what == fault::fail) return -1;
  if (what == fault::none) return call(fd, message, flags);
  const first_byte part(what, message->msg_iov, static_cast<int>(message->msg_iovlen));
  msghdr one = *message;
  one.msg_iov = const_cast<iovec*>(part.list);
  one.msg_iovlen = static_cast<std::size_t>(part.count);
  return call(fd, &one, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ANTIPHON_NEXT(sendmsg);
  const fault what = due("sendmsg", fd);
  if (what == fault::fail) return -1;
  const first_byte part(what, message->msg_iov, static_cast<int>(message->msg_iovlen));
  msghdr one = *message;
  one.msg_iov = const_cast<iovec*>(part.list);
  one.msg_iovlen = static_cast<std::size_t>(part.count);
  return call(fd, &one, flags);
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  ANTIPHON_NEXT(accept4);
  return due("accept4", fd) == fault::fail ? -1 : call(fd, address, size, flags);
}

int socket(int family, int type, int protocol) noexcept {
  ANTIPHON_NEXT(socket);
  return due("socket") == fault::fail ? -1 : call(family, type, protocol);
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  ANTIPHON_NEXT(bind);
  return due("bind") == fault::fail ? -1 : call(fd, address, size);
}

int listen(int fd, int backlog) noexcept {
  ANTIPHON_NEXT(listen);
  return due("listen") == fault::fail ? -1 : call(fd, backlog);
}

int epoll_create1(int flags) noexcept {
  ANTIPHON_NEXT(epoll_create1);
  return due("epoll_create") == fault::fail ? -1 : call(flags);
}

int epoll_create(int size) noexcept {
  ANTIPHON_NEXT(epoll_create);
  return due("epoll_create") == fault::fail ? -1 : call(size);
}

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  ANTIPHON_NEXT(epoll_ctl);
  // Asio doesn't ask whether it got its own event and timer into its epoll. What is there can be changed
  // always.
  if (what == EPOLL_CTL_ADD && due("epoll_ctl", fd) == fault::fail) return -1;
  if (fd >= 0 && static_cast<std::size_t>(fd) < watched_in.size()) {
    auto& it = watched_in[static_cast<std::size_t>(fd)];
    if (what == EPOLL_CTL_DEL) {
      it.epoll = -1;
    } else {
      it = {epoll, *event};
    }
  }
  return call(epoll, what, fd, event);
}

int epoll_wait(int epoll, epoll_event* events, int count, int timeout) {
  ANTIPHON_NEXT(epoll_wait);
  const fault what = due("epoll_wait");
  if (what == fault::fail) return -1;
  return call(epoll, events, what == fault::shorten ? 1 : count, timeout);
}

int poll(pollfd* list, nfds_t count, int timeout) {
  ANTIPHON_NEXT(poll);
  return due("poll") == fault::fail ? -1 : call(list, count, timeout);
}

int eventfd(unsigned value, int flags) noexcept {
  ANTIPHON_NEXT(eventfd);
  return due("eventfd") == fault::fail ? -1 : call(value, flags);
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  ANTIPHON_NEXT(timerfd_create);
  return due("timerfd_create") == fault::fail ? -1 : call(clock, flags);
}

int pipe(int* ends) noexcept {
  ANTIPHON_NEXT(pipe);
  return due("pipe") == fault::fail ? -1 : call(ends);
}

int pipe2(int* ends, int flags) noexcept {
  ANTIPHON_NEXT(pipe2);
  return due("pipe") == fault::fail ? -1 : call(ends, flags);
}

// Of what fcntl does, only new descriptors may be refused.
int fcntl64(int fd, int what, ...) {
  ANTIPHON_NEXT(fcntl64);
  va_list rest;
  va_start(rest, what);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (what == F_DUPFD_CLOEXEC && due("dup") == fault::fail) return -1;
  return call(fd, what, argument);
}

int open64(const char* path, int flags, ...) {
  ANTIPHON_NEXT(open64);
  va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  static const bool no_proc = std::getenv("ANTIPHON_FAULT_NO_PROC") != nullptr;
  if (no_proc && std::string_view(path).starts_with("/proc/")) {
    errno = ENOENT;
    return -1;
  }
  return due("open") == fault::fail ? -1 : call(path, flags, mode);
}

void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
  ANTIPHON_NEXT(mmap64);
  return due("mmap") == fault::fail ? MAP_FAILED : call(at, size, protection, flags, fd, offset);
}

void* mremap(void* at, size_t size, size_t new_size, int flags, ...) noexcept {
  ANTIPHON_NEXT(mremap);
  va_list rest;
  va_start(rest, flags);
  void* where = va_arg(rest, void*);
  va_end(rest);
  return due("mremap") == fault::fail ? MAP_FAILED : call(at, size, new_size, flags, where);
}

}  // extern "C"
