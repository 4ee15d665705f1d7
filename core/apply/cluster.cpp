#include "core/apply/cluster.h"

#include "core/apply/compare.h"
#include "core/kube/reader.h"
#include "core/kube/writer.h"

namespace nautilus::apply {

void Cluster::tell(port::Event event) {
  event.time = client_.clock().now();
  events_.on_event(event);
}

Result<std::string> Cluster::uid() {
  if (!uid_.empty()) return uid_;
  ASSIGN_OR_RETURN(auto request, get({"", "Namespace", "", "kube-system"}, "v1"));
  auto response = client_.call(std::move(request));
  if (!response.ok()) return std::move(response.error).within("asking which cluster this is");
  uid_ = value::string_at(response.body, "metadata", "uid");
  return uid_;
}

Result<const kube::Resource*> Cluster::resource(const value::GroupVersion& gv, const std::string& kind) {
  return discovery_.find(gv.group, gv.version, kind);
}

Result<const kube::Resource*> Cluster::resource(const value::ObjectId& id, const std::string& api_version) {
  return resource(value::GroupVersion::parse(api_version), id.kind);
}

Result<> Cluster::forget_kinds() { return discovery_.refresh(); }

Result<kube::Request> Cluster::get(const value::ObjectId& id, const std::string& api_version, bool metadata_only) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  return kube::get_request(*found, id.namespace_, id.name, metadata_only);
}

Result<kube::Request> Cluster::apply(const value::ObjectId& id, const std::string& api_version, const Json& manifest,
                                     ApplyFlags flags) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  kube::WriteOptions options;
  options.field_manager = kFieldManager;
  options.dry_run = flags.dry_run;
  options.force = flags.force;
  return kube::apply_request(*found, manifest, options);
}

Result<kube::Request> Cluster::create(const value::ObjectId& id, const std::string& api_version, const Json& object) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  kube::WriteOptions options;
  options.field_manager = kFieldManager;
  return kube::create_request(*found, object, options);
}

Result<kube::Request> Cluster::replace(const value::ObjectId& id, const std::string& api_version, const Json& object) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  kube::WriteOptions options;
  options.field_manager = kFieldManager;
  return kube::replace_request(*found, object, options);
}

Result<kube::Request> Cluster::patch(const value::ObjectId& id, const std::string& api_version, const Json& operations,
                                     std::string_view manager) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  kube::WriteOptions options;
  options.field_manager = std::string(manager);
  return kube::json_patch_request(*found, id.namespace_, id.name, operations, options);
}

Result<kube::Request> Cluster::remove(const value::ObjectId& id, const std::string& api_version,
                                      const std::string& uid) {
  ASSIGN_OR_RETURN(const auto* found, resource(id, api_version));
  kube::DeleteOptions options;
  options.uid = uid;
  return kube::delete_request(*found, id.namespace_, id.name, options);
}

std::set<std::string> conflicting_managers(const kube::Response& response) {
  std::set<std::string> managers;
  if (response.status != 409 || !response.api_status) return managers;
  for (const auto& conflict : kube::field_conflicts(*response.api_status)) managers.insert(conflict.manager);
  return managers;
}

}  // namespace nautilus::apply
