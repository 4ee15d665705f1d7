// engine.single-owner: a shard has one engine, and nothing makes a second one or takes the first away.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

void single_owner(const Input& input, Answer& answer) {
  int mains = 0, standbys = 0;
  const Json* pair_settings = nullptr;
  Json settings;
  for (const PodSet* set : input.platform.named("nautilus-engine")) {
    answer.read(set->at("kind"), set->kind);
    if (set->kind != "StatefulSet") {
      answer.fails(fmt::format("is a {}: pods without identity, so two of them can own the same account", set->kind),
                   set->id);
    } else {
      answer.holds("is a StatefulSet: an ordinal is a shard", set->id);
      const std::string strategy = value::string_at(*set->object, "spec", "updateStrategy", "type");
      answer.read(set->at("spec.updateStrategy.type"), strategy.empty() ? "RollingUpdate by default" : strategy);
      answer.judge(strategy == "OnDelete",
                   strategy == "OnDelete" ? "an update waits until its shard is drained"
                                          : "an update stops shards that own open orders",
                   set->id);
      const Json* claims = value::find(*set->object, "spec", "volumeClaimTemplates");
      bool single = claims && claims->is_array() && !claims->empty();
      if (single)
        for (const Json& claim : *claims) {
          const Json* modes = value::find(claim, "spec", "accessModes");
          const bool one = modes && modes->is_array() && modes->size() == 1 &&
                           ((*modes)[0] == "ReadWriteOncePod" || (*modes)[0] == "ReadWriteOnce");
          answer.read(set->at("spec.volumeClaimTemplates.accessModes"), modes ? modes->dump() : "none");
          single = single && one;
        }
      answer.judge(single, single ? "a journal belongs to one pod or node" : "a journal is not held by one pod",
                   set->id);
    }
    if (set->scaler)
      answer.fails(fmt::format("{} scales it: scaling in takes the owner of open orders away", id_of(*set->scaler)),
                   set->id);
    else
      answer.holds("no autoscaler", set->id);
    if (set->annotations &&
        value::string_at(*set->annotations, "cluster-autoscaler.kubernetes.io/safe-to-evict") == "false")
      answer.holds("the cluster autoscaler does not evict it", set->id);
    const bool standby = set->label("nautilusctl.io/engine-set") == "standby" || set->name.ends_with("-standby");
    (standby ? standbys : mains) += 1;
    if (const ConfigFile* file = set->file("engine.yaml"); file && !pair_settings)
      if (auto document = value::parse_yaml(*file->text, file->where()); document.ok()) {
        settings = std::move(*document);
        pair_settings = &settings;
        const std::string lease = value::string_at(settings, "epoch", "lease", "name");
        if (!lease.empty()) answer.read(file->where() + " epoch.lease.name", lease, "who holds it owns the shard");
      }
  }
  if (mains > 1)
    answer.fails(fmt::format("{} sets run engines beside each other: two versions at once are two owners", mains));
  if (standbys > 0) {
    const bool leased = pair_settings && !value::string_at(settings, "epoch", "lease", "name").empty();
    answer.judge(leased, leased ? "of a shard's two engines a Lease says which one is the primary"
                                : "two engines a shard, and no Lease between them");
  }
}

constexpr Check kChecks[] = {
    {"engine.single-owner", "At every moment a shard has at most one engine that trades.",
     "Engines are StatefulSets with OnDelete, a journal claimed by one, no autoscaler; one main set; with standbys a "
     "Lease decides.",
     "An engine owns its accounts' open orders. Five to twenty-five pods with an autoscaler, rolling updates and "
     "canaries are duplicate orders and orphaned ones.",
     "Change shards by re-sharding out of session (global.engineShards), never by load.", "4", single_owner},
};

}  // namespace

std::span<const Check> engine_checks() { return kChecks; }

}  // namespace nautilus::verify
