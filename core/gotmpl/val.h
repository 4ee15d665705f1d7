// A value at run time of a template, with Go's reference semantics: maps and lists are shared, not copied.
//
// Purpose: what interface{} is to Go's text/template. Numbers remember which Go type they have (int, int64, float64),
// because printf and type errors show it. Maps are ordered by key, as templates iterate them.
// Threading: not shared between threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::gotmpl {

class Val;
class Call;

// Go types that a Val can have. `invalid` is reflect's zero Value (a missing map key), `nil` a nil interface.
enum class Kind : std::uint8_t { invalid, nil, boolean, integer, int64, uint64, float64, string, list, map, object };

// []interface{} unless a function made a []string (printf "%T", typeOf).
struct List {
  std::vector<Val> items;
  bool of_strings = false;
};

// map[string]interface{} unless it is a map[string]string.
struct Map {
  std::map<std::string, Val, std::less<>> items;
  bool of_strings = false;
  std::string type_name = {};  // a named map type: "chartutil.Values"; "" = the plain one
};

// Something with methods or fields of its own: .Files, .Capabilities, a time, a compiled regexp.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;                  // "chartutil.Files"
  virtual std::string kind_name() const { return "struct"; }  // reflect's kind
  virtual std::string to_string() const = 0;                  // %v
  // A field; nullopt if there is none.
  virtual std::optional<Val> field(std::string_view name) const;
  // A method; nullopt if there is none.
  virtual std::optional<Result<Val>> call(std::string_view name, Call& call, std::span<Val> args) const;
  virtual bool truth() const { return true; }
  // What range, index and len see of a named map or slice type with methods; nullptr if it is neither.
  virtual std::shared_ptr<Map> as_map() const { return nullptr; }
  virtual std::shared_ptr<List> as_list() const { return nullptr; }
};

class Val {
 public:
  Val() = default;                                                           // invalid
  Val(std::nullptr_t) : kind_(Kind::nil) {}                                  // NOLINT(google-explicit-constructor)
  Val(bool b) : kind_(Kind::boolean), data_(b) {}                            // NOLINT(google-explicit-constructor)
  Val(int i) : kind_(Kind::integer), data_(static_cast<std::int64_t>(i)) {}  // NOLINT(google-explicit-constructor)
  Val(double d) : kind_(Kind::float64), data_(d) {}                          // NOLINT(google-explicit-constructor)
  Val(std::string s) : kind_(Kind::string), data_(std::make_shared<const std::string>(std::move(s))) {}  // NOLINT
  Val(std::string_view s) : Val(std::string(s)) {}                          // NOLINT(google-explicit-constructor)
  Val(const char* s) : Val(std::string(s)) {}                               // NOLINT(google-explicit-constructor)
  Val(std::shared_ptr<List> l) : kind_(Kind::list), data_(std::move(l)) {}  // NOLINT(google-explicit-constructor)
  Val(std::shared_ptr<Map> m) : kind_(Kind::map), data_(std::move(m)) {}    // NOLINT(google-explicit-constructor)
  Val(std::shared_ptr<const Object> o) : kind_(Kind::object), data_(std::move(o)) {}  // NOLINT

  static Val integer(std::int64_t i) { return Val(Kind::integer, i); }  // Go int
  static Val int64(std::int64_t i) { return Val(Kind::int64, i); }
  static Val uint64(std::uint64_t u) { return Val(Kind::uint64, static_cast<std::int64_t>(u)); }
  static Val list(std::vector<Val> items = {});
  static Val strings(std::vector<std::string> items);
  static Val map();

  Kind kind() const { return kind_; }
  bool is_valid() const { return kind_ != Kind::invalid; }
  bool is_nil() const { return kind_ == Kind::nil || kind_ == Kind::invalid; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_list() const { return kind_ == Kind::list; }
  bool is_map() const { return kind_ == Kind::map; }
  bool is_bool() const { return kind_ == Kind::boolean; }
  bool is_float() const { return kind_ == Kind::float64; }
  bool is_integer() const { return kind_ == Kind::integer || kind_ == Kind::int64 || kind_ == Kind::uint64; }
  bool is_number() const { return is_integer() || is_float(); }
  bool is_object() const { return kind_ == Kind::object; }

  // Each needs the right kind.
  bool as_bool() const { return std::get<bool>(data_); }
  std::int64_t as_int() const { return std::get<std::int64_t>(data_); }
  std::uint64_t as_uint() const { return static_cast<std::uint64_t>(std::get<std::int64_t>(data_)); }
  double as_float() const { return std::get<double>(data_); }
  const std::string& as_string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  // Shared: a change is seen through every copy of this Val.
  List& as_list() const { return *std::get<std::shared_ptr<List>>(data_); }
  Map& as_map() const { return *std::get<std::shared_ptr<Map>>(data_); }
  const Object& as_object() const { return *std::get<std::shared_ptr<const Object>>(data_); }
  std::shared_ptr<const Object> object_ptr() const { return std::get<std::shared_ptr<const Object>>(data_); }

  // The value of a map's key; invalid if this is no map or has no such key.
  Val get(std::string_view key) const;

 private:
  Val(Kind kind, std::int64_t i) : kind_(kind), data_(i) {}
  Kind kind_ = Kind::invalid;
  std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>, std::shared_ptr<List>,
               std::shared_ptr<Map>, std::shared_ptr<const Object>>
      data_;
};

// JSON to values. Numbers become float64 as encoding/json makes them, or int64 where they are whole.
enum class Numbers { as_float64, as_int64 };
Val from_json(const Json& json, Numbers numbers = Numbers::as_float64);
// Whole floats become integers, as encoding/json prints them. Objects become their string. Depth is bounded
// (Code::limit): a template can make a map that contains itself.
Result<Json> to_json(const Val& value);

// The map or slice that an object is to Go; any other value as it is.
inline Val underlying(const Val& value) {
  if (!value.is_object()) return value;
  if (auto map = value.as_object().as_map()) return Val(std::move(map));
  if (auto list = value.as_object().as_list()) return Val(std::move(list));
  return value;
}

// Go's notion of true: not nil, not false, not zero, not empty.
bool truth(const Val& value);
// fmt's %v: "map[a:1 b:2]", "[1 2]", "<nil>", "1e+06". Depth-bounded.
std::string to_string(const Val& value);
// reflect's names: "string", "int", "float64", "slice", "map", "struct", "invalid".
std::string kind_name(const Val& value);
// fmt's %T: "string", "[]interface {}", "map[string]interface {}", "<nil>".
std::string type_name(const Val& value);
// reflect.DeepEqual.
bool deep_equal(const Val& a, const Val& b);
// strconv.FormatFloat(v, format, precision, 64); precision -1 = shortest.
std::string format_float(double v, char format, int precision);

}  // namespace nautilus::gotmpl
