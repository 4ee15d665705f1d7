// What a running operation says on stderr, line by line.
//
// On a terminal: seconds since the start. Elsewhere (CI): UTC timestamps. With -o json: one JSON object a line. Colour
// only on a terminal without NO_COLOR, and never as the only sign of anything.
#pragma once

#include <optional>
#include <string>

#include "core/port/clock.h"
#include "core/port/event_sink.h"

namespace nautilus::cli {

class Progress final : public port::EventSink {
 public:
  struct Style {
    bool json = false, quiet = false, verbose = false, terminal = false, colour = false;
  };
  explicit Progress(Style style) : style_(style) {}
  void on_event(const port::Event& event) override;

 private:
  Style style_;
  std::optional<port::WallTime> start_;  // of the first event: a rehearsal has a clock of its own
};

// "2026-11-23T14:00:01Z"
std::string utc(port::WallTime time);
// "0.3s", "42s", "3m12s", "2h05m"
std::string short_duration(port::Duration duration);

}  // namespace nautilus::cli
