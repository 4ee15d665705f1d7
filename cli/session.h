// Opens the cluster that the flags and the environment name, for the commands that talk to one.
#pragma once

#include <memory>

#include "cli/context.h"
#include "core/kube/connect.h"
#include "core/kube/discovery.h"
#include "core/release/session.h"

namespace nautilus::cli {

// Owns everything a release::Session refers to. Not movable: parts point at each other.
class OpenSession {
 public:
  // On the cluster of the kubeconfig (or of the service account inside a pod).
  static Result<std::unique_ptr<OpenSession>> open(const Context& context, const env::Environment& env,
                                                   port::EventSink& events);
  // On any connection: the rehearsal brings the embedded cluster's.
  OpenSession(kube::Connection connection, const env::Environment& env, port::EventSink& events, port::Entropy& entropy,
              std::string who);
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

  release::Session session() { return {cluster_, env_, entropy_, who_}; }

 private:
  env::Environment env_;
  port::Entropy& entropy_;
  kube::Connection connection_;
  kube::Discovery discovery_;
  apply::Cluster cluster_;
  std::string who_;
};

// "ann@host pid 4711"
std::string who_am_i(const Context& context);

}  // namespace nautilus::cli
