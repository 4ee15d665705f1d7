// The history of a release: one record per revision, kept in the cluster as ConfigMaps.
//
// Purpose: says what was applied, by whom, when and with what end, so that a run that was killed can be finished, a
// revision can be rolled back to, and objects that left the environment are found again (the inventory).
// Format: ConfigMap `nautilusctl.<release>.v<N>` in the release's namespace; data.revision is JSON, and
// binaryData.objects the gzip of the JSON list of objects as applied. A list over kPartBytes goes on in
// `nautilusctl.<release>.v<N>.p<K>`. Content of Secrets is never in it.
// Threading: plain values and pure functions; core/release/store.h reads and writes them.
#pragma once

#include <string>
#include <vector>

#include "core/apply/plan.h"
#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::release {

inline constexpr std::size_t kPartBytes = 600 * 1024;  // an etcd request is refused at 1.5 MiB, base64 adds a third
inline constexpr std::size_t kMaxObjectBytes = 256u << 20;  // of a record, unpacked
inline constexpr std::string_view kReleaseLabel = "nautilusctl.io/release";
inline constexpr std::string_view kRevisionLabel = "nautilusctl.io/revision";
inline constexpr std::string_view kPartLabel = "nautilusctl.io/part";

// How a revision ended. `pending` is a run that is going on, or was killed.
inline constexpr std::string_view kPending = "pending";
inline constexpr std::string_view kDeployed = "deployed";
inline constexpr std::string_view kFailed = "failed";
inline constexpr std::string_view kInterrupted = "interrupted";
inline constexpr std::string_view kSuperseded = "superseded";

struct RecordedObject {
  value::ObjectId id;
  std::string api_version, source;
  bool generated = false;
  Json manifest;  // as applied; Secrets without their content
};

struct Revision {
  int number = 0;
  std::string status, operation, description, chart, environment, plan_digest, who;
  std::string started, finished;  // RFC 3339, UTC; finished is empty while pending
  std::string message;            // why it failed
  std::vector<RecordedObject> objects;
};

// What a plan will have applied once it is done: everything but what it removes. Kept objects stay in the inventory.
std::vector<RecordedObject> objects_of(const apply::Plan& plan);

// The ConfigMaps of a revision, the first part first.
Result<std::vector<Json>> encode(const Revision& revision, const std::string& release, const std::string& namespace_);
// The head alone (everything but objects), for changing the status.
Json head_data(const Revision& revision);

// Puts revisions together from ConfigMaps in any order, oldest revision first. A record with a missing part or damaged
// content is an error that names the ConfigMap.
Result<std::vector<Revision>> decode(const std::vector<Json>& config_maps, bool with_objects);

std::string record_name(const std::string& release, int revision, int part);

}  // namespace nautilus::release
