// Other programs, started with posix_spawn: no shell, argv as given.
//
// The child is the leader of a process group of its own, so that a timeout, too much output or an interrupt ends it
// together with whatever it started (except with pass_terminal: a background group may not read the terminal).
#pragma once

#include "core/host/interrupt.h"
#include "core/port/process.h"

namespace nautilus::host {

class RealProcess final : public port::Process {
 public:
  // `interrupt` may be null: then nothing but the timeout stops a child.
  explicit RealProcess(const SignalInterrupt* interrupt = nullptr) : interrupt_(interrupt) {}
  Result<port::ProcessOutput> run(const port::ProcessSpec& spec) override;
  std::optional<std::string> environment(const std::string& name) const override;

 private:
  const SignalInterrupt* interrupt_;
};

}  // namespace nautilus::host
