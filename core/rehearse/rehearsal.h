// Any operation on the embedded cluster first: the same code, the same plan, another transport and clock.
//
// Purpose: shows what a deploy would do and how long the cluster would take, without a cluster, and proves that a
// second deploy writes nothing. What it cannot show: the images themselves (containers start after a seeded delay), and
// operators that only run in a real cluster.
// Threading: one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/apply/desired.h"
#include "core/port/ports.h"
#include "core/rehearse/transcript.h"
#include "core/release/operators.h"
#include "core/sim/cluster.h"

namespace nautilus::rehearse {

struct Options {
  std::uint64_t seed = 1;
  int nodes = 12;
  std::string node_cpu = "64", node_memory = "256Gi";
};

// Kinds of an operator that the embedded cluster has without their schemas, because the operator's chart is not at
// hand.
struct StandIn {
  std::string operator_name;
  std::vector<std::string> kinds;  // "networking.istio.io/v1 Gateway"
};

struct Verdict {
  std::optional<Error> error;  // what ended the deploy
  release::Outcome outcome;
  std::vector<release::OperatorOutcome> operators;  // installed before the environment
  std::size_t objects = 0;
  port::Duration healthy_after{};  // of the cluster's time
  bool repeated = false;
  int repeat_writes = 0;  // of the second deploy; anything but 0 is a fault of ours or of the chart
  std::uint64_t transcript_hash = 0;
  std::vector<StandIn> stand_ins;

  bool good() const { return !error && repeat_writes == 0; }
  std::string text() const;
  // One line per operator that was stood in for: what the rehearsal did not check.
  std::vector<std::string> notes() const;
};

class Rehearsal {
 public:
  // Files and interrupts are the real ones; time, entropy and HTTP are the embedded cluster's.
  Rehearsal(const Options& options, const port::Ports& real, port::EventSink& events);
  ~Rehearsal();

  // `operators` are those whose charts are at hand: they are installed first, as a deploy would.
  Verdict deploy(const env::Environment& env, const apply::Desired& desired,
                 const std::vector<apply::DesiredOperator>& operators = {});
  const Transcript& transcript() const { return transcript_; }
  sim::Cluster& cluster() { return *cluster_; }

 private:
  void provide(const std::vector<Json>& secrets);
  Result<> stand_in_for_operators(const env::Environment& env, const apply::Desired& desired,
                                  const std::vector<apply::DesiredOperator>& operators, Verdict& verdict);
  struct Work;
  Result<> deploy_once(const Work& work, port::EventSink& events, release::Outcome& outcome,
                       std::vector<release::OperatorOutcome>& theirs);

  port::Ports real_;
  Transcript transcript_;
  std::unique_ptr<sim::Cluster> cluster_;
  sim::Store::Handle namespaces_;  // what is provided when a namespace appears
};

}  // namespace nautilus::rehearse
