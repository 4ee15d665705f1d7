#include "core/rehearse/rehearsal.h"

#include <fmt/ranges.h>

#include "core/apply/operators.h"
#include "core/kube/connect.h"
#include "core/rehearse/stand_ins.h"
#include "core/sim/transport.h"

namespace nautilus::rehearse {

namespace {

class SeededEntropy final : public port::Entropy {
 public:
  explicit SeededEntropy(sim::Random random) : random_(random) {}
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(random_.next() & 0xff);
  }

 private:
  sim::Random random_;
};

// The sim's clock belongs to the cluster and is const there; ports hand out a reference to the interface.
class ClusterClock final : public port::Clock {
 public:
  explicit ClusterClock(const port::Clock& clock) : clock_(clock) {}
  port::WallTime now() const override { return clock_.now(); }
  port::Monotonic monotonic() const override { return clock_.monotonic(); }

 private:
  const port::Clock& clock_;
};

sim::ClusterOptions cluster_options(const Options& options) {
  sim::ClusterOptions cluster;
  cluster.seed = options.seed;
  cluster.nodes.front().count = options.nodes;
  cluster.nodes.front().cpu = options.node_cpu;
  cluster.nodes.front().memory = options.node_memory;
  return cluster;
}

}  // namespace

Rehearsal::Rehearsal(const Options& options, const port::Ports& real, port::EventSink& events)
    : real_(real), transcript_(events), cluster_(std::make_unique<sim::Cluster>(cluster_options(options))) {}

Rehearsal::~Rehearsal() = default;

// Other people's Secrets are there as soon as their namespace is, as they would be after the first deploy. A subscriber
// must not write, so the writing is an event of its own.
void Rehearsal::provide(const std::vector<Json>& secrets) {
  auto& server = cluster_->server();
  namespaces_ = server.store().subscribe({"", "namespaces"}, [this, &server, secrets](const sim::Change& change) {
    if (change.type != sim::Change::Type::added) return;
    const std::string name = value::string_at(*change.object, "metadata", "name");
    for (const Json& secret : secrets)
      if (value::string_at(secret, "metadata", "namespace") == name)
        cluster_->queue().after(port::Duration::zero(), [&server, secret] {
          (void)server.create({"", "secrets"}, secret, {"somebody-else", "somebody-else"});
        });
  });
}

bool renders_namespace(const apply::Desired& desired, const std::string& name) {
  return std::any_of(desired.objects.begin(), desired.objects.end(), [&](const auto& object) {
    return value::string_at(object.manifest, "kind") == "Namespace" &&
           value::string_at(object.manifest, "metadata", "name") == name;
  });
}

