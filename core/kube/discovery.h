// What the server serves: from a group, version and kind to a resource path, and back.
//
// Purpose: aggregated discovery (two requests: /api and /apis) with a fallback to the older one document per group
// version. An aggregated API that is down is reported, not fatal.
// Threading: the Client's thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/kube/client.h"

namespace nautilus::kube {

struct Resource {
  std::string group, version, plural, kind, singular;
  bool namespaced = false;
  std::vector<std::string> verbs;         // "get", "list", "patch", ...
  std::vector<std::string> subresources;  // "status", "scale", "eviction"
  std::vector<std::string> short_names, categories;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // "deployments.apps", "pods"
  std::string text() const { return group.empty() ? plural : plural + "." + group; }
  bool can(std::string_view verb) const;
  bool has_subresource(std::string_view name) const;
};

struct ServerVersion {
  int major = 0, minor = 0;
  std::string git_version;  // "v1.37.2"
};

class Discovery {
 public:
  explicit Discovery(Client& client);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Fetches everything once; later calls return at once. refresh() fetches again.
  Result<> load();
  Result<> refresh();

  // By exact version; refreshes once when it is not there (a CRD may have just been made), at most every
  // kRefreshInterval. Code::not_found naming the versions that are served, if any. Pointers handed out are good as
  // long as this object lives, also after a refresh.
  Result<const Resource*> find(const std::string& group, const std::string& version, const std::string& kind);
  // The same, without any request.
  const Resource* known(const std::string& group, const std::string& version, const std::string& kind) const;
  // The preferred version of a kind.
  Result<const Resource*> find_preferred(const std::string& group, const std::string& kind);
  // For an object with apiVersion and kind.
  Result<const Resource*> of(const Json& object);

  bool serves(const std::string& api_version) const;
  // Every api version ("apps/v1") and "apps/v1/Deployment", sorted: what templates ask of .Capabilities.APIVersions.
  std::vector<std::string> api_versions() const;
  // Every resource, ordered by group, version, plural.
  const std::vector<Resource>& resources() const;
  // Each resource in its group's preferred version only, once; for looking through a whole cluster.
  std::vector<const Resource*> preferred_resources() const;
  // Group versions that could not be read, with the reason ("metrics.k8s.io/v1beta1: stale, ...").
  const std::vector<std::string>& problems() const;

  Result<ServerVersion> server_version();

 private:
  struct Tables;
  const Tables& tables() const;
  Result<> load_legacy(Tables& tables, const std::vector<std::pair<std::string, std::string>>& wanted);
  Result<bool> refresh_on_miss();
  std::string problem_of(const std::string& group) const;

  Client& client_;
  std::vector<std::unique_ptr<Tables>> generations_;  // the last is the current one; each differs from the one before
  port::Monotonic last_refresh_{0};
};

inline constexpr port::Duration kRefreshInterval = std::chrono::seconds(2);

}  // namespace nautilus::kube
