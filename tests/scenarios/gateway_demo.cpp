// A gateway in front of a real matching engine without a journal, for the clients of this folder: prints its ports as
// JSON and serves until its standard input ends. Everything it needs to know comes as JSON in the first line of input.
#include <cstdio>

#include "core/host/clock.h"
#include "core/host/entropy.h"
#include "core/host/filesystem.h"
#include "core/value/json.h"
#include "engine/gateway/admin.h"
#include "engine/gateway/gateway.h"
#include "engine/matching/engine.h"
#include "tests/support/engine/loop_intake.h"

using namespace nautilus;
using namespace nautilus::engine;

namespace {

std::optional<std::string> read_line() {
  std::string out;
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) return std::nullopt;
    out += static_cast<char>(c);
  }
  return out;
}

port::Duration milliseconds(const Json& options, const char* name, port::Duration fallback) {
  const auto found = value::int_at(options, -1, name);
  return found < 0 ? fallback : port::Duration(std::chrono::milliseconds(found));
}

void define(testing::LoopIntake& intake, bool cancel_on_disconnect) {
  Command command;
  command.type = CommandType::begin_epoch;
  command.epoch = 1;
  intake.apply_now(command);
  for (const auto* name : {"alice", "bob"}) {
    command = {};
    command.type = CommandType::define_account;
    command.account_definition.name = AccountName::from(name);
    command.account_definition.limits.cancel_on_disconnect = cancel_on_disconnect;
    intake.apply_now(command);
  }
  for (const auto* symbol : {"ACME", "EUR/USD"}) {
    command = {};
    command.type = CommandType::define_instrument;
    command.instrument_definition.symbol = Symbol::from(symbol);
    intake.apply_now(command);
  }
}

}  // namespace

int main() {
  const auto first = read_line();
  auto parsed = value::parse_json(first.value_or("{}"), "options");
  if (!parsed.ok()) return 2;
  const Json& options = *parsed;
  host::RealClock clock;
  host::OsEntropy entropy;
  host::RealFilesystem files;
  Log log(clock, to_stderr(), Log::Level::warning);
  Metrics metrics;
  Engine machine;
  testing::LoopIntake intake(machine, clock);
  define(intake, value::bool_at(options, false, "accounts_cancel"));

  GatewayOptions gateway_options;
  gateway_options.credentials = value::string_at(options, "credentials");
  gateway_options.tls.certificate = value::string_at(options, "certificate");
  gateway_options.tls.key = value::string_at(options, "key");
  gateway_options.tls.client_ca = value::string_at(options, "client_ca");
  gateway_options.tls.require_client_certificate = value::bool_at(options, false, "require_client_certificate");
  gateway_options.origins = {"https://trade.example"};
  gateway_options.reload_interval = std::chrono::milliseconds(200);
  gateway_options.header_timeout = milliseconds(options, "header_timeout", gateway_options.header_timeout);
  gateway_options.session.logon_timeout = milliseconds(options, "logon_timeout", gateway_options.session.logon_timeout);
  gateway_options.ping_interval = milliseconds(options, "ping_interval", gateway_options.ping_interval);
  gateway_options.session.messages_per_second = static_cast<double>(value::int_at(options, 5000, "rate"));
  gateway_options.session.message_burst = static_cast<double>(value::int_at(options, 10'000, "burst"));
  gateway_options.max_connections_per_address = static_cast<std::size_t>(value::int_at(options, 4000, "per_address"));
  gateway_options.session.outbox.max_market = static_cast<std::size_t>(value::int_at(options, 1 << 20, "max_market"));
  gateway_options.session.outbox.max_reliable =
      static_cast<std::size_t>(value::int_at(options, 8 << 20, "max_reliable"));
  gateway_options.hub.report_ring = static_cast<std::size_t>(value::int_at(options, 4096, "report_ring"));
  gateway_options.send_buffer = static_cast<int>(value::int_at(options, 0, "send_buffer"));
  auto made = Gateway::create({clock, files, entropy, log, metrics}, intake, intake, gateway_options);
  if (!made.ok()) {
    std::fprintf(stderr, "%s\n", made.error().text().c_str());
    return 1;
  }
  Gateway& gateway = **made;
  std::vector<Event> known;
  machine.describe(known);
  gateway.describe(known);
  AdminServer admin(intake, metrics, log, {});
  const auto started = gateway.start(), administered = admin.start();
  if (!started.ok() || !administered.ok()) return 1;
  gateway.became_primary();
  intake.start(gateway.outlet());
  std::printf("{\"port\":%u,\"admin\":%u}\n", gateway.port(), admin.port());
  std::fflush(stdout);
  while (const auto line = read_line())
    if (*line == "drain") gateway.drain();
  gateway.stop(clock.monotonic() + std::chrono::seconds(3));
  admin.stop();
  intake.stop();
  std::printf("{\"open_orders\":%zu}\n", machine.open_orders());
  return 0;
}
