#include "core/verify/verify.h"

#include <fmt/format.h>

#include "core/base/text.h"

namespace nautilus::verify {

const std::vector<const Check*>& checks() {
  static const std::vector<const Check*> kAll = [] {
    std::vector<const Check*> all;
    for (const auto part :
         {recovery_checks(), backup_checks(),          user_checks(),     node_checks(),    storage_checks(),
          pool_checks(),     database_memory_checks(), redis_checks(),    engine_checks(),  scaling_checks(),
          quota_checks(),    rollout_checks(),         topology_checks(), network_checks(), service_checks(),
          mesh_checks(),     pod_security_checks(),    secret_checks(),   image_checks(),   version_checks(),
          schedule_checks()})
      for (const Check& check : part) all.push_back(&check);
    return all;
  }();
  return kAll;
}

const Check* find_check(std::string_view id) {
  for (const Check* check : checks())
    if (check->id == id) return check;
  return nullptr;
}

Result<std::vector<const Check*>> select_checks(const std::vector<std::string>& words) {
  if (words.empty()) return checks();
  std::vector<const Check*> selected;
  for (const Check* check : checks())
    for (const std::string& word : words)
      if (check->id == word || check->area() == word) {
        selected.push_back(check);
        break;
      }
  for (const std::string& word : words) {
    bool known = false;
    std::vector<std::string> names;
    for (const Check* check : checks()) {
      known = known || check->id == word || check->area() == word;
      names.emplace_back(check->id);
      if (names.size() < 2 || std::find(names.begin(), names.end(), check->area()) == names.end())
        names.emplace_back(check->area());
    }
    if (known) continue;
    const std::string near = base::did_you_mean(word, names);
    return Error(Code::usage, fmt::format("no check and no area is named {}", word),
                 near.empty() ? "`nautilusctl explain` lists them" : fmt::format("did you mean {}?", near));
  }
  return selected;
}

std::vector<Judged> run(const Input& input, const std::vector<const Check*>& selected) {
  std::vector<Judged> judged;
  judged.reserve(selected.size());
  for (const Check* check : selected) {
    judged.push_back({check, {}});
    check->run(input, judged.back().answer);
  }
  return judged;
}

Counts count(const std::vector<Judged>& judged) {
  Counts counts;
  for (const Judged& one : judged) {
    switch (one.answer.verdict()) {
      case Verdict::proved: ++counts.proved; break;
      case Verdict::refuted: ++counts.refuted; break;
      case Verdict::unknown: ++counts.unknown; break;
      case Verdict::not_applicable: ++counts.not_applicable; break;
    }
  }
  return counts;
}

}  // namespace nautilus::verify
