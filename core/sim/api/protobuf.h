// Kubernetes' protobuf encoding of objects, read only: typed clients (kubectl create, helm's release records) write
// with it. Answers are always JSON, which the same clients accept.
//
// Layout: the four bytes "k8s\0", then runtime.Unknown {1: TypeMeta {1: apiVersion, 2: kind}, 2: raw}; raw is the
// object, with the field numbers of the Go types (schema table).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/sim/schema/schema.h"
#include "core/value/json.h"

namespace nautilus::sim {

struct FromProtobuf {
  Json value;
  std::string error;  // set: it is not what it should be
};

// `type_of` finds the type of an apiVersion and kind (null if unknown). Nesting and sizes are bounded by the input.
FromProtobuf read_protobuf(std::string_view body,
                           const std::function<const Struct*(const std::string&, const std::string&)>& type_of);

}  // namespace nautilus::sim
