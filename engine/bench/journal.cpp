#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "engine/bench/bench.h"
#include "engine/bench/commands.h"
#include "engine/bench/disk.h"
#include "engine/host/posix_storage.h"
#include "engine/journal/tools.h"
#include "engine/sequencer/sequencer.h"

namespace nautilus::engine::bench {
namespace {

constexpr int kProbes = 150;  // of the disk, before and again after
constexpr port::Duration kPatience = std::chrono::seconds(60);

struct Counter final : Outlet {
  void released(std::span<const Event> events) override { count.fetch_add(events.size(), std::memory_order_relaxed); }
  std::atomic<std::uint64_t> count{0};
};

Result<> submit(Sequencer& sequencer, const Command& command) {
  for (;;) {
    const Submitted answer = sequencer.submit(command);
    if (answer == Submitted::taken) return {};
    if (answer != Submitted::full) return Error(Code::io, sequencer.status().failure());
    std::this_thread::yield();
  }
}

Result<> submit_all(const Ports& ports, Sequencer& sequencer, const std::vector<Message>& flow) {
  for (const Command& command : definitions()) TRY(submit(sequencer, command));
  Maker maker(flow.size());
  const Command blank;
  Command command;
  for (std::size_t i = 0; i < flow.size(); ++i) {
    if (i % 65'536 == 0 && ports.interrupt.requested()) return Error(Code::interrupted, "interrupted");
    command = blank;
    maker.make(flow[i], command);
    TRY(submit(sequencer, command));
  }
  return {};
}

}  // namespace

Result<JournalFigures> measure_journal(const Ports& ports, const Request& request) {
  JournalFigures out;
  const auto flow = make_flow(request.seed, request.orders, request.resting);
  ASSIGN_OR_RETURN(const auto storage, open_posix_storage(request.directory));
  TRY(storage->lock());
  std::vector<double> syncs;
  ASSIGN_OR_RETURN(DiskProbe disk, DiskProbe::create(*storage, ports.clock));
  for (int i = 0; i < kProbes; ++i) TRY(disk.once(syncs));
  const MachineFactory make = [&] { return std::make_unique<Engine>(roomy(request.resting)); };
  ASSIGN_OR_RETURN(Recovery recovery, recover(*storage, make));
  JournalId id;
  ports.entropy.fill(std::as_writable_bytes(std::span(id.bytes)));
  ASSIGN_OR_RETURN(JournalWriter writer, continue_journal(*storage, recovery, id));
  Counter counter;
  SequencerOptions options;
  options.snapshot_at_stop = false, options.checkpoint_every = 0;
  Sequencer sequencer({*recovery.machine, *storage, counter, ports.clock}, std::move(writer), recovery, 1, options);
  request.progress(fmt::format("journal: {} orders", request.orders));
  TRY(sequencer.start());
  const auto before = ports.clock.monotonic();
  TRY(submit_all(ports, sequencer, flow));
  TRY(sequencer.stop(kPatience));
  out.seconds = std::chrono::duration<double>(ports.clock.monotonic() - before).count();
  const SequencerStatus& status = sequencer.status();
  out.commands = status.durable_sequence.load(), out.events = counter.count.load();
  out.syncs = status.sync_microseconds.total(), out.bytes = status.journal_bytes.load();
  for (int i = 0; i < kProbes; ++i) TRY(disk.once(syncs));
  TRY(disk.remove());
  out.disk.sync_us = spread_of(syncs);
  return out;
}

Result<ReplayFigures> measure_replay(const Ports& ports, const Request& request) {
  request.progress("replay");
  ASSIGN_OR_RETURN(const auto storage, open_posix_storage(request.directory));
  const MachineFactory make = [&] { return std::make_unique<Engine>(roomy(request.resting)); };
  ASSIGN_OR_RETURN(const ReplayReport report, replay_journal(*storage, make, ports.clock, {}));
  ReplayFigures out;
  out.records = report.records, out.events = report.events, out.seconds = report.seconds;
  out.state_hash = report.state_hash;
  return out;
}

}  // namespace nautilus::engine::bench
