// What is served: built-in resources from the schema table, custom ones from the CRDs in the store.
#include <fmt/format.h>

#include <algorithm>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

std::vector<std::string> strings(std::string_view text, char separator = ',') {
  std::vector<std::string> made;
  if (text.empty()) return made;
  for (auto part : split_view(text, separator)) made.emplace_back(part);
  return made;
}

std::string path_key(std::string_view group, std::string_view version, std::string_view resource) {
  return fmt::format("{}/{}/{}", group, version, resource);
}

std::string resource_key(std::string_view group, std::string_view resource) {
  return fmt::format("{}/{}", group, resource);
}

// Kinds whose generation counts although they have no status subresource, and those that have one and do not count.
constexpr std::string_view kCounting[] = {"NetworkPolicy",
                                          "IngressClass",
                                          "ValidatingWebhookConfiguration",
                                          "MutatingWebhookConfiguration",
                                          "PriorityClass",
                                          "CSIDriver",
                                          "RuntimeClass",
                                          "PriorityLevelConfiguration",
                                          "FlowSchema",
                                          "ValidatingAdmissionPolicy",
                                          "ValidatingAdmissionPolicyBinding",
                                          "EndpointSlice"};
constexpr std::string_view kNotCounting[] = {"Namespace",
                                             "Node",
                                             "Service",
                                             "PersistentVolume",
                                             "PersistentVolumeClaim",
                                             "ResourceQuota",
                                             "APIService",
                                             "CertificateSigningRequest"};

FieldSet set_of(std::initializer_list<FieldPath> list) {
  FieldSet set;
  for (const auto& path : list) set.insert(path);
  return set;
}

void note_ignored(Served& served) {
  if (served.status) {
    served.ignored_main = set_of({{"f:status"}});
    served.ignored_status = set_of({{"f:spec"}});
    if (served.custom)
      served.ignored_status = set_of({{"f:spec"}, {"f:metadata"}});
    else if (served.info.kind == "CustomResourceDefinition")
      served.ignored_status = set_of({{"f:spec"}, {"f:metadata"}});
    else if (served.info.group == "apps")
      served.ignored_status = set_of({{"f:spec"}, {"f:metadata", "f:labels"}});
  }
}

}  // namespace

bool ResourceInfo::has(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}
bool ResourceInfo::has_subresource(std::string_view name) const {
  return std::find(subresources.begin(), subresources.end(), name) != subresources.end();
}

void Server::Impl::load_builtin() {
  std::map<std::string, std::string> first_version;
  for (const ResourceRow& row : schema.resources()) {
    Served& served = builtin.emplace_back();
    ResourceInfo& info = served.info;
    info.group = row.group;
    info.version = row.version;
    info.resource = row.resource;
    info.singular = row.singular;
    info.kind = row.kind;
    info.namespaced = row.namespaced;
    info.verbs = strings(row.verbs);
    info.short_names = strings(row.short_names);
    info.categories = strings(row.categories);
    info.schema = row.type;
    for (auto sub : split_view(row.subresources, ';'))
      if (!sub.empty()) info.subresources.emplace_back(sub.substr(0, sub.find('=')));
    info.stored = info.has("get");
    served.type.shape = Shape::object;
    served.type.object = schema.find(row.type);
    if (!served.type.object) served.type.shape = Shape::any;
    served.status = info.has_subresource("status");
    served.generation = served.status;
    for (auto kind : kCounting)
      if (kind == info.kind) served.generation = true;
    for (auto kind : kNotCounting)
      if (kind == info.kind) served.generation = false;
    served.storage = {info.group, info.resource};
    served.storage_version = info.api_version();
    if (info.group == "events.k8s.io") {
      served.storage = resource::kEvents;
      served.storage_version = "v1";
    }
    auto [at, fresh] = first_version.try_emplace(resource_key(info.group, info.resource), info.api_version());
    served.preferred = fresh;
    if (!fresh) served.storage_version = at->second;
    note_ignored(served);
  }
  load_custom();
}

