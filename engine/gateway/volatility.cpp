#include "engine/gateway/volatility.h"

#include <cmath>

namespace nautilus::engine {
namespace {

constexpr double kHalfLife = 300;                            // seconds
constexpr double kMeanLife = kHalfLife / 0.693147180559945;  // of the exponential
constexpr double kTradingSecondsPerYear = 252.0 * 6.5 * 3600.0;
constexpr Timestamp kSample = 1'000'000'000, kRecent = 3600 * kSample;
constexpr std::size_t kMaxStates = 100'000;

double fade(Timestamp from, Timestamp to) { return std::exp(-static_cast<double>(to - from) / 1e9 / kMeanLife); }

}  // namespace

void Volatility::trade(InstrumentId instrument, Price price, Timestamp time) {
  if (instrument >= kMaxStates || price <= 0) return;  // no logarithm; spreads are left out
  if (instrument >= states_.size()) states_.resize(instrument + 1);
  State& state = states_[instrument];
  if (state.last_price == 0) {
    state = {0, static_cast<double>(price), time};
    return;
  }
  if (time - state.sampled < kSample) return;
  const double change = std::log(static_cast<double>(price) / state.last_price);
  state.variance_sum = state.variance_sum * fade(state.sampled, time) + change * change;
  state.last_price = static_cast<double>(price);
  state.sampled = time;
}

double Volatility::index(Timestamp now) const {
  double sum = 0;
  std::size_t count = 0;
  for (const State& state : states_) {
    if (state.last_price == 0 || now - state.sampled > kRecent) continue;
    const double per_second = state.variance_sum * fade(state.sampled, now) / kMeanLife;
    sum += 100 * std::sqrt(per_second * kTradingSecondsPerYear);
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

}  // namespace nautilus::engine
