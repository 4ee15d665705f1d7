// Reads the configuration files of the daemons, as far as the checks need them.
//
// Sources followed: redis.conf (a directive and its value on a line), PostgreSQL's and PgBouncer's units and ini form.
// All functions are pure; what cannot be read is nullopt.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/json.h"

namespace nautilus::verify {

// redis.conf: the last value of a directive; quotes are taken off.
std::optional<std::string> directive(std::string_view text, std::string_view name);

// ini: "key = value" below [section]; an empty section is what stands before the first.
std::optional<std::string> ini_value(std::string_view text, std::string_view section, std::string_view key);
struct IniEntry {
  std::string key, value;
};
std::vector<IniEntry> ini_section(std::string_view text, std::string_view section);
// "pool_size" of "host=a port=5432 pool_size=30".
std::optional<std::string> word_value(std::string_view words, std::string_view key);

std::optional<std::int64_t> integer(std::string_view text);
// PostgreSQL: "4096MB", "16kB" (1024 each); without a unit `unit` bytes each.
std::optional<std::int64_t> postgres_bytes(std::string_view text, std::int64_t unit);
// Redis: "2560mb" (1024 each), "1k" (1000 each), bytes.
std::optional<std::int64_t> redis_bytes(std::string_view text);
// "60", "60s", "15min", "1h", "250ms" (rounded up), "1d"; without a unit seconds.
std::optional<std::int64_t> seconds(std::string_view text);

// A scalar of a parsed file as text: 200, "200", true.
std::string scalar(const Json* value);

// "4.0 GiB", "16.0 MiB"
std::string bytes_text(double bytes);

}  // namespace nautilus::verify
