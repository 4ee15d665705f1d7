#include "core/apply/observe.h"

#include <set>

#include "core/apply/batch.h"
#include "core/kube/reader.h"

namespace nautilus::apply {

namespace {

struct Group {
  const kube::Resource* resource = nullptr;
  std::string namespace_, api_version;
  std::set<value::ObjectId> ids;
};

// Objects by resource and namespace; kinds the server does not serve are left out.
Result<std::vector<Group>> grouped(Cluster& cluster, const std::vector<Wanted>& wanted) {
  std::map<std::tuple<std::string, std::string, std::string>, Group> groups;
  for (const auto& one : wanted) {
    auto& group = groups[{one.api_version, one.id.kind, one.id.namespace_}];
    group.namespace_ = one.id.namespace_;
    group.api_version = one.api_version;
    group.ids.insert(one.id);
  }
  std::vector<Group> list;
  for (auto& [key, group] : groups) {
    auto resource = cluster.resource(*group.ids.begin(), group.api_version);
    if (!resource.ok() && resource.error().code == Code::not_found) continue;
    if (!resource.ok()) return std::move(resource).error();
    group.resource = *resource;
    list.push_back(std::move(group));
  }
  return list;
}

class Reading {
 public:
  Reading(Cluster& cluster, bool metadata_only) : cluster_(cluster), metadata_only_(metadata_only) {}

  Result<Live> run(const std::vector<Wanted>& wanted) {
    ASSIGN_OR_RETURN(groups_, grouped(cluster_, wanted));
    kube::Reader reader(cluster_.client());
    for (const auto& group : groups_) {
      if (group.ids.size() < kListThreshold) {
        TRY(read_each(group));
      } else {
        read_list(reader, group);
      }
    }
    const auto deadline = cluster_.client().clock().monotonic() + kBatchDeadline;
    TRY(cluster_.client().run_until([this] { return open_ == 0 || failed_; }, deadline));
    if (failed_) return std::move(*failed_);
    return std::move(live_);
  }
  ~Reading() { *alive_ = false; }

 private:
  Result<> read_each(const Group& group) {
    for (const auto& id : group.ids) {
      ASSIGN_OR_RETURN(auto request, cluster_.get(id, group.api_version, metadata_only_));
      ++open_;
      cluster_.client().send(std::move(request), [this, alive = alive_, id](kube::Response response) {
        if (!*alive) return;
        --open_;
        if (response.ok())
          live_.put(id, std::move(response.body));
        else if (response.status != 404)
          fail(std::move(response.error), id.text());
      });
    }
    return {};
  }

  void read_list(kube::Reader& reader, const Group& group) {
    kube::ListOptions options;
    options.namespace_ = group.namespace_;
    options.metadata_only = metadata_only_;
    ++open_;
    reader.list_async(*group.resource, options, [this, alive = alive_, &group](Result<kube::List> list) {
      if (!*alive) return;
      --open_;
      if (!list.ok()) return fail(std::move(list).error(), group.resource->text());
      for (auto& object : list->items) {
        // A list may be served in another version of the group than the kind was asked in; the id has no version.
        const value::ObjectId id{group.resource->group, group.resource->kind,
                                 value::string_at(object, "metadata", "namespace"),
                                 value::string_at(object, "metadata", "name")};
        if (group.ids.contains(id)) live_.put(id, std::move(object));
      }
    });
  }

  void fail(Error error, const std::string& what) {
    if (!failed_) failed_ = std::move(error).within("reading " + what);
  }

  Cluster& cluster_;
  bool metadata_only_;
  std::vector<Group> groups_;
  Live live_;
  std::size_t open_ = 0;
  std::optional<Error> failed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<Live> observe(Cluster& cluster, const std::vector<Wanted>& wanted) {
  return Reading(cluster, false).run(wanted);
}

Result<Live> observe_metadata(Cluster& cluster, const std::vector<Wanted>& wanted) {
  return Reading(cluster, true).run(wanted);
}

}  // namespace nautilus::apply
