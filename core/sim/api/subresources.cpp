// Scale, eviction, binding, namespace finalize, tokens, logs, and the reviews.
#include <fmt/format.h>

#include <charconv>

#include "core/sim/api/body.h"
#include "core/sim/api/decode.h"
#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {

Json Server::Impl::scale_of(const Served& kind, const Json& object, bool for_patch) const {
  const Json& meta = object["metadata"];
  Json made = {{"kind", "Scale"}, {"apiVersion", "autoscaling/v1"}, {"metadata", Json::object()}};
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (meta.contains(key)) made["metadata"][key] = meta[key];
  if (kind.custom) {
    if (std::string where = value::string_at(kind.custom->scale, "specReplicasPath");
        !for_patch && where.size() > 1 && !field_at(object, std::string_view(where).substr(1)))
      throw Refused{make_status(
          500, "InternalError",
          fmt::format("Internal error occurred: the spec replicas field \"{}\" does not exist", where),
          {{"causes",
            Json::array({{{"message", fmt::format("the spec replicas field \"{}\" does not exist", where)}}})}})};
    auto number = [&](const char* path) -> std::int64_t {
      std::string where = value::string_at(kind.custom->scale, path);
      const Json* found = where.empty() ? nullptr : field_at(object, std::string_view(where).substr(1));
      return found && found->is_number_integer() ? found->get<std::int64_t>() : 0;
    };
    made["spec"]["replicas"] = number("specReplicasPath");
    made["status"]["replicas"] = number("statusReplicasPath");
    std::string where = value::string_at(kind.custom->scale, "labelSelectorPath");
    const Json* selector = where.empty() ? nullptr : field_at(object, std::string_view(where).substr(1));
    if (selector && selector->is_string()) made["status"]["selector"] = *selector;
    return made;
  }
  std::int64_t replicas = value::int_at(object, 0, "spec", "replicas");
  made["spec"] = Json::object();
  if (replicas) made["spec"]["replicas"] = replicas;
  made["status"] = {{"replicas", value::int_at(object, 0, "status", "replicas")}};
  const Json* selector = value::find(object, "spec", "selector");
  if (kind.info.kind == "ReplicationController") {
    Json wrapped = {{"matchLabels", selector ? *selector : Json::object()}};
    made["status"]["selector"] = LabelSelector::of(&wrapped).text();
  } else {
    made["status"]["selector"] = LabelSelector::of(selector).text();
  }
  return made;
}

