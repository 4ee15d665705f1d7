#include "core/sim/control/quantity.h"

#include <fmt/format.h>

#include <cmath>

namespace nautilus::sim {

namespace {

using value::find;

constexpr double kLargest = 4611686018427387904.0;  // 2^62

// The factor of a suffix, in units; 0 if it is unknown.
double suffix_factor(std::string_view suffix) {
  struct Known {
    std::string_view suffix;
    double factor;
  };
  static constexpr Known kKnown[] = {
      {"", 1},
      {"n", 1e-9},
      {"u", 1e-6},
      {"m", 1e-3},
      {"k", 1e3},
      {"M", 1e6},
      {"G", 1e9},
      {"T", 1e12},
      {"P", 1e15},
      {"E", 1e18},
      {"Ki", 1024.0},
      {"Mi", 1048576.0},
      {"Gi", 1073741824.0},
      {"Ti", 1099511627776.0},
      {"Pi", 1125899906842624.0},
      {"Ei", 1152921504606846976.0},
  };
  for (const auto& known : kKnown)
    if (known.suffix == suffix) return known.factor;
  return 0;
}

}  // namespace

std::optional<std::int64_t> quantity_milli(std::string_view text) {
  std::size_t at = 0;
  bool negative = false;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) negative = text[at++] == '-';
  long double whole = 0, scale = 1;
  bool digits = false, point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      whole = whole * 10 + (c - '0');
      if (point) scale *= 10;
    } else {
      break;
    }
  }
  if (!digits) return std::nullopt;
  long double factor = 1;
  std::string_view suffix = text.substr(at);
  if (suffix.size() > 1 && (suffix[0] == 'e' || suffix[0] == 'E') && suffix != "Ei") {
    int exponent = 0;
    std::size_t digit = 1;
    bool down = false;
    if (suffix[digit] == '+' || suffix[digit] == '-') down = suffix[digit++] == '-';
    if (digit == suffix.size()) return std::nullopt;
    for (; digit < suffix.size(); ++digit) {
      if (suffix[digit] < '0' || suffix[digit] > '9' || exponent > 100) return std::nullopt;
      exponent = exponent * 10 + (suffix[digit] - '0');
    }
    factor = std::pow(10.0L, down ? -exponent : exponent);
  } else {
    factor = suffix_factor(suffix);
    if (factor == 0) return std::nullopt;
  }
  // A millionth of slack keeps 0.1 (not a binary fraction) from rounding up to 101 thousandths.
  long double milli = std::ceil(whole / scale * factor * 1000 - 1e-6L);
  if (milli > kLargest) milli = kLargest;
  const auto rounded = static_cast<std::int64_t>(milli);
  return negative ? -rounded : rounded;
}

std::optional<std::int64_t> quantity_milli(const Json& quantity) {
  if (quantity.is_string()) return quantity_milli(std::string_view(quantity.get_ref<const std::string&>()));
  if (quantity.is_number()) {
    const std::string text = quantity.dump();
    return quantity_milli(std::string_view(text));
  }
  return std::nullopt;
}

std::string quantity_text(std::int64_t milli, bool binary) {
  if (milli % 1000 != 0) return fmt::format("{}m", milli);
  std::int64_t units = milli / 1000;
  if (binary && units != 0) {
    static constexpr std::string_view kSuffixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    std::size_t power = 0;
    while (power + 1 < std::size(kSuffixes) && units % 1024 == 0) {
      units /= 1024;
      ++power;
    }
    return fmt::format("{}{}", units, kSuffixes[power]);
  }
  return fmt::format("{}", units);
}

Amounts amounts_of(const Json* resource_list) {
  Amounts amounts;
  if (!resource_list || !resource_list->is_object()) return amounts;
  for (const auto& [name, quantity] : resource_list->items())
    if (auto milli = quantity_milli(quantity)) amounts[name] = *milli;
  return amounts;
}

void add(Amounts& total, const Amounts& more, int sign) {
  for (const auto& [name, milli] : more) total[name] += sign * milli;
}

namespace {

void raise_to(Amounts& floor, const Amounts& other) {
  for (const auto& [name, milli] : other) {
    auto& current = floor[name];
    current = std::max(current, milli);
  }
}

}  // namespace

Amounts pod_amounts(const Json& pod_spec, std::string_view field) {
  Amounts running;
  if (const Json* containers = find(pod_spec, "containers"); containers && containers->is_array())
    for (const auto& container : *containers) add(running, amounts_of(find(container, "resources", field)));
  Amounts sidecars, peak;
  if (const Json* containers = find(pod_spec, "initContainers"); containers && containers->is_array()) {
    for (const auto& container : *containers) {
      Amounts own = amounts_of(find(container, "resources", field));
      if (value::string_at(container, "restartPolicy") == "Always") {
        add(sidecars, own);
        raise_to(peak, sidecars);
      } else {
        add(own, sidecars);
        raise_to(peak, own);
      }
    }
  }
  add(running, sidecars);
  raise_to(running, peak);
  add(running, amounts_of(find(pod_spec, "overhead")));
  return running;
}

}  // namespace nautilus::sim
