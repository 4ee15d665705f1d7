// Kubeconfig files as client-go reads them, and the service account of a pod.
//
// Where from: --kubeconfig FILE (must exist); else every file in KUBECONFIG (separated by ':', missing ones skipped,
// merged: the first file to name a cluster, context or user wins, so does the first current-context); else
// $HOME/.kube/config. Relative paths inside a file are relative to that file. `*-data` beats the file of the same name.
// Failure: Code::not_found says where it looked or which contexts there are; Code::invalid names file and field.
// Source followed: k8s.io/client-go/tools/clientcmd, and the Kubernetes page "Organizing Cluster Access".
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/port/filesystem.h"
#include "core/port/http_transport.h"
#include "core/port/process.h"
#include "core/value/json.h"

namespace nautilus::kube {

inline constexpr std::size_t kMaxKubeconfigFiles = 64;
inline constexpr std::uint64_t kMaxKubeconfigBytes = 16u << 20;

// An exec credential plugin: a program that a file asks us to run.
struct ExecPlugin {
  enum class Interactive { never, if_available, always };
  std::string user;  // the kubeconfig user that asks for it
  std::string file;  // the kubeconfig file that asks for it
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;
  std::string api_version;  // client.authentication.k8s.io/v1 or /v1beta1
  std::string install_hint;
  bool provide_cluster_info = false;
  Interactive interactive = Interactive::if_available;
};

struct KubeUser {
  std::string name;
  std::string client_cert_pem, client_key_pem;
  std::string token, token_file;  // the file wins
  std::string username, password;
  std::optional<ExecPlugin> exec;
  std::string as, as_uid;
  std::vector<std::string> as_groups;
  std::vector<std::pair<std::string, std::string>> as_extra;
};

struct KubeTarget {
  std::string context, cluster, namespace_;  // namespace_ is "default" if the context does not say
  port::Endpoint endpoint;                   // without the user's certificate
  bool disable_compression = false;
  Json exec_config;  // what provideClusterInfo passes on from the cluster's extensions
  KubeUser user;
};

class Kubeconfig {
 public:
  static Result<Kubeconfig> load(const port::Filesystem& files, const port::Process& process,
                                 const std::string& explicit_path = {});

  std::vector<std::string> context_names() const;  // sorted
  const std::string& current_context() const { return current_; }
  // The context by name ("" = the current one), with every file it points at read.
  Result<KubeTarget> select(const port::Filesystem& files, const std::string& context = {}) const;

 private:
  struct Entry {
    std::string name, file;
    Json body;
  };
  const Entry* entry(const std::vector<Entry>& entries, const std::string& name) const;
  Result<> merge(const std::string& file, const Json& document);
  Result<> read_cluster(const port::Filesystem& files, const Entry& entry, KubeTarget& out) const;
  Result<> read_user(const port::Filesystem& files, const Entry& entry, KubeUser& out) const;

  std::vector<Entry> clusters_, contexts_, users_;
  std::string current_;
  std::vector<std::string> files_;
};

// The service account mounted into a pod; nothing if this is not one.
Result<std::optional<KubeTarget>> in_cluster_target(const port::Filesystem& files, const port::Process& process);

// Standard base64 with padding; nothing if it is something else. White space is skipped.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace nautilus::kube
