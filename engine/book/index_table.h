// Open addressing from a 32-bit tag (a hash; its low bits are the place) to a 32-bit value, for the engine's indices.
// The caller's predicate decides whether a value with the right tag is the one: keys live where the values point to, so
// a cell has 8 bytes.
//
// Linear probing, at most half full, deletion by shifting back (no tombstones, so it never degrades). The order of the
// cells is never visible: nothing iterates over a table.
#pragma once

#include <bit>

#include "engine/book/memory.h"

namespace nautilus::engine {

class IndexTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  IndexTable(MemoryStats& stats, std::size_t expected) : cells_(stats) {
    cells_.resize(std::bit_ceil(std::max<std::size_t>(expected * 2, 64)));
    mask_ = cells_.size() - 1;
  }

  void prefetch(std::uint32_t tag) const { engine::prefetch(&cells_[tag & mask_]); }

  // The value with this tag for which matches(value) is true, or kNone.
  template <class Matches>
  std::uint32_t find(std::uint32_t tag, Matches matches) const {
    const Cell* cells = cells_.data();
    for (std::size_t at = tag & mask_; cells[at].value; at = (at + 1) & mask_)
      if (cells[at].tag == tag && matches(cells[at].value - 1)) [[likely]]
        return cells[at].value - 1;
    return kNone;
  }
  // The first value with this tag, unchecked: for prefetching only.
  std::uint32_t guess(std::uint32_t tag) const {
    return find(tag, [](std::uint32_t) { return true; });
  }
  void insert(std::uint32_t tag, std::uint32_t value) {
    if ((count_ + 1) * 2 > cells_.size()) [[unlikely]]
      widen();
    place(tag, value);
    ++count_;
  }
  // The pair must be there.
  void erase(std::uint32_t tag, std::uint32_t value) {
    Cell* cells = cells_.data();
    std::size_t hole = tag & mask_;
    while (cells[hole].value != value + 1) hole = (hole + 1) & mask_;
    for (std::size_t at = (hole + 1) & mask_; cells[at].value; at = (at + 1) & mask_) {
      const std::size_t home = cells[at].tag & mask_;
      if (((at - home) & mask_) < ((at - hole) & mask_)) continue;
      cells[hole] = cells[at];
      hole = at;
    }
    cells[hole] = {};
    --count_;
  }
  std::size_t size() const { return count_; }

 private:
  struct Cell {
    std::uint32_t tag, value;  // value + 1; 0 = empty
  };
  void place(std::uint32_t tag, std::uint32_t value) {
    Cell* cells = cells_.data();
    std::size_t at = tag & mask_;
    while (cells[at].value) at = (at + 1) & mask_;
    cells[at] = {tag, value + 1};
  }
  [[gnu::noinline]] void widen() {
    PlainArray<Cell> old(std::move(cells_));
    cells_.resize(old.size() * 2);
    mask_ = cells_.size() - 1;
    for (const Cell& cell : old)
      if (cell.value) place(cell.tag, cell.value - 1);
  }

  PlainArray<Cell> cells_;
  std::size_t mask_ = 0, count_ = 0;
};

// Spreads a number over 64 bits; a bijection.
inline std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93;
  return x ^ (x >> 32);
}

}  // namespace nautilus::engine
