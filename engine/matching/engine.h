// The matching engine: a deterministic state machine from commands to events. The rules are in docs/engine/matching.md.
//
// Purpose: price-time priority books with risk checks, auctions, stops and icebergs, behind engine/model/machine.h.
// Threading: one thread at a time. Failure: none; what cannot be done becomes an event with a reason. Allocation: none
// once EngineOptions' reserves suffice (memory() counts every growth).
#pragma once

#include <memory>

#include "engine/matching/options.h"
#include "engine/model/machine.h"

namespace nautilus::engine {

struct MemoryStats;

class Engine final : public Machine {
 public:
  explicit Engine(const EngineOptions& options = {});
  ~Engine() override;
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  void apply(const Command& command, std::vector<Event>& events) override;
  std::uint64_t state_hash() const override;
  void save(SnapshotWriter& out) const override;
  // On failure the engine is as if new.
  Result<> load(SnapshotReader& in) override;
  void describe(std::vector<Event>& events) const override;
  Sequence sequence() const override;
  Epoch epoch() const override;

  // The same as apply() for each in order, but faster: most of the time of a command is waiting for memory, and with
  // several at hand what the next ones will read is fetched meanwhile.
  void apply_all(std::span<const Command> commands, std::vector<Event>& events) override;
  // For measuring: `after(context)` is called after each; `events` is complete only when all are done.
  using After = void (*)(void* context);
  void apply_all(std::span<const Command> commands, std::vector<Event>& events, After after, void* context);

  // For gateways, tools and tests; nullptr or 0 if there is none.
  const Instrument* instrument(InstrumentId id) const;
  InstrumentId find_instrument(const Symbol& symbol) const;
  const AccountLimits* limits(AccountId id) const;
  AccountId find_account(const AccountName& name) const;
  std::size_t open_orders() const;
  // Shown quantity at a price.
  Quantity depth(InstrumentId id, Side side, Price price) const;
  // kNoPrice: that side is empty.
  Price best(InstrumentId id, Side side) const;
  const MemoryStats& memory() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace nautilus::engine
