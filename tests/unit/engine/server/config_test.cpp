#include "engine/server/config.h"

#include <doctest/doctest.h>

namespace nautilus::engine {

TEST_CASE("an empty file is an engine for this machine alone") {
  auto config = parse_server_config("", "engine.yaml");
  REQUIRE(config.ok());
  CHECK(config->gateway.listen.loopback());
  CHECK(config->admin.port == 9102);
  CHECK(config->epoch.kind == ServerConfig::Epochs::Kind::none);
}

TEST_CASE("everything can be said") {
  auto config = parse_server_config(R"(
mode: paper
shards: 5
journal: {directory: /var/lib/nautilus/journal, snapshotEvery: 500000, keepSnapshots: 3, checkpointEvery: 0}
definitions: [/etc/nautilus/instruments.yaml, /etc/nautilus/accounts.yaml]
gateway:
  listen: "0.0.0.0:9001"
  tls: {certificate: /tls/tls.crt, key: /tls/tls.key, clientCA: /tls/ca.crt}
  credentials: /etc/nautilus/credentials.yaml
  origins: ["https://ws.nautilus.trading.com"]
  threads: 4
admin: {listen: "[::]:9102"}
drain: {timeout: 2m, orders: cancel}
epoch: {lease: {namespace: nautilus-trading, name: nautilus-engine}, timeToLive: 10s}
replication:
  listen: "0.0.0.0:9003"
  follow: nautilus-engine-standby-{shard}.nautilus-engine-standby:9003
  mode: sync
  tls: {certificate: a, key: b, ca: c, peerName: "*.nautilus-engine"}
log: {format: json, level: debug}
traces: {endpoint: "http://otel:4318", plainBehindMesh: true, sampleOneIn: 10}
)",
                                    "engine.yaml");
  REQUIRE_MESSAGE(config.ok(), config.error().text());
  CHECK(config->journal.keep_snapshots == 3);
  CHECK(config->gateway.tls.client_ca == "/tls/ca.crt");
  CHECK(config->admin.host == "::");
  CHECK(config->drain.cancel_orders);
  CHECK(config->epoch.kind == ServerConfig::Epochs::Kind::lease);
  CHECK(config->epoch.time_to_live == std::chrono::seconds(10));
  CHECK(config->replication.synchronous);
  CHECK(config->replication.listen->port == 9003);
  CHECK(config->replication.follow->host == "nautilus-engine-standby-{shard}.nautilus-engine-standby");
  CHECK(config->replication.ca == "c");
  CHECK(config->replication.peer_name == "*.nautilus-engine");
  CHECK(config->gateway.tls.require_client_certificate);
  CHECK(config->traces.plain_behind_mesh);
  CHECK(config->traces.sample_one_in == 10);
}

TEST_CASE("what is wrong is refused with its field") {
  struct Row {
    std::string yaml, where, message;
  };
  for (const Row& row : std::vector<Row>{
           {"moed: paper", "e.yaml: moed", "unknown field"},
           {"mode: live", "e.yaml: mode", "venue"},
           {"gateway: {listen: 9001}", "e.yaml: gateway.listen", "expected a string"},
           {"gateway: {listen: \"0.0.0.0\"}", "e.yaml: gateway.listen", "ADDRESS:PORT"},
           {"gateway: {listen: \"::1:9001\"}", "e.yaml: gateway.listen", "ADDRESS:PORT"},
           {"gateway: {listen: \"127.0.0.1:99999\"}", "e.yaml: gateway.listen", "ADDRESS:PORT"},
           {"gateway: {listen: \"0.0.0.0:9001\"}", "e.yaml: gateway", "loopback"},
           {"gateway: {listen: \"0.0.0.0:9001\", credentials: c}", "e.yaml: gateway", "without TLS"},
           {"gateway: {threads: 0}", "e.yaml: gateway.threads", "from 1 to 64"},
           {"gateway: {tls: {certificate: a}}", "e.yaml: gateway.tls.key", "required"},
           {"drain: {timeout: soon}", "e.yaml: drain.timeout", "soon"},
           {"drain: {orders: sell}", "e.yaml: drain.orders", "keep, cancel"},
           {"epoch: {}", "e.yaml: epoch.file", "one of the two"},
           {"epoch: {file: a, lease: {name: b}}", "e.yaml: epoch.file", "one of the two"},
           {"replication: {follow: host}", "e.yaml: replication.follow", "ADDRESS:PORT"},
           {"replication: {listen: \"0.0.0.0:9003\"}", "e.yaml: replication.listen", "without tls"},
           {"replication: {mode: sync}", "e.yaml: replication.mode", "give listen"},
           {"replication: {listen: \"127.0.0.1:1\", mode: sync, acceptedLag: 1s}", "e.yaml: replication.acceptedLag",
            "mode async"},
           {"replication: {listen: \"127.0.0.1:1\", follow: \"127.0.0.1:2\"}", "e.yaml: replication.follow", "arbiter"},
           {"replication: {tls: {certificate: a, key: b}}", "e.yaml: replication.tls.ca", "required"},
           {"traces: {sampleOneIn: -1}", "e.yaml: traces.sampleOneIn", "from 0"},
       }) {
    INFO(row.yaml);
    auto config = parse_server_config(row.yaml, "e.yaml");
    REQUIRE_FALSE(config.ok());
    CHECK(config.error().where == row.where);
    CHECK(config.error().message.find(row.message) != std::string::npos);
  }
}

}  // namespace nautilus::engine
