// The chain of records, kept in the cluster.
//
// Format: ConfigMaps `nautilusctl-audit-<chunk>` (six digits) in upgrade-system; record i is the key `<i>` (eight
// digits) of chunk i / kPerChunk, so that two writers always compete for the same object and one of them loses:
// every write carries the resourceVersion it was decided on. A lost race is tried again, kAppendAttempts times.
// Nothing here ever changes or removes a record. Threading: the client's thread.
#pragma once

#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/audit/entry.h"

namespace nautilus::audit {

inline constexpr std::string_view kNamespace = "upgrade-system";
inline constexpr std::string_view kLabel = "nautilusctl.io/audit";
inline constexpr std::int64_t kPerChunk = 64;  // times kMaxEntryBytes: half of what an object may hold
inline constexpr int kAppendAttempts = 16;

class Log {
 public:
  explicit Log(apply::Cluster& cluster) : cluster_(cluster) {}

  // Records an event behind the last one. If an event with its id is in the newest two chunks already, nothing is
  // written and that record is returned: a run that died between recording and acting records once.
  Result<Entry> append(const Event& event);
  // Every line, in order of chunk and key. A namespace that does not exist has no records.
  Result<std::vector<std::string>> lines();

 private:
  struct Chunk {
    std::int64_t number = -1;
    std::string resource_version;
    std::vector<std::string> lines;
  };
  Result<std::vector<Chunk>> chunks();
  Result<bool> write(const std::vector<Chunk>& chunks, const Entry& entry);

  apply::Cluster& cluster_;
};

}  // namespace nautilus::audit
