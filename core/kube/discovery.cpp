#include "core/kube/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "core/kube/paths.h"

namespace nautilus::kube {
namespace {

constexpr std::size_t kMaxResources = 100'000;
constexpr const char* kAggregatedAccept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

using value::string_at;

std::vector<std::string> strings(const Json* array) {
  std::vector<std::string> out;
  if (array == nullptr || !array->is_array()) return out;
  for (const Json& item : *array) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

const Json& items_of(const Json& body, std::string_view key) {
  static const Json kNone = Json::array();
  const Json* found = value::find(body, key);
  return found != nullptr && found->is_array() ? *found : kNone;
}

std::string key_of(std::string_view group, std::string_view version, std::string_view kind) {
  return fmt::format("{}/{}/{}", group, version, kind);
}

}  // namespace

struct Discovery::Tables {
  std::vector<Resource> resources;
  std::unordered_map<std::string, std::size_t> by_kind;             // group/version/kind
  std::vector<std::pair<std::string, std::string>> group_versions;  // group, version; the preferred first in a group
  std::vector<std::string> problems;

  void add(Resource resource) {
    if (resources.size() < kMaxResources) resources.push_back(std::move(resource));
  }
  void add_aggregated(const Json& list);
  void add_legacy(const std::string& group, const std::string& version, const Json& list);
  void finish();
  bool same_as(const Tables& other) const;
  const Resource* at(std::string_view group, std::string_view version, std::string_view kind) const {
    const auto found = by_kind.find(key_of(group, version, kind));
    return found == by_kind.end() ? nullptr : &resources[found->second];
  }
};

void Discovery::Tables::add_aggregated(const Json& list) {
  for (const Json& group : items_of(list, "items")) {
    const std::string group_name = string_at(group, "metadata", "name");
    for (const Json& version : items_of(group, "versions")) {
      const std::string version_name = string_at(version, "version");
      group_versions.emplace_back(group_name, version_name);
      if (string_at(version, "freshness") == "Stale")
        problems.push_back(fmt::format("{}/{}: its API server does not answer", group_name, version_name));
      for (const Json& entry : items_of(version, "resources")) {
        Resource resource;
        resource.group = group_name;
        resource.version = version_name;
        resource.plural = string_at(entry, "resource");
        resource.kind = string_at(entry, "responseKind", "kind");
        resource.singular = string_at(entry, "singularResource");
        resource.namespaced = string_at(entry, "scope") == "Namespaced";
        resource.verbs = strings(value::find(entry, "verbs"));
        resource.short_names = strings(value::find(entry, "shortNames"));
        resource.categories = strings(value::find(entry, "categories"));
        for (const Json& sub : items_of(entry, "subresources")) {
          resource.subresources.push_back(string_at(sub, "subresource"));
        }
        if (!resource.plural.empty() && !resource.kind.empty()) add(std::move(resource));
      }
    }
  }
}

void Discovery::Tables::add_legacy(const std::string& group, const std::string& version, const Json& list) {
  std::unordered_map<std::string, std::size_t> by_plural;
  for (const Json& entry : items_of(list, "resources")) {
    const std::string name = string_at(entry, "name");
    if (name.empty() || name.find('/') != std::string::npos) continue;
    Resource resource;
    resource.group = group;
    resource.version = version;
    resource.plural = name;
    resource.kind = string_at(entry, "kind");
    resource.singular = string_at(entry, "singularName");
    resource.namespaced = value::bool_at(entry, false, "namespaced");
    resource.verbs = strings(value::find(entry, "verbs"));
    resource.short_names = strings(value::find(entry, "shortNames"));
    resource.categories = strings(value::find(entry, "categories"));
    by_plural.emplace(name, resources.size());
    add(std::move(resource));
  }
  for (const Json& entry : items_of(list, "resources")) {
    const std::string name = string_at(entry, "name");
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    const auto found = by_plural.find(name.substr(0, slash));
    if (found != by_plural.end() && found->second < resources.size())
      resources[found->second].subresources.push_back(name.substr(slash + 1));
  }
}

void Discovery::Tables::finish() {
  std::stable_sort(resources.begin(), resources.end(), [](const Resource& a, const Resource& b) {
    return std::tie(a.group, a.version, a.plural) < std::tie(b.group, b.version, b.plural);
  });
  for (std::size_t i = 0; i < resources.size(); ++i) {
    by_kind.emplace(key_of(resources[i].group, resources[i].version, resources[i].kind), i);
  }
  std::sort(problems.begin(), problems.end());
}

bool Discovery::Tables::same_as(const Tables& other) const {
  const auto same = [](const Resource& a, const Resource& b) {
    return std::tie(a.group, a.version, a.plural, a.kind, a.namespaced, a.verbs, a.subresources) ==
           std::tie(b.group, b.version, b.plural, b.kind, b.namespaced, b.verbs, b.subresources);
  };
  return group_versions == other.group_versions && problems == other.problems &&
         std::equal(resources.begin(), resources.end(), other.resources.begin(), other.resources.end(), same);
}

bool Resource::can(std::string_view verb) const { return std::find(verbs.begin(), verbs.end(), verb) != verbs.end(); }

bool Resource::has_subresource(std::string_view name) const {
  return std::find(subresources.begin(), subresources.end(), name) != subresources.end();
}

Discovery::Discovery(Client& client) : client_(client) {}
Discovery::~Discovery() = default;

const Discovery::Tables& Discovery::tables() const {
  static const Tables kEmpty;
  return generations_.empty() ? kEmpty : *generations_.back();
}

Result<> Discovery::load() {
  if (!generations_.empty()) return {};
  return refresh();
}

Result<> Discovery::refresh() {
  auto fresh = std::make_unique<Tables>();
  Response core, groups;
  int answered = 0;
  const auto ask = [&](const char* path, Response& into) {
    Request request;
    request.target = path;
    request.accept = kAggregatedAccept;
    return client_.send(std::move(request), [&into, &answered](Response response) {
      into = std::move(response);
      ++answered;
    });
  };
  const CallId ids[] = {ask("/api", core), ask("/apis", groups)};
  Result<> ran = client_.run_until([&] { return answered == 2; }, port::Monotonic::max());
  if (!ran.ok()) {
    for (const CallId id : ids) client_.cancel(id);
    return std::move(ran).within("asking the server what it serves");
  }
  for (Response* response : {&core, &groups}) {
    if (!response->ok()) return std::move(response->error).within("asking the server what it serves");
  }
  std::vector<std::pair<std::string, std::string>> legacy;
  for (const Response* response : {&core, &groups}) {
    const std::string kind = string_at(response->body, "kind");
    if (kind == "APIGroupDiscoveryList") {
      fresh->add_aggregated(response->body);
    } else if (response == &core) {
      for (const std::string& version : strings(value::find(core.body, "versions"))) legacy.emplace_back("", version);
    } else {
      for (const Json& group : items_of(groups.body, "groups")) {
        const std::string name = string_at(group, "name");
        const std::string preferred = string_at(group, "preferredVersion", "version");
        if (!preferred.empty()) legacy.emplace_back(name, preferred);
        for (const Json& version : items_of(group, "versions")) {
          if (string_at(version, "version") != preferred) legacy.emplace_back(name, string_at(version, "version"));
        }
      }
    }
  }
  TRY(load_legacy(*fresh, legacy));
  fresh->finish();
  last_refresh_ = client_.clock().monotonic();
  // Resources handed out earlier stay good, so an older generation is only dropped when nothing has changed.
  if (generations_.empty() || !generations_.back()->same_as(*fresh)) generations_.push_back(std::move(fresh));
  return {};
}

Result<> Discovery::load_legacy(Tables& tables, const std::vector<std::pair<std::string, std::string>>& wanted) {
  std::vector<Response> answers(wanted.size());
  std::vector<CallId> ids;
  std::size_t answered = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [group, version] = wanted[i];
    Request request;
    request.target = group.empty() ? "/api/" + percent_encode(version)
                                   : "/apis/" + percent_encode(group) + "/" + percent_encode(version);
    ids.push_back(client_.send(std::move(request), [&answers, &answered, i](Response response) {
      answers[i] = std::move(response);
      ++answered;
    }));
  }
  Result<> ran = client_.run_until([&] { return answered == wanted.size(); }, port::Monotonic::max());
  if (!ran.ok()) {
    for (const CallId id : ids) client_.cancel(id);
    return ran;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [group, version] = wanted[i];
    tables.group_versions.push_back(wanted[i]);
    if (answers[i].ok()) {
      tables.add_legacy(group, version, answers[i].body);
    } else {
      tables.problems.push_back(
          fmt::format("{}{}{}: {}", group, group.empty() ? "" : "/", version, answers[i].error.message));
    }
  }
  return {};
}

const Resource* Discovery::known(const std::string& group, const std::string& version, const std::string& kind) const {
  return tables().at(group, version, kind);
}

// True if it was worth asking again.
Result<bool> Discovery::refresh_on_miss() {
  if (!generations_.empty() && client_.clock().monotonic() - last_refresh_ < kRefreshInterval) return false;
  TRY(refresh());
  return true;
}

Result<const Resource*> Discovery::find(const std::string& group, const std::string& version, const std::string& kind) {
  TRY(load());
  if (const Resource* found = known(group, version, kind)) return found;
  ASSIGN_OR_RETURN(const bool again, refresh_on_miss());
  if (again) {
    if (const Resource* found = known(group, version, kind)) return found;
  }
  const std::string wanted = group.empty() ? version : group + "/" + version;
  std::string others;
  for (const Resource& resource : tables().resources) {
    if (resource.group == group && resource.kind == kind)
      others += (others.empty() ? "" : ", ") + resource.api_version();
  }
  Error error(Code::not_found,
              fmt::format("the server does not know the kind {} of {}", printable(kind, 200), printable(wanted, 200)));
  if (!others.empty()) {
    error.hint = fmt::format("It serves that kind as {}.", others);
  } else if (std::string problem = problem_of(group); !problem.empty()) {
    error.code = Code::unreachable;
    error.hint = "The server that serves this group does not answer: " + problem;
  } else {
    error.hint = "Install the CustomResourceDefinition that defines it first.";
  }
  return error;
}

std::string Discovery::problem_of(const std::string& group) const {
  for (const std::string& problem : tables().problems) {
    if (!group.empty() && problem.rfind(group + "/", 0) == 0) return problem;
  }
  return {};
}

Result<const Resource*> Discovery::find_preferred(const std::string& group, const std::string& kind) {
  TRY(load());
  for (int round = 0; round < 2; ++round) {
    for (const auto& [name, version] : tables().group_versions) {
      if (name != group) continue;
      if (const Resource* found = known(group, version, kind)) return found;
    }
    if (round == 0) {
      ASSIGN_OR_RETURN(const bool again, refresh_on_miss());
      if (!again) break;
    }
  }
  return Error(Code::not_found, fmt::format("the server does not know the kind {}{}{}", printable(kind, 200),
                                            group.empty() ? "" : ".", printable(group, 200)));
}

Result<const Resource*> Discovery::of(const Json& object) {
  const std::string api_version = string_at(object, "apiVersion");
  const std::size_t slash = api_version.find('/');
  if (slash == std::string::npos) return find("", api_version, string_at(object, "kind"));
  return find(api_version.substr(0, slash), api_version.substr(slash + 1), string_at(object, "kind"));
}

bool Discovery::serves(const std::string& api_version) const {
  const auto& versions = tables().group_versions;
  return std::any_of(versions.begin(), versions.end(), [&](const auto& entry) {
    return api_version == (entry.first.empty() ? entry.second : entry.first + "/" + entry.second);
  });
}

std::vector<std::string> Discovery::api_versions() const {
  std::set<std::string> out;
  for (const auto& [group, version] : tables().group_versions)
    out.insert(group.empty() ? version : group + "/" + version);
  for (const Resource& resource : tables().resources) out.insert(resource.api_version() + "/" + resource.kind);
  return {out.begin(), out.end()};
}

const std::vector<Resource>& Discovery::resources() const { return tables().resources; }
const std::vector<std::string>& Discovery::problems() const { return tables().problems; }

std::vector<const Resource*> Discovery::preferred_resources() const {
  // The place of a version in its group; a resource is taken from the first version that has it.
  std::unordered_map<std::string, std::size_t> rank;
  for (std::size_t i = 0; i < tables().group_versions.size(); ++i) {
    const auto& [group, version] = tables().group_versions[i];
    rank.emplace(group + "/" + version, i);
  }
  std::map<std::pair<std::string, std::string>, std::pair<std::size_t, const Resource*>> best;
  for (const Resource& resource : tables().resources) {
    const auto place = rank.find(resource.group + "/" + resource.version);
    const std::size_t at = place == rank.end() ? rank.size() : place->second;
    const auto [entry, added] = best.try_emplace({resource.group, resource.plural}, at, &resource);
    if (!added && at < entry->second.first) entry->second = {at, &resource};
  }
  std::vector<const Resource*> out;
  for (const auto& [name, entry] : best) out.push_back(entry.second);
  return out;
}

Result<ServerVersion> Discovery::server_version() {
  Request request;
  request.target = "/version";
  Response response = client_.call(std::move(request));
  if (!response.ok()) return std::move(response.error).within("asking the server for its version");
  // "36+" on some providers: digits only.
  const auto number = [](const std::string& text) {
    int out = 0;
    for (const char c : text) {
      if (c < '0' || c > '9' || out > 100000) break;
      out = out * 10 + (c - '0');
    }
    return out;
  };
  return ServerVersion{number(string_at(response.body, "major")), number(string_at(response.body, "minor")),
                       printable(string_at(response.body, "gitVersion"), 100)};
}

}  // namespace nautilus::kube
