// Errors as values.
//
// Purpose: every operation that can fail for a reason outside the program returns Result<T>. An Error says what went
// wrong (message), where (frames, innermost first, each "doing X"), and what to do about it (hint). Exceptions of
// third-party libraries are caught in the file that includes the library and become Errors there.
// Threading: plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nautilus::base {

// What kind of failure it is; the exit code follows from it (see exit_code()).
enum class Code {
  usage,         // the command line is wrong
  invalid,       // input data is wrong: a file, a value, a template, an object
  not_found,     // the thing named does not exist
  conflict,      // somebody else owns or changed it
  unauthorized,  // the server does not know who we are (401)
  forbidden,     // the server knows and says no (403)
  unreachable,   // the server cannot be talked to
  timeout,       // it did not happen in the time given
  locked,        // somebody else holds the lock
  refused,       // a check of ours says no
  partial,       // some of it was done, some was not
  differences,   // not a failure: differences were found (`diff`)
  interrupted,   // the user or the system asked to stop
  gone,          // the history asked for has been compacted (410)
  limit,         // a named bound was exceeded
  io,            // a file, a pipe, a disk
  internal,      // a bug in nautilusctl
};

// The word printed in `-o json` errors, for example "not_found".
std::string_view name(Code code);

// The documented exit code: 1 error, 2 usage, 3 partial, 10 differences, 11 locked, 12 refused, 13 unreachable,
// 130 interrupted.
int exit_code(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;              // one line, no trailing full stop, control characters already escaped
  std::vector<std::string> frames;  // innermost first: "applying Deployment nautilus-trading/nautilus-backend"
  std::string hint;                 // what to do next; may be empty
  std::string where;                // "file:line:column" or an object or field path; may be empty

  Error() = default;
  Error(Code c, std::string m, std::string h = {}) : code(c), message(std::move(m)), hint(std::move(h)) {}

  // Adds a frame and returns the error, for `return std::move(e).within("reading values")`.
  Error&& within(std::string frame) && {
    frames.push_back(std::move(frame));
    return std::move(*this);
  }
  Error&& at(std::string place) && {
    if (where.empty()) where = std::move(place);
    return std::move(*this);
  }
  Error&& with_hint(std::string text) && {
    if (hint.empty()) hint = std::move(text);
    return std::move(*this);
  }
  // "applying X: waiting for Y: message" (outermost frame first), with "where: " in front if known. No hint.
  std::string text() const;
};

struct Unit {};

// Either a value or an Error. Reading the wrong one is a programming error and aborts.
template <class T = Unit>
class [[nodiscard]] Result {
 public:
  Result() requires std::is_default_constructible_v<T> : state_(T{}) {}
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  template <class U>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, T>)
      Result(U&& value)
      : state_(T(std::forward<U>(value))) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  // Adds a frame if this is an error: `return read(path).within("reading values")`.
  Result&& within(std::string frame) && {
    if (!ok()) std::move(error()).within(std::move(frame));
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

}  // namespace nautilus::base

namespace nautilus {
using base::Code;
using base::Error;
using base::Result;
using base::Unit;
}  // namespace nautilus

#define NAUTILUS_CONCAT_INNER(a, b) a##b
#define NAUTILUS_CONCAT(a, b) NAUTILUS_CONCAT_INNER(a, b)
// TRY(expr): returns the error of a Result from the enclosing function.
#define TRY(expr)                                                                         \
  do {                                                                                    \
    if (auto try_result = (expr); !try_result.ok()) return std::move(try_result).error(); \
  } while (false)
// ASSIGN_OR_RETURN(auto x, expr): x is the value, or the enclosing function returns the error.
#define ASSIGN_OR_RETURN(target, expr) ASSIGN_OR_RETURN_IMPL(NAUTILUS_CONCAT(try_result_, __LINE__), target, expr)
#define ASSIGN_OR_RETURN_IMPL(result, target, expr)   \
  auto result = (expr);                               \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()
