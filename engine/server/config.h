// The settings of one engine process: engine.yaml, as the platform's chart writes it, or the defaults for a laptop.
//
// Read strictly: an unknown field, a value of the wrong type or out of range is refused with file and field. Times are
// durations ("30s"). Paths are taken as they are. docs/engine/configuration.md has the table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/port/clock.h"
#include "engine/gateway/gateway.h"

namespace nautilus::engine {

struct Address {
  std::string host;  // an IP address; "0.0.0.0" or "::" for all
  std::uint16_t port = 0;
  bool loopback() const { return host.starts_with("127.") || host == "::1"; }
};
// "0.0.0.0:9001", "[::]:9001"
Result<Address> parse_address(std::string_view text);

struct ServerConfig {
  struct Journal {
    std::string directory = "engine-journal";
    std::uint64_t snapshot_every = 1'000'000;  // commands
    std::size_t keep_snapshots = 2;
    std::uint64_t checkpoint_every = 1'000'000;  // commands
  } journal;
  std::vector<std::string> definitions;  // files with instruments and accounts
  struct Gateway {
    Address listen{"127.0.0.1", 9001};
    GatewayTls tls;
    bool plain_behind_mesh = false;  // no TLS of its own on other addresses than loopback: a mesh does it
    std::string credentials;         // file of keys and token issuers; empty: open to all, on loopback only
    std::vector<std::string> origins;
    std::size_t threads = 2, max_connections = 5000, max_connections_per_address = 1000;
  } gateway;
  Address admin{"127.0.0.1", 9102};
  struct Drain {
    port::Duration timeout = std::chrono::seconds(60);
    bool cancel_orders = false;  // else they rest, and the next owner of the journal has them
  } drain;
  // Who may be the primary. none: whoever holds the journal's directory.
  struct Epochs {
    enum class Kind { none, file, lease } kind = Kind::none;
    std::string path;              // file
    std::string namespace_, name;  // lease; the shard's number is appended to the name
    std::string role_label;        // lease: key of the label of this pod that says "primary" or "standby"; empty: none
    port::Duration time_to_live = std::chrono::seconds(15);
  } epoch;
  struct Replication {
    std::optional<Address> listen;  // as the primary: where followers connect to
    std::optional<Address>
        follow;                // host may be a name; where the other engine listens. "{shard}" is the shard's number
    bool synchronous = false;  // clients are told only what the standby holds
    port::Duration accepted_lag = std::chrono::minutes(1);  // asynchronous: how old a copy may take over (the RPO)
    // Files. Both ends show a certificate of `ca`; peer_name: what the other end's must be called. Empty: without TLS,
    // on loopback only.
    std::string certificate, key, ca, peer_name;
  } replication;
  struct LogSettings {
    std::string level = "info";
  } log;
  struct Traces {
    std::string endpoint;                // of the collector, OTLP/HTTP: "https://host:4318"; empty: none
    std::string ca;                      // PEM path; empty: the system's
    bool plain_behind_mesh = false;      // http:// to other machines: a mesh encrypts
    std::uint32_t sample_one_in = 1000;  // requests without a traceparent; 0: only those that ask
  } traces;
  int shards = 1;
};

// `what` names the text in errors.
Result<ServerConfig> parse_server_config(std::string_view yaml, const std::string& what);

}  // namespace nautilus::engine
