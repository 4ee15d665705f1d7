#include "core/rehearse/transcript.h"

#include <map>

namespace nautilus::rehearse {

void Transcript::on_event(const port::Event& event) {
  if (events_.size() < kMaxEvents) events_.push_back(event);
  next_.on_event(event);
}

std::vector<Span> Transcript::spans() const {
  std::vector<Span> spans;
  std::map<std::string, std::size_t> open;
  if (events_.empty()) return spans;
  const auto start = events_.front().time;
  for (const auto& event : events_) {
    if (event.object.empty()) continue;
    auto [found, fresh] = open.emplace(event.object, spans.size());
    if (fresh) spans.push_back({event.object, event.phase, "", "", event.time - start, event.time - start});
    Span& span = spans[found->second];
    span.ended = event.time - start;
    if (!event.message.empty()) span.last_message = event.message;
    if (event.action == "ready" || event.action == "failed" || event.action == "deleted") span.end = event.action;
  }
  return spans;
}

std::size_t Transcript::warnings() const {
  return static_cast<std::size_t>(std::count_if(events_.begin(), events_.end(), [](const port::Event& event) {
    return event.level >= port::Event::Level::warning;
  }));
}

}  // namespace nautilus::rehearse
