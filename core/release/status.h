// How a release is doing: every object of its inventory with its health.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/release/session.h"
#include "core/status/status.h"

namespace nautilus::release {

struct ObjectStatus {
  value::ObjectId id;
  status::Verdict verdict;
  std::string explanation;  // from the pods, if it is not healthy
};

struct ReleaseStatus {
  std::optional<Revision> newest;  // without objects
  std::vector<ObjectStatus> objects;
  std::string lock_holder;               // "" if nobody is writing
  std::vector<Error> missing_operators;  // one per operator whose kinds the cluster does not serve
  bool healthy() const;
};

Result<ReleaseStatus> status(const Session& session);

}  // namespace nautilus::release
