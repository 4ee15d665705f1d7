#include "core/check/doctor/doctor.h"

namespace nautilus::check {

const std::vector<Check>& doctor_checks() {
  static const std::vector<Check> kAll = [] {
    std::vector<Check> all;
    const auto add = [&](std::vector<Check> some) {
      for (Check& check : some) all.push_back(std::move(check));
    };
    add({image_pull_check(), crash_loop_check(), unschedulable_check()});
    add(refused_pod_checks());
    return all;
  }();
  return kAll;
}

}  // namespace nautilus::check
