// Create, update, patch and apply: one path for HTTP and for the controllers in this process.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/sim/api/decode.h"
#include "core/sim/api/managed_fields.h"
#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

Json& metadata_of(Json& object) {
  Json& meta = object["metadata"];
  if (!meta.is_object()) meta = Json::object();
  return meta;
}

std::uint64_t revision_of(const Json& object) {
  std::string text = value::string_at(object, "metadata", "resourceVersion");
  std::uint64_t revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

void keep_or_erase(Json& into, const Json& from, const char* key) {
  auto at = from.find(key);
  if (at != from.end())
    into[key] = *at;
  else
    into.erase(key);
}

std::string name_of(const Json& object) { return value::string_at(object, "metadata", "name"); }

// The object of a kind that says nothing, as Go writes it.
Json empty_object(const Served& kind) {
  Json empty =
      kind.type.shape == Shape::object && !kind.custom ? decode(Json::object(), kind.type).value : Json::object();
  empty["apiVersion"] = kind.info.api_version();
  empty["kind"] = kind.info.kind;
  return empty;
}

// matchLabelKeys and mismatchLabelKeys of affinity terms become requirements on the pod's own values, for good.
void merge_label_keys(Json& pod) {
  const Json labels = value::find(pod, "metadata", "labels") ? pod["metadata"]["labels"] : Json::object();
  auto merge = [&](Json& term) {
    for (const auto& [field, op] : {std::pair("matchLabelKeys", "In"), std::pair("mismatchLabelKeys", "NotIn")}) {
      const Json* keys = value::find(term, field);
      if (!keys || !keys->is_array() || !term.contains("labelSelector")) continue;
      const Json listed = *keys;
      for (const Json& key : listed)
        if (key.is_string() && labels.contains(key.get_ref<const std::string&>()))
          term["labelSelector"]["matchExpressions"].push_back(
              {{"key", key}, {"operator", op}, {"values", Json::array({labels[key.get_ref<const std::string&>()]})}});
    }
  };
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    if (!value::find(pod, "spec", "affinity", kind)) continue;
    Json& affinity = pod["spec"]["affinity"][kind];
    if (Json& required = affinity["requiredDuringSchedulingIgnoredDuringExecution"]; required.is_array())
      for (Json& term : required) merge(term);
    if (Json& preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"]; preferred.is_array())
      for (Json& weighted : preferred)
        if (weighted.contains("podAffinityTerm")) merge(weighted["podAffinityTerm"]);
    for (const char* list :
         {"requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"})
      if (affinity[list].is_null()) affinity.erase(list);
  }
}

// A Job's pods are told apart by its uid, unless it brings its own selector.
void label_job(Json& job) {
  Json& spec = job["spec"];
  if (value::bool_at(spec, false, "manualSelector")) return;
  std::string uid = value::string_at(job, "metadata", "uid"), name = name_of(job);
  for (Json* meta : {&job["metadata"], &spec["template"]["metadata"]}) {
    Json& labels = (*meta)["labels"];
    if (!labels.is_object()) labels = Json::object();
    labels["batch.kubernetes.io/controller-uid"] = labels["controller-uid"] = uid;
    labels["batch.kubernetes.io/job-name"] = labels["job-name"] = name;
  }
  spec["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] = uid;
}

}  // namespace

void WriteOptions::warn(std::string text) const {
  constexpr std::size_t kMostWarnings = 50;
  if (warnings && warnings->size() < kMostWarnings &&
      std::find(warnings->begin(), warnings->end(), text) == warnings->end())
    warnings->push_back(std::move(text));
}

Json Server::Impl::decode_incoming(const Served& kind, Json object, const WriteOptions& write,
                                   const std::vector<std::string>& duplicates) const {
  const ResourceInfo& info = kind.info;
  if (!object.is_object())
    throw bad_request(fmt::format(
        "{} in version \"{}\" cannot be handled as a {}: json: cannot unmarshal into Go value of type {}.{}", info.kind,
        info.version, info.kind, info.version, info.kind));
  std::string api_version = value::string_at(object, "apiVersion"), got = value::string_at(object, "kind");
  if (api_version.empty()) api_version = info.api_version();
  if (got.empty()) got = info.kind;
  auto gv = value::GroupVersion::parse(api_version);
  if (got != info.kind || gv.group != info.group || gv.version != info.version) {
    if (got == info.kind && gv.group == info.group)
      throw bad_request(fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                                    api_version, info.api_version()));
    if (const Served* other = served_kind(api_version, got))
      throw bad_request(fmt::format(
          "{} in version \"{}\" cannot be handled as a {}: converting ({}.{}) to ({}.{}): unknown conversion", got,
          gv.version, info.kind, gv.version, other->info.kind,
          info.group.empty() ? "core" : info.group.substr(0, info.group.find('.')), info.kind));
    throw bad_request(fmt::format(
        "{} in version \"{}\" cannot be handled as a {}: no kind \"{}\" is registered for version \"{}\" in "
        "scheme \"pkg/runtime/scheme.go:111\"",
        got, gv.version, info.kind, got, api_version));
  }
  object["apiVersion"] = info.api_version();
  object["kind"] = info.kind;
  std::vector<std::string> unknown;
  std::string error;
  if (kind.custom) {
    Type meta;
    meta.shape = Shape::object;
    meta.object = schema.find("meta.v1.ObjectMeta");
    Decoded decoded = decode(object.contains("metadata") ? std::move(object["metadata"]) : Json::object(), meta);
    for (auto& path : decoded.unknown) unknown.push_back("metadata." + path);
    error = decoded.error;
    object["metadata"] = std::move(decoded.value);
    prune_custom(*kind.custom, object, unknown);
    default_custom(*kind.custom, object);
  } else if (kind.type.shape == Shape::object) {
    Decoded decoded = decode(std::move(object), kind.type);
    object = std::move(decoded.value);
    unknown = std::move(decoded.unknown);
    error = std::move(decoded.error);
  }
  auto prefix = fmt::format("{} in version \"{}\" cannot be handled as a {}: ", info.kind, info.version, info.kind);
  if (!error.empty()) throw bad_request(prefix + error);
  std::vector<std::string> problems;
  for (const auto& path : duplicates) problems.push_back(fmt::format("duplicate field \"{}\"", path));
  for (const auto& path : unknown) problems.push_back(fmt::format("unknown field \"{}\"", path));
  if (!problems.empty() && write.validation == Validation::strict) {
    std::string text;
    for (const auto& problem : problems) text += (text.empty() ? "" : ", ") + problem;
    throw bad_request(prefix + "strict decoding error: " + text);
  }
  if (write.validation == Validation::warn)
    for (const auto& problem : problems) write.warn(problem);
  set_defaults(kind, object);
  return object;
}

