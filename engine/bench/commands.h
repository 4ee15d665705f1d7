// The flow's messages as commands of the engine: what a gateway would have made of them.
#pragma once

#include <vector>

#include "engine/bench/flow.h"
#include "engine/matching/engine.h"

namespace nautilus::engine::bench {

// All instruments, then all accounts of the flow, each with every limit set, so that every check of the risk is made.
std::vector<Command> definitions();

// For `resting` orders, so that nothing has to grow.
EngineOptions roomy(std::size_t resting);

// Messages to commands, in the order of the flow. Orders are named by the client; a replacement gives a new name.
class Maker {
 public:
  explicit Maker(std::size_t orders) : versions_(orders + 1, 0) {}
  // `out` must be blank but for what it has from here.
  void make(const Message& message, Command& out);

 private:
  std::vector<std::uint32_t> versions_;
  std::uint64_t made_ = 0;
};

}  // namespace nautilus::engine::bench
