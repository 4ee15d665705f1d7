#include "core/release/helm_record.h"

#include "core/release/gzip.h"
#include "core/value/yaml.h"

namespace nautilus::release {

namespace {

Result<HelmRelease> decoded(const Json& secret) {
  if (value::string_at(secret, "type") != kHelmSecretType) return Error(Code::invalid, "not a release of Helm");
  ASSIGN_OR_RETURN(const std::string text, from_base64(value::string_at(secret, "data", "release")));
  ASSIGN_OR_RETURN(std::string plain, from_base64(text));
  // Records of early versions are not compressed.
  if (plain.starts_with("\x1f\x8b")) { ASSIGN_OR_RETURN(plain, gunzip(plain, kMaxHelmRecord)); }
  ASSIGN_OR_RETURN(const Json json, value::parse_json(plain, "data.release"));
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

}  // namespace nautilus::release
