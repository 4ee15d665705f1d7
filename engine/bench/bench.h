// How fast this machine is as an engine: books, durable orders, order to acknowledgement, replay; and its disk, without
// which those figures say nothing.
//
// Every function works on the same seeded flow (flow.h) and measures for itself, in the foreground. Figures are of this
// machine at this moment; on a shared one compare only what one run measured.
// Threading: one thread calls; the engine's own threads are inside. Failure: Code::refused if the directory is not
// empty, Code::interrupted, and what the journal and the gateway give.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/filesystem.h"
#include "core/port/interrupt.h"

namespace nautilus::engine::bench {

inline constexpr std::uint64_t kLeastOrders = 1'000, kMostOrders = 20'000'000;

struct Ports {
  port::Clock& clock;
  port::Filesystem& files;
  port::Entropy& entropy;
  const port::Interrupt& interrupt;
};

struct Request {
  std::uint64_t orders = 2'000'000, seed = 1;
  std::size_t resting = 50'000;  // orders that the flow keeps in the books
  std::string directory;         // of the journal; for run(): must be empty, or not be there
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// Of single times, in the unit of the field that has them.
struct Spread {
  std::uint64_t count = 0;
  double median = 0, p99 = 0, p999 = 0, worst = 0;
};
// Sorts `times`; zeros if there are none.
Spread spread_of(std::vector<double>& times);

struct BookFigures {
  Spread ns;  // each command timed alone, the timer taken off
  double mean_ns = 0, per_second = 0, mean_ns_one_by_one = 0, timer_ns = 0;  // a whole run without a timer between
  std::uint64_t events = 0, trades = 0, growths = 0;                         // growths: allocations after the warm-up
};
// Needs no directory. The best of `rounds`: other programs can only slow it down.
Result<BookFigures> measure_books(const Ports& ports, const Request& request, int rounds = 3);

struct DiskFigures {
  Spread sync_us;  // one fdatasync of 4 KiB appended
};
struct JournalFigures {
  DiskFigures disk;  // before and after, of the same directory
  std::uint64_t commands = 0, events = 0, syncs = 0, bytes = 0;
  double seconds = 0;
  double per_second() const { return seconds > 0 ? static_cast<double>(commands) / seconds : 0; }
};
// One submitter, the sequencer, the committer: until the last order is durable. Leaves the journal in the directory.
Result<JournalFigures> measure_journal(const Ports& ports, const Request& request);

struct ReplayFigures {
  std::uint64_t records = 0, events = 0, state_hash = 0;
  double seconds = 0;
  double records_per_second() const { return seconds > 0 ? static_cast<double>(records) / seconds : 0; }
  double events_per_second() const { return seconds > 0 ? static_cast<double>(events) / seconds : 0; }
};
// Of the journal that measure_journal left there.
Result<ReplayFigures> measure_replay(const Ports& ports, const Request& request);

struct AckFigures {
  struct Series {
    Spread ack_us;   // from the first byte sent to the report read
    Spread sync_us;  // of the disk, measured in turns with it
  };
  Series alone;  // one session, one order on its way
  Series burst;  // kBurst sessions send at the same moment
};
inline constexpr std::size_t kBurst = 16;
inline constexpr std::uint64_t kMostAckOrders = 2'000;  // of a series, a fsync each
// A whole engine (engine/server) with gateway and durable journal, clients over loopback WebSockets. Leaves its journal
// in the directory.
Result<AckFigures> measure_ack(const Ports& ports, const Request& request);

enum class Part : std::uint8_t { books, journal, ack, replay };

struct Report {
  std::optional<BookFigures> books;
  std::optional<JournalFigures> journal;
  std::optional<AckFigures> ack;
  std::optional<ReplayFigures> replay;
};
// All parts, or one. Where a journal is needed, `directory` is made, and in the end what was written there is removed.
Result<Report> run(const Ports& ports, const Request& request, std::optional<Part> only);

}  // namespace nautilus::engine::bench
