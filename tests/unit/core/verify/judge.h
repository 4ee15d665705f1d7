// Minimal objects in, a verdict and its chain out: what every table of these tests goes through.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/value/yaml.h"
#include "core/verify/verify.h"

namespace nautilus::verify::testing {

struct Case {
  const char* id;       // of the check
  const char* name;     // of the case
  std::string objects;  // YAML documents
  Verdict verdict;
  std::string words;  // in a line of the chain; empty: not looked at
};

// An environment that promises and declares everything; tests change what they need.
inline env::Environment promising() {
  env::Environment env;
  env.name = "test";
  env.file = "environment test";
  env.kube_version = "v1.37.2";
  env.promises.users = 1000;
  env.promises.metrics_days = 90;
  env.promises.records_days = 1826;
  for (const char* mode : {"pod", "node", "zone", "region", "operatorError"}) env.promises.recovery[mode] = {60, 300};
  env.capacity.region = "us-east-1";
  env.capacity.zones = 3;
  env.capacity.nodes = 6;
  env.capacity.node_cpu = base::Quantity::parse("16").value();
  env.capacity.node_memory = base::Quantity::parse("64Gi").value();
  env.capacity.series = 300'000;
  env.capacity.bytes_per_sample = base::Quantity::parse("1.7").value();
  return env;
}

inline Answer answered(const char* id, const std::string& yaml, const env::Environment& env,
                       const Json& ends = Json()) {
  auto documents = value::parse_yaml_all(yaml, "test.yaml");
  REQUIRE_MESSAGE(documents.ok(), documents.error().text());
  std::vector<const Json*> objects;
  for (const Json& document : *documents) objects.push_back(&document);
  const Platform platform(objects);
  const Check* check = find_check(id);
  REQUIRE_MESSAGE(check, id);
  Answer answer;
  check->run({platform, env, ends, std::chrono::sys_days(std::chrono::year(2026) / 11 / 24)}, answer);
  return answer;
}

inline std::string chain(const Answer& answer) {
  std::string text;
  for (const Line& line : answer.lines())
    text += std::string(word(line.kind)) + " " + line.where + " = " + line.value + " " + line.text + "\n";
  return text;
}

inline void judge(const Case& row, const env::Environment& env = promising(), const Json& ends = Json()) {
  CAPTURE(std::string(row.id));
  CAPTURE(std::string(row.name));
  const Answer answer = answered(row.id, row.objects, env, ends);
  const std::string told = chain(answer);
  CHECK_MESSAGE(word(answer.verdict()) == word(row.verdict), told);
  CHECK_MESSAGE(told.find(row.words) != std::string::npos, told);
}

}  // namespace nautilus::verify::testing
