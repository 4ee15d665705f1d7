// A saved plan that somebody edited: refused, or a plan that is written and read back to the same.
#include "core/apply/plan.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(plan) {
  using namespace nautilus;
  auto json = value::parse_json(text, "fuzz");
  if (!json.ok()) return;
  auto plan = apply::plan_from_json(*json, "fuzz");
  if (!plan.ok()) return fuzz::expect(!plan.error().message.empty(), "an error says what");
  auto written = apply::to_json(*plan);
  fuzz::expect(written.ok(), "a plan that was read can be written");
  auto back = apply::plan_from_json(*written, "back");
  fuzz::expect(back.ok() && back->digest() == plan->digest(), "what was written is read back");
}
