// Discovery: /api, /apis, /version, health, and the aggregated form.
#include <fmt/format.h>

#include <algorithm>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

struct SubRow {
  std::string name, group, version, kind;
  std::vector<std::string> verbs;
};

std::vector<std::string> strings(std::string_view text, char separator) {
  std::vector<std::string> made;
  if (text.empty()) return made;
  for (auto part : split_view(text, separator)) made.emplace_back(part);
  return made;
}

std::vector<SubRow> subresources_of(const Served& kind, const SchemaTable& schema) {
  std::vector<SubRow> rows;
  if (kind.custom) {
    if (kind.status) rows.push_back({"status", "", "", kind.info.kind, {"get", "patch", "update"}});
    if (!kind.custom->scale.is_null())
      rows.push_back({"scale", "autoscaling", "v1", "Scale", {"get", "patch", "update"}});
    return rows;
  }
  for (const ResourceRow& row : schema.resources()) {
    if (row.group != kind.info.group || row.version != kind.info.version || row.resource != kind.info.resource)
      continue;
    for (auto sub : split_view(row.subresources, ';')) {
      auto parts = split_view(sub, '=');
      if (parts.size() != 3) continue;
      auto gvk = split_view(parts[1], '/');
      rows.push_back({std::string(parts[0]), std::string(gvk[0]), std::string(gvk[1]), std::string(gvk[2]),
                      strings(parts[2], ',')});
    }
  }
  return rows;
}

struct Version {
  std::string name;
  std::vector<const Served*> kinds;
};
struct Group {
  std::string name;
  std::vector<Version> versions;
};

std::vector<Group> groups_of(const Server::Impl& impl) {
  std::vector<Group> groups;
  auto add = [&](const Served& kind) {
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == kind.info.group; });
    if (group == groups.end()) group = groups.insert(groups.end(), {kind.info.group, {}});
    auto version = std::find_if(group->versions.begin(), group->versions.end(),
                                [&](const Version& v) { return v.name == kind.info.version; });
    if (version == group->versions.end())
      version = group->versions.insert(group->versions.end(), {kind.info.version, {}});
    version->kinds.push_back(&kind);
  };
  for (const Served& kind : impl.builtin) add(kind);
  for (const Served& kind : impl.custom) add(kind);
  return groups;
}

Json aggregated(const std::vector<Group>& groups, bool core, const SchemaTable& schema) {
  Json items = Json::array();
  for (const Group& group : groups) {
    if (group.name.empty() != core) continue;
    Json versions = Json::array();
    for (const Version& version : group.versions) {
      Json resources = Json::array();
      for (const Served* kind : version.kinds) {
        const ResourceInfo& info = kind->info;
        auto response = [](const std::string& g, const std::string& v, const std::string& k) {
          return Json{{"group", g}, {"version", v}, {"kind", k}};
        };
        Json row = {{"resource", info.resource},
                    {"responseKind", response(info.group, info.version, info.kind)},
                    {"scope", info.namespaced ? "Namespaced" : "Cluster"},
                    {"singularResource", info.singular},
                    {"verbs", info.verbs}};
        if (!info.short_names.empty()) row["shortNames"] = info.short_names;
        if (!info.categories.empty()) row["categories"] = info.categories;
        Json subs = Json::array();
        for (const SubRow& sub : subresources_of(*kind, schema))
          subs.push_back({{"subresource", sub.name},
                          {"verbs", sub.verbs},
                          {"responseKind", response(sub.version.empty() ? info.group : sub.group,
                                                    sub.version.empty() ? info.version : sub.version, sub.kind)}});
        if (!subs.empty()) row["subresources"] = std::move(subs);
        resources.push_back(std::move(row));
      }
      versions.push_back({{"version", version.name}, {"resources", std::move(resources)}, {"freshness", "Current"}});
    }
    Json item = {{"metadata", Json::object()}, {"versions", std::move(versions)}};
    if (!group.name.empty()) item["metadata"]["name"] = group.name;
    items.push_back(std::move(item));
  }
  return {{"kind", "APIGroupDiscoveryList"},
          {"apiVersion", "apidiscovery.k8s.io/v2"},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

Json api_group(const Group& group) {
  Json versions = Json::array();
  for (const Version& v : group.versions)
    versions.push_back({{"groupVersion", group.name + "/" + v.name}, {"version", v.name}});
  Json preferred = versions[0];
  return {{"name", group.name}, {"versions", std::move(versions)}, {"preferredVersion", std::move(preferred)}};
}

Json resource_list(const Version& version, const std::string& group_version, const SchemaTable& schema) {
  Json resources = Json::array();
  for (const Served* kind : version.kinds) {
    const ResourceInfo& info = kind->info;
    Json row = {{"name", info.resource},
                {"singularName", info.singular},
                {"namespaced", info.namespaced},
                {"kind", info.kind},
                {"verbs", info.verbs}};
    if (!info.short_names.empty()) row["shortNames"] = info.short_names;
    if (!info.categories.empty()) row["categories"] = info.categories;
    resources.push_back(std::move(row));
    for (const SubRow& sub : subresources_of(*kind, schema)) {
      Json made = {{"name", info.resource + "/" + sub.name},
                   {"singularName", ""},
                   {"namespaced", info.namespaced},
                   {"kind", sub.kind},
                   {"verbs", sub.verbs}};
      if (!sub.version.empty()) {
        made["group"] = sub.group;
        made["version"] = sub.version;
      }
      resources.push_back(std::move(made));
    }
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group_version},
          {"resources", std::move(resources)}};
}

}  // namespace

