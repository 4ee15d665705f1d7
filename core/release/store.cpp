#include "core/release/store.h"

#include <set>

#include "core/apply/batch.h"
#include "core/kube/reader.h"

namespace nautilus::release {

namespace {

value::ObjectId config_map_id(const Json& object) {
  return {"", "ConfigMap", value::string_at(object, "metadata", "namespace"),
          value::string_at(object, "metadata", "name")};
}

bool was_deployed(const Revision& revision) { return revision.status == kDeployed || revision.status == kSuperseded; }

}  // namespace

Result<std::vector<Json>> Store::config_maps() {
  ASSIGN_OR_RETURN(const auto* resource, cluster_.resource(value::GroupVersion{"", "v1"}, "ConfigMap"));
  kube::ListOptions options;
  options.namespace_ = namespace_;
  options.label_selector = fmt::format("{}={}", kReleaseLabel, release_);
  ASSIGN_OR_RETURN(auto list, kube::Reader(cluster_.client()).list(*resource, options));
  return std::move(list.items);
}

Result<std::vector<Revision>> Store::list(bool with_objects) {
  auto maps = config_maps();
  if (!maps.ok()) return std::move(maps).error().within("reading the history of release " + release_);
  return decode(*maps, with_objects);
}

Result<> Store::create(const Revision& revision) {
  ASSIGN_OR_RETURN(const auto maps, encode(revision, release_, namespace_));
  // The first part goes last: a record is there when its head is.
  for (auto map = maps.rbegin(); map != maps.rend(); ++map) {
    ASSIGN_OR_RETURN(auto request, cluster_.create(config_map_id(*map), "v1", *map));
    auto response = cluster_.client().call(std::move(request));
    if (response.ok()) continue;
    if (response.outcome_unknown && map + 1 == maps.rend() && recorded(revision)) continue;
    if (response.status == 409)
      return Error(Code::conflict, fmt::format("revision {} exists already", revision.number),
                   "another run recorded it meanwhile; run again");
    return std::move(response.error).within(fmt::format("recording revision {}", revision.number));
  }
  return {};
}

// A create whose answer was lost: is the record there, and is it ours?
bool Store::recorded(const Revision& revision) {
  auto revisions = list(false);
  return revisions.ok() && !revisions->empty() && revisions->back().number == revision.number &&
         revisions->back().plan_digest == revision.plan_digest && revisions->back().started == revision.started;
}

Result<> Store::update_head(const Revision& revision) {
  const value::ObjectId id{"", "ConfigMap", namespace_, record_name(release_, revision.number, 0)};
  ASSIGN_OR_RETURN(auto get, cluster_.get(id, "v1"));
  auto read = cluster_.client().call(std::move(get));
  if (!read.ok()) return std::move(read.error).within(fmt::format("recording the end of revision {}", revision.number));
  Json map = std::move(read.body);
  Json head = head_data(revision);
  if (auto old = value::parse_json(value::string_at(map, "data", "revision"), "data.revision"); old.ok())
    head["parts"] = value::int_at(*old, 1, "parts");
  map["data"]["revision"] = head.dump();
  ASSIGN_OR_RETURN(auto put, cluster_.replace(id, "v1", map));
  auto response = cluster_.client().call(std::move(put));
  if (!response.ok())
    return std::move(response.error).within(fmt::format("recording the end of revision {}", revision.number));
  return {};
}

Result<> Store::remove(const std::vector<Json>& maps) {
  apply::Batch batch(cluster_.client());
  std::optional<Error> failed;
  for (const auto& map : maps) {
    ASSIGN_OR_RETURN(auto request, cluster_.remove(config_map_id(map), "v1", value::string_at(map, "metadata", "uid")));
    batch.add(std::move(request), [&failed](kube::Response response) {
      if (!response.ok() && response.status != 404) failed = std::move(response.error);
    });
  }
  TRY(batch.run());
  if (failed) return std::move(*failed).within("removing old revisions");
  return {};
}

Result<> Store::trim(const std::vector<Revision>& revisions, int limit) {
  if (static_cast<int>(revisions.size()) <= limit) return {};
  const Revision* deployed = newest_deployed(revisions);
  std::set<std::string> old;
  for (std::size_t i = 0; i + static_cast<std::size_t>(limit) < revisions.size(); ++i)
    if (&revisions[i] != deployed) old.insert(std::to_string(revisions[i].number));
  ASSIGN_OR_RETURN(const auto maps, config_maps());
  std::vector<Json> leaving;
  for (const auto& map : maps)
    if (old.contains(value::string_at(map, "metadata", "labels", std::string(kRevisionLabel)))) leaving.push_back(map);
  return remove(leaving);
}

Result<> Store::erase_all() {
  ASSIGN_OR_RETURN(const auto maps, config_maps());
  return remove(maps);
}

const Revision* newest_deployed(const std::vector<Revision>& revisions) {
  for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision)
    if (was_deployed(*revision)) return &*revision;
  return nullptr;
}

std::vector<RecordedObject> inventory(const std::vector<Revision>& revisions) {
  std::vector<RecordedObject> objects;
  std::set<value::ObjectId> seen;
  for (auto revision = revisions.rbegin(); revision != revisions.rend(); ++revision) {
    for (const auto& object : revision->objects)
      if (seen.insert(object.id).second) objects.push_back(object);
    if (was_deployed(*revision)) break;
  }
  return objects;
}

}  // namespace nautilus::release
