// engine_soak [COMMANDS [FIRST_SEED]]: the engine against the naive reference over millions of random commands
// (tests/support/engine/court.h), in runs of 10,000 with a seed each. Prints JSON; 1 and what is wrong, if anything is.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/support/engine/court.h"

int main(int count, char** arguments) {
  constexpr std::uint64_t kPerSeed = 10'000, kSay = 100;
  const std::uint64_t commands = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1'000'000;
  const std::uint64_t first = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1000;
  const std::uint64_t seeds = (commands + kPerSeed - 1) / kPerSeed;
  if (seeds == 0) return 2;
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t events = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto run = nautilus::engine::judges::run_court(seed, kPerSeed);
    events += run.events;
    if (!run.wrong.empty()) {
      std::fprintf(stderr, "%s\n", run.wrong.c_str());
      return 1;
    }
    const std::uint64_t done = seed - first + 1;
    if (done % kSay == 0)
      std::fprintf(stderr, "%llu commands agree\n", static_cast<unsigned long long>(done * kPerSeed));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"commands\": %llu, \"events\": %llu, \"first_seed\": %llu, \"seconds\": %.1f}\n",
              static_cast<unsigned long long>(seeds * kPerSeed), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(first), took.count());
  return 0;
}
