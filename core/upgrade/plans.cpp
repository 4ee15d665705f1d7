#include "core/upgrade/plans.h"

#include "core/flow/drive.h"
#include "core/kube/reader.h"
#include "core/kube/writer.h"
#include "core/upgrade/manifests.h"

namespace nautilus::upgrade {

namespace {

constexpr port::Duration kServedWithin = std::chrono::seconds(60);

kube::WriteOptions written_by_us() {
  kube::WriteOptions options;
  options.field_manager = kManager;
  return options;
}

Result<const kube::Resource*> kind(apply::Cluster& cluster) {
  auto found = cluster.resource(value::GroupVersion::parse(kApiVersion), std::string(kKind));
  if (!found.ok() && found.error().code == Code::not_found)
    return std::move(found).error().with_hint("`nautilusctl upgrade run` installs the kind UpgradePlan; so does kubectl apply -f manifests/crds");
  return found;
}

}  // namespace

Result<Plan> Plans::get(const std::string& name) {
  ASSIGN_OR_RETURN(const auto* resource, kind(cluster_));
  auto found = kube::Reader(cluster_.client()).get(*resource, std::string(kNamespace), name);
  if (!found.ok()) return std::move(found).error().within("reading UpgradePlan " + name);
  return plan_from_json(*found);
}

Result<std::vector<Plan>> Plans::list() {
  ASSIGN_OR_RETURN(const auto* resource, kind(cluster_));
  kube::ListOptions options;
  options.namespace_ = kNamespace;
  auto found = kube::Reader(cluster_.client()).list(*resource, options);
  if (!found.ok()) return std::move(found).error().within("listing UpgradePlans");
  std::vector<Plan> plans;
  for (const Json& item : found->items) plans.push_back(plan_from_json(item));
  std::sort(plans.begin(), plans.end(), [](const Plan& a, const Plan& b) {
    return std::tie(a.created, a.name) < std::tie(b.created, b.name);
  });
  return plans;
}

Result<Plan> Plans::create(const Json& object) {
  ASSIGN_OR_RETURN(const auto* resource, kind(cluster_));
  const std::string name = value::string_at(object, "metadata", "name");
  auto response = cluster_.client().call(kube::create_request(*resource, object, written_by_us()));
  if (response.ok()) return plan_from_json(response.body);
  if (response.status != 409 && !response.outcome_unknown)
    return std::move(response.error).within("making UpgradePlan " + name);
  ASSIGN_OR_RETURN(Plan there, get(name));
  if (there.digest() == plan_from_json(object).digest()) return there;
  return Error(Code::conflict, fmt::format("UpgradePlan {} is there already, with another content", name),
               "give this one another name (--name)");
}

Result<Json> Plans::patch(const std::string& name, const Json& patch, const std::string& subresource) {
  ASSIGN_OR_RETURN(const auto* resource, kind(cluster_));
  auto response = cluster_.client().call(kube::merge_patch_request(*resource, std::string(kNamespace), name, patch,
                                                                   written_by_us(), subresource));
  if (response.ok()) return std::move(response.body);
  return std::move(response.error).within("changing UpgradePlan " + name);
}

Result<> Plans::set_paused(const std::string& name, bool paused) {
  TRY(patch(name, {{"spec", {{"paused", paused}}}}, ""));
  return {};
}

Result<> Plans::set_abort(const std::string& name, const std::string& reason) {
  TRY(patch(name, {{"spec", {{"abort", true}, {"abortReason", reason}}}}, ""));
  return {};
}

Result<> Plans::add_approval(const Plan& plan, const audit::Approval& approval) {
  if (touched(plan.status.phase) || terminal(plan.status.phase))
    return Error(Code::refused, fmt::format("UpgradePlan {} is {} already", plan.name, plan.status.phase));
  Json approvals = Json::array();
  for (const audit::Approval& other : plan.approvals)
    if (other.statement.identity != approval.statement.identity) approvals.push_back(audit::to_json(other));
  approvals.push_back(audit::to_json(approval));
  TRY(patch(plan.name,
            {{"metadata", {{"resourceVersion", plan.resource_version}}}, {"spec", {{"approvals", approvals}}}}, ""));
  return {};
}

Result<> Plans::write_status(Plan& plan, const Status& status) {
  Json wanted = to_json(status), before = to_json(plan.status);
  if (wanted == before) return {};
  // A merge patch removes nothing that it does not name.
  for (const auto& [key, _] : before.items())
    if (!wanted.contains(key)) wanted[key] = nullptr;
  wanted["observedGeneration"] = plan.generation;
  ASSIGN_OR_RETURN(const Json written,
                   patch(plan.name, {{"metadata", {{"resourceVersion", plan.resource_version}}}, {"status", wanted}},
                         "status"));
  plan.resource_version = value::string_at(written, "metadata", "resourceVersion");
  plan.status = status;
  return {};
}

Result<> Plans::install_definition(const Json& definition) {
  const auto id = value::ObjectId::of(definition);
  ASSIGN_OR_RETURN(auto request, cluster_.apply(id, "apiextensions.k8s.io/v1", definition, {}));
  auto response = cluster_.client().call(std::move(request));
  if (!response.ok()) return std::move(response.error).within("installing " + id.text());
  auto& client = cluster_.client();
  const auto deadline = client.clock().monotonic() + kServedWithin;
  while (true) {
    TRY(cluster_.forget_kinds());
    if (kind(cluster_).ok()) return {};
    if (client.clock().monotonic() > deadline)
      return Error(Code::timeout, "the kind UpgradePlan is not served although its definition was applied");
    TRY(flow::pause(client, std::chrono::milliseconds(500)));
  }
}

}  // namespace nautilus::upgrade
