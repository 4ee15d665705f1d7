// OpenAPI v3, made from the schema table: enough for kubectl to know which fields exist, how lists merge, and that the
// server validates fields itself. No descriptions.
#include <fmt/format.h>

#include <set>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

class Writer {
 public:
  explicit Writer(Json& schemas) : schemas_(schemas) {}

  Json of(const Type& type) {
    Json made = Json::object();
    switch (type.shape) {
      case Shape::any: return made;
      case Shape::string:
      case Shape::quantity: made["type"] = "string"; break;
      case Shape::bytes: made = {{"type", "string"}, {"format", "byte"}}; break;
      case Shape::time:
      case Shape::micro_time: made = {{"type", "string"}, {"format", "date-time"}}; break;
      case Shape::int32: made = {{"type", "integer"}, {"format", "int32"}}; break;
      case Shape::int64: made = {{"type", "integer"}, {"format", "int64"}}; break;
      case Shape::number: made = {{"type", "number"}, {"format", "double"}}; break;
      case Shape::boolean: made["type"] = "boolean"; break;
      case Shape::int_or_string:
        made = {{"format", "int-or-string"}, {"oneOf", Json::array({{{"type", "integer"}}, {{"type", "string"}}})}};
        break;
      case Shape::list:
        made["type"] = "array";
        if (type.element) made["items"] = of(*type.element);
        made["x-kubernetes-list-type"] = type.list == ListKind::set   ? "set"
                                         : type.list == ListKind::map ? "map"
                                                                      : "atomic";
        if (type.list == ListKind::map) made["x-kubernetes-list-map-keys"] = type.keys;
        break;
      case Shape::map:
        made["type"] = "object";
        if (type.element) made["additionalProperties"] = of(*type.element);
        if (type.atomic) made["x-kubernetes-map-type"] = "atomic";
        break;
      case Shape::object:
        if (type.object->custom) return custom(*type.object);
        want(*type.object);
        made["allOf"] = Json::array({{{"$ref", "#/components/schemas/" + type.object->openapi_name()}}});
        break;
    }
    return made;
  }

  void want(const Struct& type) {
    if (!done_.insert(type.openapi_name()).second) return;
    Json properties = Json::object(), required = Json::array();
    for (const Field& field : type.fields()) {
      Json made = of(field.type);
      if (!field.strategy.empty()) made["x-kubernetes-patch-strategy"] = field.strategy;
      if (!field.merge_key.empty()) made["x-kubernetes-patch-merge-key"] = field.merge_key;
      if (!field.default_value.is_null()) made["default"] = field.default_value;
      if (field.required) required.push_back(field.name);
      properties[field.name] = std::move(made);
    }
    Json made = {{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) made["required"] = std::move(required);
    if (type.atomic) made["x-kubernetes-map-type"] = "atomic";
    schemas_[type.openapi_name()] = std::move(made);
  }

 private:
  Json custom(const Struct& type) {
    Json properties = Json::object();
    for (const Field& field : type.fields()) properties[field.name] = of(field.type);
    Json made = {{"type", "object"}, {"properties", std::move(properties)}};
    if (type.preserve_unknown) made["x-kubernetes-preserve-unknown-fields"] = true;
    return made;
  }

  Json& schemas_;
  std::set<std::string> done_;
};

std::string base_path(const ResourceInfo& info) {
  std::string root = info.group.empty() ? "/api/" + info.version : "/apis/" + info.group + "/" + info.version;
  return root + (info.namespaced ? "/namespaces/{namespace}/" : "/") + info.resource;
}

Json query_parameter(const char* name, const char* type = "string") {
  return {{"name", name}, {"in", "query"}, {"schema", {{"type", type}, {"uniqueItems", true}}}};
}

}  // namespace

Json Server::Impl::openapi_root() const {
  Json paths = Json::object();
  auto add = [&](const ResourceInfo& info) {
    std::string gv = info.group.empty() ? "api/" + info.version : "apis/" + info.group + "/" + info.version;
    // The hash changes whenever the answer could.
    paths[gv] = {{"serverRelativeURL", fmt::format("/openapi/v3/{}?hash={:016X}", gv, catalog_version)}};
  };
  for (const Served& kind : builtin) add(kind.info);
  for (const Served& kind : custom) add(kind.info);
  return {{"paths", std::move(paths)}};
}

