// How the engine is laid out in memory, and the two things that are part of its state from the first command on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nautilus::engine {

struct EngineOptions {
  // Reserved, so that nothing allocates until there are more. Any value gives the same events.
  std::size_t orders = 1 << 16;     // alive at once
  std::size_t level_pages = 256;    // of 16 KiB, 512 prices each
  std::size_t positions = 1 << 12;  // (account, instrument) pairs that traded or rested
  std::size_t sessions = 1 << 10;
  std::int64_t warm_ticks = 0;  // pages are made this far around the reference price when an instrument is defined

  // Part of the state, the same on every machine that reads one journal; a snapshot carries them and load() takes its
  // values. See engine/book/client_ids.h.
  std::size_t remembered_names = 1 << 20;  // at most kMaxRememberedNames
  std::uint64_t name_key = 0x6e6175746963616c;
};
inline constexpr std::size_t kMaxRememberedNames = std::size_t{1} << 28;
inline constexpr std::size_t kMaxInstruments = 1 << 16;
inline constexpr std::size_t kMaxAccounts = 1 << 20;
inline constexpr std::size_t kMaxSessions = 1 << 20;
// Stops that one command may trigger; the rest follow with the next command for the instrument.
inline constexpr int kMaxTriggers = 1000;
// Of how many slices an iceberg may be made (total / display).
inline constexpr std::int64_t kMaxSlices = 100;

}  // namespace nautilus::engine
