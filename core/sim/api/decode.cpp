#include "core/sim/api/decode.h"

#include <fmt/format.h>

#include "core/sim/api/quantity.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

// Builds a tree from parser events, noting keys that come twice (the last one wins, as in Go).
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(Parsed& out) : out_(out) {}
  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override { return put(v); }
  bool number_unsigned(number_unsigned_t v) override { return put(v); }
  bool number_float(number_float_t v, const string_t&) override { return put(v); }
  bool string(string_t& v) override { return put(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return stack_.pop_back(), true; }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return stack_.pop_back(), true; }
  bool key(string_t& v) override {
    stack_.back().key = std::move(v);
    if (stack_.back().node->contains(stack_.back().key) && out_.duplicates.size() < kMostReports)
      out_.duplicates.push_back(path());
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    out_.error = e.what();
    return false;
  }

 private:
  static constexpr std::size_t kMostReports = 100;
  struct Level {
    Json* node;
    std::string key;
  };

  std::string path() const {
    std::string text;
    for (const auto& level : stack_) {
      if (level.node->is_array())
        text += fmt::format("[{}]", level.node->size() - 1);
      else
        text += (text.empty() ? "" : ".") + level.key;
    }
    return text;
  }
  Json* slot(Json value) {
    if (stack_.empty()) return &(out_.value = std::move(value));
    Level& top = stack_.back();
    if (top.node->is_array()) {
      top.node->push_back(std::move(value));
      return &top.node->back();
    }
    return &((*top.node)[top.key] = std::move(value));
  }
  bool put(Json value) { return slot(std::move(value)), true; }
  bool open(Json value) {
    if (stack_.size() >= static_cast<std::size_t>(value::kMaxDepth)) {
      out_.error = "exceeded max depth";
      return false;
    }
    stack_.push_back({slot(std::move(value)), {}});
    return true;
  }

  Parsed& out_;
  std::vector<Level> stack_;
};

class Decoder {
 public:
  explicit Decoder(Decoded& out) : out_(out) {}

  void run(Json& value, const Type& type) {
    switch (type.shape) {
      case Shape::any: return;
      case Shape::object: return object(value, *type.object);
      case Shape::list: return list(value, type);
      case Shape::map: return map(value, type);
      default: return scalar(value, type);
    }
  }

 private:
  static constexpr std::size_t kMostReports = 100;

  static std::string_view json_word(const Json& value) {
    if (value.is_string()) return "string";
    if (value.is_number()) return "number";
    if (value.is_boolean()) return "bool";
    return value.is_array() ? "array" : "object";
  }

  static std::string go_type(const Type& type) {
    switch (type.shape) {
      case Shape::string: return "string";
      case Shape::int32: return "int32";
      case Shape::int64: return "int64";
      case Shape::number: return "float64";
      case Shape::boolean: return "bool";
      case Shape::bytes: return "[]uint8";
      case Shape::list: return "[]" + (type.element ? go_type(*type.element) : std::string("interface {}"));
      case Shape::map: return "map[string]" + (type.element ? go_type(*type.element) : std::string("interface {}"));
      case Shape::object: {
        const std::string& name = type.object->name;  // "core.v1.PodSpec" -> "v1.PodSpec"
        return name.substr(name.rfind('.', name.rfind('.') - 1) + 1);
      }
      case Shape::quantity: return "resource.Quantity";
      case Shape::time: return "v1.Time";
      default: return "string";
    }
  }

  void mismatch(const Json& value, const Type& type) {
    std::string word(json_word(value));
    if (value.is_number() && type.shape != Shape::string && type.shape != Shape::boolean && !type.element &&
        !type.object)
      word += " " + value.dump();
    if (go_path_.empty())
      fail(fmt::format("json: cannot unmarshal {} into Go value of type {}", word, go_type(type)));
    else
      fail(fmt::format("json: cannot unmarshal {} into Go struct field {}.{} of type {}", word, struct_, go_path_,
                       go_type(type)));
  }
  void fail(std::string text) {
    if (out_.error.empty()) out_.error = std::move(text);
  }

