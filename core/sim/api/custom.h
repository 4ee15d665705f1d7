// Custom resources: what a CustomResourceDefinition says, made usable.
//
// Purpose: the structural schema of one version becomes a Type (for apply and pruning) and is kept as Json for
// validation and defaulting. Follows apiextensions-apiserver: pruning of unknown fields, defaults, OpenAPI v3
// validation with its messages, x-kubernetes-int-or-string, -preserve-unknown-fields, -embedded-resource, -list-type,
// -map-type. CEL rules (x-kubernetes-validations) are stored and not evaluated. Threading: built once per change of the
// CRD, then read only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/sim/api/status.h"
#include "core/sim/schema/schema.h"
#include "core/value/json.h"

namespace nautilus::sim {

struct CustomKind {
  Json schema;                          // openAPIV3Schema, or null
  Json columns;                         // additionalPrinterColumns
  Json scale;                           // subresources.scale, or null
  std::vector<std::string> selectable;  // selectableFields: "spec.color"
  std::string crd;                      // its name
  Type type;
  std::deque<Type> types;                        // owned by this
  std::vector<std::unique_ptr<Struct>> structs;  // owned by this
};

// `version` is an element of spec.versions.
std::shared_ptr<const CustomKind> make_custom_kind(const Json& crd, const Json& version, const SchemaTable& builtin);
// Fills in defaults, and drops what the schema does not know; dropped paths go to `unknown`.
void prune_custom(const CustomKind& kind, Json& object, std::vector<std::string>& unknown);
void default_custom(const CustomKind& kind, Json& object);
void validate_custom(const CustomKind& kind, const Json& object, FieldErrors& errors);
// Problems of a CRD itself.
void validate_crd(const Json& crd, FieldErrors& errors);
// Conditions and names in the status of a CRD that has just been accepted.
void accept_crd(Json& crd, const std::string& now);

}  // namespace nautilus::sim
