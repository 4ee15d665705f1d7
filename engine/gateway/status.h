// What the gateway and its probes must know of the engine behind it, and the few things they may ask of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/model/types.h"

namespace nautilus::engine {

enum class ServingState : std::uint8_t {
  starting,
  replaying,       // the journal is being read
  standby,         // follows a primary
  primary,         // takes orders
  draining,        // takes cancels until it stops
  halted_storage,  // the journal cannot be written: nothing is taken until a restart
  fenced,          // another one is the primary now
};
std::string_view name(ServingState);

// Of one follower of the primary.
struct FollowerLag {
  std::string name;
  bool connected = false;
  std::uint64_t commands = 0;
  double seconds = 0;  // age of the oldest batch that it has not acknowledged
};

struct EngineStatus {
  ServingState state = ServingState::starting;
  Epoch epoch = 0;
  Sequence submitted = 0;  // commands taken in
  Sequence durable = 0;    // journalled and synced
  Sequence released = 0;   // told to clients
  std::uint64_t journal_bytes = 0;
  double journal_lag_seconds = 0;      // age of the oldest command that is not durable yet
  double replication_lag_seconds = 0;  // primary: of the follower that lacks most; standby: its own
  std::uint64_t replication_lag_commands = 0;
  bool in_step = false;  // primary: a follower is connected; standby: it has what the primary has
  std::vector<FollowerLag> followers = {};
  double replay_progress = 1;  // 0 to 1
};

// Threading: status() and drain() from any thread, must not block.
class StatusProvider {
 public:
  virtual ~StatusProvider() = default;
  virtual EngineStatus status() const = 0;
  // Asks for a graceful stop, as SIGTERM does; more than once is the same as once.
  virtual void drain() = 0;
};

}  // namespace nautilus::engine
