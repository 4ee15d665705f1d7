// How upgrades of an environment are judged: spec.upgrades of environment.yaml.
//
// Threading: plain values. Source of the shape: docs/architecture/upgrade.md.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/port/filesystem.h"
#include "core/value/strict_reader.h"

namespace nautilus::env {

inline constexpr std::size_t kMaxApprovers = 64;

// Who may approve an emergency override. `ci`: a machine, listed so that a refusal can say what it is.
struct Approver {
  std::string identity;    // "ann@nautilus.example"
  std::string public_key;  // Ed25519: base64 of the 32 bytes, or PEM
  bool ci = false;
};

struct Upgrades {
  std::string prometheus;  // "http://prometheus.monitoring:9090/prometheus"; empty: no metrics are to be had
  std::vector<Approver> approvers;
};

Result<Upgrades> read_upgrades(value::StrictReader& spec);
// Of an environment that was loaded from that file.
Result<Upgrades> upgrades_of(const port::Filesystem& files, const std::string& file);

}  // namespace nautilus::env
