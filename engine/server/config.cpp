#include "engine/server/config.h"

#include <charconv>

#include "core/value/strict_reader.h"
#include "core/value/yaml.h"

namespace nautilus::engine {

namespace {

using value::StrictReader;

void read_address(StrictReader& reader, std::string_view key, Address& out) {
  const std::string text = reader.string(key);
  if (text.empty()) return;
  auto address = parse_address(text);
  if (address.ok())
    out = *address;
  else
    reader.fail(key, address.error().message);
}

Result<GatewayTls> read_tls(StrictReader& parent) {
  if (!parent.has("tls")) return GatewayTls();
  StrictReader reader = parent.object("tls");
  GatewayTls out;
  out.certificate = reader.required_string("certificate");
  out.key = reader.required_string("key");
  out.client_ca = reader.string("clientCA");
  out.require_client_certificate = reader.boolean("requireClientCertificate", !out.client_ca.empty());
  TRY(reader.finish());
  return out;
}

Result<> read_journal(StrictReader reader, ServerConfig::Journal& out) {
  if (const std::string directory = reader.string("directory"); !directory.empty()) out.directory = directory;
  constexpr std::int64_t kMost = 1'000'000'000;
  out.snapshot_every = static_cast<std::uint64_t>(
      reader.integer("snapshotEvery", static_cast<std::int64_t>(out.snapshot_every), 0, kMost));
  out.keep_snapshots =
      static_cast<std::size_t>(reader.integer("keepSnapshots", static_cast<std::int64_t>(out.keep_snapshots), 0, 1000));
  out.checkpoint_every = static_cast<std::uint64_t>(
      reader.integer("checkpointEvery", static_cast<std::int64_t>(out.checkpoint_every), 0, kMost));
  return reader.finish();
}

Result<> read_gateway(StrictReader reader, ServerConfig::Gateway& out) {
  read_address(reader, "listen", out.listen);
  ASSIGN_OR_RETURN(out.tls, read_tls(reader));
  out.plain_behind_mesh = reader.boolean("plainBehindMesh", false);
  out.credentials = reader.string("credentials");
  out.origins = reader.strings("origins");
  const auto count = [&](std::string_view key, std::size_t fallback, std::int64_t most) {
    return static_cast<std::size_t>(reader.integer(key, static_cast<std::int64_t>(fallback), 1, most));
  };
  out.threads = count("threads", out.threads, 64);
  out.max_connections = count("maxConnections", out.max_connections, 100'000);
  out.max_connections_per_address = count("maxConnectionsPerAddress", out.max_connections_per_address, 100'000);
  return reader.finish();
}

Result<> read_epoch(StrictReader& root, ServerConfig::Epochs& out) {
  if (!root.has("epoch")) return {};
  StrictReader reader = root.object("epoch");
  if (reader.has("file") == reader.has("lease"))
    reader.fail("file", "an epoch comes from a file or from a lease: give one of the two");
  out.path = reader.string("file");
  out.kind = out.path.empty() ? ServerConfig::Epochs::Kind::lease : ServerConfig::Epochs::Kind::file;
  if (reader.has("lease")) {
    StrictReader lease = reader.object("lease");
    out.namespace_ = lease.string("namespace");
    out.name = lease.required_string("name");
    out.role_label = lease.string("roleLabel");
    TRY(lease.finish());
  }
  out.time_to_live = reader.duration("timeToLive", out.time_to_live);
  return reader.finish();
}

Result<> read_replication(StrictReader& root, const ServerConfig::Epochs& epoch, ServerConfig::Replication& out) {
  StrictReader reader = root.object("replication");
  const auto address = [&](std::string_view key, std::optional<Address>& to) {
    if (!reader.has(key)) return;
    read_address(reader, key, to.emplace());
  };
  address("listen", out.listen);
  address("follow", out.follow);
  out.synchronous = reader.choice("mode", {"async", "sync"}) == "sync";
  out.accepted_lag = reader.duration("acceptedLag", out.accepted_lag);
  if (out.synchronous && reader.has("acceptedLag"))
    reader.fail("acceptedLag", "is for mode async; in mode sync nothing that was acknowledged may be missing");
  if (reader.has("tls")) {
    StrictReader tls = reader.object("tls");
    out.certificate = tls.required_string("certificate");
    out.key = tls.required_string("key");
    out.ca = tls.required_string("ca");
    out.peer_name = tls.string("peerName");
    TRY(tls.finish());
  }
  const bool plain = out.certificate.empty();
  if (out.listen && plain && !out.listen->loopback())
    reader.fail("listen", fmt::format("{} without tls; plain replication is for loopback only", out.listen->host));
  if (out.synchronous && !out.listen)
    reader.fail("mode", "sync waits for a standby: give listen, where it connects to");
  if (out.listen && out.follow && epoch.kind == ServerConfig::Epochs::Kind::none)
    reader.fail("follow", "two engines that can be the primary need an arbiter: give epoch");
  return reader.finish();
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto bad = [&] {
    return Error(Code::invalid,
                 fmt::format("\"{}\" is not ADDRESS:PORT, for example 127.0.0.1:9001 or [::]:9001", text));
  };
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return bad();
  Address out;
  out.host = std::string(host);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (host.empty() || port.empty() || error != std::errc() || end != port.data() + port.size()) return bad();
  return out;
}

Result<ServerConfig> parse_server_config(std::string_view yaml, const std::string& what) {
  ASSIGN_OR_RETURN(const Json tree, value::parse_yaml(yaml, what));
  const Json object = tree.is_null() ? Json::object() : tree;
  StrictReader reader(object, what);
  ServerConfig out;
  if (reader.choice("mode", {"paper", "live"}) == "live")
    reader.fail("mode",
                "live needs a connection to a venue, which this engine does not have; it matches inside (paper)");
  out.shards = static_cast<int>(reader.integer("shards", out.shards, 1, 1000));
  TRY(read_journal(reader.object("journal"), out.journal));
  out.definitions = reader.string_or_strings("definitions");
  TRY(read_gateway(reader.object("gateway"), out.gateway));
  StrictReader admin = reader.object("admin");
  read_address(admin, "listen", out.admin);
  TRY(admin.finish());
  StrictReader drain = reader.object("drain");
  out.drain.timeout = drain.duration("timeout", out.drain.timeout);
  out.drain.cancel_orders = drain.choice("orders", {"keep", "cancel"}) == "cancel";
  TRY(drain.finish());
  TRY(read_epoch(reader, out.epoch));
  TRY(read_replication(reader, out.epoch, out.replication));
  StrictReader log = reader.object("log");
  (void)log.choice("format", {"json"});  // the only form there is
  out.log.level = log.choice("level", {"info", "debug", "warning", "error"});
  TRY(log.finish());
  StrictReader traces = reader.object("traces");
  out.traces.endpoint = traces.string("endpoint");
  out.traces.ca = traces.string("ca");
  out.traces.plain_behind_mesh = traces.boolean("plainBehindMesh", false);
  out.traces.sample_one_in =
      static_cast<std::uint32_t>(traces.integer("sampleOneIn", out.traces.sample_one_in, 0, 1'000'000'000));
  TRY(traces.finish());
  if (out.gateway.credentials.empty() && !out.gateway.listen.loopback())
    reader.fail("gateway", fmt::format("listens on {} without credentials; open access is for loopback only",
                                       out.gateway.listen.host));
  if (out.gateway.tls.certificate.empty() && !out.gateway.listen.loopback() && !out.gateway.plain_behind_mesh)
    reader.fail("gateway", fmt::format("listens on {} without TLS; give tls, or plainBehindMesh: true where a service "
                                       "mesh encrypts",
                                       out.gateway.listen.host));
  TRY(reader.finish());
  return out;
}

}  // namespace nautilus::engine
