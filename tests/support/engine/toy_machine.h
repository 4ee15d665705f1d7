// A machine as small as it can be and still show every mistake: its state is a running hash of all commands (so a lost,
// doubled or reordered one changes it for ever) and the last quantity of each account.
#pragma once

#include <map>
#include <memory>

#include "engine/model/machine.h"

namespace nautilus::engine::test {

class ToyMachine final : public Machine {
 public:
  void apply(const Command& command, std::vector<Event>& events) override;
  std::uint64_t state_hash() const override;
  void save(SnapshotWriter& out) const override;
  Result<> load(SnapshotReader& in) override;
  void describe(std::vector<Event>& events) const override;
  Sequence sequence() const override { return sequence_; }
  Epoch epoch() const override { return epoch_; }
  std::size_t accounts() const { return last_.size(); }

 private:
  std::uint64_t hash_ = 1;
  Sequence sequence_ = 0;
  Epoch epoch_ = 0;
  std::map<AccountId, Quantity> last_;
};

std::unique_ptr<Machine> make_toy_machine();

}  // namespace nautilus::engine::test
