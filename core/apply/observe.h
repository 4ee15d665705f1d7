// Reads what the cluster holds of a list of objects, in as few requests as that takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/apply/cluster.h"

namespace nautilus::apply {

struct Wanted {
  value::ObjectId id;
  std::string api_version;
  std::string uid = {};  // only for waiting until it is gone
};

class Live {
 public:
  const Json* find(const value::ObjectId& id) const {
    auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : &found->second;
  }
  void put(const value::ObjectId& id, Json object) { objects_[id] = std::move(object); }
  std::size_t size() const { return objects_.size(); }

 private:
  std::map<value::ObjectId, Json> objects_;
};

// From this many objects of one kind in one namespace on, one list replaces the single reads.
inline constexpr std::size_t kListThreshold = 4;

// Those of the objects that exist. A kind the server does not serve holds nothing.
Result<Live> observe(Cluster& cluster, const std::vector<Wanted>& wanted);
// The same, but only apiVersion, kind and metadata are asked for: the content of a Secret never leaves the server.
Result<Live> observe_metadata(Cluster& cluster, const std::vector<Wanted>& wanted);

}  // namespace nautilus::apply
