// The engine and the naive reference before one judge, command by command: the same events, and the invariants: no
// crossed book, quantity conserved, positions that add up to zero, no order lost or doubled, the same state behind a
// snapshot.
#pragma once

#include "engine/matching/engine.h"
#include "tests/support/engine/command_stream.h"
#include "tests/support/engine/ledger.h"
#include "tests/support/engine/reference_engine.h"
#include "tests/support/engine/snapshot_buffer.h"

namespace nautilus::engine::judges {

inline constexpr std::size_t kRemembered = 300;

inline EngineOptions small(bool tiny) {
  EngineOptions options;
  options.orders = tiny ? 1 : 512;
  options.level_pages = tiny ? 0 : 16;
  options.positions = tiny ? 1 : 64;
  options.sessions = tiny ? 1 : 16;
  options.remembered_names = kRemembered;
  return options;
}

// "" or the first thing that is wrong.
class Court {
 public:
  std::string judge(const Command& command) {
    events_.clear();
    engine_.apply(command, events_);
    const auto expected = reference_.apply(command);
    for (std::size_t i = 0; i < std::max(events_.size(), expected.size()); ++i) {
      if (i >= events_.size()) return trouble(command, "missing: " + text(expected[i]));
      if (i >= expected.size()) return trouble(command, "too much: " + text(events_[i]));
      if (const auto d = difference(events_[i], expected[i]); !d.empty()) return trouble(command, d);
    }
    if (const auto wrong = ledger_.take(events_); !wrong.empty()) return trouble(command, wrong);
    return {};
  }
  // The state, seen from outside, is what the ledger and the reference say.
  std::string audit() {
    std::vector<Event> told;
    engine_.describe(told);
    if (const auto wrong = ledger_.compare(told); !wrong.empty()) return wrong;
    for (InstrumentId id = 0; id < reference_.markets().size(); ++id) {
      Quantity sum = 0;
      for (AccountId account = 0; account < 5; ++account) sum += reference_.net(account, id);
      if (sum != 0) return "positions do not add up to zero";
      const Price bid = engine_.best(id, Side::buy), ask = engine_.best(id, Side::sell);
      if (reference_.markets()[id].phase == Phase::continuous && bid != kNoPrice && ask != kNoPrice && bid >= ask)
        return "the book is crossed";
    }
    if (engine_.open_orders() != reference_.orders().size()) return "an order is lost or doubled";
    return {};
  }
  // Goes on with an engine loaded from what this one saves.
  std::string reborn(bool tiny) {
    SnapshotBuffer first, second;
    engine_.save(first);
    Engine other(small(tiny));
    if (const auto loaded = other.load(first); !loaded.ok()) return loaded.error().text();
    other.save(second);
    if (first.bytes != second.bytes) return "save, load, save gives other bytes";
    if (other.state_hash() != engine_.state_hash()) return "another hash after load";
    std::vector<Event> before, after;
    engine_.describe(before);
    other.describe(after);
    if (before.size() != after.size()) return "described otherwise after load";
    for (std::size_t i = 0; i < before.size(); ++i)
      if (const auto d = difference(before[i], after[i]); !d.empty()) return d;
    engine_ = std::move(other);
    return {};
  }
  const std::vector<Event>& events() const { return events_; }
  Engine& engine() { return engine_; }
  std::size_t kinds() const { return ledger_.kinds(); }

 private:
  static std::string trouble(const Command& command, const std::string& what) { return text(command) + "\n" + what; }
  Engine engine_{small(true)};
  reference::ReferenceEngine reference_{kRemembered, kMaxTriggers, kMaxSlices};
  Ledger ledger_;
  std::vector<Event> events_;
};

// One run of `commands` random commands from a seed. "" or what is wrong, and where.
struct RunResult {
  std::string wrong;
  std::size_t events = 0, kinds = 0;
};
inline RunResult run_court(std::uint64_t seed, std::size_t commands) {
  RunResult out;
  Court court;
  CommandStream stream;
  Dice dice(seed * 7919);
  const auto verdict = [&](std::size_t at, std::string wrong) {
    if (!wrong.empty()) out.wrong = "seed " + std::to_string(seed) + ", command " + std::to_string(at) + ": " + wrong;
    return wrong.empty();
  };
  for (const Command& command : stream.definitions())
    if (!verdict(0, court.judge(command))) return out;
  for (std::size_t i = 0; i < commands; ++i) {
    if (!verdict(i, court.judge(stream.next(dice)))) return out;
    stream.saw(court.events());
    out.events += court.events().size();
    if (i % 97 == 0 && !verdict(i, court.audit())) return out;
    if (i % 1013 == 0 && !verdict(i, court.reborn(dice.chance(50)))) return out;
  }
  verdict(commands, court.audit());
  out.kinds = court.kinds();
  return out;
}

}  // namespace nautilus::engine::judges
