#include "core/apply/ownership.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace nautilus::apply {

namespace {

bool owns(const Json& fields, const Json& desired, bool top, bool metadata);

bool is_identity(const std::string& key, bool top, bool metadata) {
  return (top && (key == "apiVersion" || key == "kind")) || (metadata && (key == "name" || key == "namespace"));
}

bool owns_object(const Json& fields, const Json& desired, bool top, bool metadata) {
  std::size_t wanted = 0;
  for (const auto& [key, child] : desired.items()) {
    if (is_identity(key, top, metadata)) continue;
    const Json* owned = value::find(fields, "f:" + key);
    if (!owned || !owns(*owned, child, false, top && key == "metadata")) return false;
    ++wanted;
  }
  std::size_t owned = 0;
  for (const auto& [key, child] : fields.items())
    if (key != ".") ++owned;
  return owned == wanted;
}

// The server fills in key fields that were left out; of the built-in lists only ports do that.
bool has_key(const Json& item, const Json& key) {
  for (const auto& [name, value] : key.items()) {
    const Json* found = value::find(item, name);
    if (found ? *found != value : !(name == "protocol" && value == "TCP")) return false;
  }
  return true;
}

bool owns_item(const Json& fields, const Json& item, std::string_view tag) {
  for (const auto& [key, child] : fields.items()) {
    if (!key.starts_with(tag)) continue;
    const Json parsed = Json::parse(key.substr(tag.size()), nullptr, false);
    if (tag == "v:" ? parsed == item : parsed.is_object() && has_key(item, parsed))
      return tag == "v:" || owns(child, item, false, false);
  }
  return false;
}

bool owns_list(const Json& fields, const Json& desired) {
  std::size_t owned = 0;
  for (const auto& [key, child] : fields.items())
    if (key != ".") ++owned;
  if (owned != desired.size()) return false;
  for (const auto& item : desired)
    if (!owns_item(fields, item, item.is_object() ? "k:" : "v:")) return false;
  return true;
}

bool owns(const Json& fields, const Json& desired, bool top, bool metadata) {
  if (!fields.is_object() || desired.is_null()) return false;
  if (fields.empty()) return true;  // a leaf, or something owned as a whole
  if (desired.is_object()) return owns_object(fields, desired, top, metadata);
  if (desired.is_array()) return owns_list(fields, desired);
  return false;
}

// "500m", "4Gi", "1e3": the value of a resource.Quantity.
std::optional<double> quantity(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  struct Suffix {
    std::string_view name;
    double factor;
  };
  static constexpr Suffix kSuffixes[] = {
      {"", 1},       {"n", 1e-9},      {"u", 1e-6},         {"m", 1e-3},           {"k", 1e3},
      {"M", 1e6},    {"G", 1e9},       {"T", 1e12},         {"P", 1e15},           {"E", 1e18},
      {"Ki", 1024.}, {"Mi", 1048576.}, {"Gi", 1073741824.}, {"Ti", 1099511627776.}};
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& suffix : kSuffixes)
    if (suffix.name == rest) return number * suffix.factor;
  return std::nullopt;
}

bool holds_quantities(std::string_view key) {
  static constexpr std::string_view kKeys[] = {"requests", "limits",         "hard",    "capacity",
                                               "default",  "defaultRequest", "min",     "max",
                                               "minimum",  "averageValue",   "overhead"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

bool same_quantity(const Json& a, const Json& b) {
  auto text = [](const Json& j) {
    return j.is_string() ? j.get<std::string>() : j.is_number() ? j.dump() : std::string("?");
  };
  const auto x = quantity(text(a)), y = quantity(text(b));
  return x && y && std::fabs(*x - *y) <= 1e-9 * std::fabs(*x);
}

bool equal(const Json& desired, const Json& live, bool quantities) {
  if (desired.is_object()) {
    if (!live.is_object()) return false;
    for (const auto& [key, child] : desired.items()) {
      const Json* other = value::find(live, key);
      if (!other || !equal(child, *other, quantities || holds_quantities(key))) return false;
    }
    return true;
  }
  if (desired.is_array()) {
    if (!live.is_array() || live.size() != desired.size()) return false;
    for (std::size_t i = 0; i < desired.size(); ++i)
      if (!equal(desired[i], live[i], false)) return false;
    return true;
  }
  return desired == live || (quantities && same_quantity(desired, live));
}

}  // namespace

bool owns_exactly(const Json& fields, const Json& desired) { return owns(fields, desired, true, false); }

bool equal_where_specified(const Json& desired, const Json& live) { return equal(desired, live, false); }

}  // namespace nautilus::apply
