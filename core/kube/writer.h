// Writing objects. Requests are built here; the caller sends them (many at once) or calls them.
//
// Only core/apply, core/release and actions/ may use this (design, invariant 3).
// Source followed: Kubernetes API concepts (server-side apply, dry run, field validation, propagation, eviction).
#pragma once

#include <string>

#include "core/kube/client.h"
#include "core/kube/discovery.h"

namespace nautilus::kube {

enum class FieldValidation { strict, warn, ignore };
enum class Propagation { background, foreground, orphan };

struct WriteOptions {
  std::string field_manager;  // required for apply
  bool dry_run = false;       // dryRun=All
  bool force = false;         // apply: take fields from other managers
  FieldValidation validation = FieldValidation::strict;
};

// PATCH application/apply-patch+yaml; the name and namespace are the object's. Repeatable.
Request apply_request(const Resource& resource, const Json& object, const WriteOptions& options,
                      const std::string& subresource = {});
// POST. Never repeated once sent: see Response::outcome_unknown.
Request create_request(const Resource& resource, const Json& object, const WriteOptions& options);
// PUT; if the object has metadata.resourceVersion the server refuses (409 Conflict) when it has moved on.
Request replace_request(const Resource& resource, const Json& object, const WriteOptions& options,
                        const std::string& subresource = {});
// PATCH application/merge-patch+json (RFC 7386). Put metadata.resourceVersion into the patch for a precondition.
Request merge_patch_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                            const Json& patch, const WriteOptions& options, const std::string& subresource = {});

// PATCH application/json-patch+json (RFC 6902). Never repeated once sent: put a replace of metadata.resourceVersion
// into it for a precondition.
Request json_patch_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                           const Json& operations, const WriteOptions& options);

struct DeleteOptions {
  Propagation propagation = Propagation::background;
  std::string uid, resource_version;  // preconditions; empty = none
  bool dry_run = false;
  int grace_period_seconds = -1;  // < 0: the object's own
};
// Repeatable: an attempt that follows a lost one may find the object gone (404), which callers take for success.
Request delete_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                       const DeleteOptions& options = {});

// POST pods/NAME/eviction (policy/v1). 429 with cause DisruptionBudget means: not now; it is not retried here.
Request evict_request(const std::string& namespace_, const std::string& pod, const DeleteOptions& options = {});

}  // namespace nautilus::kube
