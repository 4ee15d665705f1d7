// A shared library that is loaded when it is first needed.
//
// libcurl and what it brings along (LDAP, Kerberos, SSH, ...) are thirty libraries and a third of the start of a
// program that, for `render` or `version`, never opens a connection. The functions we use are defined in a file of
// ours under their own names and forward to the library; whoever wants to use them calls load() first and passes on
// its error. Threading: any.
#pragma once

#include "core/base/error.h"

namespace nautilus::base {

class LazyLibrary {
 public:
  // `name` as for dlopen(3), "libcurl.so.4"; `package` is what to install if it is missing.
  constexpr LazyLibrary(const char* name, const char* package) : name_(name), package_(package) {}
  // Code::not_found if there is no such library.
  Result<> load();
  // The address of a function of it. Ends the program if load() did not succeed before: a bug.
  void* function(const char* name);

 private:
  const char* name_;
  const char* package_;
};

}  // namespace nautilus::base

// Defines a C function of the library under its own name: NAUTILUS_FORWARD(libz, int, compressBound, (int n), (n))
#define NAUTILUS_FORWARD(library, result, name, parameters, arguments)                        \
  result name parameters {                                                                    \
    static const auto forwarded = reinterpret_cast<decltype(&name)>(library.function(#name)); \
    return forwarded arguments;                                                               \
  }
