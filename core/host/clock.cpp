#include "core/host/clock.h"

namespace nautilus::host {

port::WallTime RealClock::now() const {
  return std::chrono::time_point_cast<port::Duration>(std::chrono::system_clock::now());
}

port::Monotonic RealClock::monotonic() const {
  return std::chrono::duration_cast<port::Monotonic>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace nautilus::host
