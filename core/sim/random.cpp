#include "core/sim/random.h"

#include <bit>

namespace nautilus::sim {

namespace {

// Spreads a seed over the state (SplitMix64), so that neighbouring seeds give unrelated streams.
std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) : seed_(seed), state_{} {
  std::uint64_t walk = seed;
  for (auto& word : state_) word = split_mix(walk);
}

Random Random::fork(std::string_view name) const { return Random(fnv1a64(name, fnv1a64("fork") ^ seed_)); }

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // Values above the largest multiple of `bound` would favour the small results; fewer than half are ever drawn again.
  const std::uint64_t excess = (~bound + 1) % bound;  // 2^64 mod bound
  std::uint64_t drawn = next();
  while (excess != 0 && drawn >= ~excess + 1) drawn = next();
  return drawn % bound;
}

port::Duration Random::between(port::Duration low, port::Duration high) {
  if (high <= low) return low;
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(high - low).count();
  return low + std::chrono::microseconds(below(static_cast<std::uint64_t>(span) + 1));
}

void SimEntropy::fill(std::span<std::byte> out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = random_.next();
    out[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
  }
}

std::uint64_t fnv1a64(std::string_view text, std::uint64_t state) {
  for (unsigned char byte : text) state = (state ^ byte) * 1099511628211ull;
  return state;
}

std::uint32_t fnv1a32(std::string_view text, std::uint32_t state) {
  for (unsigned char byte : text) state = (state ^ byte) * 16777619u;
  return state;
}

}  // namespace nautilus::sim
