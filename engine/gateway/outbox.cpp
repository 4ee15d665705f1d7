#include "engine/gateway/outbox.h"

namespace nautilus::engine {

Outbox::Outbox(OutboxLimits limits, std::function<void()> wake) : limits_(limits), wake_(std::move(wake)) {}

bool Outbox::note() {
  if (told_) return false;
  told_ = true;
  return true;
}

void Outbox::push(SharedText text) {
  bool wake = false;
  {
    std::lock_guard guard(lock_);
    if (closed_ || overflowed_) return;
    reliable_bytes_ += text->size();
    if (reliable_bytes_ > limits_.max_reliable) {
      overflowed_ = true;
      reliable_.clear();
      market_.clear();
      reliable_bytes_ = market_bytes_ = 0;
    } else {
      reliable_.push_back(std::move(text));
    }
    wake = note();
  }
  if (wake) wake_();
}

void Outbox::push_market(InstrumentId instrument, SharedText text) {
  bool wake = false;
  {
    std::lock_guard guard(lock_);
    if (closed_ || overflowed_) return;
    if (stale_.contains(instrument)) {
      ++dropped_;
      return;
    }
    // One that is larger than the bound by itself still goes, when nothing else waits.
    if (!market_.empty() && market_bytes_ + text->size() > limits_.max_market) {
      for (const auto& waiting : market_) mark_stale(waiting.instrument);
      mark_stale(instrument);
      dropped_ += market_.size() + 1;
      market_.clear();
      market_bytes_ = 0;
    } else {
      market_bytes_ += text->size();
      market_.push_back({instrument, std::move(text)});
    }
    wake = note();
  }
  if (wake) wake_();
}

SharedText Outbox::take_locked() {
  SharedText out;
  if (!reliable_.empty()) {
    out = std::move(reliable_.front());
    reliable_.pop_front();
    reliable_bytes_ -= out->size();
  } else if (!market_.empty()) {
    out = std::move(market_.front().text);
    market_.pop_front();
    market_bytes_ -= out->size();
  }
  return out;
}

SharedText Outbox::take(bool& wants_snapshots) {
  std::lock_guard guard(lock_);
  told_ = false;
  SharedText out = take_locked();
  wants_snapshots = !out && !stale_.empty();
  return out;
}

SharedText Outbox::take_batch(std::size_t max_bytes, bool& wants_snapshots) {
  std::lock_guard guard(lock_);
  told_ = false;
  SharedText first = take_locked();
  wants_snapshots = !first && !stale_.empty();
  if (!first || (reliable_.empty() && market_.empty())) return first;
  std::string joined = *first;
  while (true) {
    const std::string* next = !reliable_.empty() ? reliable_.front().get()
                              : !market_.empty() ? market_.front().text.get()
                                                 : nullptr;
    if (!next || joined.size() + 1 + next->size() > max_bytes) break;
    joined += '\n';
    joined += *take_locked();
  }
  return std::make_shared<const std::string>(std::move(joined));
}

void Outbox::mark_stale(InstrumentId instrument) {
  if (stale_.insert(instrument).second) stale_order_.push_back(instrument);
}

std::optional<InstrumentId> Outbox::take_stale() {
  std::lock_guard guard(lock_);
  if (stale_order_.empty()) return std::nullopt;
  const InstrumentId out = stale_order_.front();
  stale_order_.pop_front();
  stale_.erase(out);
  return out;
}

bool Outbox::overflowed() const {
  std::lock_guard guard(lock_);
  return overflowed_;
}
std::uint64_t Outbox::dropped() const {
  std::lock_guard guard(lock_);
  return dropped_;
}
void Outbox::close() {
  std::lock_guard guard(lock_);
  closed_ = true;
  reliable_.clear();
  market_.clear();
  stale_.clear();
  stale_order_.clear();
  reliable_bytes_ = market_bytes_ = 0;
}

}  // namespace nautilus::engine
