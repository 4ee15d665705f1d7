// From flags and environment to a Client: kubeconfig or service account, credentials, endpoint.
//
// Nothing is sent: an unreachable server shows with the first request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/kube/client.h"
#include "core/kube/exec_credential.h"
#include "core/kube/kubeconfig.h"
#include "core/port/ports.h"

namespace nautilus::kube {

inline constexpr port::Duration kTokenFileAge = std::chrono::minutes(1);  // then it is read again (rotation)

struct ConnectOptions {
  std::string kubeconfig;  // --kubeconfig
  std::string context;     // --context
  std::string namespace_;  // -n
  std::string as;          // --as, over the kubeconfig's impersonation
  std::vector<std::string> as_groups;
  ExecPolicy exec_policy;
  port::EventSink* events = nullptr;
  bool terminal = false;
  ClientOptions client;
};

struct Connection {
  std::unique_ptr<Client> client;
  std::string context, cluster, user, namespace_, server;
  std::optional<port::WallTime> client_certificate_expires;
};

Result<Connection> connect(const port::Ports& ports, const ConnectOptions& options);

// For a target that is already known: the simulated cluster, tests.
Result<Connection> connect_to(const port::Ports& ports, KubeTarget target, const ConnectOptions& options);

// When the first certificate of a PEM text ends; nothing if it cannot be read.
std::optional<port::WallTime> certificate_expiry(const std::string& pem);

}  // namespace nautilus::kube
