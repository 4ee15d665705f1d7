// One JSON object a line: {"time":...,"level":...,"event":...,fields}. For the pod's log collector.
//
// Each event name has a rate (kRate a second, kBurst at once); what is held back is counted and said with the next line
// of that name. Fields are for facts, never for credentials or message bodies. Threading: any.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/port/clock.h"
#include "engine/gateway/limits.h"

namespace nautilus::engine {

class Log {
 public:
  enum class Level { debug, info, warning, error };
  using Field = std::pair<std::string_view, std::string_view>;
  static constexpr double kRate = 5, kBurst = 20;
  static constexpr std::size_t kMaxNames = 256;

  // `write` gets whole lines with their line feed, one call at a time.
  Log(const port::Clock& clock, std::function<void(std::string_view)> write, Level least = Level::info);
  void line(Level level, std::string_view event, std::initializer_list<Field> fields = {});
  std::uint64_t dropped() const;

 private:
  struct Name {
    TokenBucket bucket{kRate, kBurst};
    std::uint64_t held_back = 0;
  };
  const port::Clock& clock_;
  const std::function<void(std::string_view)> write_;
  const Level least_;
  mutable std::mutex lock_;
  std::map<std::string, Name, std::less<>> names_;
  std::uint64_t dropped_ = 0;
};

// To the standard error stream.
std::function<void(std::string_view)> to_stderr();

}  // namespace nautilus::engine
