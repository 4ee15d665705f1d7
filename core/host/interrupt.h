// SIGINT and SIGTERM as a flag and a readable file descriptor.
//
// The first signal sets the flag and wakes whoever polls wake_fd(); the second ends the process at once with exit
// status 130. One instance at a time; the destructor puts the old handlers back.
#pragma once

#include <csignal>

#include "core/port/interrupt.h"

namespace nautilus::host {

class SignalInterrupt final : public port::Interrupt {
 public:
  SignalInterrupt();
  ~SignalInterrupt() override;
  SignalInterrupt(const SignalInterrupt&) = delete;
  SignalInterrupt& operator=(const SignalInterrupt&) = delete;

  bool requested() const override;
  // Readable once a signal has arrived. Whoever reads it drains it; the flag stays. -1 if no pipe could be made.
  int wake_fd() const { return pipe_[0]; }

 private:
  int pipe_[2] = {-1, -1};
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

}  // namespace nautilus::host
