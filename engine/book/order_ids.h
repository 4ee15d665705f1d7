// From an order id to its slot. Ids are given in sequence, so most live ones are among the last few: those have a cell
// each in a ring, and adding one writes to the cell beside the last. An order that the ring has come round to moves to
// a table of the old.
#pragma once

#include "engine/book/index_table.h"
#include "engine/model/types.h"

namespace nautilus::engine {

class OrderIds {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  OrderIds(MemoryStats& stats, std::size_t expected) : ring_(stats), old_(stats, expected / 8) {
    ring_.resize(std::bit_ceil(std::max<std::size_t>(expected * 4, 64)));
    mask_ = ring_.size() - 1;
  }
  void prefetch(OrderId id) const { engine::prefetch(&ring_[id & mask_]); }
  // `id_of(slot)` is the id of the order in a slot; 0 if there is none.
  template <class IdOf>
  std::uint32_t find(OrderId id, IdOf id_of) const {
    const std::uint32_t cell = ring_[id & mask_];
    if (cell && id_of(cell - 1) == id) return cell - 1;
    return old_.find(tag(id), [&](std::uint32_t slot) { return id_of(slot) == id; });
  }
  template <class IdOf>
  void insert(OrderId id, std::uint32_t slot, IdOf id_of) {
    std::uint32_t& cell = ring_[id & mask_];
    if (cell) [[unlikely]]
      old_.insert(tag(id_of(cell - 1)), cell - 1);
    cell = slot + 1;
  }
  // The pair must be there.
  void erase(OrderId id, std::uint32_t slot) {
    std::uint32_t& cell = ring_[id & mask_];
    if (cell == slot + 1) [[likely]]
      cell = 0;
    else
      old_.erase(tag(id), slot);
  }

 private:
  static std::uint32_t tag(OrderId id) { return static_cast<std::uint32_t>(mix(id)); }
  PlainArray<std::uint32_t> ring_;  // slot + 1
  IndexTable old_;
  std::size_t mask_ = 0;
};

}  // namespace nautilus::engine
