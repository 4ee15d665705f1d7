// One side of a book, or one side of the stops: price levels over the whole range of the instrument.
//
// Inside, a price is a key: its distance in ticks from the end of the range that is best for the side, so that the best
// level is always the lowest key and one code serves both sides. Levels live in pages of 512 that are taken from a pool
// when a price in them is first used and stay; a page has its own 512 bits, and two more levels of 64-ary bitmaps above
// say which pages have orders. The next occupied level is found with a handful of word operations, usually one.
#pragma once

#include <bit>
#include <vector>

#include "engine/book/order_pool.h"

namespace nautilus::engine {

// 32 bytes. All zero is an empty level.
struct Level {
  Quantity shown;         // what others see
  Quantity total;         // with the hidden part of icebergs
  Slot head, tail;        // meaningful if orders > 0
  std::uint32_t orders;   // how many wait here
  std::uint32_t touched;  // changed by the command being carried out
};
static_assert(sizeof(Level) == 32);

struct alignas(64) LevelPage {
  static constexpr std::uint32_t kLevels = 512;
  std::uint64_t bits[kLevels / 64];
  Level levels[kLevels];
};

// Pages are never given back: the range of the instruments bounds them.
class PagePool {
 public:
  PagePool(MemoryStats& stats, std::size_t reserve) : stats_(&stats) {
    if (reserve) add_slab(reserve);
  }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;
  ~PagePool() {
    for (LevelPage* slab : slabs_) release(slab);
  }
  LevelPage* take() {
    if (!left_) add_slab(kSlab);
    --left_;
    return next_++;
  }

 private:
  static constexpr std::size_t kSlab = 16;
  [[gnu::noinline]] void add_slab(std::size_t pages) {
    next_ = static_cast<LevelPage*>(allocate_zeroed(pages * sizeof(LevelPage)));
    left_ = pages;
    slabs_.push_back(next_);
    stats_->bytes += pages * sizeof(LevelPage);
    ++stats_->growths;
  }
  MemoryStats* stats_;
  std::vector<LevelPage*> slabs_;
  LevelPage* next_ = nullptr;
  std::size_t left_ = 0;
};

class HalfBook {
 public:
  using Key = std::int64_t;
  static constexpr Key kNone = INT64_MAX;     // no level at all
  static constexpr Key kAny = INT64_MAX - 1;  // the limit of an order without a limit

  // `lowest_first`: the best price is the lowest (offers, buy stops).
  HalfBook(MemoryStats& stats, PagePool& pool, Price min_price, Price max_price, bool lowest_first)
      : pool_(&pool),
        base_(lowest_first ? min_price : max_price),
        sign_(lowest_first ? 1 : -1),
        pages_(stats),
        words_(stats) {
    const auto ticks = static_cast<std::size_t>(max_price - min_price) + 1;
    pages_.resize((ticks + LevelPage::kLevels - 1) / LevelPage::kLevels);
    words_.resize((pages_.size() + 63) / 64);
  }

  Key key(Price price) const { return (price - base_) * sign_; }
  Price price(Key key) const { return base_ + key * sign_; }
  Key best() const { return best_; }
  bool empty() const { return best_ == kNone; }

  // The level at a key inside the range; its page is made if need be.
  Level& level(Key key) {
    LevelPage*& page = pages_[static_cast<std::size_t>(key) / LevelPage::kLevels];
    if (!page) [[unlikely]]
      page = pool_->take();
    return page->levels[static_cast<std::size_t>(key) % LevelPage::kLevels];
  }
  const Level* find(Key key) const {
    const LevelPage* page = pages_[static_cast<std::size_t>(key) / LevelPage::kLevels];
    return page ? &page->levels[static_cast<std::size_t>(key) % LevelPage::kLevels] : nullptr;
  }
  // Makes the pages around a price in advance.
  void warm(Price around, std::int64_t ticks) {
    const Key last = static_cast<Key>(pages_.size()) - 1;
    const Key middle = key(around), reach = ticks / LevelPage::kLevels + 1;
    for (Key page = middle / LevelPage::kLevels - reach; page <= middle / LevelPage::kLevels + reach; ++page)
      if (page >= 0 && page <= last) level(page * LevelPage::kLevels);
  }

