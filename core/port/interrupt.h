// Asked between steps: has the user (Ctrl-C) or the system (SIGTERM) told us to stop?
#pragma once

namespace nautilus::port {

class Interrupt {
 public:
  virtual ~Interrupt() = default;
  virtual bool requested() const = 0;
};

class NeverInterrupted final : public Interrupt {
 public:
  bool requested() const override { return false; }
};

}  // namespace nautilus::port
