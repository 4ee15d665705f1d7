#include "core/release/helm_record.h"

#include "core/release/gzip.h"
#include "core/value/yaml.h"

namespace nautilus::release {

namespace {

Result<Json> payload_of(const Json& secret) {
  if (value::string_at(secret, "type") != kHelmSecretType) return Error(Code::invalid, "not a release of Helm");
  ASSIGN_OR_RETURN(const std::string text, from_base64(value::string_at(secret, "data", "release")));
  ASSIGN_OR_RETURN(std::string plain, from_base64(text));
  // Records of early versions are not compressed.
  if (plain.starts_with("\x1f\x8b")) { ASSIGN_OR_RETURN(plain, gunzip(plain, kMaxHelmRecord)); }
  return value::parse_json(plain, "data.release");
}

Result<HelmRelease> decoded(const Json& secret) {
  ASSIGN_OR_RETURN(const Json json, payload_of(secret));
  HelmRelease release;
  release.name = value::string_at(json, "name");
  release.namespace_ = value::string_at(json, "namespace");
  release.status = value::string_at(json, "info", "status");
  release.version = static_cast<int>(value::int_at(json, 0, "version"));
  release.server_side = value::string_at(json, "apply_method") == "ssa";
  release.chart = value::string_at(json, "chart", "metadata", "name") + "-" +
                  value::string_at(json, "chart", "metadata", "version");
  if (release.name.empty() || release.version < 1) return Error(Code::invalid, "no name or no version in it");
  const std::string manifest = value::string_at(json, "manifest");
  ASSIGN_OR_RETURN(release.objects, value::parse_yaml_all(manifest, "manifest", value::as_helm_reads_it()));
  return release;
}

}  // namespace

Result<HelmRelease> helm_release(const Json& secret) {
  return decoded(secret).within("reading Helm's record " + value::string_at(secret, "metadata", "name"));
}

Result<Json> helm_payload(const Json& secret) {
  return payload_of(secret).within("reading Helm's record " + value::string_at(secret, "metadata", "name"));
}

std::string helm_secret_name(const std::string& name, int version) {
  return fmt::format("sh.helm.release.v1.{}.v{}", name, version);
}

Result<Json> helm_secret(const Json& payload, std::string_view stamp, std::int64_t time) {
  const std::string name = value::string_at(payload, "name");
  const int version = static_cast<int>(value::int_at(payload, 0, "version"));
  const std::string data = base64(gzip(payload.dump(-1, ' ', false, Json::error_handler_t::replace)));
  if (data.size() > kMaxSecretBytes)
    return Error(Code::limit,
                 fmt::format("Helm's record of {} would have {} KiB, a Secret holds {}", name, data.size() >> 10,
                             kMaxSecretBytes >> 10),
                 "Helm keeps the whole chart in it: take large files out of the chart");
  return Json{{"apiVersion", "v1"},
              {"kind", "Secret"},
              {"type", std::string(kHelmSecretType)},
              {"metadata",
               {{"name", helm_secret_name(name, version)},
                {"namespace", value::string_at(payload, "namespace")},
                {"labels",
                 {{"name", name},
                  {"owner", "helm"},
                  {"status", value::string_at(payload, "info", "status")},
                  {"version", std::to_string(version)},
                  {std::string(stamp), std::to_string(time)}}}}},
              {"data", {{"release", base64(data)}}}};
}

}  // namespace nautilus::release
