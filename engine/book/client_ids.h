// What names were used: of live orders exactly, of past ones by a keyed 128-bit hash, the last N of them.
//
// The second is the idempotency of order entry: a client that sends an order again after it was filled or cancelled is
// told duplicate_client_id. Memory is bounded: N hashes of 16 bytes and their index. Names older than the last N that
// were accepted (by the whole engine) are forgotten, unless their order still lives. Two different names are taken for
// one with a chance of about N / 2^128. The key is fixed for the life of a journal, as N is: both are part of the
// state.
#pragma once

#include "engine/book/index_table.h"
#include "engine/model/types.h"

namespace nautilus::engine {

struct NameHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const NameHash&) const = default;
  std::uint32_t tag() const { return static_cast<std::uint32_t>(low); }
};

// Five words of name and one of account, multiplied into 128 bits (the folded multiplication of wyhash and mum).
class NameHasher {
 public:
  explicit NameHasher(std::uint64_t key) : key_(key) {
    for (std::size_t i = 0; i < 8; ++i) keys_[i] = mix(key + (i + 1) * 0x9E3779B97F4A7C15) | 1;
  }
  std::uint64_t key() const { return key_; }
  NameHash operator()(AccountId account, const ClientOrderId& id) const {
    std::uint64_t w[5];
    std::memcpy(w, &id, sizeof w);
    const std::uint64_t a = fold(w[0] ^ keys_[0], w[1] ^ keys_[1]);
    const std::uint64_t b = fold(w[2] ^ keys_[2], w[3] ^ keys_[3]);
    const std::uint64_t c = fold(w[4] ^ keys_[4], (account + std::uint64_t{1}) * keys_[5]);
    return {fold(a ^ keys_[6], (b + c) ^ keys_[7]) ^ c, fold((a + c) ^ keys_[7], b ^ keys_[5]) ^ a};
  }

 private:
  static std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  std::uint64_t key_;
  std::uint64_t keys_[8];
};

class RememberedNames {
 public:
  // `reserve` of `limit` at once, the rest when it is needed.
  RememberedNames(MemoryStats& stats, std::size_t limit, std::size_t reserve)
      : ring_(stats), index_(stats, std::min(limit, reserve)), limit_(limit) {
    ring_.reserve(std::min(limit, reserve));
  }
  void prefetch(const NameHash& hash) const { index_.prefetch(hash.tag()); }
  bool contains(const NameHash& hash) const {
    return index_.find(hash.tag(), [&](std::uint32_t at) { return ring_[at] == hash; }) != IndexTable::kNone;
  }
  // Not contained so far. Forgets the oldest if full.
  void add(const NameHash& hash) {
    if (!limit_) return;
    if (ring_.size() == limit_) {
      index_.erase(ring_[next_].tag(), next_);
      const std::size_t ahead = next_ + kAhead;
      index_.prefetch(ring_[ahead < limit_ ? ahead : 0].tag());
      ring_[next_] = hash;
    } else {
      ring_.push_back(hash);
    }
    index_.insert(hash.tag(), next_);
    next_ = next_ + 1 == limit_ ? 0 : next_ + 1;
  }
  std::size_t limit() const { return limit_; }
  std::size_t size() const { return ring_.size(); }
  // The i-th oldest.
  const NameHash& at(std::size_t i) const { return ring_[ring_.size() < limit_ ? i : (next_ + i) % limit_]; }

 private:
  static constexpr std::size_t kAhead = 4;  // the order of forgetting is known, so its cache misses can be hidden
  PlainArray<NameHash> ring_;
  IndexTable index_;
  std::size_t limit_;
  std::uint32_t next_ = 0;
};

}  // namespace nautilus::engine
