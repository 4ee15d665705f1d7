#include "core/chart/objects.h"

#include "core/chart/glob.h"
#include "core/sprig/crypto.h"
#include "core/sprig/go.h"
#include "core/sprig/semver.h"

namespace nautilus::chart {
namespace {

using gotmpl::Call;
using gotmpl::Object;
using gotmpl::Val;
using sprig::Fields;
using sprig::GoObject;

template <class T, class... Args>
Val made(Args&&... args) {
  return Val(std::shared_ptr<const Object>(std::make_shared<T>(std::forward<Args>(args)...)));
}

Val map_of(std::initializer_list<std::pair<const char*, Val>> items) {
  auto out = std::make_shared<gotmpl::Map>();
  for (const auto& [key, item] : items) out->items.emplace(key, item);
  return Val(std::move(out));
}

Val list_of(const std::vector<std::string>& texts) {
  std::vector<Val> out(texts.begin(), texts.end());
  return Val::list(std::move(out));
}

// .Files: a map from name to bytes with methods.
class FilesObject final : public GoObject, public std::enable_shared_from_this<FilesObject> {
 public:
  explicit FilesObject(std::shared_ptr<const Files> all) : all_(std::move(all)) {
    for (const File& file : *all_) by_name_.insert_or_assign(file.name, &file);
  }
  FilesObject(std::shared_ptr<const Files> all, std::map<std::string_view, const File*> chosen)
      : all_(std::move(all)), by_name_(std::move(chosen)) {}

  std::string type_name() const override { return "engine.files"; }
  std::string kind_name() const override { return "map"; }
  bool truth() const override { return !by_name_.empty(); }
  std::string to_string() const override {
    std::string out = "map[";
    for (const auto& [name, file] : by_name_) {
      if (out.size() > 4) out += ' ';
      out += fmt::format("{}:{}", name, sprig::Bytes(file->data).to_string());
    }
    return out + "]";
  }
  std::optional<Fields> json_fields() const override {
    Fields out;
    for (const auto& [name, file] : by_name_) out.emplace_back(name, made<sprig::Bytes>(file->data));
    return out;
  }
  std::shared_ptr<gotmpl::Map> as_map() const override {
    auto out = std::make_shared<gotmpl::Map>();
    for (const auto& [name, file] : by_name_) out->items.emplace(name, made<sprig::Bytes>(file->data));
    return out;
  }
  std::optional<Val> field(std::string_view name) const override {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? std::optional<Val>(Val(nullptr)) : made<sprig::Bytes>(found->second->data);
  }

  std::optional<Result<Val>> call(std::string_view name, Call&, std::span<Val> args) const override {
    const bool one_text = args.size() == 1 && args[0].is_string();
    if (name == "AsConfig" || name == "AsSecrets") return flattened(name == "AsSecrets");
    if (name != "Get" && name != "GetBytes" && name != "Glob" && name != "Lines") return std::nullopt;
    if (args.size() != 1)
      return Error(Code::invalid, fmt::format("wrong number of args for {}: want 1 got {}", name, args.size()));
    if (!one_text)
      return Error(Code::invalid,
                   fmt::format("wrong type for value; expected string; got {}", gotmpl::type_name(args[0])));
    const auto found = by_name_.find(args[0].as_string());
    const std::string& data = found == by_name_.end() ? kEmpty : found->second->data;
    if (name == "Get") return Val(data);
    if (name == "GetBytes") return made<sprig::Bytes>(data);
    if (name == "Lines") return lines(data);
    return globbed(args[0].as_string());
  }

 private:
  inline static const std::string kEmpty;

  static Result<Val> lines(std::string_view data) {
    std::vector<std::string> out;
    if (data.ends_with('\n'))
      data.remove_suffix(1);
    else if (data.empty())
      return Val::strings({});
    while (true) {
      const auto end = data.find('\n');
      out.emplace_back(data.substr(0, end));
      if (end == std::string_view::npos) return Val::strings(std::move(out));
      data.remove_prefix(end + 1);
    }
  }

