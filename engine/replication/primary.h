// The primary's side: followers connect, say what they have, get what they lack and then every batch as it is written.
//
// Threading: one thread of its own for all connections. ship(), durable(), replicated() are the committer's and never
// block; the rest from any thread. Callbacks run on the replication thread; they must not call stop().
// Memory: the newest batches up to recent_bytes; who is further behind is served from the segments, or, where those are
// gone, from the newest snapshot.
#pragma once

#include <functional>
#include <memory>

#include "core/port/clock.h"
#include "engine/journal/storage.h"
#include "engine/replication/tls.h"
#include "engine/sequencer/sequencer.h"

namespace nautilus::engine {

struct PrimaryOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any
  TlsIdentity tls;
  // Candidates that must hold a record before it is told to clients. 0: asynchronous. Otherwise there may be no more
  // candidates than that, by name: one that was not waited for could take over without what was told.
  unsigned required = 0;
  port::Duration heartbeat = std::chrono::milliseconds(500);
  unsigned silent_heartbeats = 6;  // a follower that answers none of so many is dropped
  std::size_t recent_bytes = 32u << 20;
  unsigned max_followers = 8;
  std::uint64_t snapshot_if_behind = 5'000'000;  // records: then a snapshot is quicker, if there is one
};

struct FollowerStatus {
  std::string name;
  bool candidate = false;  // may take over; in synchronous mode only these are waited for
  bool connected = false;
  Sequence acknowledged = 0;
  std::uint64_t lag_records = 0, lag_bytes = 0;  // bytes: of what is still in memory
  port::Duration lag_time{};                     // since the oldest batch that it has not acknowledged was shipped
  std::uint64_t connections = 0;
};

// Which history this primary has.
struct PrimaryHistory {
  JournalId journal;
  Epoch epoch = 0;
  std::vector<EpochStart> epochs;  // before `epoch`
  Sequence next = 1;               // the first sequence of `epoch`
};

class ReplicationPrimary final : public Replicator {
 public:
  // Listens at once. Code::invalid: the TLS texts, or plain on an address that is not loopback; Code::io: the port.
  static Result<std::unique_ptr<ReplicationPrimary>> listen(Storage& storage, port::Clock& clock,
                                                            PrimaryHistory history, PrimaryOptions options);
  ~ReplicationPrimary() override;
  void stop();
  std::uint16_t port() const;

  // replicated() has grown: Sequencer::replication_advanced.
  void on_advance(std::function<void()> callback);
  // A follower knows a higher epoch: this primary is over. Fence the sequencer and the lease.
  void on_fenced(std::function<void(Epoch)> callback);

  void ship(const BatchHeader& header, std::span<const std::byte> batch) override;
  void durable(Sequence sequence) override;
  Sequence replicated() const override;

  std::vector<FollowerStatus> followers() const;

 private:
  struct Impl;
  explicit ReplicationPrimary(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nautilus::engine