std::optional<Reply> Server::Impl::discovery(std::string_view raw, const Request& request) {
  std::string path(raw);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  auto text = [](std::string body) {
    Reply reply;
    reply.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
    reply.body = std::move(body);
    return reply;
  };
  if (path == "/healthz" || path == "/livez" || path == "/readyz") return text("ok");
  if (path == "/version") {
    std::string version = options.git_version;
    auto parts = split_view(std::string_view(version).substr(version.starts_with("v") ? 1 : 0), '.');
    return json_reply(200, {{"major", parts[0]},
                            {"minor", parts.size() > 1 ? parts[1] : "0"},
                            {"gitVersion", version},
                            {"gitCommit", "simulated"},
                            {"gitTreeState", "clean"},
                            {"buildDate", "1970-01-01T00:00:00Z"},
                            {"goVersion", "none"},
                            {"compiler", "none"},
                            {"platform", "linux/amd64"}});
  }
  if (path == "/")
    return json_reply(
        200, {{"paths", {"/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}}});
  if (path == "/openapi/v3") return json_reply(200, openapi_root());
  if (path.starts_with("/openapi/v3/")) {
    std::string_view gv = std::string_view(path).substr(12);
    if (auto document = openapi_v3(gv)) return json_reply(200, *document);
    return std::nullopt;
  }
  if (path == "/openapi/v2") {
    // Only the JSON form: clients that insist on protobuf fall back to v3 or to no schema.
    if (request.accept.find("protobuf") != std::string::npos && request.accept.find("json") == std::string::npos &&
        request.accept.find("*/*") == std::string::npos) {
      Reply reply = text("not acceptable");
      reply.status = 406;
      return reply;
    }
    return json_reply(200, {{"swagger", "2.0"},
                            {"info", {{"title", "Kubernetes"}, {"version", options.git_version}}},
                            {"paths", Json::object()},
                            {"definitions", Json::object()}});
  }
  bool wants_aggregated = request.accept.find("as=APIGroupDiscoveryList") != std::string::npos &&
                          request.accept.find("v=v2") != std::string::npos;
  std::vector<Group> groups;
  if (path.starts_with("/api")) groups = groups_of(*this);
  if ((path == "/api" || path == "/apis") && wants_aggregated) {
    Reply reply = json_reply(200, aggregated(groups, path == "/api", schema));
    reply.headers[0].value = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    return reply;
  }
  if (path == "/api")
    return json_reply(200, {{"kind", "APIVersions"},
                            {"versions", {"v1"}},
                            {"serverAddressByClientCIDRs",
                             Json::array({{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", "127.0.0.1:6443"}}})}});
  if (path == "/apis") {
    Json list = Json::array();
    for (const Group& group : groups)
      if (!group.name.empty()) list.push_back(api_group(group));
    return json_reply(200, {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(list)}});
  }
  for (const Group& group : groups) {
    if (!group.name.empty() && path == "/apis/" + group.name) {
      Json made = api_group(group);
      made["kind"] = "APIGroup";
      made["apiVersion"] = "v1";
      return json_reply(200, made);
    }
    for (const Version& version : group.versions) {
      std::string gv = group.name.empty() ? version.name : group.name + "/" + version.name;
      if (path == (group.name.empty() ? "/api/" : "/apis/") + gv)
        return json_reply(200, resource_list(version, gv, schema));
    }
  }
  return std::nullopt;
}

}  // namespace nautilus::sim