  void scalar(Json& value, const Type& type) {
    switch (type.shape) {
      case Shape::string:
        if (!value.is_string()) mismatch(value, type);
        return;
      case Shape::bytes: return bytes(value, type);
      case Shape::boolean:
        if (!value.is_boolean()) mismatch(value, type);
        return;
      case Shape::int32:
      case Shape::int64: {
        if (value.is_number_float() &&
            value.get<double>() == static_cast<double>(static_cast<std::int64_t>(value.get<double>())))
          value = static_cast<std::int64_t>(value.get<double>());
        bool fits = value.is_number_integer() &&
                    (type.shape == Shape::int64 ||
                     (value.get<std::int64_t>() <= 2147483647 && value.get<std::int64_t>() >= -2147483648LL));
        if (!fits) mismatch(value, type);
        return;
      }
      case Shape::number:
        if (!value.is_number()) mismatch(value, type);
        return;
      case Shape::quantity: return quantity(value);
      case Shape::int_or_string:
        if (!value.is_string() && !value.is_number_integer()) {
          if (value.is_number())
            fail("json: cannot unmarshal number into Go value of type int32");
          else
            fail(fmt::format("json: cannot unmarshal {} into Go value of type string", json_word(value)));
        }
        return;
      case Shape::time:
      case Shape::micro_time: {
        if (!value.is_string()) return mismatch(value, type);
        const auto& text = value.get_ref<const std::string&>();
        auto time = parse_rfc3339(text);
        if (!time)
          return fail(fmt::format(
              "parsing time \"{}\" as \"{}\": cannot parse \"{}\" as \"2006\"", text,
              type.shape == Shape::time ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00", text));
        value = type.shape == Shape::time ? format_rfc3339(*time) : format_micro(*time);
        return;
      }
      default: return;
    }
  }

  void bytes(Json& value, const Type& type) {
    if (!value.is_string()) return mismatch(value, type);
    const auto& text = value.get_ref<const std::string&>();
    std::size_t n = 0, pad = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '\n' || c == '\r') continue;
      bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
      if (c == '=')
        ++pad;
      else if (!letter || pad)
        return fail(fmt::format("illegal base64 data at input byte {}", i));
      ++n;
    }
    if (n % 4 != 0 || pad > 2) return fail(fmt::format("illegal base64 data at input byte {}", text.size() / 4 * 4));
    if (text.find_first_of("\r\n") != std::string::npos) {
      std::string clean;
      for (char c : text)
        if (c != '\n' && c != '\r') clean += c;
      value = std::move(clean);
    }
  }

