// Moves the ownership of one live object's fields from nautilusctl to Helm, and changes no value that anything runs on.
//
// Purpose: what `release export` computes per object, the reverse of takeover.h. Our Apply entry of managedFields
// becomes an Apply entry of Helm's manager, as if Helm 4 had applied the same manifest on the server; the marks by
// which Helm knows what is its own are set. Entries of other managers stay as they are. Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/apply/takeover.h"

namespace nautilus::apply {

inline constexpr std::string_view kHelmManager = "helm";
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";

struct HelmOwner {
  std::string release, namespace_;
};

struct Handover {
  bool needed = false;              // false: it is Helm's already, marks and fields
  std::vector<std::string> marks;   // that change: "label app.kubernetes.io/managed-by: nautilusctl -> Helm"
  Json patch;                       // RFC 6902; fails on the server if the object has moved on
  std::vector<std::string> others;  // managers that keep their fields
};

Handover hand_over(const Json& live, const HelmOwner& owner);

}  // namespace nautilus::apply