void Server::Impl::track(const Served& kind, const Json& live, Json& object, const WriteOptions& write) const {
  // The real server loses the time of entries that come through the scale subresource.
  FieldWriter writer{write.caller.manager,
                     kind.info.api_version(),
                     write.subresource,
                     write.subresource == "scale" ? std::string() : timestamp(),
                     write.subresource == "status" ? kind.ignored_status : kind.ignored_main,
                     empty_object(kind)};
  track_update(live, object, kind.type, writer);
}

namespace {

bool info_is_namespace(const Served& kind) { return kind.info.group.empty() && kind.info.kind == "Namespace"; }

// Kinds whose PUT has to say which revision it replaces.
bool wants_revision(const Served& kind) {
  static constexpr std::string_view kKinds[] = {"Lease", "CustomResourceDefinition", "APIService",
                                                "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"};
  return kind.custom || std::find(std::begin(kKinds), std::end(kKinds), kind.info.kind) != std::end(kKinds);
}

}  // namespace

Outcome Server::Impl::create(const Served& kind, std::string_view ns, Json object, const WriteOptions& write) {
  Json& meta = metadata_of(object);
  std::string given = value::string_at(meta, "namespace");
  if (kind.info.namespaced) {
    if (!given.empty() && given != ns)
      throw bad_request("the namespace of the provided object does not match the namespace sent on the request");
    if (ns.empty()) throw bad_request("an empty namespace may not be set during creation");
    meta["namespace"] = ns;
  } else if (!given.empty()) {
    throw bad_request("namespace may not be set on a cluster-scoped resource");
  }
  // A generated name comes before everything that names the object.
  if (value::string_at(meta, "name").empty() && !value::string_at(meta, "generateName").empty())
    meta["name"] = value::string_at(meta, "generateName").substr(0, 58) + suffix(5);
  if (info_is_namespace(kind)) meta["labels"]["kubernetes.io/metadata.name"] = value::string_at(meta, "name");
  track(kind, Json(), object, write);
  return create_prepared(kind, ns, std::move(object), write);
}

