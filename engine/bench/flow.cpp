#include "engine/bench/flow.h"

#include <algorithm>
#include <cmath>

namespace nautilus::engine::bench {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

struct Open {
  std::uint64_t order;
  std::uint32_t instrument, account, buy;
  std::int64_t price, quantity;
};

// Ticks away from the best price: most orders are near it.
std::int64_t distance(Dice& dice) {
  const std::uint64_t kind = dice.below(100);
  if (kind < 60) return static_cast<std::int64_t>(dice.below(5));
  if (kind < 90) return static_cast<std::int64_t>(5 + dice.below(20));
  return static_cast<std::int64_t>(25 + dice.below(200));
}

}  // namespace

std::vector<Message> make_flow(std::uint64_t seed, std::size_t messages, std::size_t resting) {
  Dice dice(seed);
  std::vector<double> zipf(kInstruments);
  double sum = 0;
  for (std::uint32_t i = 0; i < kInstruments; ++i) zipf[i] = sum += 1.0 / (i + 1);
  std::vector<std::int64_t> middle(kInstruments, kMiddlePrice);
  std::vector<Open> open;  // may hold orders that have traded since: a late cancel, as in life
  std::vector<Message> out;
  out.reserve(messages);
  std::uint64_t orders = 0;
  while (out.size() < messages) {
    const std::uint64_t kind = dice.below(100);
    // Cancels and replacements prefer what is young, as market makers do.
    const auto pick = [&]() -> std::size_t {
      const std::size_t young = std::min<std::size_t>(open.size(), 2'000);
      return dice.below(100) < 70 ? open.size() - 1 - dice.below(young) : dice.below(open.size());
    };
    if (open.size() > 64 && kind < (open.size() > resting ? 60 : 36)) {
      const std::size_t at = pick();
      const Open o = open[at];
      open[at] = open.back();
      open.pop_back();
      out.push_back({Action::cancel, o.instrument, o.order, o.account, o.buy, 0, 0});
    } else if (open.size() > 64 && kind < (open.size() > resting ? 70 : 48)) {
      Open& o = open[pick()];
      o.price = middle[o.instrument] + (o.buy ? -1 - distance(dice) : 1 + distance(dice));
      o.quantity = static_cast<std::int64_t>(1 + dice.below(100));
      out.push_back({Action::replace, o.instrument, o.order, o.account, o.buy, o.price, o.quantity});
    } else {
      const double at = static_cast<double>(dice.next() >> 11) / 9007199254740992.0 * sum;
      const auto instrument = static_cast<std::uint32_t>(std::lower_bound(zipf.begin(), zipf.end(), at) - zipf.begin());
      std::int64_t& price = middle[instrument];
      if (dice.below(50) == 0) price += dice.below(2) ? 1 : -1;
      price = std::clamp<std::int64_t>(price, 10'000, kMaxTicks - 10'000);
      const auto buy = static_cast<std::uint32_t>(dice.below(2));
      const bool crosses = dice.below(12) == 0;
      const std::int64_t away = crosses ? -2 - static_cast<std::int64_t>(dice.below(3)) : 1 + distance(dice);
      const Open o{++orders,
                   instrument,
                   static_cast<std::uint32_t>(dice.below(kAccounts)),
                   buy,
                   price + (buy ? -away : away),
                   static_cast<std::int64_t>(1 + dice.below(100))};
      open.push_back(o);
      out.push_back({Action::add, o.instrument, o.order, o.account, o.buy, o.price, o.quantity});
    }
  }
  return out;
}

}  // namespace nautilus::engine::bench