  void quantity(Json& value) {
    std::string text = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string();
    auto parsed = Quantity::parse(text);
    if (!parsed)
      return fail(text.empty() && !value.is_string()
                      ? std::string("json: cannot unmarshal ") + std::string(json_word(value)) +
                            " into Go value of type resource.Quantity"
                      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    value = parsed->text();
  }

  void list(Json& value, const Type& type) {
    if (!value.is_array()) return mismatch(value, type);
    std::size_t index = 0, length = path_.size();
    for (Json& item : value) {
      path_ += fmt::format("[{}]", index++);
      if (item.is_null())
        item = zero_of(*type.element);
      else
        run(item, *type.element);
      path_.resize(length);
    }
  }

  void map(Json& value, const Type& type) {
    if (!value.is_object()) return mismatch(value, type);
    std::size_t length = path_.size(), go_length = go_path_.size();
    for (auto& [key, inner] : value.items()) {
      path_ += "." + key;
      if (inner.is_null())
        inner = zero_of(*type.element);
      else
        run(inner, *type.element);
      path_.resize(length);
      go_path_.resize(go_length);
    }
  }

  // What Go makes of a null in a list or map of this type.
  Json zero_of(const Type& type) {
    switch (type.shape) {
      case Shape::string:
      case Shape::bytes: return "";
      case Shape::int32:
      case Shape::int64:
      case Shape::number:
      case Shape::int_or_string: return 0;
      case Shape::boolean: return false;
      case Shape::quantity: return "0";
      case Shape::object: {
        Json made = Json::object();
        object(made, *type.object);
        return made;
      }
      default: return nullptr;
    }
  }

  static bool is_zero(const Json& value, const Type& type) {
    if (value.is_null()) return true;
    switch (type.shape) {
      case Shape::string: return value.is_string() && value.get_ref<const std::string&>().empty();
      case Shape::int32:
      case Shape::int64:
      case Shape::number: return value.is_number() && value == 0;
      case Shape::boolean: return value.is_boolean() && !value.get<bool>();
      case Shape::list:
      case Shape::map: return value.empty();
      case Shape::bytes: return value.is_string() && value.get_ref<const std::string&>().empty();
      default: return false;
    }
  }

  void object(Json& value, const Struct& type) {
    if (!value.is_object()) {
      Type shown;
      shown.shape = Shape::object;
      shown.object = &type;
      return mismatch(value, shown);
    }
    std::size_t length = path_.size(), go_length = go_path_.size();
    std::string outer = struct_;
    auto enter = [&](const std::string& name) {
      path_ += (path_.empty() ? "" : ".") + name;
      go_path_ += (go_path_.empty() ? "" : ".") + name;
      struct_ = type.go_name();
    };
    auto leave = [&] {
      path_.resize(length);
      go_path_.resize(go_length);
      struct_ = outer;
    };
    for (auto at = value.begin(); at != value.end();) {
      const Field* field = type.find(at.key());
      if (!field) {
        if (out_.unknown.size() < kMostReports) out_.unknown.push_back(path_ + (path_.empty() ? "" : ".") + at.key());
        at = value.erase(at);
        continue;
      }
      if (at->is_null()) {
        at = value.erase(at);
        continue;
      }
      enter(field->name);
      run(*at, field->type);
      leave();
      bool drop = !field->pointer && field->omit_empty && is_zero(*at, field->type);
      if (!drop && field->omit_zero && !field->pointer && at->is_object() && at->empty()) drop = true;
      at = drop ? value.erase(at) : std::next(at);
    }
    fill(value, type);
  }

  // Fields that Go writes although nobody set them.
  void fill(Json& value, const Struct& type) {
    for (const Field& field : type.fields()) {
      if (field.pointer || field.omit_zero || value.contains(field.name)) continue;
      switch (field.type.shape) {
        case Shape::object: {
          if (++depth_ > kMostNesting) {
            --depth_;
            break;
          }
          Json made = Json::object();
          fill(made, *field.type.object);
          value[field.name] = std::move(made);
          --depth_;
          break;
        }
        case Shape::quantity: value[field.name] = "0"; break;
        case Shape::int_or_string: value[field.name] = 0; break;
        case Shape::time:
        case Shape::micro_time: value[field.name] = nullptr; break;
        default:
          if (field.omit_empty) break;
          if (field.type.shape == Shape::any) break;
          value[field.name] = zero_of(field.type);
      }
    }
  }

  static constexpr int kMostNesting = 16;
  Decoded& out_;
  std::string path_, go_path_, struct_;
  int depth_ = 0;
};

}  // namespace

Parsed parse_strict(std::string_view text) {
  Parsed parsed;
  Builder builder(parsed);
  bool ok = Json::sax_parse(text.begin(), text.end(), &builder);
  if (!ok && parsed.error.empty()) parsed.error = "invalid JSON";
  return parsed;
}

Decoded decode(Json value, const Type& type) {
  Decoded decoded;
  Decoder(decoded).run(value, type);
  decoded.value = std::move(value);
  return decoded;
}

}  // namespace nautilus::sim
