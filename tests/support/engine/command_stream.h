// Random commands for the judges of the engine: mostly sensible, some not, from a seed.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/model/command.h"
#include "engine/model/event.h"

namespace nautilus::engine::judges {

// SplitMix64: the same numbers everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  // From low to high, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(unsigned percent) { return next() % 100 < percent; }
  bool rarely() { return next() % 400 == 0; }

 private:
  std::uint64_t state_;
};

class CommandStream {
 public:
  // The commands that define what the others use.
  std::vector<Command> definitions();
  // One more, drawn from the dice.
  Command next(Dice& dice);
  // Lets later commands name orders that exist.
  void saw(const std::vector<Event>& events);

 private:
  Command order(Dice& dice);
  Command change(Dice& dice, CommandType type);
  Command control(Dice& dice);
  void common(Dice& dice, Command& command);

  struct Known {
    AccountId account;
    ClientOrderId name;
    OrderId id;
  };
  std::vector<Known> known_;  // a ring of orders that were accepted lately
  std::size_t next_known_ = 0;
  std::map<SessionId, AccountId> sessions_;  // open ones
  std::set<AccountId> killed_;
  SessionId session(Dice& dice, AccountId account) const;
  Sequence sequence_ = 0;
  Timestamp time_ = 1'000'000'000;
  std::uint64_t names_ = 0;
  Epoch epoch_ = 0;
};

// Every field; "" if they are the same, else which differ.
std::string difference(const Event& a, const Event& b);
std::string text(const Event& event);
std::string text(const Command& command);

}  // namespace nautilus::engine::judges
