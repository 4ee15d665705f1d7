#include "engine/gateway/log.h"

#include <cstdio>

#include "core/value/utf8.h"
#include "engine/gateway/encode.h"

namespace nautilus::engine {

Log::Log(const port::Clock& clock, std::function<void(std::string_view)> write, Level least)
    : clock_(clock), write_(std::move(write)), least_(least) {}

void Log::line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  static constexpr std::string_view kLevels[] = {"debug", "info", "warning", "error"};
  if (level < least_) return;
  std::lock_guard guard(lock_);
  if (names_.size() >= kMaxNames && !names_.contains(event)) event = "other";
  auto found = names_.find(event);
  if (found == names_.end()) found = names_.emplace(std::string(event), Name()).first;
  Name& name = found->second;
  if (!name.bucket.take(clock_.monotonic())) {
    ++name.held_back;
    ++dropped_;
    return;
  }
  std::string out;
  JsonText json(out);
  json.begin().key("time").time(clock_.now().time_since_epoch().count());
  json.text("level", kLevels[static_cast<int>(level)]).text("event", event);
  for (const auto& [key, value] : fields) json.text(key, value::valid_utf8(value));
  if (name.held_back > 0) json.number("held_back", std::exchange(name.held_back, 0));
  json.end();
  out += '\n';
  write_(out);
}

std::uint64_t Log::dropped() const {
  std::lock_guard guard(lock_);
  return dropped_;
}

std::function<void(std::string_view)> to_stderr() {
  return [](std::string_view line) { std::fwrite(line.data(), 1, line.size(), stderr); };
}

}  // namespace nautilus::engine
