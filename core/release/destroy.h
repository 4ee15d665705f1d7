// Removes everything a release made, in the opposite order of deploying it.
#pragma once

#include "core/release/deploy.h"

namespace nautilus::release {

struct DestroyOptions {
  bool delete_data = false;  // also what holds data: claims, volumes, generated Secrets, namespaces, CRDs
  port::Duration lock_wait{};
  std::string take_over_lock;
  std::function<Result<bool>(const apply::Planned&)> confirm;
};

// Without delete_data, what holds data stays, and the history says so; what is left is removed by a later destroy with
// it.
Result<> destroy(const Session& session, const DestroyOptions& options, Outcome& outcome);

}  // namespace nautilus::release
