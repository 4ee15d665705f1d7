// Label selectors, node selector terms, taints: pure functions over API objects.
#pragma once

#include <string>
#include <string_view>

#include "core/value/json.h"

namespace nautilus::sim {

// A metav1.LabelSelector ({matchLabels, matchExpressions}) against a map of labels. Null selects nothing, an empty
// selector everything; an unknown operator selects nothing.
bool selects(const Json* label_selector, const Json* labels);
// A plain map selector (Service, ReplicationController); null or empty selects nothing.
bool selects_map(const Json* selector, const Json* labels);

// One requirement {key, operator, values} against a value (nullptr = the key is absent). Operators of label selectors
// and of node selectors (Gt, Lt).
bool meets(const Json& requirement, const std::string* value);

// A v1.NodeSelector ({nodeSelectorTerms}) against a node: any term, all of its expressions and fields.
bool node_matches(const Json& node_selector, const Json& node);
// spec.nodeSelector and the required node affinity of a pod.
bool node_affinity_matches(const Json& pod_spec, const Json& node);

// Does a toleration of the pod cover this taint?
bool tolerates(const Json& pod_spec, const Json& taint);
// The first taint with that effect (or "NoSchedule" and "NoExecute" if empty) which the pod does not tolerate.
const Json* untolerated_taint(const Json& pod_spec, const Json& node);

}  // namespace nautilus::sim
