// A descriptor that closes itself, and errors with the system's words. Private to engine/host.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

#include "core/base/error.h"

namespace nautilus::engine {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) close(), fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  // The descriptor is somebody else's now.
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_;
};

// "what: No space left on device" from errno.
Error system_error(const std::string& what);
// All of it, at `offset`, also when the system takes it in pieces.
Result<> write_all(int fd, const void* data, std::size_t length, std::uint64_t offset, const std::string& what);

}  // namespace nautilus::engine
