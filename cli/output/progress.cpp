#include "cli/output/progress.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdio>

#include "core/value/json.h"

namespace nautilus::cli {

namespace {

std::string_view colour_of(const port::Event& event) {
  using Level = port::Event::Level;
  if (event.level == Level::error) return "\x1b[31m";
  if (event.level == Level::warning) return "\x1b[33m";
  if (event.action == "ready" || event.action == "created" || event.action == "done") return "\x1b[32m";
  return "";
}

std::string_view name(port::Event::Level level) {
  switch (level) {
    case port::Event::Level::debug: return "debug";
    case port::Event::Level::info: return "info";
    case port::Event::Level::warning: return "warning";
    case port::Event::Level::error: return "error";
  }
  return "info";
}

}  // namespace

std::string utc(port::WallTime time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string short_duration(port::Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 10'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  const auto s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
}

void Progress::on_event(const port::Event& event) {
  using Level = port::Event::Level;
  if (event.level == Level::debug && !style_.verbose) return;
  if (style_.quiet && event.level < Level::warning) return;
  if (style_.json) {
    const Json line = {{"time", utc(event.time)}, {"level", std::string(name(event.level))},
                       {"phase", event.phase},    {"object", event.object},
                       {"action", event.action},  {"message", event.message}};
    fmt::print(stderr, "{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  if (!start_) start_ = event.time;
  const std::string when =
      style_.terminal ? fmt::format("{:>7}", short_duration(event.time - *start_)) : utc(event.time);
  const std::string_view on = style_.colour ? colour_of(event) : "";
  const std::string_view off = on.empty() ? "" : "\x1b[0m";
  std::string line = fmt::format("{}  {:<14} {}{:<10}{}", when, event.phase, on, event.action, off);
  if (!event.object.empty()) line += " " + event.object;
  if (!event.message.empty()) line += (event.object.empty() ? " " : ": ") + event.message;
  fmt::print(stderr, "{}\n", line);
}

}  // namespace nautilus::cli