  Result<Val> globbed(const std::string& pattern) const {
    auto glob = Glob::compile(pattern);
    if (!glob.ok()) {
      if (glob.error().code == Code::limit) return std::move(glob).error();
      glob = Glob::compile("**");  // a pattern that is not valid matches everything, as in Helm
    }
    std::map<std::string_view, const File*> chosen;
    for (const auto& [name, file] : by_name_)
      if (glob->matches(name)) chosen.emplace(name, file);
    return made<FilesObject>(all_, std::move(chosen));
  }

  // By base name, as YAML: the data of a ConfigMap, or base64 for a Secret.
  Result<Val> flattened(bool secret) const {
    Val out = Val::map();
    for (const auto& [name, file] : by_name_) {
      const std::string base(name.substr(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1));
      out.as_map().items.insert_or_assign(base, Val(secret ? sprig::crypto::base64_encode(file->data) : file->data));
    }
    ASSIGN_OR_RETURN(std::string text, sprig::go_yaml(out));
    return Val(std::move(text));
  }

  std::shared_ptr<const Files> all_;
  std::map<std::string_view, const File*> by_name_;
};

class KubeVersionObject final : public GoObject {
 public:
  KubeVersionObject(std::string version, std::string normalized, std::string major, std::string minor)
      : version_(std::move(version)),
        normalized_(std::move(normalized)),
        major_(std::move(major)),
        minor_(std::move(minor)) {}
  std::string type_name() const override { return "common.KubeVersion"; }
  std::string to_string() const override { return normalized_; }
  std::optional<Fields> json_fields() const override {
    return Fields{{"Version", Val(version_)}, {"Major", Val(major_)}, {"Minor", Val(minor_)}};
  }
  std::optional<Val> field(std::string_view name) const override {
    if (name == "Version") return Val(version_);
    if (name == "Major") return Val(major_);
    if (name == "Minor") return Val(minor_);
    return std::nullopt;
  }
  std::optional<Result<Val>> call(std::string_view name, Call&, std::span<Val>) const override {
    if (name == "GitVersion") return Val(version_);
    if (name == "String") return Val(normalized_);
    return std::nullopt;
  }

 private:
  std::string version_, normalized_, major_, minor_;
};

class VersionSetObject final : public GoObject {
 public:
  explicit VersionSetObject(const std::vector<std::string>& versions) : list_(std::make_shared<gotmpl::List>()) {
    list_->items.assign(versions.begin(), versions.end());
    list_->of_strings = true;
  }
  std::string type_name() const override { return "common.VersionSet"; }
  std::string kind_name() const override { return "slice"; }
  std::string to_string() const override { return gotmpl::to_string(Val(list_)); }
  bool truth() const override { return !list_->items.empty(); }
  const std::vector<Val>* items() const override { return &list_->items; }
  std::shared_ptr<gotmpl::List> as_list() const override { return list_; }
  Val json_value() const override { return Val(list_); }
  std::optional<Result<Val>> call(std::string_view name, Call&, std::span<Val> args) const override {
    if (name != "Has") return std::nullopt;
    if (args.size() != 1 || !args[0].is_string()) return Error(Code::invalid, "Has takes one API version, a string");
    return Val(std::any_of(list_->items.begin(), list_->items.end(),
                           [&](const Val& one) { return one.as_string() == args[0].as_string(); }));
  }

 private:
  std::shared_ptr<gotmpl::List> list_;
};

// A struct without methods.
class Struct final : public GoObject {
 public:
  Struct(std::string type, std::string kind, Fields fields, Fields json)
      : type_(std::move(type)), kind_(std::move(kind)), fields_(std::move(fields)), json_(std::move(json)) {}
  std::string type_name() const override { return type_; }
  std::string kind_name() const override { return kind_; }
  std::string to_string() const override {
    std::string out = kind_ == "ptr" ? "&{" : "{";
    for (const auto& [name, item] : fields_) {
      if (!out.ends_with('{')) out += ' ';
      out += gotmpl::to_string(item);
    }
    return out + "}";
  }
  std::optional<Fields> json_fields() const override { return json_; }
  std::optional<Val> field(std::string_view name) const override {
    for (const auto& [own, item] : fields_)
      if (own == name) return item;
    return std::nullopt;
  }