Outcome Server::Impl::create_prepared(const Served& kind, std::string_view ns, Json object, const WriteOptions& write) {
  const ResourceInfo& info = kind.info;
  Json& meta = metadata_of(object);
  std::string name = name_of(object);
  if (!value::string_at(meta, "resourceVersion").empty())
    throw bad_request("resourceVersion should not be set on objects to be created");
  check_namespace(kind, ns, name);
  admit(kind, ns, object, nullptr, write);
  meta.erase("resourceVersion");
  meta.erase("deletionTimestamp");
  meta.erase("deletionGracePeriodSeconds");
  meta.erase("selfLink");
  meta["uid"] = write.dry_run ? std::string("00000000-0000-0000-0000-000000000000") : new_uid();
  meta["creationTimestamp"] = timestamp();
  meta.erase("generation");
  if (kind.generation) meta["generation"] = 1;
  if (kind.status &&
      (info.custom || info.kind == "Deployment" || info.kind == "ReplicaSet" || info.kind == "StatefulSet" ||
       info.kind == "DaemonSet" || info.kind == "Job" || info.kind == "CronJob" || info.kind == "Ingress" ||
       info.kind == "HorizontalPodAutoscaler" || info.kind == "PodDisruptionBudget" ||
       info.kind == "ReplicationController" || info.kind == "ResourceQuota" || info.kind == "PersistentVolumeClaim" ||
       info.kind == "Pod" || info.kind == "Service" || info.kind == "CustomResourceDefinition" ||
       info.kind == "PersistentVolume")) {
    object.erase("status");
    if (!info.custom) {
      Type type = kind.type;
      if (const Field* status = type.object ? type.object->find("status") : nullptr; status && !status->pointer)
        object["status"] = decode(Json::object(), status->type).value;
    }
  }
  if (info.kind == "Pod") {
    merge_label_keys(object);
    object["status"]["phase"] = "Pending";
    // The quality of service follows from the resources and never changes.
    bool any = false, guaranteed = true;
    for (const char* list : {"initContainers", "containers"})
      if (const Json* containers = value::find(object, "spec", list); containers && containers->is_array())
        for (const Json& c : *containers) {
          const Json *limits = value::find(c, "resources", "limits"),
                     *requests = value::find(c, "resources", "requests");
          any |= (limits && !limits->empty()) || (requests && !requests->empty());
          for (const char* r : {"cpu", "memory"}) {
            std::string limit = limits ? value::string_at(*limits, r) : "",
                        request = requests ? value::string_at(*requests, r) : "";
            guaranteed &= !limit.empty() && limit == request;
          }
        }
    object["status"]["qosClass"] = !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
  }
  if (info.kind == "Namespace") {
    object["spec"]["finalizers"] = Json::array({"kubernetes"});
    object["status"] = {{"phase", "Active"}};
  }
  if (info.kind == "PersistentVolumeClaim" || info.kind == "PersistentVolume") object["status"]["phase"] = "Pending";
  if (info.kind == "Service" && info.group.empty()) allocate_service(object, nullptr);
  if (info.kind == "CustomResourceDefinition") object["status"]["storedVersions"] = Json::array();
  if (info.kind == "Job" && !info.custom) label_job(object);
  FieldErrors errors;
  validate_object({kind, nullptr, {}}, object, errors);
  if (kind.custom) validate_custom(*kind.custom, object, errors);
  if (!errors.empty()) {
    if (info.kind == "Service" && info.group.empty()) release_service(object);
    throw invalid(info, name, errors.causes);
  }
  if (info.kind == "CustomResourceDefinition") accept_crd(object, timestamp());
  std::string existing_ns = info.namespaced ? std::string(ns) : std::string();
  if (store.get(kind.storage, existing_ns, name)) {
    if (info.kind == "Service" && info.group.empty()) release_service(object);
    throw already_exists(info, name);
  }
  try {
    admit_validating(kind, ns, object, nullptr, write);
  } catch (const Refused&) {
    if (info.kind == "Service" && info.group.empty()) release_service(object);
    throw;
  }
  object["apiVersion"] = kind.storage_version;
  Outcome outcome;
  outcome.code = 201;
  if (write.dry_run) {
    if (info.kind == "Service" && info.group.empty()) release_service(object);
    outcome.object = std::make_shared<const Json>(std::move(object));
    return outcome;
  }
  charge_quota(kind, &object, nullptr);
  auto result = store.create(kind.storage, existing_ns, name, std::move(object));
  outcome.object = result.object;
  after_write(kind, result.object);
  return outcome;
}

