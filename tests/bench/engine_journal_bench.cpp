// How many orders a second become durable, how fast a journal is replayed, and what the disk itself takes for one
// fdatasync, in one run. Prints one JSON object.
//   engine_journal_bench DIRECTORY [ORDERS] [REPLAY]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "core/host/clock.h"
#include "engine/host/posix_storage.h"
#include "engine/journal/tools.h"
#include "engine/matching/engine.h"
#include "engine/sequencer/sequencer.h"
#include "tests/bench/engine_flow.h"

namespace {

using namespace nautilus;
using namespace nautilus::engine;

struct Counter final : Outlet {
  void released(std::span<const Event> events) override { count.fetch_add(events.size(), std::memory_order_relaxed); }
  std::atomic<std::uint64_t> count{0};
};

ClientOrderId id_of(std::uint64_t n) { return ClientOrderId::from(std::to_string(n)); }

std::vector<Command> commands_of(std::size_t count) {
  std::vector<Command> out;
  for (std::uint32_t i = 0; i < bench::kInstruments; ++i) {
    Command c;
    c.type = CommandType::define_instrument;
    c.instrument_definition.symbol = Symbol::from("I" + std::to_string(i));
    c.instrument_definition.max_price = bench::kMaxTicks, c.instrument_definition.reference_price = bench::kMiddlePrice;
    out.push_back(c);
  }
  for (std::uint32_t i = 0; i < bench::kAccounts; ++i) {
    Command c;
    c.type = CommandType::define_account;
    c.account_definition.name = AccountName::from("A" + std::to_string(i));
    out.push_back(c);
  }
  std::vector<std::uint64_t> name(1, 0);  // the newest client id of each order of the flow
  std::uint64_t next = 0;
  for (const bench::Message& m : bench::make_flow(1, count, 50'000)) {
    Command c;
    c.instrument = m.instrument, c.account = m.account, c.client_id = id_of(++next);
    c.side = m.buy ? Side::buy : Side::sell, c.price = m.price, c.quantity = m.quantity;
    c.time_in_force = TimeInForce::good_till_cancel;
    if (name.size() <= m.order) name.resize(m.order + 1);
    c.type = m.action == bench::Action::add
                 ? CommandType::new_order
                 : (m.action == bench::Action::cancel ? CommandType::cancel_order : CommandType::replace_order);
    if (m.action != bench::Action::add) c.orig_client_id = id_of(name[m.order]);
    name[m.order] = next;
    out.push_back(c);
  }
  return out;
}

int fail(const Error& error) {
  fmt::print(stderr, "{}\n", error.text());
  return 1;
}

double seconds(port::Duration d) { return std::chrono::duration<double>(d).count(); }

Result<std::string> measure_disk(Storage& storage, port::Clock& clock) {
  ASSIGN_OR_RETURN(auto file, storage.create("probe.tmp"));
  std::vector<std::byte> block(4096, std::byte{1});
  std::vector<double> took;
  for (int i = 0; i < 300; ++i) {
    TRY(file->append(block));
    const auto before = clock.monotonic();
    TRY(file->sync());
    took.push_back(seconds(clock.monotonic() - before) * 1e6);
  }
  TRY(storage.remove("probe.tmp"));
  std::sort(took.begin(), took.end());
  return fmt::format("\"fdatasync_us\":{{\"p50\":{:.0f},\"p99\":{:.0f}}}", took[150], took[297]);
}

Result<std::string> measure_orders(Storage& storage, port::Clock& clock, std::size_t orders) {
  const MachineFactory make = [] { return std::make_unique<Engine>(); };
  ASSIGN_OR_RETURN(auto recovery, recover(storage, make));
  JournalId id;
  id.bytes[0] = std::byte{1};
  ASSIGN_OR_RETURN(auto writer, continue_journal(storage, recovery, id));
  Counter counter;
  SequencerOptions options;
  options.snapshot_at_stop = false, options.checkpoint_every = 0;
  Sequencer sequencer({*recovery.machine, storage, counter, clock}, std::move(writer), recovery,
                      recovery.machine->epoch() + 1, options);
  const auto commands = commands_of(orders);
  TRY(sequencer.start());
  const auto before = clock.monotonic();
  for (const Command& command : commands) {
    Submitted answer = Submitted::full;
    while ((answer = sequencer.submit(command)) == Submitted::full) std::this_thread::yield();
    if (answer != Submitted::taken) return Error(Code::io, sequencer.status().failure());
  }
  TRY(sequencer.stop(std::chrono::seconds(60)));
  const double took = seconds(clock.monotonic() - before);
  const auto& status = sequencer.status();
  return fmt::format(
      "\"durable\":{{\"commands\":{},\"seconds\":{:.3f},\"per_second\":{:.0f},\"events\":{},\"syncs\":{},\"bytes\":{}}"
      "}",
      commands.size(), took, static_cast<double>(commands.size()) / took, counter.count.load(),
      status.sync_microseconds.total(), status.journal_bytes.load());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return fail(Error(Code::usage, "engine_journal_bench DIRECTORY [ORDERS]"));
  const std::size_t orders = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2'000'000;
  host::RealClock clock;
  auto storage = open_posix_storage(argv[1]);
  if (!storage.ok()) return fail(storage.error());
  auto disk = measure_disk(**storage, clock);
  if (!disk.ok()) return fail(disk.error());
  auto durable = measure_orders(**storage, clock, orders);
  if (!durable.ok()) return fail(durable.error());
  auto replay = replay_journal(**storage, [] { return std::make_unique<Engine>(); }, clock, {});
  if (!replay.ok()) return fail(replay.error());
  fmt::print(
      "{{{},{},\"replay\":{{\"records\":{},\"events\":{},\"seconds\":{:.3f},\"records_per_second\":{:.0f},"
      "\"events_per_second\":{:.0f},\"state_hash\":\"{:016x}\"}}}}\n",
      *disk, *durable, replay->records, replay->events, replay->seconds, replay->records_per_second(),
      static_cast<double>(replay->events) / replay->seconds, replay->state_hash);
  return 0;
}
