#include <cmath>

#include "core/sprig/go.h"
#include "core/sprig/toml.h"

namespace nautilus::sprig {
namespace {

bool is_bare(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
  });
}

std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        else
          out += c;
    }
  }
  return out + "\"";
}

std::string key_text(std::string_view key) { return is_bare(key) ? std::string(key) : quoted_text(key); }

bool is_table_list(const Val& value) {
  const auto* items = items_of(value);
  return items && !items->empty() &&
         std::all_of(items->begin(), items->end(), [](const Val& one) { return one.is_map(); });
}

class Encoder {
 public:
  std::string out;

  Result<> table(const Val& map, const std::string& path, int depth) {
    if (depth > kMaxTomlDepth) return Error(Code::limit, "toml: nested too deep");
    std::vector<std::pair<const std::string*, const Val*>> below;
    for (const auto& [key, item] : map.as_map().items) {
      if (item.is_nil()) continue;
      if (item.is_map() || is_table_list(item)) {
        below.emplace_back(&key, &item);
        continue;
      }
      indent(depth);
      out += key_text(key) + " = ";
      TRY(value(item, depth));
      out += '\n';
    }
    for (const auto& [key, item] : below)
      TRY(sub_table(*item, path.empty() ? key_text(*key) : path + "." + key_text(*key), depth));
    return {};
  }

 private:
  void indent(int levels) {
    for (int i = 0; i < levels; ++i) out += "  ";
  }

  Result<> sub_table(const Val& item, const std::string& path, int depth) {
    if (item.is_map()) {
      if (depth == 0 && !out.empty()) out += '\n';
      indent(depth);
      out += "[" + path + "]\n";
      return table(item, path, depth + 1);
    }
    for (const Val& one : *items_of(item)) {
      if (!out.empty()) out += '\n';
      indent(depth);
      out += "[[" + path + "]]\n";
      TRY(table(one, path, depth + 1));
    }
    return {};
  }

  Result<> value(const Val& item, int depth) {
    if (depth > kMaxTomlDepth) return Error(Code::limit, "toml: nested too deep");
    if (out.size() > kMaxText) return too_large("toToml");
    if (item.is_string()) {
      out += quoted_text(item.as_string());
    } else if (item.is_bool()) {
      out += item.as_bool() ? "true" : "false";
    } else if (item.is_integer()) {
      out += gotmpl::to_string(item);
    } else if (item.is_float()) {
      out += float_text(item.as_float());
    } else if (item.is_map()) {
      return inline_table(item, depth);
    } else if (const auto* items = items_of(item)) {
      out += '[';
      for (std::size_t i = 0; i < items->size(); ++i) {
        if (i > 0) out += ", ";
        if ((*items)[i].is_nil()) return failed("toml: cannot encode array with nil element");
        TRY(value((*items)[i], depth + 1));
      }
      out += ']';
    } else {
      out += quoted_text(text_of(item));
    }
    return {};
  }

  Result<> inline_table(const Val& map, int depth) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : map.as_map().items) {
      if (item.is_nil()) continue;
      if (!first) out += ", ";
      first = false;
      out += key_text(key) + " = ";
      TRY(value(item, depth + 1));
    }
    out += '}';
    return {};
  }

  static std::string float_text(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    const double magnitude = std::abs(number);
    const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e21);
    std::string text = gotmpl::format_float(number, exponent ? 'e' : 'f', -1);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }
};

}  // namespace

Result<std::string> to_toml(const Val& value) {
  if (!value.is_map()) return failed("toml: top-level values must be Go maps or structs");
  Encoder encoder;
  TRY(encoder.table(value, "", 0));
  return std::move(encoder.out);
}

}  // namespace nautilus::sprig