Outcome Server::Impl::update(const Served& kind, std::string_view ns, std::string_view name, Json object,
                             const WriteOptions& write, bool tracked) {
  const ResourceInfo& info = kind.info;
  Json& meta = metadata_of(object);
  std::string own = value::string_at(meta, "name"), own_ns = value::string_at(meta, "namespace");
  if (own.empty())
    meta["name"] = name;
  else if (own != name)
    throw bad_request(fmt::format("the name of the object ({}) does not match the name on the URL ({})", own, name));
  if (info.namespaced) {
    if (own_ns.empty())
      meta["namespace"] = ns;
    else if (own_ns != ns)
      throw bad_request("the namespace of the provided object does not match the namespace sent on the request");
  }
  Object old = store.get(kind.storage, info.namespaced ? ns : std::string_view(), name);
  if (!old) {
    // The API allows a PUT that creates for a few kinds only; all others say not found.
    bool creates = write.subresource.empty() &&
                   (info.kind == "Lease" || info.kind == "Endpoints" || info.kind == "Event" ||
                    info.kind == "LimitRange" || info.kind == "Role" || info.kind == "ClusterRole" ||
                    info.kind == "RoleBinding" || info.kind == "ClusterRoleBinding" || info.kind == "Service");
    if (!creates || !value::string_at(meta, "resourceVersion").empty()) throw not_found(info, name);
    return create(kind, ns, std::move(object), write);
  }
  std::string version = value::string_at(meta, "resourceVersion");
  if (!version.empty() && version != value::string_at(*old, "metadata", "resourceVersion"))
    throw conflict(info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  if (version.empty() && wants_revision(kind) && !tracked)
    throw Refused{make_status(
        422, "Invalid",
        fmt::format("{} \"{}\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
                    qualified(info), name),
        {{"name", name},
         {"group", info.group},
         {"kind", info.resource},
         {"causes", Json::array({{{"reason", "FieldValueInvalid"},
                                  {"message", "Invalid value: 0: must be specified for an update"},
                                  {"field", "metadata.resourceVersion"}}})}})};
  std::string uid = value::string_at(meta, "uid"), old_uid = value::string_at(*old, "metadata", "uid");
  if (!uid.empty() && uid != old_uid)
    throw conflict(
        info, name,
        fmt::format(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}{}{}, ResourceVersion: 0, AdditionalErrorMsg: "
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            info.resource, ns, ns.empty() ? "" : "/", name, uid, old_uid));
  if (!tracked) track(kind, *old, object, write);
  return update_prepared(kind, old, std::move(object), write);
}

