// What a running operation tells whoever watches: the progress printer, the JSON stream, the rehearsal's timeline.
#pragma once

#include <string>

#include "core/port/clock.h"

namespace nautilus::port {

struct Event {
  enum class Level { debug, info, warning, error } level = Level::info;
  WallTime time{};
  std::string phase;    // "plan", "wave 2/4 services", "lock"
  std::string object;   // "Deployment nautilus-trading/nautilus-backend" or empty
  std::string action;   // "created", "configured", "unchanged", "deleted", "waiting", "ready", "failed", "warning", ...
  std::string message;  // for a person; control characters escaped
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_event(const Event& event) = 0;
};

class NullSink final : public EventSink {
 public:
  void on_event(const Event&) override {}
};

}  // namespace nautilus::port
