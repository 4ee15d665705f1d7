#include "core/gotmpl/val.h"

#include <charconv>
#include <cmath>

namespace nautilus::gotmpl {

namespace {

constexpr int kMaxValueDepth = 1000;

void append_value(std::string& out, const Val& value, int depth);

void append_scalar(std::string& out, const Val& value) {
  switch (value.kind()) {
    case Kind::boolean: out += value.as_bool() ? "true" : "false"; break;
    case Kind::integer:
    case Kind::int64: out += std::to_string(value.as_int()); break;
    case Kind::uint64: out += std::to_string(value.as_uint()); break;
    case Kind::float64: out += format_float(value.as_float(), 'g', -1); break;
    case Kind::string: out += value.as_string(); break;
    case Kind::object: out += value.as_object().to_string(); break;
    default: out += "<nil>"; break;
  }
}

void append_value(std::string& out, const Val& value, int depth) {
  if (depth > kMaxValueDepth) {
    out += "...";
    return;
  }
  if (value.is_list()) {
    out += '[';
    bool first = true;
    for (const auto& item : value.as_list().items) {
      if (!first) out += ' ';
      first = false;
      append_value(out, item, depth + 1);
    }
    out += ']';
  } else if (value.is_map()) {
    out += "map[";
    bool first = true;
    for (const auto& [key, item] : value.as_map().items) {
      if (!first) out += ' ';
      first = false;
      out += key;
      out += ':';
      append_value(out, item, depth + 1);
    }
    out += ']';
  } else {
    append_scalar(out, value);
  }
}

// The shortest decimal digits that read back as v, and the exponent of the first one.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;  // value = d.ddd * 10^exponent
};

Decimal shortest(double v) {
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  Decimal d;
  if (text.starts_with('-')) {
    d.negative = true;
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  for (char c : text.substr(0, e))
    if (c != '.') d.digits += c;
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), d.exponent);
  while (d.digits.size() > 1 && d.digits.back() == '0') d.digits.pop_back();
  return d;
}

std::string exponent_form(const Decimal& d, char e) {
  std::string out = d.negative ? "-" : "";
  out += d.digits[0];
  if (d.digits.size() > 1) out += "." + d.digits.substr(1);
  return out + fmt::format("{}{}{:02}", e, d.exponent < 0 ? '-' : '+', std::abs(d.exponent));
}

std::string plain_form(const Decimal& d) {
  std::string out = d.negative ? "-" : "";
  const int digits = static_cast<int>(d.digits.size());
  if (d.exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-d.exponent - 1), '0') + d.digits;
  if (d.exponent + 1 >= digits)
    return out + d.digits + std::string(static_cast<std::size_t>(d.exponent + 1 - digits), '0');
  return out + d.digits.substr(0, static_cast<std::size_t>(d.exponent + 1)) + "." +
         d.digits.substr(static_cast<std::size_t>(d.exponent + 1));
}

Result<Json> json_at(const Val& value, int depth);

Result<Json> structured_json(const Val& value, int depth) {
  if (depth > value::kMaxDepth)
    return Error(Code::limit, fmt::format("a value nested deeper than {} levels", value::kMaxDepth));
  if (value.is_list()) {
    Json out = Json::array();
    for (const auto& item : value.as_list().items) {
      ASSIGN_OR_RETURN(Json child, json_at(item, depth + 1));
      out.push_back(std::move(child));
    }
    return out;
  }
  Json out = Json::object();
  for (const auto& [key, item] : value.as_map().items) {
    ASSIGN_OR_RETURN(Json child, json_at(item, depth + 1));
    out.emplace(key, std::move(child));
  }
  return out;
}

Result<Json> json_at(const Val& value, int depth) {
  switch (value.kind()) {
    case Kind::boolean: return Json(value.as_bool());
    case Kind::integer:
    case Kind::int64: return Json(value.as_int());
    case Kind::uint64: return Json(value.as_uint());
    case Kind::float64: {
      const double v = value.as_float();
      if (!std::isfinite(v)) return Error(Code::invalid, fmt::format("json: unsupported value: {}", to_string(value)));
      if (v == std::floor(v) && std::fabs(v) < 9e15) return Json(static_cast<std::int64_t>(v));
      return Json(v);
    }
    case Kind::string: return Json(value.as_string());
    case Kind::object: return Json(value.as_object().to_string());
    case Kind::list:
    case Kind::map: return structured_json(value, depth);
    default: return Json();
  }
}

}  // namespace

std::optional<Val> Object::field(std::string_view) const { return std::nullopt; }
std::optional<Result<Val>> Object::call(std::string_view, Call&, std::span<Val>) const { return std::nullopt; }

Val Val::list(std::vector<Val> items) { return Val(std::make_shared<List>(List{std::move(items), false})); }

Val Val::strings(std::vector<std::string> items) {
  auto list = std::make_shared<List>();
  list->of_strings = true;
  list->items.reserve(items.size());
  for (auto& item : items) list->items.emplace_back(std::move(item));
  return Val(std::move(list));
}

