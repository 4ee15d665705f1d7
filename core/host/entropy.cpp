#include "core/host/entropy.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace nautilus::host {

void OsEntropy::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();  // no randomness: nothing that follows would be safe
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace nautilus::host
