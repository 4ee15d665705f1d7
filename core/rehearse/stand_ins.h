// Secrets that somebody else provides, as the rehearsal needs them: every Secret of externalSecrets with the keys that
// the objects of the environment ask for, and no content worth anything.
#pragma once

#include <vector>

#include "core/apply/desired.h"
#include "core/env/environment.h"

namespace nautilus::rehearse {

std::vector<Json> stand_in_secrets(const env::Environment& env, const apply::Desired& desired);

}  // namespace nautilus::rehearse
