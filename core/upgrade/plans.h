// UpgradePlans in the cluster: read, make, ask something of one, write its status.
//
// Every change carries the resourceVersion it was decided on or touches one field only. Threading: the client's thread.
#pragma once

#include "core/apply/cluster.h"
#include "core/upgrade/plan.h"

namespace nautilus::upgrade {

class Plans {
 public:
  explicit Plans(apply::Cluster& cluster) : cluster_(cluster) {}

  Result<Plan> get(const std::string& name);
  // Oldest first. Code::not_found if the kind is not served: see install_definition().
  Result<std::vector<Plan>> list();
  // Makes it; the very same one again is no error, another content under the name is Code::conflict.
  Result<Plan> create(const Json& plan);
  Result<> set_paused(const std::string& name, bool paused);
  Result<> set_abort(const std::string& name, const std::string& reason);
  // Adds an approval. Code::refused if the plan has begun.
  Result<> add_approval(const Plan& plan, const audit::Approval& approval);
  // Code::conflict if the plan is another one than the one read. Fills in the new resourceVersion.
  Result<> write_status(Plan& plan, const Status& status);
  // Applies the CustomResourceDefinition and waits until its kind is served.
  Result<> install_definition(const Json& definition);

 private:
  Result<Json> patch(const std::string& name, const Json& patch, const std::string& subresource);
  apply::Cluster& cluster_;
};

}  // namespace nautilus::upgrade
