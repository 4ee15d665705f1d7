// Answers the promises of an environment, offline, from its rendered objects and its environment file alone.
//
// A check is data: an id that never changes, what is promised, how it is decided, why it matters (with the numbers of
// the findings on the platform guide), what to do, and the function that writes the chain of facts. Checks know only
// what is in Input; what is not there makes an answer unknown or not applicable, never proved. Failure: none; a file
// that cannot be read inside an object is a line of the chain. Threading: run() is pure.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/env/environment.h"
#include "core/verify/answer.h"
#include "core/verify/platform.h"

namespace nautilus::verify {

struct Input {
  const Platform& platform;
  const env::Environment& env;
  const Json& ends_of_life;  // manifests/eol.yaml; null if there is none
  std::chrono::sys_days today;
};

struct Check {
  std::string_view id;        // "database.pool-budget": area, then what
  std::string_view promise;   // one sentence
  std::string_view decided;   // how
  std::string_view why;       // and what happened to those who did not
  std::string_view todo;      // when it is refuted
  std::string_view findings;  // rows of the findings: "11, 12"; empty if none
  void (*run)(const Input&, Answer&);
  std::string_view area() const { return id.substr(0, id.find('.')); }
};

// All of them, by area, in the order they are printed.
const std::vector<const Check*>& checks();
// Exact id, or null.
const Check* find_check(std::string_view id);
// Checks that any of the words names, each an id or an area; all for none. An unknown word is Code::usage.
Result<std::vector<const Check*>> select_checks(const std::vector<std::string>& words);

struct Judged {
  const Check* check;
  Answer answer;
};
std::vector<Judged> run(const Input& input, const std::vector<const Check*>& selected);

struct Counts {
  int proved = 0, refuted = 0, unknown = 0, not_applicable = 0;
};
Counts count(const std::vector<Judged>& judged);

// core/verify/checks, one file per subject.
std::span<const Check> recovery_checks();
std::span<const Check> user_checks();
std::span<const Check> node_checks();
std::span<const Check> storage_checks();
std::span<const Check> pool_checks();
std::span<const Check> database_memory_checks();
std::span<const Check> redis_checks();
std::span<const Check> backup_checks();
std::span<const Check> schedule_checks();
std::span<const Check> scaling_checks();
std::span<const Check> quota_checks();
std::span<const Check> rollout_checks();
std::span<const Check> engine_checks();
std::span<const Check> topology_checks();
std::span<const Check> network_checks();
std::span<const Check> service_checks();
std::span<const Check> mesh_checks();
std::span<const Check> pod_security_checks();
std::span<const Check> secret_checks();
std::span<const Check> image_checks();
std::span<const Check> version_checks();

}  // namespace nautilus::verify
