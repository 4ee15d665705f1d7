#include "core/check/doctor/doctor.h"

namespace nautilus::check {

const std::vector<Check>& doctor_checks() {
  static const std::vector<Check> kAll = [] {
    std::vector<Check> all;
    const auto add = [&](std::vector<Check> some) {
      for (Check& check : some) all.push_back(std::move(check));
    };
    // What lies under everything first: it explains the rest.
    add(node_checks());
    add(cluster_checks());
    add({image_pull_check(), crash_loop_check(), missing_config_check(), unschedulable_check(), claims_check()});
    add(refused_pod_checks());
    add(probe_checks());
    add(taken_pod_checks());
    add({replicas_missing_check()});
    add(database_checks());
    add({database_services_check(), network_policy_check()});
    add(websocket_checks());
    add({websocket_services_check()});
    add(autoscaling_checks());
    add({services_check()});
    add(certificate_checks());
    add(webhook_checks());
    add({warnings_check()});
    return all;
  }();
  return kAll;
}

}  // namespace nautilus::check
