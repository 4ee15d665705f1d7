// How long the engine takes for one message: risk checks on, duplicate names refused, all events built.
//
//   engine_book_bench [messages] [resting] [seed] [rounds] [whole] | engine_book_bench --write FILE messages resting
//   seed
//
// Every message is timed on its own with the processor's counter; what the timing itself takes is measured and taken
// off. Commands are made a batch ahead, as a sequencer has them. Prints one JSON object.
#include <fmt/format.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "engine/book/memory.h"
#include "engine/matching/engine.h"
#include "tests/bench/engine_flow.h"

using namespace nautilus;
using namespace nautilus::engine;
using bench::Action;
using bench::Message;

namespace {

constexpr std::size_t kBatch = 64;

ClientOrderId id_of(std::uint64_t order, std::uint32_t version) {
  char text[32];
  const auto end = fmt::format_to(text, "ORD-{}-{}", order, version);
  return ClientOrderId::from(std::string_view(text, static_cast<std::size_t>(end - text)));
}

void define(Engine& engine) {
  std::vector<Event> events;
  Command command;
  command.type = CommandType::define_instrument;
  for (std::uint32_t i = 0; i < bench::kInstruments; ++i) {
    Instrument& what = command.instrument_definition;
    what.symbol = Symbol::from(fmt::format("S{}", i));
    what.min_price = 1;
    what.max_price = bench::kMaxTicks;
    what.reference_price = bench::kMiddlePrice;
    what.collar_basis_points = 2'000;
    what.max_notional = INT64_MAX / 2;
    engine.apply(command, events);
  }
  command.type = CommandType::define_account;
  for (std::uint32_t i = 0; i < bench::kAccounts; ++i) {
    Account& account = command.account_definition;
    account.name = AccountName::from(fmt::format("a{}", i));
    AccountLimits& limits = account.limits;
    limits.max_order_quantity = 10'000;
    limits.max_order_notional = INT64_MAX / 4;
    limits.max_open_notional = INT64_MAX / 2;
    limits.max_open_orders = 10'000'000;
    limits.orders_per_second = 4'000'000'000;
    limits.max_position = INT64_MAX / 8;
    limits.self_trade = SelfTradePrevention::cancel_newest;
    engine.apply(command, events);
  }
}

// Messages to commands. Orders are named by the client; a replacement gives a new name.
class Maker {
 public:
  explicit Maker(std::size_t orders) : versions_(orders + 1, 0) {}
  void make(const Message& message, Command& out) {
    out.sequence = ++sequence_;
    out.time = static_cast<Timestamp>(sequence_) * 500;
    out.account = message.account;
    out.instrument = message.instrument;
    out.client_tag = sequence_;
    std::uint32_t& version = versions_[message.order];
    if (message.action == Action::add) {
      out.type = CommandType::new_order;
      out.side = message.buy ? Side::buy : Side::sell;
      out.client_id = id_of(message.order, version);
      out.price = message.price;
      out.quantity = message.quantity;
      return;
    }
    out.orig_client_id = id_of(message.order, version);
    if (message.action == Action::cancel) {
      out.type = CommandType::cancel_order;
      return;
    }
    out.type = CommandType::replace_order;
    out.client_id = id_of(message.order, ++version);
    out.price = message.price;
    out.quantity = message.quantity;
  }

 private:
  std::vector<std::uint32_t> versions_;
  std::uint64_t sequence_ = 0;
};

struct Figures {
  double median, p99, p999, worst, mean, per_second;
  std::uint64_t events, trades, growths;
};

std::uint64_t ticks_now() {
  unsigned core;
  return __rdtscp(&core);
}

double ticks_per_nanosecond() {
  const auto from = std::chrono::steady_clock::now();
  const std::uint64_t a = ticks_now();
  while (std::chrono::steady_clock::now() - from < std::chrono::milliseconds(50)) {}
  const std::uint64_t b = ticks_now();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
  return static_cast<double>(b - a) / took.count();
}

// Called after every message when each is timed.
struct Stopwatch {
  std::vector<std::uint32_t>* times;
  std::uint64_t last;
  bool keep;
};
void stop(void* context) {
  auto& watch = *static_cast<Stopwatch*>(context);
  const std::uint64_t now = ticks_now();
  if (watch.keep)
    watch.times->push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(now - watch.last, UINT32_MAX)));
  watch.last = now;
}

