// Helm's own record of a release, as its Secrets hold it: read when it is taken over, written when it is handed back.
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
inline constexpr std::size_t kMaxSecretBytes = 1u << 20;  // of data, as the API server counts: after one base64

struct HelmRelease {
  std::string name, namespace_, status, chart;  // "nautilus-platform-0.1.0"
  int version = 0;
  bool server_side = false;   // how Helm applied it, and will apply it again
  std::vector<Json> objects;  // of its manifest
};

// Code::invalid if it is not such a record or damaged.
Result<HelmRelease> helm_release(const Json& secret);

// The payload itself: release.v1 as JSON.
Result<Json> helm_payload(const Json& secret);
// The Secret that holds a payload. `time` is what Helm's labels createdAt and modifiedAt say: Unix seconds; the second
// is for a record that is written again. Code::limit if the API server would not take it.
Result<Json> helm_secret(const Json& payload, std::string_view stamp, std::int64_t time);
// "sh.helm.release.v1.<name>.v<version>"
std::string helm_secret_name(const std::string& name, int version);

}  // namespace nautilus::release
