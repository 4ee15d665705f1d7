// Where live orders are: parallel arrays indexed by a 32-bit slot, split by how often they are read.
//
// Matching walks OrderNode only, one cache line an order. OrderDetail is read when an order is reported, OrderExtra
// only by stops and icebergs. Slots are reused, the last freed first; they are never visible outside of the engine.
#pragma once

#include "engine/book/memory.h"
#include "engine/model/types.h"

namespace nautilus::engine {

using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = UINT32_MAX;
inline constexpr std::size_t kMaxOrders = std::size_t{1} << 24;  // alive at once; more are refused (Reason::capacity)

// Which queue an order waits in.
enum class Queue : std::uint8_t { none = 0, book = 1, market = 2, stops = 3 };

struct alignas(64) OrderNode {
  OrderId order_id;  // 0: the slot is free
  Price price;       // kNoPrice: market
  Quantity leaves;   // open; the total is filled + leaves
  Quantity shown;    // the part of leaves that others see
  Quantity filled;
  Slot next, prev;  // in the queue of its level
  AccountId account;
  InstrumentId instrument;
  std::uint32_t position;  // index of the account's position in the instrument
  Side side;
  OrderType type;  // of now: a stop becomes market or limit
  TimeInForce time_in_force;
  std::uint8_t bits;  // 0-2 self-trade prevention, 3 post-only, 4 has extra, 5 listed, 6-7 queue

  static constexpr std::uint8_t kPostOnly = 8, kExtra = 16, kListed = 32;
  SelfTradePrevention self_trade() const { return static_cast<SelfTradePrevention>(bits & 7); }
  Queue queue() const { return static_cast<Queue>(bits >> 6); }
  void set_queue(Queue queue) { bits = static_cast<std::uint8_t>((bits & 63) | static_cast<unsigned>(queue) << 6); }
};
static_assert(sizeof(OrderNode) == 64);

struct alignas(64) OrderDetail {
  ClientOrderId client_id;
  SessionId session;
  Timestamp expire_at;
  std::uint32_t name_tag;
  std::uint32_t reserved;
};
static_assert(sizeof(OrderDetail) == 64);

struct OrderExtra {
  Price stop_price;
  Quantity display;  // 0: all is shown
};

class OrderPool {
 public:
  OrderPool(MemoryStats& stats, std::size_t expected) : nodes_(stats), details_(stats), extras_(stats), owners_(stats) {
    nodes_.reserve(expected);
    details_.reserve(expected);
    extras_.reserve(expected);
    owners_.reserve(expected);
  }
  OrderNode& node(Slot slot) { return nodes_[slot]; }
  const OrderNode& node(Slot slot) const { return nodes_[slot]; }
  OrderDetail& detail(Slot slot) { return details_[slot]; }
  const OrderDetail& detail(Slot slot) const { return details_[slot]; }
  OrderExtra& extra(Slot slot) { return extras_[slot]; }
  const OrderExtra& extra(Slot slot) const { return extras_[slot]; }

  std::size_t alive() const { return alive_; }
  bool full() const { return alive_ >= kMaxOrders; }
  // One past the highest slot ever used.
  Slot slots() const { return static_cast<Slot>(nodes_.size()); }
  // The account of the order in each slot, or kNoAccount: dense, so that all orders of an account are found by one
  // scan.
  const AccountId* owners() const { return owners_.data(); }

  Slot take(AccountId account) {
    Slot slot = free_;
    if (slot != kNoSlot) {
      free_ = nodes_[slot].next;
    } else {
      slot = slots();
      nodes_.extend();
      details_.extend();
      extras_.extend();
      owners_.extend();
    }
    owners_[slot] = account;
    ++alive_;
    return slot;
  }
  void give_back(Slot slot) {
    nodes_[slot].order_id = 0;
    nodes_[slot].next = free_;
    owners_[slot] = kNoAccount;
    free_ = slot;
    --alive_;
  }
  void prefetch(Slot slot) const {
    engine::prefetch(&nodes_[slot]);
    engine::prefetch(&details_[slot]);
  }

 private:
  PlainArray<OrderNode> nodes_;
  PlainArray<OrderDetail> details_;
  PlainArray<OrderExtra> extras_;
  PlainArray<AccountId> owners_;
  Slot free_ = kNoSlot;
  std::size_t alive_ = 0;
};

}  // namespace nautilus::engine
