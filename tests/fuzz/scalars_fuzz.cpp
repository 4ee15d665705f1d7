// Small grammars of one line: durations, quantities, times. What is written for a value is read back to it.
#include "core/base/duration.h"
#include "core/base/quantity.h"
#include "core/kube/exec_credential.h"
#include "core/kube/kubeconfig.h"
#include "core/release/lease.h"
#include "core/sim/api/quantity.h"
#include "core/sim/api/times.h"
#include "core/sim/control/times.h"
#include "core/sprig/semver.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(scalars) {
  using namespace nautilus;
  if (auto duration = base::parse_duration(text); duration.ok()) {
    auto back = base::parse_duration(base::format_duration(*duration));
    fuzz::expect(back.ok() && *back == *duration, "a duration is read back");
    (void)base::human_duration(*duration);
  }
  if (auto quantity = base::Quantity::parse(text); quantity.ok()) {
    auto back = base::Quantity::parse(quantity->text());
    fuzz::expect(back.ok() && *back == *quantity, "a quantity is read back");
    (void)quantity->milli();
    (void)quantity->value();
  }
  if (auto quantity = sim::Quantity::parse(text)) {
    auto back = sim::Quantity::parse(quantity->text());
    fuzz::expect(back && *back == *quantity, "a quantity of the embedded cluster is read back");
    (void)quantity->milli();
    (void)quantity->units();
  }
  (void)kube::parse_rfc3339(text);
  (void)sim::parse_rfc3339(text);
  (void)sim::parse_time(text);
  (void)release::parse_time(text);
  if (auto bytes = kube::decode_base64(text))
    fuzz::expect(kube::decode_base64(kube::encode_base64(*bytes)) == bytes, "base64 is read back");
  (void)sprig::Version::parse(text);
  (void)sprig::Constraint::parse(text);
}
