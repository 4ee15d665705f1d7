// A plan is a value: what is printed is what is executed, byte for byte.
//
// Purpose: the list of every object of an environment with what will be done to it and what the cluster held when the
// plan was made. It has a digest, can be written to a file and applied later, and is refused when the cluster has
// moved. Contents: manifests as they will be sent. A plan never holds secret content: a rendered Secret with data
// cannot be saved, a generated Secret is listed by name and keys only. Threading: plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/apply/wave.h"
#include "core/base/error.h"
#include "core/value/json.h"
#include "core/value/object_id.h"

namespace nautilus::apply {

inline constexpr int kPlanFormat = 1;

enum class Action {
  create,     // not in the cluster
  update,     // in the cluster, differs
  unchanged,  // nothing will be sent
  remove,     // in the inventory of the release, not in the environment any more
  keep,       // like remove, but an annotation says to leave it
};
std::string_view name(Action action);

struct PlanItem {
  value::ObjectId id;
  std::string api_version;
  Wave wave = Wave::workloads;
  int rank = 0;
  Action action = Action::unchanged;
  std::string source;                // the template it comes from, "generated", or "inventory"
  Json manifest;                     // what is applied; null for remove and keep
  std::vector<std::string> changes;  // paths that differ, for people: ".spec.template.spec.containers[0].image"
  bool generated = false;            // a Secret whose content is made at apply time
  bool force = false;                // takes fields over from managers that were named
  // What the cluster held: empty if the object was not there. The digest leaves out status and what servers count up.
  std::string live_uid, live_digest;
};

struct Plan {
  std::string operation;  // "deploy", "rollback", "destroy"
  std::string environment, release, namespace_;
  std::string description;      // goes into the history: "deploy", "rollback backend to 3"
  std::string cluster_uid;      // UID of kube-system
  std::string chart;            // "nautilus-platform-0.1.0"
  int base_revision = 0;        // the newest revision in the history when the plan was made
  std::vector<PlanItem> items;  // in the order of execution: wave, rank, id

  std::string digest() const;  // "sha256:..." over everything above
  bool changes_anything() const;
  int count(Action action) const;
};

// JSON with the digest in it; refuses to write secret content.
Result<Json> to_json(const Plan& plan);
// Refuses an unknown format, a damaged plan and one whose digest does not match its contents.
Result<Plan> plan_from_json(const Json& json, std::string_view file);

// Sorts items by wave, rank and id.
void put_in_order(Plan& plan);

// What of a live object tells whether somebody changed it since: everything but status, managedFields and the counters
// that the server moves by itself, and without spec.replicas when `desired` leaves it to an autoscaler.
std::string live_digest(const Json& live, const Json& desired);

// True if the object is a Secret that carries content.
bool holds_secret_content(const Json& object);

}  // namespace nautilus::apply
