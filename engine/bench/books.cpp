// Every command is timed on its own with the processor's counter; what the timing itself takes is measured and taken
// off. Commands are made a batch ahead, as the sequencer has them.
#include <fmt/format.h>

#include <algorithm>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "engine/bench/bench.h"
#include "engine/bench/commands.h"
#include "engine/book/memory.h"

namespace nautilus::engine::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr port::Duration kCalibration = std::chrono::milliseconds(50);

#if defined(__x86_64__)
std::uint64_t ticks(const port::Clock&) {
  unsigned core;
  return __rdtscp(&core);
}
#else
std::uint64_t ticks(const port::Clock& clock) { return static_cast<std::uint64_t>(clock.monotonic().count()); }
#endif

double ticks_per_nanosecond(const port::Clock& clock) {
  const auto from = clock.monotonic();
  const std::uint64_t a = ticks(clock);
  while (clock.monotonic() - from < kCalibration) {}
  const std::uint64_t b = ticks(clock);
  return static_cast<double>(b - a) / static_cast<double>((clock.monotonic() - from).count());
}

std::uint64_t cost_of_timing(const port::Clock& clock) {
  std::uint64_t least = UINT64_MAX;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t a = ticks(clock);
    least = std::min(least, ticks(clock) - a);
  }
  return least;
}

// Called after every command when each is timed.
struct Stopwatch {
  const port::Clock& clock;
  std::vector<std::uint32_t>& times;
  std::uint64_t last;
};
void stop(void* context) {
  auto& watch = *static_cast<Stopwatch*>(context);
  const std::uint64_t now = ticks(watch.clock);
  watch.times.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(now - watch.last, UINT32_MAX)));
  watch.last = now;
}

enum class Way { timed, whole, one_by_one };

struct Run {
  std::vector<std::uint32_t> times;  // ticks
  std::uint64_t ticks = 0, commands = 0, events = 0, trades = 0, growths = 0;
};

Result<Run> run(const Ports& ports, const std::vector<Message>& flow, std::size_t resting, Way way) {
  Engine engine(roomy(resting));
  std::vector<Event> events;
  for (const Command& command : definitions()) engine.apply(command, events);
  events.reserve(1 << 16);
  Maker maker(flow.size());
  std::vector<Command> batch(kBatch);
  const std::vector<Command> blank(kBatch);
  const std::size_t warm = flow.size() / 3;  // only fills the books and the memory of names
  Run out;
  if (way == Way::timed) out.times.reserve(flow.size());
  std::uint64_t growths = 0;
  for (std::size_t at = 0; at < flow.size(); at += kBatch) {
    if (at % (kBatch << 12) == 0 && ports.interrupt.requested()) return Error(Code::interrupted, "interrupted");
    const std::size_t count = std::min(kBatch, flow.size() - at);
    for (std::size_t i = 0; i < count; ++i) {
      batch[i] = blank[i];
      batch[i].sequence = at + i + 1, batch[i].time = static_cast<Timestamp>(at + i + 1) * 500;
      maker.make(flow[at + i], batch[i]);
    }
    const bool measured = at >= warm;
    if (measured && out.commands == 0) growths = engine.memory().growths;
    events.clear();
    const std::uint64_t begin = ticks(ports.clock);
    Stopwatch watch{ports.clock, out.times, begin};
    const std::span<const Command> commands = std::span(batch).first(count);
    if (way == Way::one_by_one)
      for (const Command& command : commands) engine.apply(command, events);
    else if (way == Way::timed && measured)
      engine.apply_all(commands, events, stop, &watch);
    else
      engine.apply_all(commands, events);
    if (!measured) continue;
    out.ticks += ticks(ports.clock) - begin;
    out.commands += count;
    out.events += events.size();
    for (const Event& event : events) out.trades += event.type == EventType::traded;
  }
  out.growths = engine.memory().growths - growths;
  return out;
}

}  // namespace

Result<BookFigures> measure_books(const Ports& ports, const Request& request, int rounds) {
  const auto flow = make_flow(request.seed, request.orders, request.resting);
  const double rate = ticks_per_nanosecond(ports.clock);
  const std::uint64_t overhead = cost_of_timing(ports.clock);
  BookFigures out;
  out.timer_ns = static_cast<double>(overhead) / rate;
  double best_timed = 0;
  for (int round = 0; round < rounds; ++round) {
    request.progress(fmt::format("books: round {} of {}", round + 1, rounds));
    for (const Way way : {Way::whole, Way::timed, Way::one_by_one}) {
      ASSIGN_OR_RETURN(const Run one, run(ports, flow, request.resting, way));
      const double mean = static_cast<double>(one.ticks) / rate / static_cast<double>(one.commands);
      double& best = way == Way::whole ? out.mean_ns : (way == Way::timed ? best_timed : out.mean_ns_one_by_one);
      if (round > 0 && mean >= best) continue;
      best = mean;
      if (way != Way::timed) continue;
      std::vector<double> times;
      times.reserve(one.times.size());
      for (const std::uint32_t t : one.times) times.push_back(t > overhead ? (t - overhead) / rate : 0);
      out.ns = spread_of(times);
      out.events = one.events, out.trades = one.trades, out.growths = one.growths;
    }
  }
  out.per_second = 1e9 / out.mean_ns;
  return out;
}

}  // namespace nautilus::engine::bench
