// Claims, Services, budgets, definitions, aggregated APIs and namespaces.
#include "core/status/rules.h"

namespace nautilus::status {

Verdict claim(const Json& object) {
  const std::string phase = value::string_at(object, "status", "phase");
  if (phase == "Bound") return current("bound");
  if (phase == "Lost") return failed("Lost", "its volume is gone");
  return in_progress("NotBound", "not bound to a volume");
}

Verdict service(const Json& object) {
  if (value::string_at(object, "spec", "type") != "LoadBalancer") return current();
  const Json* ingress = value::find(object, "status", "loadBalancer", "ingress");
  if (ingress && !ingress->empty()) return current();
  return in_progress("NoIngress", "the load balancer has no address yet");
}

Verdict budget(const Json& object) {
  if (!value::find(object, "status", "observedGeneration")) return in_progress("NotObserved", "not computed yet");
  return current();
}

Verdict definition(const Json& object) {
  if (condition_status(object, "NamesAccepted") == "False")
    return failed("NameConflict", value::string_at(*condition(object, "NamesAccepted"), "message"));
  if (condition_status(object, "Established") == "True") return current("established");
  if (const Json* found = condition(object, "Established");
      found && value::string_at(*found, "status") == "False" && value::string_at(*found, "reason") != "Installing")
    return failed(value::string_at(*found, "reason"), value::string_at(*found, "message"));
  return in_progress("Installing", "not established yet");
}

Verdict api_service(const Json& object) {
  if (condition_status(object, "Available") == "True") return current("available");
  const Json* found = condition(object, "Available");
  return in_progress("NotAvailable", found ? value::string_at(*found, "message") : "not available yet");
}

Verdict namespace_(const Json& object) {
  if (value::string_at(object, "status", "phase") == "Terminating")
    return {State::terminating, "Terminating", "is being deleted"};
  return current();
}

}  // namespace nautilus::status
