// Preloaded into a program, makes one system call of it go wrong: the n-th of a kind fails with an error that
// it may have, or moves one byte only. tests/faults/run.py says which, in the environment:
//
//   ANTIPHON_FAULT         call:what:n:count   e.g. writev:EAGAIN:3:1, recv:short:1:1000000
//   ANTIPHON_FAULT_FIRST   another one, which must have happened before the first is counted
//   ANTIPHON_FAULT_REPORT  a file that gets a byte each time
//   ANTIPHON_FAULT_NO_PROC there is no /proc

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
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
    {"EINTR", EINTR},
    {"EAGAIN", EAGAIN},
    {"EPIPE", EPIPE},
    {"ECONNRESET", ECONNRESET},
    {"EMFILE", EMFILE},
    {"ENFILE", ENFILE},
    {"ENOSPC", ENOSPC},
    {"EIO", EIO},
    {"ECONNABORTED", ECONNABORTED},
    {"ENOMEM", ENOMEM},
    {"EACCES", EACCES},
    {"EADDRINUSE", EADDRINUSE},
    {"EADDRNOTAVAIL", EADDRNOTAVAIL},
    {"EBUSY", EBUSY},
    {"ECONNREFUSED", ECONNREFUSED},
    {"ENOBUFS", ENOBUFS},
    {"ENOENT", ENOENT},
    {"ENOLCK", ENOLCK},
    {"ENOSYS", ENOSYS},
    {"ENOTCONN", ENOTCONN},
    {"EPERM", EPERM},
    {"ETIMEDOUT", ETIMEDOUT},
};

struct plan {
  std::string_view call;
  int error = 0;  // 0: one byte only
  long first = 0;
  long count = 0;
  long so_far = 0;
};

std::string_view next_field(std::string_view& text) {
  const auto end = text.find(':');
  const auto field = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return field;
}

plan read_plan(const char* variable) {
  plan made;
  const char* text = std::getenv(variable);
  if (text == nullptr) return made;
  std::string_view rest = text;
  made.call = next_field(rest);
  const auto what = next_field(rest);
  for (const auto& [name, value] : errors)
    if (name == what) made.error = value;
  made.first = std::atol(next_field(rest).data());
  made.count = std::atol(next_field(rest).data());
  return made;
}

/// Not through the functions below. High up, so that the program's descriptors have the numbers they always
/// have.
int open_report() {
  const char* path = std::getenv("ANTIPHON_FAULT_REPORT");
  if (path == nullptr) return -1;
  const auto low = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC));
  const auto high = static_cast<int>(::syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 500));
  ::syscall(SYS_close, low);
  return high;
}

struct all_plans {
  plan before = read_plan("ANTIPHON_FAULT_FIRST");
  plan main = read_plan("ANTIPHON_FAULT");
  int report = open_report();
};

all_plans& chosen() {
  static all_plans made;
  return made;
}

// What is watched of each descriptor, and in which epoll.
struct watched {
  int epoll = -1;
  epoll_event event{};
};
std::array<watched, 256> watched_in;

std::array<int, 2> events_and_timers{-1, -1};

bool is_of_asio(int fd) { return fd == events_and_timers[0] || fd == events_and_timers[1]; }

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
  return ::syscall(SYS_fstat, fd, &about) == 0 && (about.st_mode & S_IFMT) != 0;
}

enum class fault { none, fail, shorten };

// Its turn: to be counted, and perhaps to go wrong.
bool turn_of(plan& it) {
  ++it.so_far;
  return it.so_far >= it.first && it.so_far < it.first + it.count;
}

bool is_over(const plan& it) { return it.call.empty() || it.so_far >= it.first + it.count - 1; }

fault due(std::string_view call, int fd = -1) {
  const int saved = errno;
  all_plans& all = chosen();
  const bool early = !is_over(all.before);
  plan& it = early ? all.before : all.main;
  const bool counts = it.call == call && (fd < 0 || is_file(fd));
  errno = saved;
  if (!counts || !turn_of(it)) return fault::none;
  if (!early && all.report >= 0) ::syscall(SYS_write, all.report, "!", 1);
  if (it.error == 0) return fault::shorten;
  if (it.error == EAGAIN) tell_again(fd);
  errno = it.error;
  return fault::fail;
}

bool fails(std::string_view call, int fd = -1) { return due(call, fd) == fault::fail; }

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
  return fails("accept4", fd) ? -1 : call(fd, address, size, flags);
}

int socket(int family, int type, int protocol) noexcept {
  ANTIPHON_NEXT(socket);
  return fails("socket") ? -1 : call(family, type, protocol);
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  ANTIPHON_NEXT(bind);
  return fails("bind") ? -1 : call(fd, address, size);
}

int listen(int fd, int backlog) noexcept {
  ANTIPHON_NEXT(listen);
  return fails("listen") ? -1 : call(fd, backlog);
}

int epoll_create1(int flags) noexcept {
  ANTIPHON_NEXT(epoll_create1);
  return fails("epoll_create") ? -1 : call(flags);
}

int epoll_create(int size) noexcept {
  ANTIPHON_NEXT(epoll_create);
  return fails("epoll_create") ? -1 : call(size);
}

