#include "core/bundle/bundle.h"

#include <fmt/format.h>

#include <set>

#include "core/bundle/tar.h"
#include "core/value/escape.h"
#include "core/value/strict_reader.h"

namespace nautilus::bundle {

namespace {

constexpr std::string_view kIndex = "index.json";
constexpr int kMaxFolders = 64;

// Collects files of the project under their names relative to it.
class Gatherer {
 public:
  Gatherer(const port::Filesystem& files, const std::string& project)
      : files_(files), project_(env::resolved_path(project, "")) {}

  Result<> add(const std::string& path, int depth = 0) {
    if (depth > kMaxFolders) return Error(Code::limit, fmt::format("folders are deeper than {}", kMaxFolders)).at(path);
    ASSIGN_OR_RETURN(const auto info, files_.stat(path));
    if (info.type == port::FileInfo::Type::directory) {
      ASSIGN_OR_RETURN(const auto names, files_.list(path));
      for (const auto& name : names) TRY(add(path + "/" + name, depth + 1));
      return {};
    }
    ASSIGN_OR_RETURN(const std::string name, relative(path));
    if (info.type != port::FileInfo::Type::file)
      return Error(Code::refused, "only plain files can be bundled, no links").at(path);
    if (found_.contains(name)) return {};
    ASSIGN_OR_RETURN(std::string data, files_.read(path, kMaxBundleBytes));
    return put(name, std::move(data));
  }

  Result<> put(const std::string& name, std::string data) {
    total_ += data.size();
    if (total_ > kMaxBundleBytes)
      return Error(Code::limit, fmt::format("the bundle is larger than {} MiB", kMaxBundleBytes >> 20));
    found_[name] = std::move(data);
    return {};
  }

  std::map<std::string, std::string>& found() { return found_; }

 private:
  Result<std::string> relative(const std::string& path) const {
    if (project_ == ".") {
      if (!path.starts_with('/') && !path.starts_with("..")) return path;
    } else if (path.starts_with(project_ + "/")) {
      return path.substr(project_.size() + 1);
    }
    return Error(Code::refused, fmt::format("lies outside the project {}", project_),
                 "a bundle holds files of the project only")
        .at(path);
  }

