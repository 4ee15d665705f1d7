// Fetches what Velero keeps in the object store beside a backup or restore: its log, results, list of objects.
//
// A DownloadRequest makes the velero server sign a URL, which is fetched here, without Velero's client. The URL is a
// credential: it is never printed, nor told in an error. The request is deleted afterwards (Velero would do it too,
// within ten minutes or so). Failure: unreachable (the store is not to be had from here), timeout, not_found, limit,
// invalid. Threading: the client's thread.
#pragma once

#include "core/backup/backup.h"
#include "core/port/ports.h"

namespace nautilus::backup {

inline constexpr port::Duration kSignedWithin = std::chrono::minutes(1), kFetchedWithin = std::chrono::minutes(5);
inline constexpr std::size_t kMaxDownload = 256u << 20;  // unpacked

struct Store {
  port::Ports ports;
  std::string ca_pem;  // --cacert: of the object store; "" = the system's
  bool insecure = false;
};

// `kind` is Velero's DownloadTargetKind: "BackupLog", "BackupResults", "BackupResourceList", "RestoreLog", ...
// Unpacked.
Result<std::string> download(const Settings& settings, const Store& store, const std::string& kind,
                             const std::string& name);
Result<Json> download_json(const Settings& settings, const Store& store, const std::string& kind,
                           const std::string& name);

struct SignedUrl {
  std::string server, target;  // "https://s3.example:443", "/bucket/key?X-Amz-..."
};
// Code::invalid if it is not http(s); the error does not say the URL.
Result<SignedUrl> split_url(const std::string& url);

}  // namespace nautilus::backup
