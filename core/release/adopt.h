// Takes over what was installed with `helm install` or `kubectl apply`: moves the ownership of fields to nautilusctl
// and records a first revision of the state as it is. No value that anything runs on is changed, nothing is restarted,
// created or deleted; Helm's own record stays as it is.
//
// plan_adoption() reads; adopt() asks, locks, records a pending revision, sends one patch an object and records the
// end. Each patch has a precondition, so it is whole or not at all; killed anywhere, the same command finishes: what
// was moved is known by its owner, and the pending revision says that it is ours. Threading: the client's thread.
#pragma once

#include <optional>

#include "core/apply/takeover.h"
#include "core/release/deploy.h"
#include "core/release/helm_record.h"

namespace nautilus::release {

inline constexpr std::string_view kAdopt = "adopt";  // Revision::operation
inline constexpr int kAdoptAttempts = 8;             // of one object that others write to

struct AdoptOptions {
  std::string from_helm;      // this release of Helm; "" = the one that the objects name, if any
  bool from_kubectl = false;  // with neither: whatever is found
  bool allow_restart = false;
  port::Duration lock_wait{};
  std::string take_over_lock;
  std::function<Result<bool>(const struct Adoption&)> confirm;
};

struct AdoptedObject {
  value::ObjectId id;
  std::string api_version, source;
  Json desired;
  Json installed;            // null if not known
  apply::Takeover takeover;  // as planned; worked out again if the object moves on
  Json manifest;             // the state as it is, for the record
  std::string live_uid, live_digest;
  std::vector<std::string> changes;  // what a deploy would set afterwards
  std::vector<std::string> removes;  // and what it would remove
  bool restarts = false;             // a deploy would replace its pods
};

struct Adoption {
  apply::Installers installers;
  std::optional<HelmRelease> helm;
  std::vector<AdoptedObject> objects;
  std::vector<value::ObjectId> missing;    // rendered, not there: a deploy would create them
  std::vector<value::ObjectId> left_over;  // of the Helm release, not rendered: they stay as they are
  std::vector<std::string> notes;          // what would stop a deploy, but not this
  std::vector<Error> problems;             // each stops the adoption
  std::string chart;
  std::vector<RecordedObject> generated;  // generated Secrets that are there
  int base_revision = 0;
  bool finished_before = false;  // the newest revision is complete
  int to_move() const;
};

Result<Adoption> plan_adoption(const Session& session, const apply::Desired& desired, const AdoptOptions& options);

// The revision that was recorded; 0 if there was nothing to take over.
Result<int> adopt(const Session& session, const apply::Desired& desired, const AdoptOptions& options,
                  Adoption& adoption);

// Code::refused if an adoption was begun and not finished.
Result<> check_adoption_finished(const std::vector<Revision>& revisions);

}  // namespace nautilus::release