// The kinds that operators bring and nothing at hand defines. Nobody acts on objects of them, so only their names and
// scopes are checked. An operator that is stood in for has its namespace, as if it had been installed.
Result<> Rehearsal::stand_in_for_operators(const env::Environment& env, const apply::Desired& desired,
                                           const std::vector<apply::DesiredOperator>& operators, Verdict& verdict) {
  std::set<std::string> brought;
  std::vector<const apply::Desired*> all = {&desired};
  for (const auto& op : operators) all.push_back(&op.desired);
  for (const auto* part : all)
    for (const auto& object : part->objects)
      if (value::string_at(object.manifest, "kind") == "CustomResourceDefinition")
        brought.insert(value::string_at(object.manifest, "metadata", "name"));
  for (const env::Operator& op : env.operators) {
    StandIn stand_in{op.name, {}};
    std::vector<env::ProvidedKind> kinds;
    for (const auto& kind : op.provides) {
      if (brought.contains(kind.definition())) continue;
      kinds.push_back(kind);
      stand_in.kinds.push_back(kind.api_version() + " " + kind.kind);
    }
    for (const Json& definition : apply::stand_in_definitions(kinds)) {
      const auto made = cluster_->server().create({"apiextensions.k8s.io", "customresourcedefinitions"}, definition,
                                                  {"somebody-else", "somebody-else"});
      if (!made.ok())
        return Error(Code::internal, fmt::format("the embedded cluster does not take the definition {}",
                                                 value::string_at(definition, "metadata", "name")));
    }
    const bool at_hand = std::any_of(operators.begin(), operators.end(),
                                     [&](const auto& one) { return one.op->name == op.name; });
    if (kinds.empty() && (at_hand || !op.provides.empty())) continue;
    if (!renders_namespace(desired, op.namespace_))  // it may be there: kube-system, or another operator's
      (void)cluster_->server().create(
          {"", "namespaces"},
          {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", op.namespace_}}}},
          {"somebody-else", "somebody-else"});
    verdict.stand_ins.push_back(std::move(stand_in));
  }
  return {};
}

struct Rehearsal::Work {
  env::Environment env;
  const apply::Desired& desired;
  std::vector<apply::DesiredOperator> operators;
};

Result<> Rehearsal::deploy_once(const Work& work, port::EventSink& events, release::Outcome& outcome,
                                std::vector<release::OperatorOutcome>& theirs) {
  ClusterClock clock(cluster_->clock());
  SeededEntropy entropy(cluster_->random("client"));
  sim::SimConnector connector(*cluster_);
  const port::Ports ports{clock, real_.files, real_.process, entropy, real_.interrupt, connector};
  kube::KubeTarget target;
  target.context = target.cluster = "embedded";
  target.endpoint.server = "http://127.0.0.1";
  ASSIGN_OR_RETURN(auto connection, kube::connect_to(ports, std::move(target), {}));
  kube::Discovery discovery(*connection.client);
  apply::Cluster cluster(*connection.client, discovery, events);
  const release::Session session{cluster, work.env, entropy, "rehearsal"};
  TRY(release::deploy_operators(session, work.operators, work.desired, {}, theirs));
  return release::deploy(session, work.desired, {}, outcome);
}

Verdict Rehearsal::deploy(const env::Environment& env, const apply::Desired& desired,
                          const std::vector<apply::DesiredOperator>& operators) {
  Verdict verdict;
  verdict.objects = desired.objects.size() + env.generated_secrets.size();
  for (const auto& op : operators) verdict.objects += op.desired.objects.size();
  provide(stand_in_secrets(env, desired));
  if (auto stood_in = stand_in_for_operators(env, desired, operators, verdict); !stood_in.ok()) {
    verdict.error = std::move(stood_in).error();
    return verdict;
  }
  Work work{env, desired, operators};
  work.env.kube_system_uid.clear();  // the pin names the real cluster
  for (auto& op : work.operators) op.env.kube_system_uid.clear();
  const auto begin = cluster_->clock().now();
  auto first = deploy_once(work, transcript_, verdict.outcome, verdict.operators);
  verdict.healthy_after = cluster_->clock().now() - begin;
  if (!first.ok()) {
    verdict.error = std::move(first).error();
  } else {
    release::Outcome again;
    port::NullSink quiet;
    std::vector<release::OperatorOutcome> their_again;
    auto second = deploy_once(work, quiet, again, their_again);
    verdict.repeated = true;
    verdict.repeat_writes = again.execution.writes;
    for (const auto& op : their_again) verdict.repeat_writes += op.outcome.execution.writes;
    if (!second.ok()) verdict.error = std::move(second).error().within("deploying a second time");
  }
  verdict.transcript_hash = cluster_->transcript_hash();
  return verdict;
}

std::vector<std::string> Verdict::notes() const {
  std::vector<std::string> lines;
  for (const auto& stand_in : stand_ins) {
    if (stand_in.kinds.empty()) {
      lines.push_back(fmt::format("operator {} is not rehearsed: its chart is not at hand", stand_in.operator_name));
      continue;
    }
    std::vector<std::string_view> kinds;  // without their groups, which are the operator's own
    for (const std::string_view kind : stand_in.kinds) kinds.push_back(kind.substr(kind.find(' ') + 1));
    lines.push_back(fmt::format("operator {} is stood in for: its {} {} not checked against a schema ({})",
                                stand_in.operator_name, kinds.size(), kinds.size() == 1 ? "kind is" : "kinds are",
                                fmt::join(kinds, ", ")));
  }
  return lines;
}

std::string Verdict::text() const {
  if (error) return "it would fail: " + error->text();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(healthy_after).count();
  const std::string when =
      seconds < 60 ? fmt::format("{} s", seconds) : fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  if (repeat_writes != 0)
    return fmt::format("healthy after {}, but a second deploy would write {} times", when, repeat_writes);
  return fmt::format("{} objects healthy after {} of the cluster's time, a second deploy writes nothing", objects,
                     when);
}

}  // namespace nautilus::rehearse
