// The engine's books for the comparison with its peers: `nautilusctl engine bench --only book`, and the same flow as a
// file for the others.
//
//   engine_book_bench [messages] [resting] [seed] [rounds]
//   engine_book_bench --write FILE messages resting seed
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/host/clock.h"
#include "core/host/entropy.h"
#include "core/host/filesystem.h"
#include "engine/bench/bench.h"
#include "engine/bench/flow.h"

using namespace nautilus;
using namespace nautilus::engine;

namespace {

int write_flow(const char* path, const std::vector<bench::Message>& flow) {
  std::FILE* file = std::fopen(path, "wb");
  if (!file) return 1;
  const bool written = std::fwrite(flow.data(), sizeof(bench::Message), flow.size(), file) == flow.size();
  return std::fclose(file) == 0 && written ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at, std::size_t fallback) {
    return argc > at ? static_cast<std::size_t>(std::strtoull(argv[at], nullptr, 10)) : fallback;
  };
  if (argc > 2 && std::string_view(argv[1]) == "--write")
    return write_flow(argv[2], bench::make_flow(number(5, 1), number(3, 3'000'000), number(4, 50'000)));
  host::RealClock clock;
  host::OsEntropy entropy;
  host::RealFilesystem files;
  const port::NeverInterrupted never;
  bench::Request request;
  request.orders = number(1, 3'000'000), request.resting = number(2, 50'000), request.seed = number(3, 1);
  const auto measured = bench::measure_books({clock, files, entropy, never}, request, static_cast<int>(number(4, 3)));
  if (!measured.ok()) {
    fmt::print(stderr, "{}\n", measured.error().text());
    return 1;
  }
  const bench::BookFigures& books = *measured;
  fmt::print(
      "{{\"name\": \"nautilus\", \"messages\": {}, \"resting\": {}, \"median_ns\": {:.1f}, \"p99_ns\": {:.1f}, "
      "\"p999_ns\": {:.1f}, \"max_ns\": {:.0f}, \"mean_ns\": {:.1f}, \"per_second\": {:.0f}, "
      "\"mean_ns_without_lookahead\": {:.1f}, \"events\": {}, \"trades\": {}, \"allocations_after_warm_up\": {}, "
      "\"timer_ns\": {:.1f}}}\n",
      request.orders, request.resting, books.ns.median, books.ns.p99, books.ns.p999, books.ns.worst, books.mean_ns,
      books.per_second, books.mean_ns_one_by_one, books.events, books.trades, books.growths, books.timer_ns);
  return 0;
}
