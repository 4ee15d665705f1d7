#include "core/env/upgrades.h"

#include <algorithm>

#include "core/value/yaml.h"

namespace nautilus::env {

Result<Upgrades> read_upgrades(value::StrictReader& spec) {
  Upgrades upgrades;
  value::StrictReader reader = spec.object("upgrades");
  upgrades.prometheus = reader.string("prometheus");
  if (!upgrades.prometheus.empty() && !upgrades.prometheus.starts_with("http://") &&
      !upgrades.prometheus.starts_with("https://"))
    reader.fail("prometheus", "must be a URL: http://HOST:PORT/PATH");
  for (value::StrictReader item : reader.list("approvers")) {
    Approver approver{item.required_string("identity"), item.required_string("publicKey"), false};
    approver.ci = item.choice("kind", {"person", "ci"}) == "ci";
    if (std::any_of(upgrades.approvers.begin(), upgrades.approvers.end(), [&](const Approver& other) {
          return other.identity == approver.identity || other.public_key == approver.public_key;
        }))
      item.fail("identity", "is there twice, or its key is: two approvals must be of two people");
    TRY(item.finish());
    upgrades.approvers.push_back(std::move(approver));
  }
  if (upgrades.approvers.size() > kMaxApprovers) reader.fail("approvers", "must be 64 at most");
  TRY(reader.finish());
  return upgrades;
}

Result<Upgrades> upgrades_of(const port::Filesystem& files, const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, files.read(file));
  ASSIGN_OR_RETURN(const Json document, value::parse_yaml(text, file));
  const Json* found = value::find(document, "spec");
  const Json nothing = Json::object();
  value::StrictReader spec(found ? *found : nothing, file + ": spec");
  return read_upgrades(spec);
}

}  // namespace nautilus::env
