#include "core/chart/schema.h"

#include <cmath>

#include "core/chart/schema_format.h"
#include "core/sprig/regex.h"

namespace nautilus::chart {
namespace {

std::string_view type_name(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "boolean";
    case Json::value_t::string: return "string";
    case Json::value_t::array: return "array";
    case Json::value_t::object: return "object";
    default: return "number";
  }
}

bool is_integral(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return std::isfinite(number) && std::trunc(number) == number;
}

bool has_type(const Json& value, std::string_view type) {
  return type == "integer" ? is_integral(value) : type == type_name(value);
}

// "2" and "2.0" are the same number to JSON Schema, and nlohmann agrees.
bool same(const Json& a, const Json& b) { return a == b; }

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string pointer_part(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

// What a subschema has looked at, for unevaluatedProperties and unevaluatedItems.
struct Seen {
  std::set<std::string> properties;
  std::size_t items = 0;
  std::set<std::size_t> contained;
  bool all_items = false;
  void add(Seen&& other) {
    properties.merge(other.properties);
    contained.merge(other.contained);
    items = std::max(items, other.items);
    all_items = all_items || other.all_items;
  }
};

class Validator {
 public:
  Validator(const Json& root, std::string_view what) : root_(root), what_(what) {
    const std::string uri = value::string_at(root, "$schema");
    if (uri.find("draft-04") != std::string::npos)
      draft_ = 4;
    else if (uri.find("draft-06") != std::string::npos)
      draft_ = 6;
    else if (uri.find("draft-07") != std::string::npos)
      draft_ = 7;
    else if (uri.find("2019-09") != std::string::npos)
      draft_ = 2019;
  }

  Result<std::vector<SchemaViolation>> run(const Json& value) {
    Seen seen;
    std::vector<SchemaViolation> found;
    apply(root_, value, Place{"#", ""}, seen, &found);
    if (failure_) return std::move(*failure_);
    return found;
  }

 private:
  struct Place {
    std::string schema, value;
    Place below(std::string_view keyword) const { return {schema + "/" + std::string(keyword), value}; }
    Place into(std::string_view schema_part, std::string_view value_part) const {
      return {schema + std::string(schema_part), value + pointer_part(value_part)};
    }
  };
  using Violations = std::vector<SchemaViolation>;

  bool fail(Code code, std::string message, const std::string& where, std::string hint = {}) {
    if (!failure_) failure_ = Error(code, std::move(message), std::move(hint)).at(fmt::format("{}{}", what_, where));
    return false;
  }

  bool report(Violations* out, const Place& place, std::string_view keyword, std::string message) {
    if (out && out->size() < kMaxSchemaErrors)
      out->push_back({fmt::format("{}/{}", place.schema, keyword), place.value, std::move(message)});
    return false;
  }

  // True if `value` fits. `out` may be null: only the answer matters then.
  bool apply(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    if (failure_) return false;
    if (++steps_ > kMaxSchemaSteps)
      return fail(Code::limit, fmt::format("checking takes more than {} steps", kMaxSchemaSteps), place.schema);
    if (schema.is_boolean()) {
      if (schema.get<bool>()) return true;
      return report(out, place, "", "nothing is allowed here");
    }
    if (!schema.is_object()) return fail(Code::invalid, "a schema must be a map or a boolean", place.schema);
    if (depth_ >= kMaxSchemaDepth)
      return fail(Code::limit,
                  fmt::format("schemas are nested or refer to each other more than {} deep", kMaxSchemaDepth),
                  place.schema);
    ++depth_;
    const bool good = keywords(schema, value, place, seen, out);
    --depth_;
    return good;
  }

  bool keywords(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    for (const char* keyword : {"$ref", "$dynamicRef", "$recursiveRef"}) {
      const Json* reference = value::find(schema, keyword);
      if (!reference) continue;
      good = follow(*reference, value, place, seen, out) && good;
      if (draft_ <= 7) return good;  // siblings of $ref do not count there
    }
    good = general(schema, value, place, out) && good;
    if (value.is_number()) good = numbers(schema, value, place, out) && good;
    if (value.is_string()) good = strings(schema, value, place, out) && good;
    Seen here;
    if (value.is_array()) good = arrays(schema, value, place, here, out) && good;
    if (value.is_object()) good = objects(schema, value, place, here, out) && good;
    good = combined(schema, value, place, here, out) && good;
    good = conditional(schema, value, place, here, out) && good;
    if (draft_ > 7) good = unevaluated(schema, value, place, here, out) && good;
    seen.add(std::move(here));
    return good;
  }

  // --- references

  bool follow(const Json& reference, const Json& value, const Place& place, Seen& seen, Violations* out) {
    if (!reference.is_string()) return fail(Code::invalid, "$ref must be a string", place.schema);
    const std::string& uri = reference.get_ref<const std::string&>();
    if (uri.starts_with("urn:")) return true;
    const Json* target = resolve(uri);
    if (!target) {
      const bool outside = !uri.starts_with('#');
      return fail(outside ? Code::refused : Code::invalid,
                  outside ? fmt::format("the schema refers to {}, which is not part of it", uri)
                          : fmt::format("the schema refers to {}, which does not exist", uri),
                  place.schema,
                  outside ? "references to other documents are not fetched: copy what is used under definitions" : "");
    }
    return apply(*target, value, {uri, place.value}, seen, out);
  }

  const Json* resolve(const std::string& uri) {
    if (const auto cached = resolved_.find(uri); cached != resolved_.end()) return cached->second;
    const auto hash = uri.find('#');
    const std::string document = uri.substr(0, hash);
    const std::string fragment = hash == std::string::npos ? "" : uri.substr(hash + 1);
    const Json* target = &root_;
    if (!document.empty()) target = by_id(root_, document, 0);
    if (target && fragment.starts_with('/'))
      target = by_pointer(*target, fragment);
    else if (target && !fragment.empty())
      target = by_anchor(*target, fragment, 0);
    resolved_.emplace(uri, target);
    return target;
  }

  static const Json* by_pointer(const Json& from, std::string_view pointer) {
    const Json* at = &from;
    while (at && !pointer.empty()) {
      pointer.remove_prefix(1);
      const auto slash = pointer.find('/');
      const std::string part = unescape(pointer.substr(0, slash));
      if (at->is_array()) {
        std::size_t index = 0;
        const bool numeric = !part.empty() && part.size() < 9 &&
                             std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
        for (const char c : part) index = index * 10 + static_cast<std::size_t>(c - '0');
        at = numeric && index < at->size() ? &(*at)[index] : nullptr;
      } else {
        at = value::find(*at, part);
      }
      pointer.remove_prefix(slash == std::string_view::npos ? pointer.size() : slash);
    }
    return at;
  }

  // JSON pointer escapes (~0 ~1) inside a URI fragment (%XX).
  static std::string unescape(std::string_view part) {
    std::string plain;
    const auto hex = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '%' && i + 2 < part.size() && is_hex(part[i + 1]) && is_hex(part[i + 2])) {
        plain += static_cast<char>(hex(part[i + 1]) * 16 + hex(part[i + 2]));
        i += 2;
      } else if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1')) {
        plain += part[++i] == '0' ? '~' : '/';
      } else {
        plain += part[i];
      }
    }
    return plain;
  }

  template <class Matches>
  static const Json* search(const Json& in, int depth, const Matches& matches) {
    if (depth > kMaxSchemaDepth || !in.is_structured()) return nullptr;
    if (in.is_object() && matches(in)) return &in;
    for (const Json& item : in)
      if (const Json* found = search(item, depth + 1, matches)) return found;
    return nullptr;
  }
  static const Json* by_id(const Json& in, const std::string& id, int depth) {
    return search(in, depth, [&](const Json& at) {
      for (const char* key : {"$id", "id"}) {
        std::string own = value::string_at(at, key);
        if (own.ends_with('#')) own.pop_back();
        if (own.empty()) continue;
        if (own == id || own.substr(own.rfind('/') + 1) == id) return true;
      }
      return false;
    });
  }
  static const Json* by_anchor(const Json& in, const std::string& anchor, int depth) {
    return search(in, depth, [&](const Json& at) {
      return value::string_at(at, "$anchor") == anchor || value::string_at(at, "$dynamicAnchor") == anchor ||
             value::string_at(at, "$id") == "#" + anchor || value::string_at(at, "id") == "#" + anchor;
    });
  }

  // --- assertions

  bool general(const Json& schema, const Json& value, const Place& place, Violations* out) {
    bool good = true;
    if (const Json* type = value::find(schema, "type")) {
      std::vector<std::string> wanted;
      if (type->is_string()) wanted.push_back(type->get<std::string>());
      if (type->is_array())
        for (const Json& one : *type)
          if (one.is_string()) wanted.push_back(one.get<std::string>());
      for (const std::string& one : wanted)
        if (one != "string" && one != "number" && one != "integer" && one != "boolean" && one != "null" &&
            one != "array" && one != "object")
          return fail(Code::invalid, fmt::format("\"{}\" is not a type of JSON Schema", one), place.schema + "/type");
      if (wanted.empty()) return fail(Code::invalid, "type must be a name or a list of names", place.schema + "/type");
      if (std::none_of(wanted.begin(), wanted.end(), [&](const std::string& one) { return has_type(value, one); }))
        good = report(out, place, "type", fmt::format("got {}, want {}", type_name(value), fmt::join(wanted, " or ")));
    }
    if (const Json* list = value::find(schema, "enum"); list && list->is_array())
      if (std::none_of(list->begin(), list->end(), [&](const Json& one) { return same(one, value); })) {
        std::vector<std::string> allowed;
        for (const Json& one : *list) allowed.push_back(one.dump(-1, ' ', false, Json::error_handler_t::replace));
        good = report(out, place, "enum", fmt::format("must be one of {}", fmt::join(allowed, ", ")));
      }
    if (const Json* constant = value::find(schema, "const"); constant && draft_ >= 6 && !same(*constant, value))
      good = report(out, place, "const",
                    fmt::format("must be {}", constant->dump(-1, ' ', false, Json::error_handler_t::replace)));
    return good;
  }

  bool numbers(const Json& schema, const Json& value, const Place& place, Violations* out) {
    const double number = value.get<double>();
    bool good = true;
    const auto limit = [&](const char* keyword) -> std::optional<double> {
      const Json* found = value::find(schema, keyword);
      return found && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    const bool open_low = draft_ == 4 && value::bool_at(schema, false, "exclusiveMinimum");
    const bool open_high = draft_ == 4 && value::bool_at(schema, false, "exclusiveMaximum");
    if (auto low = limit("minimum"); low && (number < *low || (open_low && number == *low)))
      good = report(out, place, "minimum", fmt::format("must be {} {}", open_low ? "more than" : "at least", *low));
    if (auto high = limit("maximum"); high && (number > *high || (open_high && number == *high)))
      good = report(out, place, "maximum", fmt::format("must be {} {}", open_high ? "less than" : "at most", *high));
    if (auto low = limit("exclusiveMinimum"); low && number <= *low)
      good = report(out, place, "exclusiveMinimum", fmt::format("must be more than {}", *low));
    if (auto high = limit("exclusiveMaximum"); high && number >= *high)
      good = report(out, place, "exclusiveMaximum", fmt::format("must be less than {}", *high));
    if (auto step = limit("multipleOf"); step && *step > 0) {
      const double times = number / *step;
      if (std::abs(times - std::round(times)) > 1e-9 * std::max(1.0, std::abs(times)))
        good = report(out, place, "multipleOf", fmt::format("must be a multiple of {}", *step));
    }
    return good;
  }

  bool strings(const Json& schema, const Json& value, const Place& place, Violations* out) {
    const std::string& text = value.get_ref<const std::string&>();
    bool good = true;
    if (const auto low = value::int_at(schema, -1, "minLength");
        low > 0 && code_points(text) < static_cast<std::uint64_t>(low))
      good = report(out, place, "minLength", fmt::format("must have at least {} characters", low));
    if (const auto high = value::int_at(schema, -1, "maxLength");
        high >= 0 && code_points(text) > static_cast<std::uint64_t>(high))
      good = report(out, place, "maxLength", fmt::format("must have at most {} characters", high));
    if (const Json* pattern = value::find(schema, "pattern"); pattern && pattern->is_string()) {
      const bool fits = matches(pattern->get_ref<const std::string&>(), text, place.schema + "/pattern");
      if (failure_) return false;
      if (!fits)
        good = report(out, place, "pattern", fmt::format("does not match pattern '{}'", pattern->get<std::string>()));
    }
    if (const Json* format = value::find(schema, "format"); format && format->is_string() && draft_ <= 7)
      if (!fits_format(format->get_ref<const std::string&>(), text))
        good = report(out, place, "format", fmt::format("is not a valid {}", format->get<std::string>()));
    return good;
  }

  bool matches(const std::string& pattern, const std::string& text, const std::string& where) {
    auto found = patterns_.find(pattern);
    if (found == patterns_.end()) {
      auto compiled = sprig::Regex::compile(pattern);
      if (!compiled.ok()) return fail(Code::invalid, "pattern: " + compiled.error().message, where);
      found = patterns_.emplace(pattern, std::move(*compiled)).first;
    }
    return found->second.matches(text);
  }

  bool arrays(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    const auto size = static_cast<std::int64_t>(value.size());
    if (const auto low = value::int_at(schema, -1, "minItems"); size < low)
      good = report(out, place, "minItems", fmt::format("has {} items, must have at least {}", size, low));
    if (const auto high = value::int_at(schema, -1, "maxItems"); high >= 0 && size > high)
      good = report(out, place, "maxItems", fmt::format("has {} items, must have at most {}", size, high));
    if (value::bool_at(schema, false, "uniqueItems")) {
      const std::set<Json> distinct(value.begin(), value.end());
      if (distinct.size() != value.size()) good = report(out, place, "uniqueItems", "has an item twice");
    }
    // 2020-12 calls the list of schemas prefixItems and the rest items; before it was items and additionalItems.
    const Json* items = value::find(schema, "items");
    const Json* prefix = draft_ > 2019 ? value::find(schema, "prefixItems") : nullptr;
    const char* prefix_name = "prefixItems";
    const char* rest_name = "items";
    const Json* rest = items;
    if (!prefix && items && items->is_array()) {
      prefix = items;
      prefix_name = "items";
      rest_name = "additionalItems";
      rest = value::find(schema, "additionalItems");
    }
    std::size_t index = 0;
    if (prefix && prefix->is_array())
      for (; index < prefix->size() && index < value.size(); ++index) {
        Seen inner;
        good = apply((*prefix)[index], value[index],
                     place.into(fmt::format("/{}/{}", prefix_name, index), std::to_string(index)), inner, out) &&
               good;
      }
    seen.items = std::max(seen.items, index);
    if (rest) {
      for (; index < value.size(); ++index) {
        Seen inner;
        good =
            apply(*rest, value[index], place.into(fmt::format("/{}", rest_name), std::to_string(index)), inner, out) &&
            good;
      }
      seen.all_items = true;
    }
    return contains(schema, value, place, seen, out) && good;
  }

  bool contains(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    const Json* wanted = value::find(schema, "contains");
    if (!wanted || draft_ < 6) return true;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      Seen inner;
      if (!apply(*wanted, value[i], place.below("contains"), inner, nullptr)) continue;
      ++count;
      if (draft_ > 2019) seen.contained.insert(i);
    }
    const auto low = draft_ > 7 ? value::int_at(schema, 1, "minContains") : 1;
    const auto high = draft_ > 7 ? value::int_at(schema, -1, "maxContains") : -1;
    if (count < low)
      return report(out, place, "contains", fmt::format("must have at least {} matching items, has {}", low, count));
    if (high >= 0 && count > high)
      return report(out, place, "contains", fmt::format("must have at most {} matching items, has {}", high, count));
    return true;
  }

  bool objects(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    const auto size = static_cast<std::int64_t>(value.size());
    if (const auto low = value::int_at(schema, -1, "minProperties"); size < low)
      good = report(out, place, "minProperties", fmt::format("has {} properties, must have at least {}", size, low));
    if (const auto high = value::int_at(schema, -1, "maxProperties"); high >= 0 && size > high)
      good = report(out, place, "maxProperties", fmt::format("has {} properties, must have at most {}", size, high));
    if (const Json* required = value::find(schema, "required"); required && required->is_array())
      good = require(*required, value, place, "required", out) && good;
    good = properties(schema, value, place, seen, out) && good;
    if (const Json* names = value::find(schema, "propertyNames"); names && draft_ >= 6)
      for (const auto& [key, unused] : value.items()) {
        Seen inner;
        if (!apply(*names, Json(key), place.below("propertyNames"), inner, nullptr) && !failure_)
          good = report(out, place, "propertyNames", fmt::format("the property name \"{}\" is not allowed", key));
      }
    return dependents(schema, value, place, seen, out) && good;
  }

  bool require(const Json& names, const Json& value, const Place& place, std::string_view keyword, Violations* out) {
    bool good = true;
    for (const Json& name : names)
      if (name.is_string() && !value.contains(name.get_ref<const std::string&>()))
        good = report(out, place, keyword, fmt::format("missing property \"{}\"", name.get<std::string>()));
    return good;
  }

  bool properties(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    const Json* named = value::find(schema, "properties");
    const Json* patterned = value::find(schema, "patternProperties");
    const Json* others = value::find(schema, "additionalProperties");
    bool good = true;
    for (const auto& [key, item] : value.items()) {
      bool known = false;
      Seen inner;
      if (const Json* own = named ? value::find(*named, key) : nullptr) {
        known = true;
        good = apply(*own, item, place.into("/properties" + pointer_part(key), key), inner, out) && good;
      }
      if (patterned && patterned->is_object())
        for (const auto& [pattern, own] : patterned->items()) {
          const std::string part = "/patternProperties" + pointer_part(pattern);
          if (!matches(pattern, key, place.schema + part)) continue;
          known = true;
          good = apply(own, item, place.into(part, key), inner, out) && good;
        }
      if (!known && others) {
        known = true;
        if (others->is_boolean() && !others->get<bool>())
          good = report(out, {place.schema, place.value + pointer_part(key)}, "additionalProperties",
                        "is not a known property");
        else
          good = apply(*others, item, place.into("/additionalProperties", key), inner, out) && good;
      }
      if (known) seen.properties.insert(key);
      if (failure_) return false;
    }
    return good;
  }

  bool dependents(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      const Json* map = value::find(schema, keyword);
      if (!map || !map->is_object()) continue;
      for (const auto& [key, needed] : map->items()) {
        if (!value.contains(key)) continue;
        if (needed.is_array())
          good = require(needed, value, place, fmt::format("{}{}", keyword, pointer_part(key)), out) && good;
        else
          good = apply(needed, value, place.below(keyword + pointer_part(key)), seen, out) && good;
      }
    }
    return good;
  }

  // --- combinations

  bool combined(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    if (const Json* list = value::find(schema, "allOf"); list && list->is_array())
      for (std::size_t i = 0; i < list->size(); ++i)
        good = apply((*list)[i], value, place.below(fmt::format("allOf/{}", i)), seen, out) && good;
    if (const Json* list = value::find(schema, "anyOf"); list && list->is_array()) {
      bool any = false;
      for (std::size_t i = 0; i < list->size(); ++i) {
        Seen inner;
        if (!apply((*list)[i], value, place.below(fmt::format("anyOf/{}", i)), inner, nullptr)) continue;
        any = true;
        seen.add(std::move(inner));
      }
      if (!any && !failure_) good = none_fits(*list, value, place, "anyOf", out);
    }
    if (const Json* list = value::find(schema, "oneOf"); list && list->is_array()) {
      std::vector<std::size_t> fitting;
      for (std::size_t i = 0; i < list->size(); ++i) {
        Seen inner;
        if (!apply((*list)[i], value, place.below(fmt::format("oneOf/{}", i)), inner, nullptr)) continue;
        fitting.push_back(i);
        seen.add(std::move(inner));
      }
      if (fitting.empty() && !failure_) good = none_fits(*list, value, place, "oneOf", out);
      if (fitting.size() > 1)
        good =
            report(out, place, "oneOf", fmt::format("must fit one alternative, fits {}", fmt::join(fitting, " and ")));
    }
    if (const Json* inner_schema = value::find(schema, "not")) {
      Seen inner;
      if (apply(*inner_schema, value, place.below("not"), inner, nullptr))
        good = report(out, place, "not", "is excluded by the schema");
    }
    return good && !failure_;
  }

  // The first complaint of every alternative, so that a reader sees what each would have wanted.
  bool none_fits(const Json& list, const Json& value, const Place& place, std::string_view keyword, Violations* out) {
    if (!out) return false;
    std::vector<std::string> reasons;
    for (std::size_t i = 0; i < list.size() && i < kMaxSchemaErrors; ++i) {
      Seen inner;
      Violations why;
      apply(list[i], value, {"#", ""}, inner, &why);
      if (!why.empty())
        reasons.push_back(why.front().value_path.empty() ? why.front().message
                                                         : why.front().value_path + " " + why.front().message);
    }
    return report(out, place, keyword, fmt::format("fits none of the alternatives ({})", fmt::join(reasons, "; ")));
  }

  bool conditional(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    const Json* condition = value::find(schema, "if");
    if (!condition || draft_ < 7) return true;
    Seen inner;
    const bool fits = apply(*condition, value, place.below("if"), inner, nullptr);
    if (fits) seen.add(std::move(inner));
    const char* branch = fits ? "then" : "else";
    const Json* then = value::find(schema, branch);
    return !failure_ && (!then || apply(*then, value, place.below(branch), seen, out));
  }

  bool unevaluated(const Json& schema, const Json& value, const Place& place, Seen& seen, Violations* out) {
    bool good = true;
    if (const Json* rest = value::find(schema, "unevaluatedProperties"); rest && value.is_object())
      for (const auto& [key, item] : value.items()) {
        if (seen.properties.contains(key)) continue;
        Seen inner;
        if (rest->is_boolean() && !rest->get<bool>())
          good = report(out, {place.schema, place.value + pointer_part(key)}, "unevaluatedProperties",
                        "is not a known property");
        else
          good = apply(*rest, item, place.into("/unevaluatedProperties", key), inner, out) && good;
        seen.properties.insert(key);
      }
    if (const Json* rest = value::find(schema, "unevaluatedItems"); rest && value.is_array() && !seen.all_items) {
      for (std::size_t i = seen.items; i < value.size(); ++i) {
        if (seen.contained.contains(i)) continue;
        Seen inner;
        good = apply(*rest, value[i], place.into("/unevaluatedItems", std::to_string(i)), inner, out) && good;
      }
      seen.all_items = true;
    }
    return good;
  }

  const Json& root_;
  std::string_view what_;
  int draft_ = 2020;
  int depth_ = 0, steps_ = 0;
  std::optional<Error> failure_;
  std::map<std::string, const Json*> resolved_;
  std::map<std::string, sprig::Regex> patterns_;
};

