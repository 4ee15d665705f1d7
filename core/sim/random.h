// The embedded cluster's only source of chance: xoshiro256** from one seed, the same on every machine (the standard
// library's distributions are not).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/port/clock.h"
#include "core/port/entropy.h"

namespace nautilus::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed);
  // A stream of its own for a part of the cluster, so that one more draw in one part leaves the others as they were.
  Random fork(std::string_view name) const;
  std::uint64_t next();
  // Equally likely in [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound);
  // Between the two, inclusive, to the microsecond.
  port::Duration between(port::Duration low, port::Duration high);

 private:
  std::uint64_t seed_;
  std::array<std::uint64_t, 4> state_;
};

// Names and UIDs of the embedded cluster are drawn from here. Not for secrets: the seed gives it away.
class SimEntropy final : public port::Entropy {
 public:
  explicit SimEntropy(Random random) : random_(random) {}
  void fill(std::span<std::byte> out) override;

 private:
  Random random_;
};

// FNV-1a, the hash behind transcripts, pod-template-hash and forks.
std::uint64_t fnv1a64(std::string_view text, std::uint64_t state = 14695981039346656037ull);
std::uint32_t fnv1a32(std::string_view text, std::uint32_t state = 2166136261u);

}  // namespace nautilus::sim