Outcome Server::Impl::set_scale(const Served& kind, std::string_view ns, std::string_view name, const Json& scale,
                                const WriteOptions& write) {
  Object old = read(kind, ns, name);
  std::string version = value::string_at(scale, "metadata", "resourceVersion");
  if (!version.empty() && version != value::string_at(*old, "metadata", "resourceVersion"))
    throw conflict(kind.info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  std::int64_t replicas = value::int_at(scale, 0, "spec", "replicas");
  if (replicas < 0)
    throw Refused{make_status(
        422, "Invalid",
        fmt::format(
            "Scale.autoscaling \"{}\" is invalid: spec.replicas: Invalid value: {}: must be greater than or equal to 0",
            name, replicas),
        {{"name", name},
         {"group", "autoscaling"},
         {"kind", "Scale"},
         {"causes",
          Json::array({{{"reason", "FieldValueInvalid"},
                        {"message", fmt::format("Invalid value: {}: must be greater than or equal to 0", replicas)},
                        {"field", "spec.replicas"}}})}})};
  Json object = *old;
  if (kind.custom) {
    std::string where = value::string_at(kind.custom->scale, "specReplicasPath");
    for (char& c : where)
      if (c == '.') c = '/';
    try {
      object[Json::json_pointer(where)] = replicas;
    } catch (const Json::exception&) {
      throw internal_error("the scale subresource's specReplicasPath does not fit the object");
    }
  } else {
    object["spec"]["replicas"] = replicas;
  }
  WriteOptions inner = write;
  inner.subresource = "scale";
  // Ownership through the scale of a custom resource is not recorded, as on the real server.
  Outcome made = update(kind, ns, name, std::move(object), inner, kind.custom != nullptr);
  Outcome outcome;
  outcome.unchanged = made.unchanged;
  outcome.object = std::make_shared<const Json>(scale_of(kind, *made.object));
  return outcome;
}

Outcome Server::Impl::bind(std::string_view ns, std::string_view pod, std::string_view node,
                           const WriteOptions& write) {
  const Served* pods = served(resource::kPods);
  Object old = read(*pods, ns, pod);
  if (value::find(*old, "metadata", "deletionTimestamp"))
    throw conflict(pods->info, pod, fmt::format("pod {} is being deleted, cannot be assigned to a host", pod));
  if (std::string have = value::string_at(*old, "spec", "nodeName"); !have.empty()) {
    ResourceInfo binding = pods->info;
    binding.resource = "pods/binding";
    throw conflict(binding, pod, fmt::format("pod {} is already assigned to node \"{}\"", pod, have));
  }
  Json object = *old;
  object["spec"]["nodeName"] = node;
  Json& conditions = object["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json made = {
      {"type", "PodScheduled"}, {"status", "True"}, {"lastProbeTime", nullptr}, {"lastTransitionTime", timestamp()}};
  if (auto generation = value::int_at(object, 0, "metadata", "generation")) made["observedGeneration"] = generation;
  bool placed = false;
  for (Json& c : conditions)
    if (value::string_at(c, "type") == "PodScheduled") c = made, placed = true;
  if (!placed) conditions.push_back(std::move(made));
  return commit_update(*pods, old, std::move(object), write);
}

Outcome Server::Impl::finalize(std::string_view name, Json object, const WriteOptions& write) {
  const Served* kind = served(resource::kNamespaces);
  Object old = read(*kind, {}, name);
  std::string version = value::string_at(object, "metadata", "resourceVersion");
  if (!version.empty() && version != value::string_at(*old, "metadata", "resourceVersion"))
    throw conflict(kind->info, name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  Json fresh = *old;
  const Json* finalizers = value::find(object, "spec", "finalizers");
  if (finalizers && finalizers->is_array() && !finalizers->empty())
    fresh["spec"]["finalizers"] = *finalizers;
  else
    fresh["spec"].erase("finalizers");
  return commit_update(*kind, old, std::move(fresh), write);
}

Outcome Server::Impl::review(const Served& kind, std::string_view ns, Json body) {
  const std::string& name = kind.info.kind;
  Decoded decoded =
      kind.type.shape == Shape::object ? decode(std::move(body), kind.type) : Decoded{std::move(body), {}, {}};
  if (!decoded.error.empty())
    throw bad_request(fmt::format("{} in version \"{}\" cannot be handled as a {}: {}", name, kind.info.version, name,
                                  decoded.error));
  Json object = std::move(decoded.value);
  object["kind"] = name;
  object["apiVersion"] = kind.info.api_version();
  Json groups = Json::array({"system:masters", "system:authenticated"});
  Json& status = object["status"];
  if (name == "SelfSubjectRulesReview") {
    status = {{"resourceRules", Json::array({{{"verbs", {"*"}}, {"apiGroups", {"*"}}, {"resources", {"*"}}}})},
              {"nonResourceRules", Json::array({{{"verbs", {"*"}}, {"nonResourceURLs", {"*"}}}})},
              {"incomplete", false}};
  } else if (name == "TokenReview") {
    status = {{"authenticated", true}, {"user", {{"username", "kubernetes-admin"}, {"groups", groups}}}};
  } else if (name == "SelfSubjectReview") {
    status = {{"userInfo", {{"username", "kubernetes-admin"}, {"groups", groups}}}};
  } else if (name == "Binding") {
    bind(ns, value::string_at(object, "metadata", "name"), value::string_at(object, "target", "name"), {});
    object = {
        {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}};
  } else {
    status = {{"allowed", true}};
  }
  Outcome outcome;
  outcome.code = 201;
  outcome.object = std::make_shared<const Json>(std::move(object));
  return outcome;
}

Outcome Server::Impl::create_token(std::string_view ns, std::string_view name, Json body) {
  read(*served(resource::kServiceAccounts), ns, name);
  std::int64_t seconds = value::int_at(body, 3600, "spec", "expirationSeconds");
  body["kind"] = "TokenRequest";
  body["apiVersion"] = "authentication.k8s.io/v1";
  body["spec"]["expirationSeconds"] = seconds;
  // Not a credential for anything: a marker that names its subject.
  body["status"] = {{"token", fmt::format("simulated.{}.{}.{}", ns, name, suffix(16))},
                    {"expirationTimestamp", format_rfc3339(clock.now() + std::chrono::seconds(seconds))}};
  Outcome outcome;
  outcome.code = 201;
  outcome.object = std::make_shared<const Json>(std::move(body));
  return outcome;
}

Reply Server::Impl::subresource(Request& request) {
  const Served& kind = *request.kind;
  const ResourceInfo& info = kind.info;
  const std::string& sub = request.subresource;
  if (!info.has_subresource(sub))
    throw Refused{make_status(404, "NotFound", "the server could not find the requested resource", Json::object())};
  auto body = [&](const char* what) { return body_of(request, what).value; };
  auto answer = [&](const Outcome& outcome) {
    Request plain = request;
    plain.accept.clear();
    return object_reply(plain, outcome.code, outcome.object, *request.write.warnings);
  };
  if (sub == "scale") {
    if (request.verb == "get") return json_reply(200, scale_of(kind, *read(kind, request.ns, request.name)));
    if (request.verb == "update")
      return answer(set_scale(kind, request.ns, request.name, body("Scale"), request.write));
    if (request.verb == "patch") {
      Json scale = scale_of(kind, *read(kind, request.ns, request.name), true);
      if (request.content_type.starts_with("application/apply-patch"))
        throw Refused{make_status(415, "UnsupportedMediaType",
                                  "server-side apply of a scale subresource is not offered by this server")};
      Json patch = read_body(request.body, "application/json", "Scale").value;
      if (request.content_type == "application/json-patch+json")
        json_patch(scale, patch);
      else
        merge_patch(scale, patch);
      return answer(set_scale(kind, request.ns, request.name, scale, request.write));
    }
  }
  if (sub == "eviction" && request.verb == "create") {
    Json eviction = body("Eviction");
    DeleteOptions wanted;
    if (const Json* grace = value::find(eviction, "deleteOptions", "gracePeriodSeconds");
        grace && grace->is_number_integer())
      wanted.grace_period_seconds = grace->get<std::int64_t>();
    if (const Json* dry = value::find(eviction, "deleteOptions", "dryRun"); dry && dry->is_array() && !dry->empty())
      request.write.dry_run = true;
    Outcome done = evict(request.ns, request.name, wanted, request.write);
    return json_reply(201, done.status);
  }
  if (sub == "binding" && request.verb == "create") {
    bind(request.ns, request.name, value::string_at(body("Binding"), "target", "name"), request.write);
    return json_reply(
        201,
        {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}});
  }
  if (sub == "finalize" && request.verb == "update")
    return answer(finalize(request.name, body("Namespace"), request.write));
  if (sub == "token" && request.verb == "create")
    return answer(create_token(request.ns, request.name, body("TokenRequest")));
  if (sub == "log" && request.verb == "get") {
    Object pod = read(kind, request.ns, request.name);
    Reply reply;
    reply.headers.push_back({"Content-Type", "text/plain"});
    const Json* containers = value::find(*pod, "spec", "containers");
    std::string container(request.param("container"));
    if (container.empty() && containers && containers->size() > 1)
      throw bad_request(fmt::format("a container name must be specified for pod {}", request.name));
    if (container.empty() && containers && !containers->empty()) container = value::string_at((*containers)[0], "name");
    if (options.pod_log) reply.body = options.pod_log(*pod, container);
    return reply;
  }
  if (sub == "ephemeralcontainers" || sub == "resize" || sub == "approval") {
    if (request.verb == "get") return answer({200, read(kind, request.ns, request.name), nullptr, {}, false});
    if (request.verb == "update")
      return answer(update(kind, request.ns, request.name,
                           decode_incoming(kind, body(info.kind.c_str()), request.write), request.write));
    if (request.verb == "patch")
      return answer(patch(kind, request.ns, request.name, request.content_type,
                          read_body(request.body, "application/json", info.kind).value, request.write));
  }
  throw Refused{
      make_status(501, "NotImplemented",
                  fmt::format("this server has no {} for {}: nothing runs behind its pods", sub, info.resource))};
}

}  // namespace nautilus::sim
