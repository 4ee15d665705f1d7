#include "core/host/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace nautilus::host {
namespace {

// What a signal handler may touch: lock-free atomics and write(2).
std::atomic<int> g_signals{0};
std::atomic<int> g_write_fd{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int) {
  const int saved = errno;
  if (g_signals.fetch_add(1) > 0) ::_exit(130);
  const int fd = g_write_fd.load();
  if (fd >= 0) {
    const char byte = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(fd, &byte, 1);
  }
  errno = saved;
}

}  // namespace

SignalInterrupt::SignalInterrupt() {
  if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) pipe_[0] = pipe_[1] = -1;
  g_signals = 0;
  g_write_fd = pipe_[1];
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &old_int_);
  ::sigaction(SIGTERM, &action, &old_term_);
}

SignalInterrupt::~SignalInterrupt() {
  ::sigaction(SIGINT, &old_int_, nullptr);
  ::sigaction(SIGTERM, &old_term_, nullptr);
  g_write_fd = -1;
  for (const int fd : pipe_) {
    if (fd >= 0) ::close(fd);
  }
}

bool SignalInterrupt::requested() const { return g_signals.load() > 0; }

}  // namespace nautilus::host
