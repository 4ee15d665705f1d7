// The machine's clocks: CLOCK_REALTIME and CLOCK_MONOTONIC.
#pragma once

#include "core/port/clock.h"

namespace nautilus::host {

class RealClock final : public port::Clock {
 public:
  port::WallTime now() const override;
  port::Monotonic monotonic() const override;
};

}  // namespace nautilus::host
