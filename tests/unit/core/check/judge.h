// Minimal objects in, a state and its findings out: what every table of these tests goes through.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/check/doctor/doctor.h"
#include "core/check/report.h"
#include "core/value/yaml.h"

namespace nautilus::check::testing {

struct Case {
  const char* id;       // of the check
  const char* name;     // of the case
  std::string objects;  // YAML documents
  State state;
  std::string words;  // in what is told; empty: not looked at
};

inline const port::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) + std::chrono::hours(12);
inline const std::vector<std::string> kServed = {"v1", "apps/v1", "autoscaling/v2", "metrics.k8s.io/v1beta1"};

// Every source that a check of doctor needs is read, and holds those of the objects that are of its kind.
inline Snapshot snapshot_of(const std::string& yaml) {
  Snapshot snapshot("t");
  auto documents = value::parse_yaml_all(yaml, "test.yaml");
  REQUIRE_MESSAGE(documents.ok(), documents.error().text());
  std::vector<const Check*> all;
  for (const Check& check : doctor_checks()) all.push_back(&check);
  for (const Source* source : sources_of(all)) {
    std::vector<Json> items;
    for (const Json& document : *documents) {
      const std::string version = value::string_at(document, "apiVersion");
      const std::string group = version.find('/') == std::string::npos ? "" : version.substr(0, version.find('/'));
      if (group != source->group || value::string_at(document, "kind") != source->kind) continue;
      if (source->part == Source::Part::certificates && value::string_at(document, "type") != "kubernetes.io/tls")
        continue;
      items.push_back(document);
    }
    if (source->addon && items.empty())
      snapshot.not_served(*source);
    else
      snapshot.put(*source, std::move(items));
  }
  snapshot.api_versions.insert(kServed.begin(), kServed.end());
  return snapshot;
}

inline env::Environment environment() {
  env::Environment env;
  env.name = "test";
  env.namespace_ = "t";
  env.release = "nautilus-test";
  return env;
}

inline const Check& check_named(std::string_view id) {
  for (const Check& check : doctor_checks())
    if (check.about.id == id) return check;
  const std::string no_check(id);
  FAIL(no_check);
  return doctor_checks().front();
}

inline Judged judged(const char* id, const Snapshot& snapshot) {
  const env::Environment env = environment();
  const Facts facts(snapshot, env, kNow);
  return run(facts, {&check_named(id)}).front();
}

inline std::string told(const Judged& one) {
  Heading heading;
  heading.environment = "test";
  return report_text(heading, {one}, true);
}

inline void judge(const Case& row) {
  CAPTURE(std::string(row.id));
  CAPTURE(std::string(row.name));
  const Judged one = judged(row.id, snapshot_of(row.objects));
  const std::string text = told(one);
  CHECK_MESSAGE(word(one.outcome.state()) == word(row.state), text);
  CHECK_MESSAGE(text.find(row.words) != std::string::npos, text);
}

}  // namespace nautilus::check::testing
