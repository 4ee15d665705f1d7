// The seeded flow that the engine and its peers are measured with. The same seed gives the same messages everywhere.
//
// 64 instruments drawn by Zipf (s = 1), 64 accounts, limit orders within a few ticks of a slowly moving price, about as
// many cancels and replacements as orders, so that nine of ten orders end without a trade; one in twelve crosses the
// spread. Written to a file as fixed records for peers in other languages (see engine_peers.py).
#pragma once

#include <cstdint>
#include <vector>

namespace nautilus::engine::bench {

enum class Action : std::uint32_t { add = 1, cancel = 2, replace = 3 };

// 40 bytes, little-endian, as in the file.
struct Message {
  Action action;
  std::uint32_t instrument;
  std::uint64_t order;  // 1, 2, 3 ... of the flow; replace keeps it
  std::uint32_t account;
  std::uint32_t buy;      // 1 or 0
  std::int64_t price;     // ticks
  std::int64_t quantity;  // lots
};
static_assert(sizeof(Message) == 40);

inline constexpr std::uint32_t kInstruments = 64;
inline constexpr std::uint32_t kAccounts = 64;
inline constexpr std::int64_t kMiddlePrice = 100'000;
inline constexpr std::int64_t kMaxTicks = 200'000;

// `resting`: how many orders are kept open, about.
std::vector<Message> make_flow(std::uint64_t seed, std::size_t messages, std::size_t resting);

}  // namespace nautilus::engine::bench
