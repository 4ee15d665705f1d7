#include "core/verify/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "core/base/text.h"

namespace nautilus::verify {

namespace {

std::string unquoted(std::string_view text) {
  text = base::trim(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  return std::string(text);
}

// The number at the start and what follows it.
std::optional<std::pair<std::int64_t, std::string_view>> number_and_unit(std::string_view text) {
  text = base::trim(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  return std::pair(number, base::trim(text.substr(static_cast<std::size_t>(end - text.data()))));
}

std::optional<std::int64_t> scaled(std::int64_t number, std::int64_t factor) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
  return product;
}

}  // namespace

std::optional<std::string> directive(std::string_view text, std::string_view name) {
  std::optional<std::string> found;
  for (std::string_view line : base::split(text, '\n')) {
    line = base::trim(line);
    if (line.size() <= name.size() || !line.starts_with(name)) continue;
    if (line[name.size()] != ' ' && line[name.size()] != '\t') continue;
    found = unquoted(line.substr(name.size() + 1));
  }
  return found;
}

std::vector<IniEntry> ini_section(std::string_view text, std::string_view section) {
  std::vector<IniEntry> entries;
  std::string_view current;
  for (std::string_view line : base::split(text, '\n')) {
    line = base::trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const auto end = line.find(']');
      if (end != std::string_view::npos) current = line.substr(1, end - 1);
      continue;
    }
    const auto equals = line.find('=');
    if (current == section && equals != std::string_view::npos)
      entries.push_back({std::string(base::trim(line.substr(0, equals))), unquoted(line.substr(equals + 1))});
  }
  return entries;
}

std::optional<std::string> ini_value(std::string_view text, std::string_view section, std::string_view key) {
  std::optional<std::string> found;
  for (IniEntry& entry : ini_section(text, section))
    if (entry.key == key) found = std::move(entry.value);
  return found;
}

std::optional<std::string> word_value(std::string_view words, std::string_view key) {
  for (std::string_view part : base::split(words, ' ')) {
    part = base::trim(part);
    if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=')
      return unquoted(part.substr(key.size() + 1));
  }
  return std::nullopt;
}

std::optional<std::int64_t> integer(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts || !parts->second.empty()) return std::nullopt;
  return parts->first;
}

std::optional<std::int64_t> postgres_bytes(std::string_view text, std::int64_t unit) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  const auto& [number, name] = *parts;
  if (name.empty()) return scaled(number, unit);
  if (name == "B") return number;
  if (name == "kB") return scaled(number, std::int64_t{1} << 10);
  if (name == "MB") return scaled(number, std::int64_t{1} << 20);
  if (name == "GB") return scaled(number, std::int64_t{1} << 30);
  if (name == "TB") return scaled(number, std::int64_t{1} << 40);
  return std::nullopt;
}

std::optional<std::int64_t> redis_bytes(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  std::string name(parts->second);
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const std::int64_t number = parts->first;
  if (name.empty() || name == "b") return number;
  if (name == "k") return scaled(number, 1'000);
  if (name == "kb") return scaled(number, std::int64_t{1} << 10);
  if (name == "m") return scaled(number, 1'000'000);
  if (name == "mb") return scaled(number, std::int64_t{1} << 20);
  if (name == "g") return scaled(number, 1'000'000'000);
  if (name == "gb") return scaled(number, std::int64_t{1} << 30);
  return std::nullopt;
}

std::optional<std::int64_t> seconds(std::string_view text) {
  const auto parts = number_and_unit(text);
  if (!parts) return std::nullopt;
  const auto& [number, name] = *parts;
  if (name.empty() || name == "s") return number;
  if (name == "ms") return (number + 999) / 1'000;
  if (name == "min" || name == "m") return scaled(number, 60);
  if (name == "h") return scaled(number, 3'600);
  if (name == "d") return scaled(number, 86'400);
  return std::nullopt;
}

std::string scalar(const Json* value) {
  if (!value || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  return value->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int unit = 0;
  for (; bytes >= 1024.0 && unit < 5; ++unit) bytes /= 1024.0;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

}  // namespace nautilus::verify
