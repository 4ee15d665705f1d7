// Credentials from a program: the exec plugin protocol client.authentication.k8s.io/v1 and v1beta1.
//
// The kubeconfig is somebody's file, and the plugin is code it asks us to run: a policy may refuse it, and an event
// shows what runs. The answer is kept until its expirationTimestamp, or until the server says 401.
// Source followed: the Kubernetes page "Client authentication (v1)".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/kube/auth.h"
#include "core/kube/kubeconfig.h"
#include "core/port/event_sink.h"

namespace nautilus::kube {

using ExecPolicy = std::function<Result<>(const ExecPlugin&)>;  // an error means: do not run it

struct ExecSurroundings {
  port::Clock& clock;
  port::Process& process;
  ExecPolicy policy;                  // empty = allow
  port::EventSink* events = nullptr;  // told what runs
  bool terminal = false;              // stdin is a terminal that a plugin may use
};

class ExecAuthenticator final : public Authenticator {
 public:
  ExecAuthenticator(ExecSurroundings surroundings, ExecPlugin plugin, const KubeTarget& target,
                    std::vector<port::Header> extra_headers);
  Result<Credentials> credentials() override;
  bool invalidate() override;
  std::string explain_refusal() override;

 private:
  Result<Credentials> run();
  Result<Credentials> read_answer(const std::string& out);
  Json request(bool interactive) const;

  ExecSurroundings around_;
  ExecPlugin plugin_;
  port::Endpoint endpoint_;
  bool disable_compression_;
  Json exec_config_;
  std::vector<port::Header> extra_headers_;
  std::optional<Credentials> cached_;
  std::optional<port::WallTime> expires_;
};

// RFC 3339: "2026-11-23T14:00:00Z", with optional fraction and offset.
std::optional<port::WallTime> parse_rfc3339(std::string_view text);

}  // namespace nautilus::kube
