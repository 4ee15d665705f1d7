// Kinds of third-party operators. Most follow the conventions of kstatus; the few here say it in words of their own.
#include <array>

#include "core/status/rules.h"
#include "core/value/escape.h"

namespace nautilus::status {

namespace {

std::string text_of(const Json& condition) {
  const std::string reason = value::string_at(condition, "reason"), message = value::string_at(condition, "message");
  return value::escape_control(reason.empty() ? message : message.empty() ? reason : reason + ": " + message);
}

}  // namespace

// A kind that nothing here knows. Without a status it is current: there may be no controller that writes one.
Verdict generic(const Json& object) {
  struct Positive {
    std::string_view type, reason;
  };
  // Conditions that are true when all is well, as kstatus, cert-manager, Prometheus Operator and Gateway API use them.
  static constexpr std::array<Positive, 3> kPositive = {
      {{"Ready", "NotReady"}, {"Available", "NotAvailable"}, {"Programmed", "NotProgrammed"}}};
  for (const auto& [type, reason] : kPositive) {
    const Json* found = condition(object, type);
    if (!found) continue;
    const std::string said = value::string_at(*found, "status");
    if (said == "False" || said == "Unknown") return in_progress(std::string(reason), text_of(*found));
  }
  return current();
}

// Gateway API routes carry conditions per gateway they attach to.
Verdict route(const Json& object) {
  const Json* parents = value::find(object, "status", "parents");
  if (!parents || !parents->is_array()) return current();
  for (const Json& parent : *parents) {
    const Json* conditions = value::find(parent, "conditions");
    if (!conditions || !conditions->is_array()) continue;
    for (const Json& entry : *conditions) {
      const std::string type = value::string_at(entry, "type");
      if ((type == "Accepted" || type == "ResolvedRefs") && value::string_at(entry, "status") == "False")
        return in_progress("Not" + type, text_of(entry));
    }
  }
  return current();
}

// Elastic's operator: Elasticsearch has a phase and a health, the others a health. Yellow is how one node looks.
Verdict elastic(const Json& object) {
  const std::string phase = value::string_at(object, "status", "phase");
  const std::string health = value::string_at(object, "status", "health");
  if (phase == "Invalid") return failed("Invalid", "its specification is refused by the operator");
  if (!phase.empty() && phase != "Ready")
    return in_progress(value::escape_control(phase), "phase " + value::escape_control(phase));
  if (health == "red") return in_progress("HealthRed", "health is red");
  return current();
}

Verdict backup_location(const Json& object) {
  const std::string phase = value::string_at(object, "status", "phase");
  if (phase != "Unavailable") return current();
  return in_progress("Unavailable", value::escape_control(value::string_at(object, "status", "message")));
}

Verdict backup_schedule(const Json& object) {
  if (value::string_at(object, "status", "phase") != "FailedValidation") return current();
  const Json* errors = value::find(object, "status", "validationErrors");
  std::string first = errors && errors->is_array() && !errors->empty() && errors->front().is_string()
                          ? errors->front().get<std::string>()
                          : "its specification is refused by Velero";
  return failed("FailedValidation", value::escape_control(first));
}

}  // namespace nautilus::status
