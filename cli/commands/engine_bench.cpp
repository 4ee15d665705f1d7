// nautilusctl engine bench: what this machine is worth as an engine
#include "cli/commands/engine.h"
#include "engine/bench/bench.h"

namespace nautilus::cli {

namespace {

namespace bench = engine::bench;

struct BenchFlags {
  std::string journal, only;
  std::uint64_t orders = 2'000'000, seed = 1;
};

std::optional<bench::Part> part_of(const std::string& word) {
  if (word == "book") return bench::Part::books;
  if (word == "journal") return bench::Part::journal;
  if (word == "ack") return bench::Part::ack;
  if (word == "replay") return bench::Part::replay;
  return std::nullopt;
}

double rounded(double value) { return static_cast<double>(static_cast<std::int64_t>(value * 10 + 0.5)) / 10; }

Json json_of(const bench::Spread& spread) {
  return Json{{"count", spread.count},
              {"median", rounded(spread.median)},
              {"p99", rounded(spread.p99)},
              {"p999", rounded(spread.p999)},
              {"max", rounded(spread.worst)}};
}

Json json_of(const bench::AckFigures::Series& series) {
  return Json{{"orderToAckMicroseconds", json_of(series.ack_us)}, {"syncMicroseconds", json_of(series.sync_us)}};
}

Json json_of(const bench::Report& report) {
  Json out = Json::object();
  if (report.books)
    out["book"] = {{"nanoseconds", json_of(report.books->ns)},
                   {"meanNanoseconds", rounded(report.books->mean_ns)},
                   {"meanOneByOneNanoseconds", rounded(report.books->mean_ns_one_by_one)},
                   {"perSecond", rounded(report.books->per_second)},
                   {"events", report.books->events},
                   {"trades", report.books->trades},
                   {"allocationsAfterWarmUp", report.books->growths},
                   {"timerNanoseconds", rounded(report.books->timer_ns)}};
  if (report.journal)
    out["journal"] = {{"commands", report.journal->commands},
                      {"seconds", report.journal->seconds},
                      {"durablePerSecond", rounded(report.journal->per_second())},
                      {"events", report.journal->events},
                      {"syncs", report.journal->syncs},
                      {"bytes", report.journal->bytes},
                      {"syncMicroseconds", json_of(report.journal->disk.sync_us)}};
  if (report.replay)
    out["replay"] = {{"records", report.replay->records},
                     {"events", report.replay->events},
                     {"seconds", report.replay->seconds},
                     {"recordsPerSecond", rounded(report.replay->records_per_second())},
                     {"eventsPerSecond", rounded(report.replay->events_per_second())},
                     {"stateHash", fmt::format("{:016x}", report.replay->state_hash)}};
  if (report.ack) out["ack"] = {{"alone", json_of(report.ack->alone)}, {"burst", json_of(report.ack->burst)}};
  return out;
}

std::string text_of(const bench::AckFigures::Series& series, const std::string& what) {
  const auto& [ack, sync] = series;
  return fmt::format(
      "{:<28} median {:.0f} us, p99 {:.0f} us; the disk's sync {:.0f} and {:.0f} us: p99 is {:.2f} of it\n", what,
      ack.median, ack.p99, sync.median, sync.p99, sync.p99 > 0 ? ack.p99 / sync.p99 : 0);
}

std::string text_of(const bench::Report& report) {
  std::string out;
  if (const auto& books = report.books)
    out += fmt::format(
        "{:<28} median {:.0f} ns, p99 {:.0f} ns, p99.9 {:.0f} ns; {:.1f} million a second; {} allocations\n",
        "book, risk checks on", books->ns.median, books->ns.p99, books->ns.p999, books->per_second / 1e6,
        books->growths);
  if (const auto& journal = report.journal)
    out += fmt::format(
        "{:<28} {:.0f} a second ({} commands in {:.2f} s, {} syncs)\n{:<28} median {:.0f} us, p99 {:.0f} us\n",
        "durable orders", journal->per_second(), journal->commands, journal->seconds, journal->syncs,
        "the disk's sync (fdatasync)", journal->disk.sync_us.median, journal->disk.sync_us.p99);
  if (const auto& replay = report.replay)
    out += fmt::format("{:<28} {:.2f} million commands, {:.2f} million events a second ({:.2f} s)\n", "replay",
                       replay->records_per_second() / 1e6, replay->events_per_second() / 1e6, replay->seconds);
  if (const auto& ack = report.ack) {
    out += text_of(ack->alone, "order to ack, one at a time");
    out += text_of(ack->burst, fmt::format("order to ack, {} at once", bench::kBurst));
  }
  return out;
}

Result<int> run_bench(Context& context, const BenchFlags& flags) {
  const auto only = part_of(flags.only);
  bench::Request request;
  request.orders = flags.orders, request.seed = flags.seed, request.directory = flags.journal;
  request.progress = [&](const std::string& text) { context.note(text); };
  if (request.directory.empty() && only != bench::Part::books)
    return Error(Code::usage, "--journal is needed: a directory on the disk that is to be measured",
                 "or --only book, which writes nothing");
  const bench::Ports ports{context.ports.clock, context.ports.files, context.ports.entropy, context.ports.interrupt};
  ASSIGN_OR_RETURN(const bench::Report report, bench::run(ports, request, only));
  if (context.text())
    context.print(std::string_view(text_of(report)));
  else
    context.print(json_of(report));
  return 0;
}

}  // namespace

void add_engine_bench(CLI::App& group, Context& context) {
  auto* command =
      group.add_subcommand("bench", "measure books, durable orders, order to ack and replay on this machine");
  auto flags = std::make_shared<BenchFlags>();
  command->add_option("--journal", flags->journal, "directory on the disk to measure: empty, or not there yet")
      ->type_name("DIR");
  command->add_option("--orders", flags->orders, "how many (default: 2000000)")
      ->check(CLI::Range(bench::kLeastOrders, bench::kMostOrders))
      ->type_name("N");
  command->add_option("--seed", flags->seed, "of the flow of orders (default: 1)")->type_name("N");
  command->add_option("--only", flags->only, "book, journal, ack or replay (default: all)")
      ->check(CLI::IsMember({"book", "journal", "ack", "replay"}))
      ->type_name("PART");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run_bench(c, *flags); }; });
}

}  // namespace nautilus::cli
