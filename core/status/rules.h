// The rules, one per kind. Each gets an object whose generic checks (deletion, generation) passed.
#pragma once

#include "core/status/status.h"

namespace nautilus::status {

inline Verdict current(std::string message = "") { return {State::current, "Current", std::move(message)}; }
inline Verdict in_progress(std::string reason, std::string message) {
  return {State::in_progress, std::move(reason), std::move(message)};
}
inline Verdict failed(std::string reason, std::string message) {
  return {State::failed, std::move(reason), std::move(message)};
}

// The condition of that type, or null.
const Json* condition(const Json& object, std::string_view type);
// "True", "False", "Unknown" or "" if there is no such condition.
std::string condition_status(const Json& object, std::string_view type);

Verdict deployment(const Json& object);
Verdict replica_set(const Json& object);
Verdict stateful_set(const Json& object);
Verdict daemon_set(const Json& object);
Verdict pod(const Json& object);
Verdict job(const Json& object);
Verdict claim(const Json& object);
Verdict service(const Json& object);
Verdict budget(const Json& object);
Verdict definition(const Json& object);
Verdict api_service(const Json& object);
Verdict namespace_(const Json& object);
Verdict generic(const Json& object);
Verdict route(const Json& object);
Verdict elastic(const Json& object);
Verdict backup_location(const Json& object);
Verdict backup_schedule(const Json& object);

}  // namespace nautilus::status
