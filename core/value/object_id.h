// Names of Kubernetes objects.
#pragma once

#include <compare>
#include <string>

#include "core/value/json.h"

namespace nautilus::value {

// apiVersion split in two: {"apps", "v1"}; the core group is "".
struct GroupVersion {
  std::string group, version;
  static GroupVersion parse(std::string_view api_version);
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const GroupVersion&) const = default;
};

// What an object is, independent of the version it is read in. Empty namespace = cluster-scoped.
struct ObjectId {
  std::string group, kind, namespace_, name;
  static ObjectId of(const Json& object);
  // "Deployment nautilus-trading/nautilus-backend", "Namespace velero-system"; the group is added for kinds that are
  // not built in ("Gateway.networking.istio.io nautilus-trading/nautilus-gateway").
  std::string text() const;
  auto operator<=>(const ObjectId&) const = default;
};

}  // namespace nautilus::value