  // A level got its first order, or lost its last one.
  void occupied(Key key) {
    const auto at = static_cast<std::size_t>(key);
    LevelPage* page = pages_[at / LevelPage::kLevels];
    page->bits[at % LevelPage::kLevels / 64] |= std::uint64_t{1} << (at % 64);
    const std::size_t number = at / LevelPage::kLevels;
    words_[number / 64] |= std::uint64_t{1} << (number % 64);
    top_[number / 4096] |= std::uint64_t{1} << (number / 64 % 64);
    if (key < best_) best_ = key;
  }
  void vacated(Key key) {
    const auto at = static_cast<std::size_t>(key);
    LevelPage* page = pages_[at / LevelPage::kLevels];
    std::uint64_t& word = page->bits[at % LevelPage::kLevels / 64];
    word &= ~(std::uint64_t{1} << (at % 64));
    if (!word) leave_page(at / LevelPage::kLevels);
    if (key == best_) best_ = next(key + 1);
  }
  // The first occupied key at or after `from`, or kNone.
  Key next(Key from) const {
    const auto at = static_cast<std::size_t>(from);
    const std::size_t number = at / LevelPage::kLevels;
    if (number >= pages_.size()) return kNone;
    if (const LevelPage* page = pages_[number]) {
      std::size_t word = at % LevelPage::kLevels / 64;
      std::uint64_t bits = page->bits[word] & (~std::uint64_t{0} << (at % 64));
      for (;;) {
        if (bits) return static_cast<Key>((number * 8 + word) * 64) + std::countr_zero(bits);
        if (++word == LevelPage::kLevels / 64) break;
        bits = page->bits[word];
      }
    }
    return first_in_pages_after(number);
  }

 private:
  [[gnu::noinline]] void leave_page(std::size_t number) {
    for (const std::uint64_t word : pages_[number]->bits)
      if (word) return;
    std::uint64_t& word = words_[number / 64];
    word &= ~(std::uint64_t{1} << (number % 64));
    if (!word) top_[number / 4096] &= ~(std::uint64_t{1} << (number / 64 % 64));
  }
  [[gnu::noinline]] Key first_in_pages_after(std::size_t number) const {
    ++number;
    if (number >= pages_.size()) return kNone;
    std::uint64_t bits = words_[number / 64] & (~std::uint64_t{0} << (number % 64));
    if (!bits) {
      std::size_t group = number / 64 + 1;
      if (group >= words_.size()) return kNone;
      std::uint64_t groups = top_[group / 64] & (~std::uint64_t{0} << (group % 64));
      for (std::size_t at = group / 64; !groups;) {
        if (++at == kTop) return kNone;
        groups = top_[at];
        group = at * 64;
      }
      group = group / 64 * 64 + static_cast<std::size_t>(std::countr_zero(groups));
      bits = words_[group];
      number = group * 64;
    }
    number = number / 64 * 64 + static_cast<std::size_t>(std::countr_zero(bits));
    const LevelPage* page = pages_[number];
    for (std::size_t word = 0;; ++word)
      if (page->bits[word]) return static_cast<Key>((number * 8 + word) * 64) + std::countr_zero(page->bits[word]);
  }

  static constexpr std::size_t kTop = 8;  // 8 x 64 x 64 pages of 512 levels: 2^24
  PagePool* pool_;
  Price base_;
  std::int64_t sign_;
  Key best_ = kNone;
  PlainArray<LevelPage*> pages_;
  PlainArray<std::uint64_t> words_;  // one bit a page
  std::uint64_t top_[kTop] = {};     // one bit a word of words_
};

// The queue of a level: append, take out anywhere, in time order.
// `shown` and `total` are the order's: given, not read back, as they have often just been written.
inline void append(OrderPool& pool, Level& level, Slot slot, Quantity shown, Quantity total) {
  OrderNode& node = pool.node(slot);
  node.next = kNoSlot;
  if (level.orders++) {
    node.prev = level.tail;
    pool.node(level.tail).next = slot;
  } else {
    node.prev = kNoSlot;
    level.head = slot;
  }
  level.tail = slot;
  level.shown += shown;
  level.total += total;
}
inline void take_out(OrderPool& pool, Level& level, Slot slot) {
  const OrderNode& node = pool.node(slot);
  if (node.prev != kNoSlot)
    pool.node(node.prev).next = node.next;
  else
    level.head = node.next;
  if (node.next != kNoSlot)
    pool.node(node.next).prev = node.prev;
  else
    level.tail = node.prev;
  --level.orders;
  level.shown -= node.shown;
  level.total -= node.leaves;
}

}  // namespace nautilus::engine
