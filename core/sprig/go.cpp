#include "core/sprig/go.h"

#include <charconv>
#include <cmath>

#include "core/sprig/crypto.h"
#include "core/sprig/unicode.h"
#include "core/value/yaml.h"

namespace nautilus::sprig {

std::string Bytes::to_string() const {
  std::string out = "[";
  for (const char c : data_) {
    if (out.size() > 1) out += ' ';
    out += std::to_string(static_cast<unsigned char>(c));
  }
  return out + "]";
}

Val Bytes::json_value() const { return Val(crypto::base64_encode(data_)); }

const std::vector<Val>* Bytes::items() const {
  if (!items_) {
    items_.emplace();
    for (const char c : data_) items_->push_back(Val::integer(static_cast<unsigned char>(c)));
  }
  return &*items_;
}

const std::vector<Val>* items_of(const Val& value) {
  if (value.is_list()) return &value.as_list().items;
  const GoObject* object = go_object(value);
  return object ? object->items() : nullptr;
}

Environment& environment(Call& call) { return *static_cast<Environment*>(call.user()); }

Result<port::Entropy*> entropy(Call& call) {
  auto* user = static_cast<Environment*>(call.user());
  if (!user || !user->entropy) return Error(Code::refused, "no source of random numbers is available here");
  return user->entropy;
}

Result<port::WallTime> now(Call& call) {
  auto* user = static_cast<Environment*>(call.user());
  if (!user || !user->clock) return Error(Code::refused, "no clock is available here");
  return user->clock->now();
}

Result<const Regex*> regex(Call& call, const std::string& pattern) {
  auto& cache = environment(call).regexes;
  if (const auto found = cache.find(pattern); found != cache.end()) return &found->second;
  ASSIGN_OR_RETURN(Regex compiled, Regex::compile(pattern));
  if (cache.size() >= kMaxRegexes) cache.clear();
  return &cache.emplace(pattern, std::move(compiled)).first->second;
}

Error failed(std::string message) { return Error(Code::invalid, std::move(message)); }
Error too_large(std::string_view what) {
  return Error(Code::limit, fmt::format("{} would be larger than {} MiB or {} items", what, kMaxText >> 20, kMaxItems));
}

std::string text_of(const Val& value) {
  if (value.is_string()) return value.as_string();
  if (const GoObject* object = go_object(value); object && object->bytes()) return *object->bytes();
  return gotmpl::to_string(value);
}

Result<std::vector<std::string>> texts_of(const Val& value) {
  std::vector<std::string> out;
  if (const auto* items = items_of(value)) {
    out.reserve(items->size());
    for (const Val& item : *items)
      if (!item.is_nil()) out.push_back(text_of(item));
  } else if (!value.is_nil()) {
    out.push_back(text_of(value));
  }
  return out;
}

bool is_empty(const Val& value) {
  if (value.is_object()) {
    const GoObject* object = go_object(value);
    if (object && object->items()) return object->items()->empty();
    return !value.as_object().truth();
  }
  return !gotmpl::truth(value);
}

std::optional<std::int64_t> parse_go_integer(std::string_view text, int base) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  std::string digits(text);
  if (base == 0) {
    base = 10;
    const char second = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
    const bool prefixed = second == 'x' || second == 'b' || second == 'o';
    if (second != '\0') base = second == 'x' ? 16 : second == 'b' ? 2 : 8;
    if (prefixed) digits.erase(0, 2);
    // Underscores only between digits, or between the prefix and a digit.
    bool digit_before = prefixed || second != '\0';
    std::string clean;
    for (std::size_t i = 0; i < digits.size(); ++i) {
      if (digits[i] != '_') {
        clean += digits[i];
        digit_before = true;
      } else if (!digit_before || i + 1 == digits.size() || digits[i + 1] == '_') {
        return std::nullopt;
      }
    }
    digits = std::move(clean);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (magnitude > kLimit || (magnitude == kLimit && !negative)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

std::optional<double> parse_go_float(std::string_view text) {
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (text.empty() || (plus && text[0] == '-')) return std::nullopt;
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

namespace {
// "3.00" is 3 to cast.
std::string_view without_zero_fraction(std::string_view text) {
  const auto dot = text.find_last_not_of('0');
  if (dot == std::string_view::npos || text[dot] != '.' || dot + 1 == text.size()) return text;
  return text.substr(0, dot);
}
}  // namespace

std::int64_t to_int64(const Val& value) {
  switch (value.kind()) {
    case Kind::integer:
    case Kind::int64:
    case Kind::uint64: return value.as_int();
    case Kind::boolean: return value.as_bool() ? 1 : 0;
    case Kind::string: return parse_go_integer(without_zero_fraction(value.as_string()), 0).value_or(0);
    case Kind::float64: {
      const double number = value.as_float();
      // Outside the range the processor gives the smallest number, and so does Go on amd64.
      if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
        return std::numeric_limits<std::int64_t>::min();
      return static_cast<std::int64_t>(number);
    }
    default: return 0;
  }
}

double to_float64(const Val& value) {
  switch (value.kind()) {
    case Kind::integer:
    case Kind::int64: return static_cast<double>(value.as_int());
    case Kind::uint64: return static_cast<double>(value.as_uint());
    case Kind::boolean: return value.as_bool() ? 1 : 0;
    case Kind::float64: return value.as_float();
    case Kind::string: return parse_go_float(value.as_string()).value_or(0);
    default: return 0;
  }
}

std::string type_of(const Val& value) { return gotmpl::type_name(value); }
std::string kind_of(const Val& value) { return gotmpl::kind_name(value); }

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    const char32_t c = decode(text, at, length);
    if (c == kReplacement && length == 1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\a': out += "\\a"; continue;
      case '\b': out += "\\b"; continue;
      case '\f': out += "\\f"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      case '\v': out += "\\v"; continue;
      default: break;
    }
    const std::uint32_t code = c;
    const bool odd = c == 0xAD || c == 0xFEFF || (c >= 0x80 && is_space(c)) || (c >= 0x200B && c <= 0x200F) ||
                     (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || (c >= 0xE000 && c <= 0xF8FF) ||
                     (c >= 0xFFF0 && c <= 0xFFFB) || c >= 0xE0000;
    if (c < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", code);
    else if ((c >= 0x80 && c < 0xA0) || (odd && c < 0x10000))
      out += fmt::format("\\u{:04x}", code);
    else if (odd)
      out += fmt::format("\\U{:08x}", code);
    else
      out.append(text, at, length);
  }
  return out + "\"";
}

namespace {
Result<Val> copy_below(const Val& value, int depth, std::uint64_t& nodes) {
  if (depth > kMaxValueDepth || ++nodes > kMaxValueNodes)
    return Error(Code::limit,
                 fmt::format("the value is deeper than {} or has more than {} parts", kMaxValueDepth, kMaxValueNodes));
  if (value.is_list()) {
    auto out = std::make_shared<gotmpl::List>();
    out->of_strings = value.as_list().of_strings;
    out->items.reserve(value.as_list().items.size());
    for (const Val& item : value.as_list().items) {
      ASSIGN_OR_RETURN(Val copied, copy_below(item, depth + 1, nodes));
      out->items.push_back(std::move(copied));
    }
    return Val(std::move(out));
  }
  if (value.is_map()) {
    auto out = std::make_shared<gotmpl::Map>();
    out->of_strings = value.as_map().of_strings;
    out->type_name = value.as_map().type_name;
    for (const auto& [key, item] : value.as_map().items) {
      ASSIGN_OR_RETURN(Val copied, copy_below(item, depth + 1, nodes));
      out->items.emplace_hint(out->items.end(), key, std::move(copied));
    }
    return Val(std::move(out));
  }
  return value;
}
}  // namespace

Result<Val> deep_copy(const Val& value) {
  std::uint64_t nodes = 0;
  return copy_below(value, 0, nodes);
}

namespace {

// As encoding/json: the shortest digits that read back, without exponent from 1e-6 up to 1e21.
std::string json_number(double value) {
  const double magnitude = std::abs(value);
  char buffer[64];
  const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  if (!exponent && magnitude < 1e15) {
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
    return std::string(buffer, end.ptr);
  }
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  const auto e = text.find('e');
  if (exponent) {  // 1e-07 is 1e-7 to encoding/json
    if (text[e + 1] == '-' && text[e + 2] == '0') text.erase(e + 2, 1);
    return text;
  }
  // A large whole number: its shortest digits and then zeros, where to_chars would print every exact digit.
  const auto places = static_cast<std::size_t>(std::stoi(text.substr(e + 1)));
  std::string digits = text.substr(0, e);
  const std::string sign = digits.starts_with('-') ? "-" : "";
  std::erase_if(digits, [](char c) { return c == '.' || c == '-'; });
  if (digits.size() > places + 1) return sign + digits.substr(0, places + 1) + "." + digits.substr(places + 1);
  digits.append(places + 1 - digits.size(), '0');
  return sign + digits;
}

struct JsonWriter {
  bool escape_html;
  std::string_view indent;
  std::string out;
  std::uint64_t nodes = 0;

  void line(int depth) {
    if (indent.empty()) return;
    out += '\n';
    for (int i = 0; i < depth; ++i) out += indent;
  }

  void text(std::string_view value) {
    out += '"';
    for (std::size_t at = 0, length = 0; at < value.size(); at += length) {
      const char32_t c = decode(value, at, length);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += static_cast<char>(c);
      } else if (c == '\n') {
        out += "\\n";
      } else if (c == '\r') {
        out += "\\r";
      } else if (c == '\t') {
        out += "\\t";
      } else if (c == '\b') {
        out += "\\b";
      } else if (c == '\f') {
        out += "\\f";
      } else if (c < 0x20 || (escape_html && (c == '<' || c == '>' || c == '&')) || c == 0x2028 || c == 0x2029) {
        out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
      } else if (c == kReplacement && length == 1) {
        out += "\\ufffd";
      } else {
        out.append(value, at, length);
      }
    }
    out += '"';
  }

  Result<> number(double value) {
    if (!std::isfinite(value)) return failed("json: unsupported value");
    out += json_number(value);
    return {};
  }

  template <class Items, class Write>
  Result<> structure(char open, char close, const Items& items, int depth, const Write& write) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      TRY(write(item));
    }
    if (!first) line(depth);
    out += close;
    return {};
  }

  template <class Items>
  Result<> object(const Items& items, int depth) {
    return structure('{', '}', items, depth, [&](const auto& item) {
      text(item.first);
      out += indent.empty() ? ":" : ": ";
      return value(item.second, depth + 1);
    });
  }

  Result<> value(const Val& v, int depth) {
    if (depth > kMaxValueDepth || ++nodes > kMaxValueNodes || out.size() > kMaxText)
      return Error(Code::limit, "the value is too deep or too large to be written as JSON");
    switch (v.kind()) {
      case Kind::invalid:
      case Kind::nil: out += "null"; return {};
      case Kind::boolean: out += v.as_bool() ? "true" : "false"; return {};
      case Kind::integer:
      case Kind::int64: out += std::to_string(v.as_int()); return {};
      case Kind::uint64: out += std::to_string(v.as_uint()); return {};
      case Kind::float64: return number(v.as_float());
      case Kind::string: text(v.as_string()); return {};
      case Kind::list:
        return structure('[', ']', v.as_list().items, depth, [&](const Val& item) { return value(item, depth + 1); });
      case Kind::map: return object(v.as_map().items, depth);
      case Kind::object: break;
    }
    const GoObject* own = go_object(v);
    if (!own) {
      text(v.as_object().to_string());
      return {};
    }
    if (const auto fields = own->json_fields()) return object(*fields, depth);
    const Val plain = own->json_value();
    return value(plain, depth + 1);
  }
};

Result<Json> plain_below(const Val& v, int depth, std::uint64_t& nodes) {
  if (depth > kMaxValueDepth || ++nodes > kMaxValueNodes)
    return Error(Code::limit, "the value is too deep or too large");
  switch (v.kind()) {
    case Kind::invalid:
    case Kind::nil: return Json(nullptr);
    case Kind::boolean: return Json(v.as_bool());
    case Kind::integer:
    case Kind::int64: return Json(v.as_int());
    case Kind::uint64: return Json(v.as_uint());
    case Kind::float64: {
      const double number = v.as_float();
      if (!std::isfinite(number)) return failed("json: unsupported value");
      // encoding/json prints whole floats below 1e21 without a point, and YAML then reads them as integers.
      if (std::trunc(number) == number && std::abs(number) < 9.2e18) return Json(static_cast<std::int64_t>(number));
      return Json(number);
    }
    case Kind::string: return Json(v.as_string());
    case Kind::list: {
      Json out = Json::array();
      for (const Val& item : v.as_list().items) {
        ASSIGN_OR_RETURN(Json plain, plain_below(item, depth + 1, nodes));
        out.push_back(std::move(plain));
      }
      return out;
    }
    case Kind::map: {
      Json out = Json::object();
      auto& map = out.get_ref<Json::object_t&>();
      for (const auto& [key, item] : v.as_map().items) {
        ASSIGN_OR_RETURN(Json plain, plain_below(item, depth + 1, nodes));
        map.emplace_hint(map.end(), key, std::move(plain));
      }
      return out;
    }
    case Kind::object: break;
  }
  const GoObject* own = go_object(v);
  if (!own) return Json(v.as_object().to_string());
  if (const auto fields = own->json_fields()) {
    Json out = Json::object();
    for (const auto& [key, item] : *fields) { ASSIGN_OR_RETURN(out[key], plain_below(item, depth + 1, nodes)); }
    return out;
  }
  return plain_below(own->json_value(), depth + 1, nodes);
}

}  // namespace

Result<std::string> go_json(const Val& value, bool escape_html, std::string_view indent) {
  JsonWriter writer{escape_html, indent, {}, 0};
  TRY(writer.value(value, 0));
  return std::move(writer.out);
}

Result<Json> plain_json(const Val& value) {
  std::uint64_t nodes = 0;
  return plain_below(value, 0, nodes);
}

Result<std::string> go_yaml(const Val& value) {
  ASSIGN_OR_RETURN(const Json plain, plain_json(value));
  std::string text = value::to_yaml(plain);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace nautilus::sprig
