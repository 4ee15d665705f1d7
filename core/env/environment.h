// One environment file -> typed settings.
//
// Purpose: manifests/environments/<name>/environment.yaml says which chart with which values makes the environment,
// which cluster it belongs to, which Secrets are generated in the cluster, and how long things may take. Reading it is
// strict: an unknown field or a value of the wrong type is an error that names file, field and both types.
// Threading: plain values. Source of the shape: docs/architecture/environment.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/calendar/load.h"
#include "core/env/operators.h"
#include "core/env/promises.h"
#include "core/port/clock.h"
#include "core/port/filesystem.h"
#include "core/value/json.h"

namespace nautilus::env {

// A Secret that deploy creates once with random content, and never reads, prints, overwrites or records.
struct GeneratedSecret {
  std::string name, namespace_;
  std::map<std::string, int> keys;  // key -> number of random characters [A-Za-z0-9]
};

// A Secret that somebody else provides (a certificate, Vault); deploy warns when it is missing.
struct ExternalSecret {
  std::string name, namespace_, why;
};

struct Environment {
  std::string name;
  std::string file;                       // the environment file, as found
  std::string chart;                      // directory, relative paths resolved against the environment file
  std::vector<std::string> values;        // files, in order, resolved the same way
  std::string release, namespace_;        // what Helm calls .Release.Name and .Release.Namespace
  std::string context;                    // kubeconfig context to use; empty = the current one
  std::string kube_system_uid;            // UID of kube-system of the cluster this environment belongs to; empty = any
  std::string kube_version;               // what offline rendering assumes, "v1.37.2"
  std::vector<std::string> api_versions;  // what offline rendering assumes beyond the built-in ones
  std::vector<GeneratedSecret> generated_secrets;
  std::vector<ExternalSecret> external_secrets;
  std::vector<Operator> operators;  // third-party, in the order they are installed
  calendar::Settings calendar;      // venues, whose calendars are trusted, when changes are allowed
  Promises promises;                // what `verify` holds the manifests to
  Capacity capacity;                // what it may take for granted
  bool require_digests = false;     // deploy refuses an operator's chart that no digest pins
  port::Duration wave_timeout = std::chrono::minutes(10);
  port::Duration total_timeout = std::chrono::minutes(45);
  int history_limit = 10;
};

inline constexpr int kMaxSecretLength = 256;
inline constexpr int kMaxHistory = 100;

// Reads <project>/manifests/environments/<name>/environment.yaml. An unknown name lists the known ones.
Result<Environment> load(const port::Filesystem& files, const std::string& project, const std::string& name);

// The names of the environments of a project, sorted.
Result<std::vector<std::string>> names(const port::Filesystem& files, const std::string& project);

// The project directory: `start` or the nearest parent that has manifests/environments and templates.
Result<std::string> find_project(const port::Filesystem& files, const std::string& start);

}  // namespace nautilus::env
