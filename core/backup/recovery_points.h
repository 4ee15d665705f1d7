// How much would be lost now, store by store: the RPO as it is promised (the environment), as it follows from the
// manifests (verify), and as it is measured.
//
// Measured is the age of the last good recovery point: of backups from Velero's objects, of the WAL archive and the
// engine's follower from their own metrics, asked of the pods through the API server. What cannot be asked is said to
// be unmeasured, with the reason; it is never 0. Threading: the client's thread.
#pragma once

#include "core/backup/backup.h"
#include "core/verify/verify.h"

namespace nautilus::backup {

struct RecoveryPoint {
  std::string store;                             // "PostgreSQL WAL archive"
  std::string mode;                              // whose promise it is: "operatorError", "region"
  std::optional<std::int64_t> declared_seconds;  // nothing was promised
  std::string derived, derived_reason;           // verify's word and its sentence; empty if verify has none
  std::optional<port::Duration> measured;        // nothing: could not be measured, see `how`
  std::string how;                               // where the measure comes from, or why there is none
  bool kept() const { return declared_seconds && measured && *measured <= std::chrono::seconds(*declared_seconds); }
};

// The largest value of a metric in Prometheus' text form, over all its series; nothing if there is none.
std::optional<double> metric_in(std::string_view text, std::string_view name);

std::vector<RecoveryPoint> recovery_points(const Settings& settings, const Observed& observed,
                                           const std::vector<verify::Judged>& judged, port::WallTime now);

}  // namespace nautilus::backup