Outcome Server::Impl::update_prepared(const Served& kind, const Object& old, Json object, const WriteOptions& write) {
  const ResourceInfo& info = kind.info;
  Json& meta = metadata_of(object);
  const Json& old_meta = (*old)["metadata"];
  std::string ns = value::string_at(old_meta, "namespace"), name = value::string_at(old_meta, "name");
  for (const char* key :
       {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"})
    keep_or_erase(meta, old_meta, key);
  meta.erase("selfLink");
  if (write.subresource == "status") {
    Json status = object.contains("status") ? object["status"] : Json();
    Json fresh = *old;
    if (status.is_null())
      fresh.erase("status");
    else
      fresh["status"] = std::move(status);
    keep_or_erase(fresh["metadata"], meta, "managedFields");
    if (!kind.custom && info.kind != "CustomResourceDefinition") {
      for (const char* key : {"annotations", "finalizers", "ownerReferences"})
        keep_or_erase(fresh["metadata"], meta, key);
      if (info.group != "apps") keep_or_erase(fresh["metadata"], meta, "labels");
    }
    object = std::move(fresh);
  } else if (kind.status && info.kind != "Node") {
    keep_or_erase(object, *old, "status");
  }
  Json& made_meta = metadata_of(object);
  object["apiVersion"] = kind.storage_version;
  object["kind"] = info.kind;
  if (info.kind == "Namespace" && write.subresource != "finalize") object["spec"] = (*old)["spec"];
  if (write.subresource != "status") {
    admit(kind, ns, object, old.get(), write);
    if (info.kind == "Service" && info.group.empty()) allocate_service(object, old.get());
    if (kind.generation) {
      bool changed = false;
      if (info.custom && !kind.status) {
        // Without a status subresource everything but metadata counts.
        auto bare = [](const Json& o) {
          Json copy = o;
          copy.erase("metadata");
          return copy;
        };
        changed = bare(object) != bare(*old);
      } else if (object.contains("spec") || old->contains("spec")) {
        changed = !object.contains("spec") || !old->contains("spec") || object["spec"] != (*old)["spec"];
      } else {
        for (const auto& [key, v] : object.items())
          if (key != "metadata" && key != "status" && (!old->contains(key) || (*old)[key] != v)) changed = true;
      }
      if (info.kind == "Deployment" && made_meta.value("annotations", Json()) != old_meta.value("annotations", Json()))
        changed = true;
      if (info.kind == "Pod" && write.subresource.empty()) changed = changed && write.subresource != "status";
      if (changed) made_meta["generation"] = value::int_at(old_meta, 0, "generation") + 1;
    }
  }
  FieldErrors errors;
  validate_object({kind, old.get(), write.subresource}, object, errors);
  if (kind.custom) validate_custom(*kind.custom, object, errors);
  if (!errors.empty()) throw invalid(info, name, errors.causes);
  if (info.kind == "CustomResourceDefinition" && write.subresource.empty()) accept_crd(object, timestamp());
  if (write.subresource != "status") admit_validating(kind, ns, object, old.get(), write);
  return commit_update(kind, old, std::move(object), write);
}

Outcome Server::Impl::commit_update(const Served& kind, const Object& old, Json object, const WriteOptions& write) {
  Outcome outcome;
  if (same_but_times(object, *old)) {
    outcome.object = old;
    outcome.unchanged = true;
    return outcome;
  }
  if (write.dry_run) {
    outcome.object = std::make_shared<const Json>(std::move(object));
    return outcome;
  }
  std::string ns = value::string_at(*old, "metadata", "namespace"), name = name_of(*old);
  const Json* finalizers = value::find(object, "metadata", "finalizers");
  bool held = finalizers && !finalizers->empty();
  bool deleting = value::find(object, "metadata", "deletionTimestamp") != nullptr;
  // Waiting pods are ended by their kubelet, which deletes with no grace.
  bool graceful = value::int_at(object, 0, "metadata", "deletionGracePeriodSeconds") > 0;
  bool namespace_held = kind.info.kind == "Namespace" && value::find(object, "spec", "finalizers") &&
                        !(*value::find(object, "spec", "finalizers")).empty();
  if (kind.info.group.empty()) charge_quota(kind, &object, old.get());
  auto result = store.update(kind.storage, ns, name, std::move(object), revision_of(*old));
  if (result.kind != WriteResult::Kind::done)
    throw conflict(kind.info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  outcome.object = result.object;
  after_write(kind, result.object);
  if (deleting && !held && !graceful && !namespace_held) drop(kind, result.object, write);
  return outcome;
}

void Server::Impl::after_write(const Served& kind, const Object&) {
  ++counters.revisions;
  if (kind.info.kind == "CustomResourceDefinition") load_custom();
}

Outcome Server::Impl::patch(const Served& kind, std::string_view ns, std::string_view name, std::string_view type,
                            const Json& patch, const WriteOptions& write) {
  const ResourceInfo& info = kind.info;
  Object old = read(kind, ns, name);
  Json object = *converted(kind, old);
  if (type == "application/merge-patch+json") {
    merge_patch(object, patch);
  } else if (type == "application/json-patch+json") {
    json_patch(object, patch);
  } else if (type == "application/strategic-merge-patch+json" && !kind.custom) {
    strategic_patch(object, patch, kind.type);
  } else {
    throw Refused{make_status(
        415, "UnsupportedMediaType",
        fmt::format("the body of the request was in an unknown format - accepted media types include: {}",
                    kind.custom
                        ? "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
                        : "application/json-patch+json, application/merge-patch+json, "
                          "application/strategic-merge-patch+json, application/apply-patch+yaml"))};
  }
  std::string version = value::string_at(object, "metadata", "resourceVersion");
  object = decode_incoming(kind, std::move(object), write);
  if (version != value::string_at(*old, "metadata", "resourceVersion") && !version.empty())
    throw conflict(info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  if (const std::string uid = value::string_at(object, "metadata", "uid");
      uid != value::string_at(*old, "metadata", "uid"))
    throw Refused{make_status(
        422, "Invalid",
        fmt::format("{} \"{}\" is invalid: metadata.uid: Invalid value: \"{}\": field is immutable",
                    qualified(kind.info), name, uid),
        {{"name", name},
         {"group", kind.info.group},
         {"kind", kind.info.resource},
         {"causes", Json::array({{{"reason", "FieldValueInvalid"},
                                  {"message", fmt::format("Invalid value: \"{}\": field is immutable", uid)},
                                  {"field", "metadata.uid"}}})}})};
  return update(kind, ns, name, std::move(object), write);
}

Outcome Server::Impl::apply(const Served& kind, std::string_view ns, std::string_view name, Json config,
                            const WriteOptions& write) {
  const ResourceInfo& info = kind.info;
  if (write.caller.manager.empty())
    throw Refused{make_status(
        422, "Invalid",
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        {{"group", "meta.k8s.io"},
         {"kind", "PatchOptions"},
         {"causes", Json::array({{{"reason", "FieldValueRequired"},
                                  {"message", "Required value: is required for apply patch"},
                                  {"field", "fieldManager"}}})}})};
  if (!config.is_object()) throw bad_request("error decoding YAML: the configuration is not an object");
  std::string api_version = value::string_at(config, "apiVersion"), got = value::string_at(config, "kind");
  auto gv = value::GroupVersion::parse(api_version);
  if (got != info.kind || api_version != info.api_version())
    throw bad_request(fmt::format("invalid object type: {}, Kind={}",
                                  api_version.empty() ? "/"
                                  : gv.group.empty()  ? "/" + gv.version
                                                      : api_version,
                                  got));
  Json& meta = metadata_of(config);
  if (meta.contains("managedFields") && !meta["managedFields"].is_null())
    throw bad_request("metadata.managedFields must be nil");
  std::string own = value::string_at(meta, "name");
  if (own.empty())
    meta["name"] = name;
  else if (own != name)
    throw bad_request(fmt::format("the name of the object ({}) does not match the name on the URL ({})", own, name));
  std::string own_ns = value::string_at(meta, "namespace");
  if (info.namespaced && !own_ns.empty() && own_ns != ns)
    throw bad_request("the namespace of the provided object does not match the namespace sent on the request");
  auto problems = check_typed(config, kind.type);
  if (!problems.empty()) {
    std::string text = problems.size() == 1 ? problems[0] : "errors:";
    if (problems.size() > 1)
      for (const auto& problem : problems) text += "\n  " + problem;
    throw internal_error(fmt::format("failed to create typed patch object ({}/{}; {}, Kind={}): {}", own_ns, name,
                                     api_version, got, text));
  }
  Object old = store.get(kind.storage, info.namespaced ? ns : std::string_view(), name);
  std::string uid = value::string_at(meta, "uid");
  if (!old && !uid.empty())
    throw conflict(
        info, name,
        fmt::format("uid mismatch: the provided object specified uid {}, and no existing object was found", uid));
  if (!old && !write.subresource.empty()) throw not_found(info, name);
  FieldWriter writer{write.caller.manager,
                     info.api_version(),
                     write.subresource,
                     timestamp(),
                     write.subresource == "status" ? kind.ignored_status : kind.ignored_main,
                     empty_object(kind)};
  Json live = old ? *converted(kind, old) : Json();
  // A version in the configuration is a precondition, not a field to own.
  std::string version = value::string_at(meta, "resourceVersion");
  Applied applied = track_apply(live, config, kind.type, writer, write.force);
  if (!applied.conflicts.empty()) {
    Json causes = Json::array();
    std::string text;
    std::map<std::string, std::vector<std::string>> by_manager;
    for (const auto& c : applied.conflicts) {
      causes.push_back(
          {{"reason", "FieldManagerConflict"}, {"message", "conflict with " + c.manager}, {"field", c.path}});
      by_manager[c.manager].push_back(c.path);
    }
    if (applied.conflicts.size() == 1) {
      text = fmt::format("Apply failed with 1 conflict: conflict with {}: {}", applied.conflicts[0].manager,
                         applied.conflicts[0].path);
    } else {
      text = fmt::format("Apply failed with {} conflicts: ", applied.conflicts.size());
      bool first = true;
      for (const auto& [manager, paths] : by_manager) {
        text += fmt::format("{}conflicts with {}:", first ? "" : "\n", manager);
        first = false;
        for (const auto& path : paths) text += "\n- " + path;
      }
    }
    throw Refused{make_status(409, "Conflict", std::move(text), {{"causes", std::move(causes)}})};
  }
  if (old && !version.empty() && version != value::string_at(*old, "metadata", "resourceVersion"))
    throw conflict(info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  if (applied.noop && old) {
    applied.object["metadata"]["resourceVersion"] = value::string_at(*old, "metadata", "resourceVersion");
    Json stored = applied.object;
    stored["apiVersion"] = kind.storage_version;
    return commit_update(kind, old, std::move(stored), write);
  }
  WriteOptions lenient = write;
  lenient.validation = Validation::ignore;
  Json managed =
      value::find(applied.object, "metadata", "managedFields") ? applied.object["metadata"]["managedFields"] : Json();
  Json object = decode_incoming(kind, std::move(applied.object), lenient);
  if (!managed.is_null()) object["metadata"]["managedFields"] = std::move(managed);
  if (info.namespaced) metadata_of(object)["namespace"] = ns;
  if (!old) return create_prepared(kind, ns, std::move(object), write);
  metadata_of(object).erase("resourceVersion");
  return update_prepared(kind, old, std::move(object), write);
}

}  // namespace nautilus::sim
