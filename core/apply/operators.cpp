#include "core/apply/operators.h"

#include <fmt/ranges.h>

#include "core/apply/wait.h"

namespace nautilus::apply {

namespace {

constexpr std::string_view kDefinitionVersion = "apiextensions.k8s.io/v1";

Json version_entry(const env::ProvidedKind& kind, bool stored) {
  return {{"name", kind.version},
          {"served", true},
          {"storage", stored},
          {"subresources", {{"status", Json::object()}}},
          {"schema", {{"openAPIV3Schema", {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}}}}}};
}

Json definition_of(const env::ProvidedKind& kind) {
  std::string singular = kind.kind;
  for (char& c : singular)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  Json names = {
      {"kind", kind.kind}, {"listKind", kind.list_kind}, {"plural", kind.plural}, {"singular", std::move(singular)}};
  Json object = {{"apiVersion", kDefinitionVersion},
                 {"kind", "CustomResourceDefinition"},
                 {"metadata", {{"name", kind.definition()}, {"annotations", {{"nautilusctl.io/stand-in", "true"}}}}},
                 {"spec",
                  {{"group", kind.group},
                   {"names", std::move(names)},
                   {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                   {"versions", Json::array()}}}};
  // The server asks for this on groups of Kubernetes' own projects; there is no review of a stand-in.
  if (kind.group == "k8s.io" || kind.group.ends_with(".k8s.io") || kind.group.ends_with("kubernetes.io"))
    object["metadata"]["annotations"]["api-approved.kubernetes.io"] = "unapproved, a stand-in without a schema";
  return object;
}

}  // namespace

std::string kinds_text(const std::vector<const env::ProvidedKind*>& kinds) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kinds.size();) {
    const std::string version = kinds[i]->api_version();
    std::vector<std::string_view> names;
    for (; i < kinds.size() && kinds[i]->api_version() == version; ++i) names.push_back(kinds[i]->kind);
    parts.push_back(fmt::format("{} ({})", fmt::join(names, ", "), version));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

Error MissingOperator::error() const {
  Error error(Code::not_found,
              fmt::format("operator {} is not on this cluster: it provides {}", op->name, kinds_text(kinds)));
  if (kinds.size() < op->provides.size())
    error.message = fmt::format("operator {} does not serve all its kinds on this cluster, missing: {}", op->name,
                                kinds_text(kinds));
  error.hint = op->ours
                   ? fmt::format(
                         "nautilusctl installs it before the environment: nautilusctl deploy --operator {}; if it "
                         "is installed, `provides` names kinds that its chart does not bring",
                         op->name)
                   : fmt::format(
                         "somebody else installs it (installedBy: other, namespace {}); have it installed first, or "
                         "give it a chart and installedBy: nautilusctl",
                         op->namespace_);
  return error;
}

Result<std::vector<MissingOperator>> missing_operators(Cluster& cluster, const std::vector<env::Operator>& operators) {
  std::vector<MissingOperator> missing;
  for (const env::Operator& op : operators) {
    MissingOperator entry{&op, {}};
    for (const env::ProvidedKind& kind : op.provides) {
      auto resource = cluster.resource(value::GroupVersion{kind.group, kind.version}, kind.kind);
      if (resource.ok()) continue;
      if (resource.error().code != Code::not_found) return std::move(resource).error();
      entry.kinds.push_back(&kind);
    }
    if (!entry.kinds.empty()) missing.push_back(std::move(entry));
  }
  return missing;
}

Result<> wait_for_definitions(Cluster& cluster, const std::vector<env::Operator>& operators, port::Duration timeout) {
  ASSIGN_OR_RETURN(const auto missing, missing_operators(cluster, operators));
  if (missing.empty()) return {};
  std::vector<Wanted> wanted;
  for (const auto& entry : missing)
    for (const auto* kind : entry.kinds)
      wanted.push_back({{"apiextensions.k8s.io", "CustomResourceDefinition", "", kind->definition()},
                        std::string(kDefinitionVersion)});
  ASSIGN_OR_RETURN(const Live live, observe(cluster, wanted));
  std::vector<Awaited> awaited;
  std::set<value::ObjectId> seen;
  for (const auto& one : wanted)
    if (const Json* found = live.find(one.id); found && seen.insert(one.id).second)
      awaited.push_back({one.id, one.api_version, *found});
  if (awaited.empty()) return {};
  TRY(wait_until_healthy(cluster, std::move(awaited), {timeout, "operators", {}})
          .within("waiting for the definitions of operators"));
  return cluster.forget_kinds();
}

std::vector<Json> stand_in_definitions(const std::vector<env::ProvidedKind>& kinds) {
  std::vector<Json> definitions;
  std::map<std::string, std::size_t> index;
  for (const env::ProvidedKind& kind : kinds) {
    const auto [found, fresh] = index.emplace(kind.definition(), definitions.size());
    if (fresh) definitions.push_back(definition_of(kind));
    definitions[found->second]["spec"]["versions"].push_back(version_entry(kind, fresh));
  }
  return definitions;
}

}  // namespace nautilus::apply
