// Reads a JSON object field by field and refuses whatever nobody asked for.
//
// The first problem is remembered and returned by finish(); reads after it return empty values, so that a reader's code
// is a plain list of fields. Every error names the file and the field path.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::value {

class StrictReader {
 public:
  StrictReader(const Json& object, std::string file);

  std::string string(std::string_view key);           // "" if absent
  std::string required_string(std::string_view key);  // absent or empty is an error
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  // An error if it is outside [least, most].
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most);
  bool boolean(std::string_view key, bool fallback);
  // "30s", "1h30m"; more than zero.
  std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds fallback);
  // One of `choices`; the first if absent.
  std::string choice(std::string_view key, std::initializer_list<std::string_view> choices);
  bool has(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key);
  std::vector<std::string> string_or_strings(std::string_view key);  // "a" or ["a", "b"]; empty if absent
  StrictReader object(std::string_view key);                         // an empty object if absent
  std::vector<StrictReader> list(std::string_view key);              // a list of objects
  std::vector<std::string> keys() const;

  void fail(std::string_view key, std::string message);
  std::string path(std::string_view key) const;  // "file: spec.release.name"
  // The first problem of this reader or of any reader made from it, or an unknown field.
  Result<> finish();

 private:
  StrictReader(const Json* object, std::string file, std::string prefix, std::shared_ptr<std::optional<Error>> problem);
  const Json* take(std::string_view key, std::string_view expected, bool (*accepts)(const Json&));

  const Json* object_;
  std::string file_, prefix_;
  std::set<std::string, std::less<>> known_;
  std::shared_ptr<std::optional<Error>> problem_;
};

}  // namespace nautilus::value
