// The embedded cluster on a loopback port, for kubectl, helm and anything else that speaks HTTP.
//
// HTTP/1.1 without TLS and without authentication, therefore loopback addresses only. Keep-alive, chunked streaming of
// watches, several connections, every size bounded. The cluster's virtual clock follows the real one (the Clock passed
// in) times `real_time_factor`; between events the thread waits in Asio on a steady timer, which is the only use of
// real time outside core/host: it decides when to look, never what time it is.
// Threading: serve() owns the thread until the Interrupt asks it to stop (looked at every kLook) or it fails.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/error.h"
#include "core/port/clock.h"
#include "core/port/filesystem.h"
#include "core/port/interrupt.h"
#include "core/sim/cluster.h"

namespace nautilus::sim {

struct ServeOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;         // 0 = one that is free
  double real_time_factor = 1.0;  // 60 = a minute of the cluster per second; 0.001 to 100000
  std::string kubeconfig_path;    // written if not empty
};

struct ServingAt {
  std::string url;         // "http://127.0.0.1:41234"
  std::string kubeconfig;  // its text, also if it was not written
};

inline constexpr std::size_t kMaxConnections = 512;
inline constexpr std::size_t kMaxRequestBody = 32u << 20;
inline constexpr std::size_t kMaxRequestHead = 256u << 10;
inline constexpr std::size_t kMaxUnsentWatch = 64u << 20;  // a slower watcher is disconnected
inline constexpr port::Duration kLook = std::chrono::milliseconds(100);
inline constexpr port::Duration kIdleConnection = std::chrono::minutes(10);

// `ready` is called once it is listening. Code::refused for an address that is not loopback, Code::io if it cannot be
// listened on.
Result<> serve(Cluster& cluster, const port::Clock& clock, const port::Interrupt& interrupt,
               port::Filesystem& filesystem, const ServeOptions& options,
               const std::function<void(const ServingAt&)>& ready = {});

// A kubeconfig for that URL, with one context "sim".
std::string kubeconfig_for(const std::string& url);

}  // namespace nautilus::sim
