// Helm's own record of a release, as its Secrets hold it: read, never written.
//
// Source followed: helm.sh/helm/v4 v4.3.1 storage driver: Secret `sh.helm.release.v1.<name>.v<N>` of type
// helm.sh/release.v1, labels owner, name, status, version; data.release is base64(gzip(JSON)), and base64 again as
// every Secret. What is read stays in memory: a record carries the values of its release. Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::release {

inline constexpr std::string_view kHelmSecretType = "helm.sh/release.v1";
inline constexpr std::size_t kMaxHelmRecord = 64u << 20;  // unpacked

struct HelmRelease {
  std::string name, namespace_, status, chart;  // "nautilus-platform-0.1.0"
  int version = 0;
  bool server_side = false;   // how Helm applied it, and will apply it again
  std::vector<Json> objects;  // of its manifest
};

// Code::invalid if it is not such a record or damaged.
Result<HelmRelease> helm_release(const Json& secret);

}  // namespace nautilus::release
