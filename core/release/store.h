// Reads and writes the history of a release in its namespace.
#pragma once

#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/release/record.h"

namespace nautilus::release {

class Store {
 public:
  Store(apply::Cluster& cluster, std::string release, std::string space)
      : cluster_(cluster), release_(std::move(release)), namespace_(std::move(space)) {}

  // Oldest first. Heads only unless objects are asked for. A namespace that does not exist has no history.
  Result<std::vector<Revision>> list(bool with_objects);
  // Writes a new revision; Code::conflict if its number is taken.
  Result<> create(const Revision& revision);
  // Changes what the head of an existing revision says.
  Result<> update_head(const Revision& revision);
  // Deletes revisions beyond the newest `limit`, never the newest deployed one.
  Result<> trim(const std::vector<Revision>& revisions, int limit);
  // Deletes everything.
  Result<> erase_all();

 private:
  Result<std::vector<Json>> config_maps();
  bool recorded(const Revision& revision);
  Result<> remove(const std::vector<Json>& config_maps);

  apply::Cluster& cluster_;
  std::string release_, namespace_;
};

// What earlier revisions made and may still be there: the newest deployed revision and everything tried after it.
std::vector<RecordedObject> inventory(const std::vector<Revision>& revisions);
// The newest revision that was deployed completely; null if there is none.
const Revision* newest_deployed(const std::vector<Revision>& revisions);

}  // namespace nautilus::release
