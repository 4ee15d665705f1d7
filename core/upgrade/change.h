// What an UpgradePlan is to bring about: spec.change, the part that is approved and never changes once it runs.
//
// Reading is strict: an unknown field, a value out of bounds or an image without a digest is Code::invalid with the
// field's path. digest() names the content; approvals sign it, and a plan whose change has another digest than the one
// it began with is rolled back. Threading: plain values. Shape: manifests/crds/upgradeplans.yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/canary/analysis.h"
#include "core/value/object_id.h"

namespace nautilus::upgrade {

inline constexpr std::string_view kGroup = "upgrade.nautilusctl.io";
inline constexpr std::string_view kApiVersion = "upgrade.nautilusctl.io/v1alpha1";
inline constexpr std::string_view kKind = "UpgradePlan";
inline constexpr std::string_view kNamespace = "upgrade-system";

struct Image {
  std::string container, image;
  bool operator==(const Image&) const = default;
};

enum class Strategy {
  rolling,     // a Deployment, pod after pod
  ordered,     // a StatefulSet: highest ordinal first, the primary handed over before its own turn
  canary,      // a Deployment beside it takes a growing share
  blue_green,  // a full Deployment beside it takes everything at once
};
std::string_view name(Strategy strategy);

// A share of the traffic, and for how long at least.
struct Step {
  int weight = 0;  // percent
  port::Duration hold{};
};

// An Istio VirtualService or a Gateway API HTTPRoute that splits between the tracks.
struct Route {
  std::string kind, namespace_, name;
  value::ObjectId id() const;
  std::string api_version() const;
};

// Hands the primary's role to another pod: a Job of this image, with CANDIDATE, PRIMARY and PLAN in its environment.
struct Switchover {
  std::string image, service_account;
  std::vector<std::string> command;
};

struct Change {
  std::string component;                     // "backend"; a label, for people
  std::string kind, target_namespace, name;  // the workload
  std::vector<Image> images;
  Strategy strategy = Strategy::rolling;
  int max_surge = 1;  // rolling, and the last part of canary: pods at a time
  std::vector<Step> steps;
  std::vector<Route> routes;
  std::string rollback_of;   // a plan that is done: this one brings back what was before it, at any hour
  std::string primary_label;  // ordered: "role=primary" on the pod that is it; empty: there is none
  std::optional<Switchover> switchover;
  port::Duration hold{};  // rolling, ordered: how long it is watched once every pod is new
  canary::Criteria criteria;
  port::Duration deadline = std::chrono::hours(1);        // of the whole, from its first write
  port::Duration step_limit = std::chrono::minutes(10);   // to become healthy, and to be found good, each step
  port::Duration rollback_reserve = std::chrono::minutes(10);  // before the window ends: what going back needs

  value::ObjectId target() const { return {"apps", kind, target_namespace, name}; }
  std::string canary_name() const { return name + "-canary"; }
  bool with_canary() const { return strategy == Strategy::canary || strategy == Strategy::blue_green; }
};

inline constexpr std::string_view kTrackLabel = "nautilus.trading.com/track";  // stable, canary

// Reads spec.change; `where` is shown in errors ("UpgradePlan upgrade-system/backend", a file).
Result<Change> read_change(const Json& change, const std::string& where);
// What the API server makes of it: the defaults of the definition filled in.
Json with_defaults(Json change);
// "sha256:<64 hex>" of the canonical JSON of spec.change, with its defaults.
std::string digest(const Json& change);
// True for "registry/name@sha256:<64 hex>", with or without a tag.
bool pinned(std::string_view image);

}  // namespace nautilus::upgrade
