// A volatility index out of trades, on the scale of the known indices: annualised, in percent.
//
// Per instrument the squared log returns between samples, at most one sample a second (so that the bounce between bid
// and offer counts little), fade with a half-life of five minutes. The index is the mean over the instruments that
// traded within the last hour. Time is that of the events. Threading: one thread.
#pragma once

#include <vector>

#include "engine/model/types.h"

namespace nautilus::engine {

class Volatility {
 public:
  void trade(InstrumentId instrument, Price price, Timestamp time);
  double index(Timestamp now) const;

 private:
  struct State {
    double variance_sum = 0;  // faded sum of squared returns
    double last_price = 0;
    Timestamp sampled = 0;
  };
  std::vector<State> states_;
};

}  // namespace nautilus::engine