Result<> validate_chart(const Chart& chart, const Json& values, const std::string& path,
                        std::vector<std::string>& wrong) {
  if (!chart.schema.empty()) {
    const std::string what = path + "/values.schema.json";
    ASSIGN_OR_RETURN(const Json schema, value::parse_json(chart.schema, what));
    ASSIGN_OR_RETURN(const auto violations, validate(schema, values, what));
    for (const SchemaViolation& one : violations)
      if (wrong.size() < kMaxSchemaErrors)
        wrong.push_back(fmt::format("chart {}: value {}: {} (schema {})", path,
                                    one.value_path.empty() ? "/" : one.value_path, one.message, one.schema_path));
  }
  for (const auto& dependency : chart.dependencies) {
    const Json* below = value::find(values, dependency->name());
    if (below && below->is_object())
      TRY(validate_chart(*dependency, *below, path + "/charts/" + dependency->name(), wrong));
  }
  return {};
}

}  // namespace

Result<std::vector<SchemaViolation>> validate(const Json& schema, const Json& value, std::string_view what) {
  return Validator(schema, what).run(value);
}

Result<> validate_values(const Chart& chart, const Json& values) {
  std::vector<std::string> wrong;
  TRY(validate_chart(chart, values, chart.name(), wrong));
  if (wrong.empty()) return {};
  return Error(Code::invalid, fmt::format("the values do not fit the schema: {}", fmt::join(wrong, "; ")),
               "correct the values, or look up what is allowed in values.schema.json");
}

}  // namespace nautilus::chart
