// Functions that templates call, and what a call sees of the execution around it.
#pragma once

#include <functional>
#include <limits>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/gotmpl/val.h"

namespace nautilus::gotmpl {

// Go's parameter types, for its errors: "wrong type for value; expected string; got int".
enum class Param { any, string, integer, int64, float64, boolean, list, map, strings };

class Call {
 public:
  virtual ~Call() = default;
  // Executes a named template with that dot and returns its output: `include`. Depth and loops are bounded.
  virtual Result<std::string> execute(std::string_view name, const Val& dot) = 0;
  // Parses a text with every template of the set in scope and executes it: `tpl`.
  virtual Result<std::string> execute_text(std::string_view text, const Val& dot) = 0;
  virtual bool has_template(std::string_view name) const = 0;
  // Whatever the caller of execute() passed in, for functions that need a clock or entropy.
  virtual void* user() const = 0;
};

using Function = std::function<Result<Val>(Call&, std::span<Val>)>;

inline constexpr int kVariadic = -1;

struct FunctionSpec {
  Function function;
  int min_args = 0;
  int max_args = 0;           // kVariadic = any number from min_args on
  std::vector<Param> params;  // types of the arguments; the last one repeats; empty = any
};

class Functions {
 public:
  // Go's predefined ones: and, or, not, eq, ..., index, len, print, printf, html, urlquery.
  static Functions predefined();

  void add(std::string name, FunctionSpec spec) { specs_[std::move(name)] = std::move(spec); }
  void add(std::string name, int min_args, int max_args, std::vector<Param> params, Function function) {
    add(std::move(name), {std::move(function), min_args, max_args, std::move(params)});
  }
  void remove(const std::string& name) { specs_.erase(name); }
  const FunctionSpec* find(const std::string& name) const {
    auto found = specs_.find(name);
    return found == specs_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const;

 private:
  std::unordered_map<std::string, FunctionSpec> specs_;
};

// fmt.Sprintf over template values.
std::string sprintf(std::string_view format, std::span<const Val> args);
// fmt.Sprint: a space between operands when neither is a string.
std::string sprint(std::span<const Val> args);
std::string sprintln(std::span<const Val> args);

std::string_view name(Param param);  // "string", "int", ...

}  // namespace nautilus::gotmpl
