// Internal to core/sprig and core/chart: Go's types and conversions over template values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/gotmpl/funcs.h"
#include "core/sprig/environment.h"
#include "core/sprig/go_time.h"

namespace nautilus::sprig {

using gotmpl::Call;
using gotmpl::Functions;
using gotmpl::Kind;
using gotmpl::kVariadic;
using gotmpl::Object;
using gotmpl::Param;
using gotmpl::Val;
using Args = std::span<Val>;
using Fields = std::vector<std::pair<std::string, Val>>;

// An object of ours: says how it is written as JSON, and what it is if it is really a list, a text or a number to Go.
class GoObject : public Object {
 public:
  // Struct fields in their order; else json_value.
  virtual std::optional<Fields> json_fields() const { return std::nullopt; }
  virtual Val json_value() const { return Val(to_string()); }
  // For named slice types ([]string with methods, []byte).
  virtual const std::vector<Val>* items() const { return nullptr; }
  // For []byte: the bytes.
  virtual const std::string* bytes() const { return nullptr; }
};

class Bytes final : public GoObject {
 public:
  explicit Bytes(std::string data) : data_(std::move(data)) {}
  std::string type_name() const override { return "[]uint8"; }
  std::string kind_name() const override { return "slice"; }
  std::string to_string() const override;
  Val json_value() const override;  // base64, as encoding/json
  const std::vector<Val>* items() const override;
  const std::string* bytes() const override { return &data_; }
  bool truth() const override { return !data_.empty(); }
  std::shared_ptr<gotmpl::List> as_list() const override {
    auto out = std::make_shared<gotmpl::List>();
    out->items = *items();
    return out;
  }

 private:
  std::string data_;
  mutable std::optional<std::vector<Val>> items_;
};

class Time final : public GoObject {
 public:
  explicit Time(GoTime time) : time_(std::move(time)) {}
  const GoTime& time() const { return time_; }
  std::string type_name() const override { return "time.Time"; }
  std::string to_string() const override { return time_text(time_); }
  Val json_value() const override { return Val(format_time(time_, "2006-01-02T15:04:05.999999999Z07:00")); }
  std::optional<Result<Val>> call(std::string_view name, Call& call, Args args) const override;

 private:
  GoTime time_;
};

class DurationValue final : public GoObject {
 public:
  explicit DurationValue(std::int64_t nanoseconds) : nanoseconds_(nanoseconds) {}
  std::int64_t nanoseconds() const { return nanoseconds_; }
  std::string type_name() const override { return "time.Duration"; }
  std::string kind_name() const override { return "int64"; }
  std::string to_string() const override { return duration_text(nanoseconds_); }
  Val json_value() const override { return Val::int64(nanoseconds_); }
  bool truth() const override { return nanoseconds_ != 0; }
  std::optional<Result<Val>> call(std::string_view name, Call& call, Args args) const override;

 private:
  std::int64_t nanoseconds_;
};

inline const GoObject* go_object(const Val& value) {
  return value.is_object() ? dynamic_cast<const GoObject*>(&value.as_object()) : nullptr;
}
template <class T>
const T* object_as(const Val& value) {
  return value.is_object() ? dynamic_cast<const T*>(&value.as_object()) : nullptr;
}

// The items of a slice of any type; nullptr if it is none.
const std::vector<Val>* items_of(const Val& value);

Environment& environment(Call& call);
Result<port::Entropy*> entropy(Call& call);
Result<port::WallTime> now(Call& call);
Result<const Regex*> regex(Call& call, const std::string& pattern);

Error failed(std::string message);
Error too_large(std::string_view what);

std::string text_of(const Val& value);                        // sprig's strval
Result<std::vector<std::string>> texts_of(const Val& value);  // sprig's strslice
bool is_empty(const Val& value);
std::int64_t to_int64(const Val& value);  // spf13/cast: 0 if it cannot be converted
double to_float64(const Val& value);
std::optional<std::int64_t> parse_go_integer(std::string_view text, int base);  // base 0: by prefix, with underscores
std::optional<double> parse_go_float(std::string_view text);
std::string type_of(const Val& value);
std::string kind_of(const Val& value);
std::string go_quote(std::string_view text);  // strconv.Quote
Result<Val> deep_copy(const Val& value);

// Json for output: numbers as encoding/json prints them, objects as their fields.
Result<Json> plain_json(const Val& value);

void add_strings(Functions& functions);
void add_lists(Functions& functions);
void add_dicts(Functions& functions);
void add_math(Functions& functions);
void add_defaults(Functions& functions);
void add_encoding(Functions& functions);
void add_crypto(Functions& functions);
void add_dates(Functions& functions);
void add_versions(Functions& functions);
void add_paths(Functions& functions);
void add_helm(Functions& functions);

}  // namespace nautilus::sprig