  const port::Filesystem& files_;
  std::string project_;
  std::uint64_t total_ = 0;
  std::map<std::string, std::string> found_;
};

Json images_json(const CreateInput& input) {
  std::vector<const Json*> objects;
  for (const auto& object : input.desired.objects) objects.push_back(&object.manifest);
  for (const auto& op : input.operators)
    for (const auto& object : op.desired.objects) objects.push_back(&object.manifest);
  Json list = Json::array();
  for (const auto& image : images_of(objects))
    list.push_back({{"image", image.reference},
                    {"digest", image.digest.empty() ? Json() : Json(image.digest)},
                    {"usedBy", image.used_by}});
  return list;
}

std::string package_name(const env::Operator& op) { return fmt::format("operators/{}-{}.tgz", op.name, op.version); }

Result<> gather(const port::Filesystem& files, Gatherer& gatherer, const CreateInput& input, Json& operators) {
  TRY(gatherer.add(input.env.file));
  for (const auto& file : input.env.values) TRY(gatherer.add(file));
  TRY(gatherer.add(input.env.chart));
  for (const std::string& mic : input.env.calendar.venues) {
    const std::string file = calendar::calendar_file(input.project, mic);
    TRY(gatherer.add(file));
    if (files.exists(file + ".sig")) TRY(gatherer.add(file + ".sig"));
  }
  for (const auto& file : input.env.calendar.public_keys) TRY(gatherer.add(file));
  for (const auto& op : input.operators) {
    const env::Operator& entry = *op.op;
    for (const auto& file : entry.values) TRY(gatherer.add(file));
    Json row = {{"name", entry.name}, {"chart", op.desired.chart}, {"digest", op.digest}, {"package", ""}};
    if (auto package = input.packages.find(entry.name); package != input.packages.end()) {
      row["package"] = package_name(entry);
      TRY(gatherer.put(package_name(entry), package->second));
    } else {
      TRY(gatherer.add(entry.chart.location));
    }
    operators.push_back(std::move(row));
  }
  return {};
}

}  // namespace

Result<Created> create(const port::Filesystem& files, const CreateInput& input) {
  auto created = [&]() -> Result<Created> {
    Gatherer gatherer(files, input.project);
    Json operators = Json::array();
    TRY(gather(files, gatherer, input, operators));
    Created out;
    Json list = Json::array();
    std::vector<TarFile> entries(1);
    for (auto& [name, data] : gatherer.found()) {
      list.push_back({{"path", name}, {"size", data.size()}, {"sha256", chart::digest_of(data).substr(7)}});
      entries.push_back({name, std::move(data)});
    }
    out.index = {{"format", kBundleFormat},
                 {"environment", input.env.name},
                 {"files", std::move(list)},
                 {"operators", std::move(operators)},
                 {"images", images_json(input)}};
    entries.front() = {std::string(kIndex), out.index.dump(1) + "\n"};
    ASSIGN_OR_RETURN(out.bytes, write_tar(entries));
    out.digest = chart::digest_of(out.bytes);
    return out;
  }();
  return std::move(created).within("bundling environment " + input.env.name);
}

Result<std::unique_ptr<Bundle>> Bundle::open(port::Filesystem& real, const std::string& file) {
  std::unique_ptr<Bundle> bundle(new Bundle(real));
  auto opened = [&]() -> Result<> {
    ASSIGN_OR_RETURN(const std::string bytes, real.read(file, kMaxBundleBytes));
    ASSIGN_OR_RETURN(auto entries, read_tar(bytes));
    if (entries.empty() || entries.front().name != kIndex)
      return Error(Code::invalid, "it does not begin with index.json",
                   "bundles are made by: nautilusctl bundle create");
    ASSIGN_OR_RETURN(bundle->index_, value::parse_json(entries.front().data, std::string(kIndex)));
    for (std::size_t i = 1; i < entries.size(); ++i)
      bundle->files_[fmt::format("{}/{}", kRoot, entries[i].name)] = std::move(entries[i].data);
    return bundle->check();
  }();
  if (!opened.ok()) return std::move(opened).error().within("opening bundle " + file);
  return bundle;
}

// Every file of the index is there with its digest, and nothing else is.
Result<> Bundle::check() {
  value::StrictReader root(index_, std::string(kIndex));
  const auto format = root.integer("format", 0);
  if (format != kBundleFormat) root.fail("format", fmt::format("is {}, this program reads {}", format, kBundleFormat));
  (void)root.required_string("environment");
  std::set<std::string> known;
  for (value::StrictReader entry : root.list("files")) {
    const std::string path = entry.required_string("path"), digest = entry.required_string("sha256");
    const auto size = entry.integer("size", -1);
    TRY(entry.finish());
    const auto found = files_.find(fmt::format("{}/{}", kRoot, path));
    const std::string shown = value::escape_control(path);
    if (found == files_.end()) return Error(Code::refused, fmt::format("{} is missing", shown));
    if (found->second.size() != static_cast<std::uint64_t>(size) ||
        chart::digest_of(found->second) != "sha256:" + digest)
      return Error(Code::refused, fmt::format("{} is not what the index says", shown),
                   "the bundle was changed or damaged; copy or make it again");
    known.insert(found->first);
  }
  (void)root.list("operators");
  (void)root.list("images");
  TRY(root.finish());
  for (const auto& [path, data] : files_)
    if (!known.contains(path))
      return Error(Code::refused,
                   fmt::format("{} is not in the index", value::escape_control(path.substr(kRoot.size() + 1))));
  return {};
}

std::string Bundle::environment() const { return value::string_at(index_, "environment"); }

Result<env::Environment> Bundle::load_environment() const {
  ASSIGN_OR_RETURN(auto env, env::load(*this, std::string(kRoot), environment()));
  for (auto& op : env.operators) {
    const std::string package = fmt::format("{}/{}", kRoot, package_name(op));
    if (!op.chart.remote() || !files_.contains(package)) continue;
    op.chart.kind = env::ChartSource::Kind::archive;
    op.chart.location = package;
  }
  return env;
}

namespace {

bool inside(const std::string& path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

Error read_only(const std::string& path) { return Error(Code::io, "a bundle is only read").at(path); }

}  // namespace

Result<std::string> Bundle::read(const std::string& path, std::uint64_t max_bytes) const {
  if (!inside(path)) return real_.read(path, max_bytes);
  const auto found = files_.find(path);
  if (found == files_.end()) return Error(Code::not_found, "no such file in the bundle").at(path);
  if (found->second.size() > max_bytes)
    return Error(Code::limit, fmt::format("is larger than {} bytes", max_bytes)).at(path);
  return found->second;
}

Result<> Bundle::write(const std::string& path, std::string_view content, unsigned mode) {
  if (inside(path)) return read_only(path);
  return real_.write(path, content, mode);
}

Result<port::FileInfo> Bundle::stat(const std::string& path) const {
  if (!inside(path)) return real_.stat(path);
  if (const auto found = files_.find(path); found != files_.end())
    return port::FileInfo{port::FileInfo::Type::file, found->second.size(), {}};
  const auto below = files_.lower_bound(path + "/");
  if (below != files_.end() && below->first.starts_with(path + "/"))
    return port::FileInfo{port::FileInfo::Type::directory, 0, {}};
  return Error(Code::not_found, "no such file in the bundle").at(path);
}

Result<std::vector<std::string>> Bundle::list(const std::string& path) const {
  if (!inside(path)) return real_.list(path);
  std::vector<std::string> names;
  const std::string prefix = path + "/";
  for (auto at = files_.lower_bound(prefix); at != files_.end() && at->first.starts_with(prefix); ++at) {
    std::string name = at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size());
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  if (names.empty()) return Error(Code::not_found, "no such folder in the bundle").at(path);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<> Bundle::make_directories(const std::string& path) {
  return inside(path) ? Result<>(read_only(path)) : real_.make_directories(path);
}

Result<> Bundle::remove(const std::string& path) {
  return inside(path) ? Result<>(read_only(path)) : real_.remove(path);
}

}  // namespace nautilus::bundle