Figures run(const std::vector<Message>& flow, std::size_t resting, bool each, bool ahead, double rate,
            std::uint64_t overhead) {
  EngineOptions options;
  options.orders = resting + resting / 4;
  options.level_pages = bench::kInstruments * 8;
  options.positions = bench::kInstruments * bench::kAccounts * 2;
  options.warm_ticks = 2'000;
  Engine engine(options);
  define(engine);
  Maker maker(flow.size());
  std::vector<Command> batch(kBatch);
  const std::vector<Command> blank(kBatch);
  std::vector<Event> events;
  events.reserve(1 << 16);
  // The first third only fills the book and the memory of names.
  const std::size_t warm = flow.size() / 3;
  std::vector<std::uint32_t> times;
  times.reserve(flow.size());
  Figures out{};
  std::uint64_t total = 0, measured = 0, growths = 0;
  for (std::size_t at = 0; at < flow.size(); at += kBatch) {
    const std::size_t count = std::min(kBatch, flow.size() - at);
    for (std::size_t i = 0; i < count; ++i) {
      batch[i] = blank[i];
      maker.make(flow[at + i], batch[i]);
    }
    if (at >= warm && measured == 0) growths = engine.memory().growths;
    events.clear();
    const std::uint64_t begin = ticks_now();
    Stopwatch watch{&times, begin, at >= warm};
    if (ahead)
      engine.apply_all(std::span(batch).first(count), events, each ? stop : nullptr, &watch);
    else
      for (std::size_t i = 0; i < count; ++i) engine.apply(batch[i], events);
    if (at < warm) continue;
    total += ticks_now() - begin;
    measured += count;
    out.events += events.size();
    for (const Event& event : events) out.trades += event.type == EventType::traded;
  }
  out.growths = engine.memory().growths - growths;
  out.mean = static_cast<double>(total) / rate / static_cast<double>(measured);
  out.per_second = 1e9 / out.mean;
  if (each) {
    std::sort(times.begin(), times.end());
    const auto part = [&](double p) {
      const std::uint32_t value = times[static_cast<std::size_t>(p * static_cast<double>(times.size() - 1))];
      return static_cast<double>(value > overhead ? value - overhead : 0) / rate;
    };
    out.median = part(0.5);
    out.p99 = part(0.99);
    out.p999 = part(0.999);
    out.worst = part(1.0);
  }
  return out;
}

int write_flow(const char* path, const std::vector<Message>& flow) {
  std::FILE* file = std::fopen(path, "wb");
  if (!file) return 1;
  const bool written = std::fwrite(flow.data(), sizeof(Message), flow.size(), file) == flow.size();
  return std::fclose(file) == 0 && written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at, std::size_t fallback) {
    return argc > at ? static_cast<std::size_t>(std::strtoull(argv[at], nullptr, 10)) : fallback;
  };
  if (argc > 2 && std::string_view(argv[1]) == "--write")
    return write_flow(argv[2], bench::make_flow(number(5, 1), number(3, 3'000'000), number(4, 50'000)));
  const std::size_t messages = number(1, 3'000'000), resting = number(2, 50'000), rounds = number(4, 3);
  const bool only_whole = argc > 5;  // for a profiler
  const auto flow = bench::make_flow(number(3, 1), messages, resting);
  const double rate = ticks_per_nanosecond();
  std::uint64_t overhead = UINT64_MAX;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t a = ticks_now();
    overhead = std::min(overhead, ticks_now() - a);
  }
  // The best of some rounds: the machine is shared.
  Figures each{}, whole{}, plain{};
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto keep = [&](Figures& best, bool timed, bool ahead) {
      const Figures one = run(flow, resting, timed, ahead, rate, overhead);
      if (i == 0 || one.mean < best.mean) best = one;
    };
    keep(whole, false, true);
    if (only_whole) continue;
    keep(each, true, true);
    keep(plain, false, false);
  }
  fmt::print(
      "{{\"name\": \"nautilus\", \"messages\": {}, \"resting\": {}, \"median_ns\": {:.1f}, \"p99_ns\": {:.1f}, "
      "\"p999_ns\": {:.1f}, \"max_ns\": {:.0f}, \"mean_ns\": {:.1f}, \"per_second\": {:.0f}, "
      "\"mean_ns_without_lookahead\": {:.1f}, \"events\": {}, \"trades\": {}, \"allocations_after_warm_up\": {}, "
      "\"timer_ns\": {:.1f}}}\n",
      messages, resting, each.median, each.p99, each.p999, each.worst, whole.mean, whole.per_second, plain.mean,
      each.events, each.trades, each.growths, static_cast<double>(overhead) / rate);
  return 0;
}