void Server::Impl::load_custom() {
  custom.clear();
  by_path.clear();
  by_resource.clear();
  by_kind.clear();
  preferred_order.clear();
  openapi_cache.clear();
  ++catalog_version;
  for (const Object& crd : store.list(resource::kCustomResourceDefinitions)) {
    const Json* versions = value::find(*crd, "spec", "versions");
    if (!versions || !versions->is_array()) continue;
    std::string storage_version;
    for (const Json& version : *versions)
      if (value::bool_at(version, false, "storage")) storage_version = value::string_at(version, "name");
    // The newest served version is preferred; Kubernetes orders v2 before v1 before v1beta1.
    std::vector<const Json*> served_versions;
    for (const Json& version : *versions)
      if (value::bool_at(version, false, "served")) served_versions.push_back(&version);
    std::stable_sort(served_versions.begin(), served_versions.end(), [](const Json* a, const Json* b) {
      auto rank = [](const std::string& name) {
        std::size_t i = 1;
        int major = 0, minor = 0, stage = 2;
        for (; i < name.size() && name[i] >= '0' && name[i] <= '9' && major < 100000; ++i)
          major = major * 10 + (name[i] - '0');
        if (name.compare(i, 4, "beta") == 0)
          stage = 1, i += 4;
        else if (name.compare(i, 5, "alpha") == 0)
          stage = 0, i += 5;
        for (; i < name.size() && name[i] >= '0' && name[i] <= '9' && minor < 100000; ++i)
          minor = minor * 10 + (name[i] - '0');
        return std::tuple(stage, major, minor);
      };
      return rank(value::string_at(*a, "name")) > rank(value::string_at(*b, "name"));
    });
    for (const Json* version : served_versions) {
      Served& served = custom.emplace_back();
      ResourceInfo& info = served.info;
      info.group = value::string_at(*crd, "spec", "group");
      info.version = value::string_at(*version, "name");
      info.resource = value::string_at(*crd, "spec", "names", "plural");
      info.singular = value::string_at(*crd, "spec", "names", "singular");
      info.kind = value::string_at(*crd, "spec", "names", "kind");
      info.namespaced = value::string_at(*crd, "spec", "scope") == "Namespaced";
      info.verbs = {"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"};
      auto list = [&](const char* name, std::vector<std::string>& into) {
        if (const Json* from = value::find(*crd, "spec", "names", name); from && from->is_array())
          for (const Json& item : *from)
            if (item.is_string()) into.push_back(item.get<std::string>());
      };
      list("shortNames", info.short_names);
      list("categories", info.categories);
      info.custom = true;
      served.custom = make_custom_kind(*crd, *version, schema);
      served.type = served.custom->type;
      served.status = value::find(*version, "subresources", "status") != nullptr;
      served.generation = true;
      if (served.status) info.subresources.push_back("status");
      if (!served.custom->scale.is_null()) info.subresources.push_back("scale");
      served.storage_version = info.group + "/" + storage_version;
      served.preferred = version == served_versions.front();
      note_ignored(served);
    }
  }
  auto index = [&](Served& served) {
    const ResourceInfo& info = served.info;
    if (info.custom) served.storage = {info.group, info.resource};
    by_path.emplace(path_key(info.group, info.version, info.resource), &served);
    by_kind.emplace(info.api_version() + "/" + info.kind, &served);
    if (served.preferred && by_resource.emplace(resource_key(info.group, info.resource), &served).second)
      preferred_order.push_back(&served);
  };
  for (Served& served : builtin) index(served);
  for (Served& served : custom) index(served);
}

const Served* Server::Impl::served(std::string_view group, std::string_view version, std::string_view resource) const {
  auto at = by_path.find(path_key(group, version, resource));
  return at == by_path.end() ? nullptr : at->second;
}

const Served* Server::Impl::served(GroupResource resource) const {
  auto at = by_resource.find(resource_key(resource.group, resource.resource));
  return at == by_resource.end() ? nullptr : at->second;
}

const Served* Server::Impl::served_kind(std::string_view api_version, std::string_view kind) const {
  auto at = by_kind.find(fmt::format("{}/{}", api_version, kind));
  return at == by_kind.end() ? nullptr : at->second;
}

}  // namespace nautilus::sim