 private:
  std::string type_, kind_;
  Fields fields_, json_;
};

}  // namespace

Val values_object(const Json& values) {
  switch (values.type()) {
    case Json::value_t::boolean: return Val(values.get<bool>());
    case Json::value_t::number_integer: return Val::int64(values.get<std::int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = values.get<std::uint64_t>();
      return number > INT64_MAX ? Val(static_cast<double>(number)) : Val::int64(static_cast<std::int64_t>(number));
    }
    case Json::value_t::number_float: return Val(values.get<double>());
    case Json::value_t::string: return Val(values.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Val> items;
      items.reserve(values.size());
      for (const Json& item : values) items.push_back(values_object(item));
      return Val::list(std::move(items));
    }
    case Json::value_t::object: {
      auto out = std::make_shared<gotmpl::Map>();
      for (const auto& [key, item] : values.get_ref<const Json::object_t&>())
        out->items.emplace_hint(out->items.end(), key, values_object(item));
      return Val(std::move(out));
    }
    default: return Val(nullptr);
  }
}

Val chart_object(const Metadata& m, bool is_root) {
  std::vector<Val> maintainers, dependencies;
  for (const Maintainer& one : m.maintainers)
    maintainers.push_back(map_of({{"Name", Val(one.name)}, {"Email", Val(one.email)}, {"URL", Val(one.url)}}));
  for (const Dependency& one : m.dependencies) {
    std::vector<Val> imports;
    for (const Json& import : one.import_values) imports.push_back(values_object(import));
    dependencies.push_back(map_of({{"Name", Val(one.name)},
                                   {"Version", Val(one.version)},
                                   {"Repository", Val(one.repository)},
                                   {"Condition", Val(one.condition)},
                                   {"Tags", list_of(one.tags)},
                                   {"Enabled", Val(one.enabled)},
                                   {"ImportValues", Val::list(std::move(imports))},
                                   {"Alias", Val(one.alias)}}));
  }
  auto annotations = std::make_shared<gotmpl::Map>();
  annotations->of_strings = true;
  for (const auto& [key, text] : m.annotations) annotations->items.emplace(key, Val(text));
  return map_of({{"Name", Val(m.name)},
                 {"Home", Val(m.home)},
                 {"Sources", list_of(m.sources)},
                 {"Version", Val(m.version)},
                 {"Description", Val(m.description)},
                 {"Keywords", list_of(m.keywords)},
                 {"Maintainers", Val::list(std::move(maintainers))},
                 {"Icon", Val(m.icon)},
                 {"APIVersion", Val(m.api_version)},
                 {"Condition", Val(m.condition)},
                 {"Tags", Val(m.tags)},
                 {"AppVersion", Val(m.app_version)},
                 {"Deprecated", Val(m.deprecated)},
                 {"Annotations", m.has_annotations ? Val(std::move(annotations)) : Val(nullptr)},
                 {"KubeVersion", Val(m.kube_version)},
                 {"Dependencies", Val::list(std::move(dependencies))},
                 {"Type", Val(m.type)},
                 {"IsRoot", Val(is_root)}});
}

Val release_object(const ReleaseInfo& release) {
  return map_of({{"Name", Val(release.name)},
                 {"Namespace", Val(release.namespace_)},
                 {"IsUpgrade", Val(release.is_upgrade)},
                 {"IsInstall", Val(!release.is_upgrade)},
                 {"Revision", Val::integer(release.revision)},
                 {"Service", Val(release.service)}});
}

Val files_object(std::shared_ptr<const Files> files) { return made<FilesObject>(std::move(files)); }

namespace {
// Digits of "v1.33.4-gke.1" up to the first character that belongs to no version number.
std::vector<std::string> numbers_of(std::string_view version) {
  std::vector<std::string> out;
  if (version.starts_with('v')) version.remove_prefix(1);
  while (out.size() < 3) {
    std::size_t count = 0;
    while (count < version.size() && version[count] >= '0' && version[count] <= '9') ++count;
    if (count == 0 || count > 9) break;
    out.emplace_back(version.substr(0, count));
    version.remove_prefix(count);
    if (!version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  return out;
}
}  // namespace

Result<std::string> normalized_kube_version(const std::string& version) {
  auto numbers = numbers_of(version);
  if (numbers.size() < 2)
    return Error(Code::invalid, fmt::format("{:?} is not a version of Kubernetes", version), "give it as v1.37.2");
  if (numbers.size() == 2) numbers.emplace_back("0");
  return "v" + fmt::format("{}", fmt::join(numbers, "."));
}

Result<Val> capabilities_object(const Capabilities& capabilities) {
  ASSIGN_OR_RETURN(const std::string normalized, normalized_kube_version(capabilities.kube_version));
  const auto numbers = numbers_of(normalized);
  const std::string full = (capabilities.kube_version.starts_with('v') ? "" : "v") + capabilities.kube_version;
  const Val kube = made<KubeVersionObject>(full, normalized, numbers[0], numbers[1]);
  const Val versions = made<VersionSetObject>(capabilities.api_versions);
  constexpr const char* kHelm = "v4.3.1";  // whose behaviour this is
  const Val helm = made<Struct>("version.BuildInfo", "struct",
                                Fields{{"Version", Val(kHelm)},
                                       {"GitCommit", Val("")},
                                       {"GitTreeState", Val("")},
                                       {"GoVersion", Val("")},
                                       {"KubeClientVersion", Val("v1.37")}},
                                Fields{{"version", Val(kHelm)}, {"kube_client_version", Val("v1.37")}});
  const Fields fields{{"KubeVersion", kube}, {"APIVersions", versions}, {"HelmVersion", helm}};
  return made<Struct>("*common.Capabilities", "ptr", fields, fields);
}

std::vector<std::string> default_api_versions() {
  return {"v1",
          "admissionregistration.k8s.io/v1",
          "admissionregistration.k8s.io/v1alpha1",
          "admissionregistration.k8s.io/v1beta1",
          "internal.apiserver.k8s.io/v1alpha1",
          "apps/v1",
          "apps/v1beta1",
          "apps/v1beta2",
          "authentication.k8s.io/v1",
          "authentication.k8s.io/v1alpha1",
          "authentication.k8s.io/v1beta1",
          "authorization.k8s.io/v1",
          "authorization.k8s.io/v1beta1",
          "autoscaling/v1",
          "autoscaling/v2",
          "batch/v1",
          "batch/v1beta1",
          "certificates.k8s.io/v1",
          "certificates.k8s.io/v1beta1",
          "certificates.k8s.io/v1alpha1",
          "coordination.k8s.io/v1alpha2",
          "coordination.k8s.io/v1beta1",
          "coordination.k8s.io/v1",
          "discovery.k8s.io/v1",
          "discovery.k8s.io/v1beta1",
          "events.k8s.io/v1",
          "events.k8s.io/v1beta1",
          "extensions/v1beta1",
          "flowcontrol.apiserver.k8s.io/v1",
          "flowcontrol.apiserver.k8s.io/v1beta1",
          "flowcontrol.apiserver.k8s.io/v1beta2",
          "flowcontrol.apiserver.k8s.io/v1beta3",
          "lifecycle.k8s.io/v1alpha1",
          "networking.k8s.io/v1",
          "networking.k8s.io/v1beta1",
          "node.k8s.io/v1",
          "node.k8s.io/v1alpha1",
          "node.k8s.io/v1beta1",
          "policy/v1",
          "policy/v1beta1",
          "rbac.authorization.k8s.io/v1",
          "rbac.authorization.k8s.io/v1beta1",
          "rbac.authorization.k8s.io/v1alpha1",
          "resource.k8s.io/v1",
          "resource.k8s.io/v1beta2",
          "resource.k8s.io/v1beta1",
          "resource.k8s.io/v1alpha3",
          "scheduling.k8s.io/v1alpha3",
          "scheduling.k8s.io/v1beta1",
          "scheduling.k8s.io/v1",
          "storage.k8s.io/v1beta1",
          "storage.k8s.io/v1",
          "storage.k8s.io/v1alpha1",
          "storagemigration.k8s.io/v1",
          "storagemigration.k8s.io/v1beta1",
          "apiextensions.k8s.io/v1beta1",
          "apiextensions.k8s.io/v1"};
}

}  // namespace nautilus::chart
