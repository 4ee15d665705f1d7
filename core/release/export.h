// Hands a platform back to Helm: the reverse of adopt. The ownership of fields moves to Helm's manager, the marks by
// which Helm knows its own are set, and a release record is written, after which helm list, get, upgrade, rollback and
// uninstall work. No value that anything runs on is changed, nothing is restarted, created or deleted.
//
// plan_export() reads; export_release() asks, locks, records a pending revision, sends one patch an object, writes
// Helm's record (from here on Helm knows the release) and records the end. Each patch is whole or not at all; killed
// anywhere, the same command finishes. Afterwards nautilusctl writes no more, until `adopt` takes it back or Helm has
// no record any more. Source followed: helm.sh/helm v4.3.1 pkg/release/v1, pkg/storage/driver. Threading: the client's
// thread.
#pragma once

#include "core/apply/handover.h"
#include "core/release/deploy.h"
#include "core/release/helm_record.h"

namespace nautilus::release {

inline constexpr std::string_view kExport = "export";  // Revision::operation
inline constexpr int kExportAttempts = 8;              // of one object that others write to

// What Helm keeps of a chart and its values: the fields `chart` and `config` of a record.
struct HelmSource {
  Json chart, config;
};
Result<HelmSource> helm_source(const port::Filesystem& files, const env::Environment& env,
                               const chart::ValuesInput& overrides);

struct ExportOptions {
  std::string release;  // Helm's name for it; "" = the environment's
  port::Duration lock_wait{};
  std::string take_over_lock;
  std::function<Result<bool>(const struct Export&)> confirm;
};

struct ExportedObject {
  value::ObjectId id;
  std::string api_version;
  Json desired;
  apply::Handover handover;  // as planned; worked out again if the object moves on
  std::string live_uid, live_digest;
};

struct Export {
  std::string release;          // Helm's name for it
  int version = 0;              // of the record
  bool write_record = false;    // false: Helm's newest record says the same already
  Json payload;                 // of the record
  std::vector<Json> supersede;  // earlier records of Helm that call themselves deployed
  std::vector<ExportedObject> objects;
  std::vector<value::ObjectId> left;  // generated Secrets and what is kept: they stay, and are nobody's
  std::vector<Error> problems;        // each stops the export
  std::vector<RecordedObject> recorded;
  std::string chart;
  int base_revision = 0;
  bool finished_before = false;
  int to_move() const;
  bool nothing_to_do() const { return finished_before && to_move() == 0 && !write_record && supersede.empty(); }
};

// `desired` is the environment rendered under the name that Helm will use.
Result<Export> plan_export(const Session& session, const apply::Desired& desired, const HelmSource& source,
                           const ExportOptions& options);

// The revision that was recorded; 0 if everything was handed over before.
Result<int> export_release(const Session& session, const apply::Desired& desired, const HelmSource& source,
                           const ExportOptions& options, Export& plan);

// Code::refused if the release was handed to Helm, which still has it, or if that was begun and not finished.
Result<> check_not_exported(const Session& session, const std::vector<Revision>& revisions);

}  // namespace nautilus::release
