#include "core/base/lazy_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace nautilus::base {

Result<> LazyLibrary::load() {
  // Never closed: the library has threads and exit handlers of its own.
  if (dlopen(name_, RTLD_NOW | RTLD_LOCAL)) return {};
  const char* reason = dlerror();
  return Error(Code::not_found, fmt::format("cannot load {}: {}", name_, reason ? reason : "unknown reason"),
               fmt::format("Install it: apt-get install {}", package_));
}

void* LazyLibrary::function(const char* name) {
  void* library = dlopen(name_, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  void* found = library ? dlsym(library, name) : nullptr;
  if (!found) {
    fmt::print(stderr, "internal error: {} is used before {} was loaded\n", name, name_);
    std::abort();
  }
  return found;
}

}  // namespace nautilus::base
