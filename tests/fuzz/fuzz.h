// What the fuzz targets share. A target is one file, FUZZ_TARGET(name) { ... } over `text`; its seeds are in
// corpus/<name>.
//
// Built in two ways: with libFuzzer, one program each (preset "fuzz"), and all together in unit_fuzz_corpora, which
// runs every file of the corpora once, with any compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace nautilus::fuzz {

using Target = void (*)(std::string_view text);

struct Registered {
  Registered(const char* target_name, Target target_run);
  const char* name;
  Target run;
  const Registered* next;
};

// Ends the program, so that libFuzzer keeps the input.
inline void expect(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// The first byte chooses one of `count`; it is taken off the text.
inline unsigned choose(std::string_view& text, unsigned count) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  return first % count;
}

}  // namespace nautilus::fuzz

#ifdef NAUTILUS_FUZZ_CORPORA
#define FUZZ_TARGET(name)                                               \
  static void run_##name(std::string_view text);                        \
  static const nautilus::fuzz::Registered at_##name(#name, run_##name); \
  static void run_##name(std::string_view text)
#else
#define FUZZ_TARGET(name)                                                             \
  static void run_##name(std::string_view text);                                      \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    run_##name(std::string_view(reinterpret_cast<const char*>(data), size));          \
    return 0;                                                                         \
  }                                                                                   \
  static void run_##name(std::string_view text)
#endif
