#include "core/kube/writer.h"

#include <fmt/format.h>

#include "core/kube/paths.h"

namespace nautilus::kube {
namespace {

using value::string_at;

std::string_view text(FieldValidation validation) {
  switch (validation) {
    case FieldValidation::strict: return "Strict";
    case FieldValidation::warn: return "Warn";
    case FieldValidation::ignore: return "Ignore";
  }
  return "Strict";
}

std::string_view text(Propagation propagation) {
  switch (propagation) {
    case Propagation::background: return "Background";
    case Propagation::foreground: return "Foreground";
    case Propagation::orphan: return "Orphan";
  }
  return "Background";
}

Query query_of(const WriteOptions& options) {
  return {{"fieldManager", options.field_manager},
          {"force", options.force ? "true" : ""},
          {"dryRun", options.dry_run ? "All" : ""},
          {"fieldValidation", std::string(text(options.validation))}};
}

Json delete_body(const DeleteOptions& options, const char* api_version) {
  Json body{{"apiVersion", api_version}, {"kind", "DeleteOptions"}, {"propagationPolicy", text(options.propagation)}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (options.grace_period_seconds >= 0) body["gracePeriodSeconds"] = options.grace_period_seconds;
  if (options.dry_run) body["dryRun"] = Json::array({"All"});
  return body;
}

}  // namespace

Request apply_request(const Resource& resource, const Json& object, const WriteOptions& options,
                      const std::string& subresource) {
  Request out;
  out.method = "PATCH";
  out.target = target(resource, string_at(object, "metadata", "namespace"), string_at(object, "metadata", "name"),
                      subresource, query_of(options));
  out.content_type = "application/apply-patch+yaml";  // JSON is YAML
  out.body = object;
  out.idempotent = true;
  return out;
}

Request create_request(const Resource& resource, const Json& object, const WriteOptions& options) {
  Request out;
  out.method = "POST";
  WriteOptions plain = options;
  plain.force = false;
  out.target = target(resource, string_at(object, "metadata", "namespace"), {}, {}, query_of(plain));
  out.body = object;
  out.idempotent = options.dry_run;
  return out;
}

Request replace_request(const Resource& resource, const Json& object, const WriteOptions& options,
                        const std::string& subresource) {
  Request out;
  out.method = "PUT";
  WriteOptions plain = options;
  plain.force = false;
  out.target = target(resource, string_at(object, "metadata", "namespace"), string_at(object, "metadata", "name"),
                      subresource, query_of(plain));
  out.body = object;
  // With a precondition a repeat would meet the first attempt's own write and be told of a conflict that is none.
  out.idempotent = options.dry_run || string_at(object, "metadata", "resourceVersion").empty();
  return out;
}

Request merge_patch_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                            const Json& patch, const WriteOptions& options, const std::string& subresource) {
  Request out;
  out.method = "PATCH";
  WriteOptions plain = options;
  plain.force = false;
  out.target = target(resource, namespace_, name, subresource, query_of(plain));
  out.content_type = "application/merge-patch+json";
  out.body = patch;
  out.idempotent = options.dry_run || string_at(patch, "metadata", "resourceVersion").empty();
  return out;
}

Request json_patch_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                           const Json& operations, const WriteOptions& options) {
  Request out;
  out.method = "PATCH";
  WriteOptions plain = options;
  plain.force = false;
  out.target = target(resource, namespace_, name, {}, query_of(plain));
  out.content_type = "application/json-patch+json";
  out.body = operations;
  out.idempotent = options.dry_run;
  return out;
}

Request delete_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                       const DeleteOptions& options) {
  Request out;
  out.method = "DELETE";
  out.target = target(resource, namespace_, name);
  out.body = delete_body(options, "v1");
  // Without a uid a repeat could meet a new object of the same name.
  out.idempotent = options.dry_run || !options.uid.empty();
  return out;
}

Request evict_request(const std::string& namespace_, const std::string& pod, const DeleteOptions& options) {
  Request out;
  out.method = "POST";
  out.target = fmt::format("/api/v1/namespaces/{}/pods/{}/eviction", percent_encode(namespace_), percent_encode(pod));
  Json delete_options = delete_body(options, "policy/v1");
  out.body = Json{{"apiVersion", "policy/v1"},
                  {"kind", "Eviction"},
                  {"metadata", {{"name", pod}, {"namespace", namespace_}}},
                  {"deleteOptions", std::move(delete_options)}};
  out.body["deleteOptions"].erase("apiVersion");
  out.body["deleteOptions"].erase("kind");
  return out;
}

}  // namespace nautilus::kube