Val Val::map() { return Val(std::make_shared<Map>()); }

Val Val::get(std::string_view key) const {
  if (!is_map()) return {};
  auto found = as_map().items.find(key);
  return found == as_map().items.end() ? Val() : found->second;
}

Val from_json(const Json& json, Numbers numbers) {
  switch (json.type()) {
    case Json::value_t::boolean: return Val(json.get<bool>());
    case Json::value_t::string: return Val(json.get_ref<const std::string&>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return numbers == Numbers::as_float64 ? Val(json.get<double>())
             : json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)
                 ? Val(json.get<double>())
                 : Val::int64(json.get<std::int64_t>());
    case Json::value_t::number_float: return Val(json.get<double>());
    case Json::value_t::array: {
      auto list = std::make_shared<List>();
      list->items.reserve(json.size());
      for (const auto& item : json) list->items.push_back(from_json(item, numbers));
      return Val(std::move(list));
    }
    case Json::value_t::object: {
      auto map = std::make_shared<Map>();
      for (const auto& [key, item] : json.items())
        map->items.emplace_hint(map->items.end(), key, from_json(item, numbers));
      return Val(std::move(map));
    }
    default: return Val(nullptr);
  }
}

Result<Json> to_json(const Val& value) { return json_at(value, 0); }

bool truth(const Val& value) {
  switch (value.kind()) {
    case Kind::boolean: return value.as_bool();
    case Kind::integer:
    case Kind::int64:
    case Kind::uint64: return value.as_int() != 0;
    case Kind::float64: return value.as_float() != 0;
    case Kind::string: return !value.as_string().empty();
    case Kind::list: return !value.as_list().items.empty();
    case Kind::map: return !value.as_map().items.empty();
    case Kind::object: return value.as_object().truth();
    default: return false;
  }
}

std::string to_string(const Val& value) {
  std::string out;
  append_value(out, value, 0);
  return out;
}

std::string kind_name(const Val& value) {
  switch (value.kind()) {
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::int64: return "int64";
    case Kind::uint64: return "uint64";
    case Kind::float64: return "float64";
    case Kind::string: return "string";
    case Kind::list: return "slice";
    case Kind::map: return "map";
    case Kind::object: return value.as_object().kind_name();
    default: return "invalid";
  }
}

std::string type_name(const Val& value) {
  switch (value.kind()) {
    case Kind::list: return value.as_list().of_strings ? "[]string" : "[]interface {}";
    case Kind::map:
      if (!value.as_map().type_name.empty()) return value.as_map().type_name;
      return value.as_map().of_strings ? "map[string]string" : "map[string]interface {}";
    case Kind::object: return value.as_object().type_name();
    case Kind::nil:
    case Kind::invalid: return "<nil>";
    default: return kind_name(value);
  }
}

bool deep_equal(const Val& a, const Val& b) {
  if (a.is_nil() && b.is_nil()) return true;
  if (a.kind() != b.kind() || type_name(a) != type_name(b)) return false;
  switch (a.kind()) {
    case Kind::boolean: return a.as_bool() == b.as_bool();
    case Kind::float64: return a.as_float() == b.as_float();
    case Kind::string: return a.as_string() == b.as_string();
    case Kind::object:
      return a.object_ptr() == b.object_ptr() || a.as_object().to_string() == b.as_object().to_string();
    case Kind::list: {
      const auto &x = a.as_list().items, &y = b.as_list().items;
      return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), deep_equal);
    }
    case Kind::map: {
      const auto &x = a.as_map().items, &y = b.as_map().items;
      return x.size() == y.size() && std::equal(x.begin(), x.end(), y.begin(), [](const auto& l, const auto& r) {
               return l.first == r.first && deep_equal(l.second, r.second);
             });
    }
    default: return a.as_int() == b.as_int();
  }
}

std::string format_float(double v, char format, int precision) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  if (precision >= 0) {
    std::string text;
    switch (format) {
      case 'e': text = fmt::format("{:.{}e}", v, precision); break;
      case 'E': text = fmt::format("{:.{}E}", v, precision); break;
      case 'G': text = fmt::format("{:.{}G}", v, precision); break;
      case 'f':
      case 'F': text = fmt::format("{:.{}f}", v, precision); break;
      default: text = fmt::format("{:.{}g}", v, precision); break;
    }
    return text;
  }
  const Decimal d = shortest(v);
  if (format == 'e' || format == 'E') return exponent_form(d, format);
  if (format == 'f' || format == 'F') return plain_form(d);
  constexpr int kExponentFrom = 6;  // strconv's rule for the shortest %g
  if (d.exponent < -4 || d.exponent >= kExponentFrom) return exponent_form(d, format == 'G' ? 'E' : 'e');
  return plain_form(d);
}

}  // namespace nautilus::gotmpl