std::optional<Json> Server::Impl::openapi_v3(std::string_view path) const {
  Json schemas = Json::object(), paths = Json::object();
  Writer writer(schemas);
  bool found = false;
  auto add = [&](const Served& kind) {
    const ResourceInfo& info = kind.info;
    std::string gv = info.group.empty() ? "api/" + info.version : "apis/" + info.group + "/" + info.version;
    if (gv != path) return;
    found = true;
    Json gvk = {{"group", info.group}, {"version", info.version}, {"kind", info.kind}};
    std::string name;
    if (kind.custom) {
      std::string reversed;
      auto parts = split_view(info.group, '.');
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) reversed += std::string(*part) + ".";
      name = reversed + info.version + "." + info.kind;
      // What the CRD says itself, so that explain and validation see all of it.
      Json made = kind.custom->schema.is_object() ? kind.custom->schema : Json{{"type", "object"}};
      made["properties"]["apiVersion"] = {{"type", "string"}};
      made["properties"]["kind"] = {{"type", "string"}};
      const Struct* meta = schema.find("meta.v1.ObjectMeta");
      writer.want(*meta);
      made["properties"]["metadata"] = {
          {"allOf", Json::array({{{"$ref", "#/components/schemas/" + meta->openapi_name()}}})}};
      schemas[name] = std::move(made);
    } else if (kind.type.shape == Shape::object) {
      writer.want(*kind.type.object);
      name = kind.type.object->openapi_name();
    } else {
      return;
    }
    schemas[name]["x-kubernetes-group-version-kind"] = Json::array({gvk});
    Json reference = {{"$ref", "#/components/schemas/" + name}};
    Json common =
        Json::array({query_parameter("dryRun"), query_parameter("fieldManager"), query_parameter("fieldValidation")});
    auto body = [&](std::initializer_list<const char*> types) {
      Json content = Json::object();
      for (const char* type : types) content[type] = {{"schema", reference}};
      return Json{{"content", std::move(content)}};
    };
    Json answer = {{"200", {{"description", "OK"}, {"content", {{"application/json", {{"schema", reference}}}}}}}};
    auto operation = [&](const char* action, const char* verb, Json request_body) {
      Json made = {{"x-kubernetes-action", action},
                   {"x-kubernetes-group-version-kind", gvk},
                   {"operationId", fmt::format("{}{}{}", verb, info.version, info.kind)},
                   {"responses", answer}};
      if (!request_body.is_null()) {
        made["parameters"] = common;
        made["requestBody"] = std::move(request_body);
      }
      return made;
    };
    Json collection = Json::object(), item = Json::object();
    if (info.has("list")) collection["get"] = operation("list", "list", nullptr);
    if (info.has("create"))
      collection["post"] = operation("post", "create", body({"application/json", "application/yaml"}));
    if (info.has("get")) item["get"] = operation("get", "read", nullptr);
    if (info.has("update")) item["put"] = operation("put", "replace", body({"application/json", "application/yaml"}));
    if (info.has("patch")) {
      Json patch =
          kind.custom
              ? body({"application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"})
              : body({"application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
                      "application/strategic-merge-patch+json"});
      item["patch"] = operation("patch", "patch", std::move(patch));
      item["patch"]["parameters"].push_back(query_parameter("force", "boolean"));
    }
    if (info.has("delete")) item["delete"] = operation("delete", "delete", nullptr);
    paths[base_path(info)] = std::move(collection);
    paths[base_path(info) + "/{name}"] = std::move(item);
  };
  for (const Served& kind : builtin) add(kind);
  for (const Served& kind : custom) add(kind);
  if (!found) return std::nullopt;
  return Json{{"openapi", "3.0.0"},
              {"info", {{"title", "Kubernetes"}, {"version", options.git_version}}},
              {"paths", std::move(paths)},
              {"components", {{"schemas", std::move(schemas)}}}};
}

}  // namespace nautilus::sim
