// Rates and counts that a client may not exceed.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/port/clock.h"

namespace nautilus::engine {

// `rate` a second, `burst` at once. Threading: one thread.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}
  bool take(port::Monotonic now, double amount = 1) {
    if (now > last_) tokens_ = std::min(burst_, tokens_ + std::chrono::duration<double>(now - last_).count() * rate_);
    last_ = std::max(last_, now);
    if (tokens_ < amount) return false;
    tokens_ -= amount;
    return true;
  }
  bool full(port::Monotonic now) const {
    return tokens_ + std::chrono::duration<double>(now - last_).count() * rate_ >= burst_;
  }

 private:
  double rate_, burst_, tokens_;
  port::Monotonic last_{0};
};

// How many connections each address has. Threading: any.
class AddressCounts {
 public:
  bool enter(const std::string& address, std::size_t limit) {
    std::lock_guard guard(lock_);
    auto& count = counts_[address];
    if (count >= limit) return false;
    ++count;
    return true;
  }
  void leave(const std::string& address) {
    std::lock_guard guard(lock_);
    const auto found = counts_.find(address);
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }

 private:
  std::mutex lock_;
  std::unordered_map<std::string, std::size_t> counts_;
};

// Addresses whose credentials were refused too often are not listened to for a while. Threading: any.
class Lockout {
 public:
  static constexpr double kFailures = 10;            // at once
  static constexpr double kFailuresPerSecond = 0.2;  // and one every five seconds
  static constexpr std::size_t kMaxAddresses = 65'536;

  bool locked(const std::string& address, port::Monotonic now) {
    std::lock_guard guard(lock_);
    const auto found = buckets_.find(address);
    return found != buckets_.end() && !TokenBucket(found->second).take(now);
  }
  void failed(const std::string& address, port::Monotonic now) {
    std::lock_guard guard(lock_);
    if (buckets_.size() >= kMaxAddresses)
      std::erase_if(buckets_, [&](const auto& entry) { return entry.second.full(now); });
    if (buckets_.size() >= kMaxAddresses) buckets_.clear();  // forgetting is better than growing
    buckets_.try_emplace(address, kFailuresPerSecond, kFailures).first->second.take(now);
  }

 private:
  std::mutex lock_;
  std::unordered_map<std::string, TokenBucket> buckets_;
};

}  // namespace nautilus::engine
