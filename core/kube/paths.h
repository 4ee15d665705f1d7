// Targets of requests: the path and query of a Kubernetes resource, percent-encoded (RFC 3986).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/kube/discovery.h"

namespace nautilus::kube {

// Everything but unreserved characters as %XX.
std::string percent_encode(std::string_view text);

using Query = std::vector<std::pair<std::string, std::string>>;  // empty values are left out
// "?a=b&c=d", or "" if nothing is left.
std::string query_string(const Query& query);

// "/apis/apps/v1/namespaces/n/deployments/x/status". An empty namespace of a namespaced resource means all of them
// (for lists). An empty name means the collection.
std::string target(const Resource& resource, std::string_view namespace_, std::string_view name = {},
                   std::string_view subresource = {}, const Query& query = {});

}  // namespace nautilus::kube
