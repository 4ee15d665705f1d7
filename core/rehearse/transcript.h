// What happened during a rehearsal (or a real run), kept for the timeline: one row per object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/port/event_sink.h"
#include "core/value/json.h"

namespace nautilus::rehearse {

inline constexpr std::size_t kMaxEvents = 200'000;

// One object's way through the run. Times are since the first event.
struct Span {
  std::string object, phase;
  std::string end;  // "ready", "failed", "deleted", "" while it is under way
  std::string last_message;
  port::Duration begun{}, ended{};
};

// Keeps every event and hands it on. Threading: as the sink it wraps.
class Transcript final : public port::EventSink {
 public:
  explicit Transcript(port::EventSink& next) : next_(next) {}
  void on_event(const port::Event& event) override;

  const std::vector<port::Event>& events() const { return events_; }
  std::vector<Span> spans() const;
  std::size_t warnings() const;

 private:
  port::EventSink& next_;
  std::vector<port::Event> events_;
};

}  // namespace nautilus::rehearse