int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  ANTIPHON_NEXT(epoll_ctl);
  // Asio doesn't ask whether it got its own event and timer into its epoll. What is there can be changed
  // always.
  if (what == EPOLL_CTL_ADD && !is_of_asio(fd) && fails("epoll_ctl")) return -1;
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
  return fails("poll") ? -1 : call(list, count, timeout);
}

int eventfd(unsigned value, int flags) noexcept {
  ANTIPHON_NEXT(eventfd);
  return fails("eventfd") ? -1 : events_and_timers[0] = call(value, flags);
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  ANTIPHON_NEXT(timerfd_create);
  return fails("timerfd_create") ? -1 : events_and_timers[1] = call(clock, flags);
}

int pipe(int* ends) noexcept {
  ANTIPHON_NEXT(pipe);
  return fails("pipe") ? -1 : call(ends);
}

int pipe2(int* ends, int flags) noexcept {
  ANTIPHON_NEXT(pipe2);
  return fails("pipe") ? -1 : call(ends, flags);
}

// Of what fcntl does, only new descriptors may be refused.
int fcntl64(int fd, int what, ...) {
  ANTIPHON_NEXT(fcntl64);
  va_list rest;
  va_start(rest, what);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (what == F_DUPFD_CLOEXEC && fails("dup")) return -1;
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
  return fails("open") ? -1 : call(path, flags, mode);
}

void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
  ANTIPHON_NEXT(mmap64);
  return fails("mmap") ? MAP_FAILED : call(at, size, protection, flags, fd, offset);
}

void* mremap(void* at, size_t size, size_t new_size, int flags, ...) noexcept {
  ANTIPHON_NEXT(mremap);
  va_list rest;
  va_start(rest, flags);
  void* where = va_arg(rest, void*);
  va_end(rest);
  return fails("mremap") ? MAP_FAILED : call(at, size, new_size, flags, where);
}

int munmap(void* at, size_t size) noexcept {
  ANTIPHON_NEXT(munmap);
  return fails("munmap") ? -1 : call(at, size);
}

// What is closed is closed, whatever the kernel says of it.
int close(int fd) {
  ANTIPHON_NEXT(close);
  const fault what = due("close", fd);
  const int error = errno;
  const int done = call(fd);
  if (what != fault::fail) return done;
  errno = error;
  return -1;
}

// Goes on when it is interrupted.
int connect(int fd, const sockaddr* address, socklen_t size) {
  ANTIPHON_NEXT(connect);
  if (!fails("connect", fd)) return call(fd, address, size);
  if (errno != EINTR) return -1;
  call(fd, address, size);
  errno = EINTR;
  return -1;
}

int shutdown(int fd, int how) noexcept {
  ANTIPHON_NEXT(shutdown);
  return fails("shutdown") ? -1 : call(fd, how);
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  ANTIPHON_NEXT(getsockname);
  return fails("getsockname") ? -1 : call(fd, address, size);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  ANTIPHON_NEXT(getsockopt);
  return fails("getsockopt") ? -1 : call(fd, level, name, value, size);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  ANTIPHON_NEXT(setsockopt);
  return fails("setsockopt") ? -1 : call(fd, level, name, value, size);
}

int fstat64(int fd, struct stat64* about) noexcept {
  ANTIPHON_NEXT(fstat64);
  return fails("fstat", fd) ? -1 : call(fd, about);
}

int lstat64(const char* path, struct stat64* about) noexcept {
  ANTIPHON_NEXT(lstat64);
  return fails("lstat") ? -1 : call(path, about);
}

int unlink(const char* path) noexcept {
  ANTIPHON_NEXT(unlink);
  return fails("unlink") ? -1 : call(path);
}

int chmod(const char* path, mode_t mode) noexcept {
  ANTIPHON_NEXT(chmod);
  return fails("chmod") ? -1 : call(path, mode);
}

int fchmod(int fd, mode_t mode) noexcept {
  ANTIPHON_NEXT(fchmod);
  return fails("fchmod") ? -1 : call(fd, mode);
}

int flock(int fd, int how) noexcept {
  ANTIPHON_NEXT(flock);
  return fails("flock") ? -1 : call(fd, how);
}

int dup2(int from, int to) noexcept {
  ANTIPHON_NEXT(dup2);
  return fails("dup2") ? -1 : call(from, to);
}

int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* how, char* const arguments[], char* const environment[]) {
  ANTIPHON_NEXT(posix_spawnp);
  return fails("posix_spawnp") ? errno : call(pid, file, actions, how, arguments, environment);
}

int waitid(idtype_t kind, id_t id, siginfo_t* about, int options) {
  ANTIPHON_NEXT(waitid);
  return fails("waitid") ? -1 : call(kind, id, about, options);
}

pid_t waitpid(pid_t pid, int* how, int options) {
  ANTIPHON_NEXT(waitpid);
  return fails("waitpid") ? -1 : call(pid, how, options);
}

// What has no function of its own.
long syscall(long number, ...) noexcept {
  ANTIPHON_NEXT(syscall);
  va_list rest;
  va_start(rest, number);
  std::array<long, 6> arguments{};
  for (long& one : arguments) one = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_pidfd_open && fails("pidfd_open")) return -1;
  const auto& [a, b, c, d, e, f] = arguments;
  return call(number, a, b, c, d, e, f);
}

}  // extern "C"
