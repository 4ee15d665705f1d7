// A Kubernetes API server in this process, on any clock.
//
// Purpose: kubectl, helm and our own client work against it, and its controllers (core/sim/control) use it directly. It
// follows kube-apiserver 1.37 in what a client can see: routes, statuses, messages, defaults, managedFields. The
// contract suite (tests/contract) runs over both; where they differ the real one is right. Entry points: handle() for
// every request but watches, open_watch() for those, and the in-process verbs below, which take the same path
// (defaulting, validation, admission, field management, revision) without text in between. Time and chance: only the
// clock passed in, and a generator seeded by Options::seed. The same calls at the same times give the same bytes.
// Threading: one thread, not re-entrant from store callbacks.
// Failure: an Outcome or a Reply carries the API's Status; nothing throws.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/port/clock.h"
#include "core/port/http_transport.h"
#include "core/sim/api/store.h"
#include "core/value/json.h"

namespace nautilus::sim {

// One resource as discovery shows it, in one version. Built-in rows come from the schema table, others from CRDs.
struct ResourceInfo {
  std::string group, version, resource, singular, kind;
  bool namespaced = true;
  std::vector<std::string> verbs, short_names, categories;
  std::vector<std::string> subresources;  // "status", "scale", "eviction", ...
  std::string schema;                     // type name in the schema table; empty for custom resources
  bool custom = false;
  bool stored = true;  // false: a review that is answered and forgotten
  bool has(std::string_view verb) const;
  bool has_subresource(std::string_view name) const;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  GroupResource group_resource() const { return {group, resource}; }
};

// Who calls, for managedFields and messages.
struct Caller {
  std::string manager = "kube-controller-manager";  // field manager
  std::string user = "system:kube-controller-manager";
};

// What a verb came to: the object, or the API's Status.
struct Outcome {
  int code = 200;  // HTTP status
  Object object;   // the object (also when `code` is an error: null)
  Json status;     // the Status of an error, else null
  std::vector<std::string> warnings;
  bool unchanged = false;  // the write had nothing to do: no new revision
  bool ok() const { return code < 400; }
  std::string reason() const;  // "NotFound", "AlreadyExists", "Conflict", "Invalid", "TooManyRequests", ...
  std::string message() const;
  bool not_found() const { return reason() == "NotFound"; }
  bool already_exists() const { return reason() == "AlreadyExists"; }
  bool conflict() const { return reason() == "Conflict"; }
};

struct DeleteOptions {
  std::optional<std::int64_t> grace_period_seconds;  // pods: 0 = gone at once
  std::string propagation;                           // "", "Background", "Foreground", "Orphan"
  std::string uid, resource_version;                 // preconditions
  bool dry_run = false;
};

// A test's fault: the next requests that match it are answered with `status` (or dropped) instead of being carried out.
struct Fault {
  std::string verb;  // "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; "" = any
  std::string group, resource, ns, name;  // "" = any; resource may be "pods/status"
  int skip = 0;                           // let this many matching requests through first
  int times = 1;                          // then hit this many; -1 = for ever
  int status = 0;                         // answer with this code (429, 500, 503, ...); 0 = carry it out (latency only)
  std::string reason, message;
  int retry_after_seconds = 0;  // Retry-After header and details.retryAfterSeconds
  port::Duration latency{0};    // handed to the owner in Reply::latency
  bool drop = false;            // the connection breaks before an answer; with `after` = true the write has happened
  bool after = false;           // the fault strikes after the request was carried out (lost answer)
};

// Stands in for a validating admission webhook that denies.
struct DenyRule {
  std::string webhook;  // "policy.example.com": `admission webhook "policy.example.com" denied the request: <message>`
  std::string group, resource, ns, name_prefix;  // "" = any
  std::string message;
};

struct Reply {
  int status = 200;
  std::vector<port::Header> headers;  // Content-Type, Warning, Retry-After, Audit-Id, ...
  std::string body;
  port::Duration latency{0};  // from a Fault: deliver it this much later
  bool drop = false;          // from a Fault: break the connection instead of answering
};

// An open watch. Lines (one JSON event and '\n' each) go to the sink synchronously, during open_watch() for what is
// already there and during writes afterwards. The sink must only queue them.
class WatchStream {
 public:
  virtual ~WatchStream() = default;
  // Emits a bookmark with the current revision, if the client asked for bookmarks. The owner calls it about once a
  // minute of its clock, and just before it ends the stream at the timeout.
  virtual void bookmark() = 0;
  // The server has ended it (an ERROR event was the last line, or a Fault broke it).
  virtual bool closed() const = 0;
};

struct OpenedWatch {
  Reply head;                           // status and headers; a refusal has its body and no stream
  std::unique_ptr<WatchStream> stream;  // null if refused
  port::Duration timeout{0};            // from timeoutSeconds; 0 = the owner's default (30 to 60 minutes)
};

struct ServerOptions {
  std::uint64_t seed = 1;
  std::string git_version = "v1.37.2";
  std::string service_cidr = "10.96.0.0/12";
  std::size_t watch_history = Store::kDefaultHistory;
  bool require_service_account = true;  // pods need their ServiceAccount, as with the real admission plugin
  // Answers GET .../pods/x/log; empty text if unset.
  std::function<std::string(const Json& pod, std::string_view container)> pod_log;
};

class Server {
 public:
  // The clock must outlive the server. The four system namespaces, the `kubernetes` service, the priority classes and a
  // `default` ServiceAccount in each system namespace exist from the start.
  Server(const port::Clock& clock, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HTTP ------------------------------------------------------------------------------------------------------------
  static bool is_watch(const port::HttpRequest& request);
  Reply handle(const port::HttpRequest& request);
  using LineSink = std::function<void(std::string_view line)>;
  OpenedWatch open_watch(const port::HttpRequest& request, LineSink sink);

  // In-process verbs ------------------------------------------------------------------------------------------------
  // `create` and the updates take the namespace and name from the object's metadata. apiVersion and kind may be left
  // out; they are filled in from the resource. An update with metadata.resourceVersion is refused with Conflict if the
  // object has moved on. Reads return the stored object itself.
  Object get(GroupResource resource, std::string_view ns, std::string_view name) const;
  std::vector<Object> list(GroupResource resource, std::string_view ns = {}) const;
  Outcome create(GroupResource resource, Json object, const Caller& caller = {});
  Outcome update(GroupResource resource, Json object, const Caller& caller = {});
  Outcome update_status(GroupResource resource, Json object, const Caller& caller = {});
  // RFC 7386 merge patch of the object, of its status subresource, or another named subresource.
  Outcome patch(GroupResource resource, std::string_view ns, std::string_view name, const Json& merge_patch,
                const Caller& caller = {});
  Outcome patch_status(GroupResource resource, std::string_view ns, std::string_view name, const Json& merge_patch,
                       const Caller& caller = {});
  // Server-side apply, as a client would send it.
  Outcome apply(GroupResource resource, Json configuration, const Caller& caller, bool force = false);
  // Deletes, or marks for deletion where finalizers, grace or propagation ask for it.
  Outcome remove(GroupResource resource, std::string_view ns, std::string_view name, const DeleteOptions& options = {},
                 const Caller& caller = {});
  // policy/v1 Eviction: 429 with cause DisruptionBudget if a budget does not allow it.
  Outcome evict(std::string_view ns, std::string_view pod, const DeleteOptions& options = {},
                const Caller& caller = {});
  // pods/binding: sets spec.nodeName and the PodScheduled condition.
  Outcome bind(std::string_view ns, std::string_view pod, std::string_view node, const Caller& caller = {});
  // Takes "kubernetes" out of spec.finalizers; the namespace goes if nothing else holds it.
  Outcome finalize_namespace(std::string_view name, const Caller& caller = {});
  // Sets spec.replicas through the scale subresource.
  Outcome scale(GroupResource resource, std::string_view ns, std::string_view name, std::int64_t replicas,
                const Caller& caller = {});

  // Knowledge -------------------------------------------------------------------------------------------------------
  const Store& store() const;
  Store& store();  // subscribe() for controllers; do not write through it
  // Every resource now served (preferred versions only), built-in and custom. Invalidated by a change of CRDs.
  std::vector<const ResourceInfo*> resources() const;
  // Null if unknown. The kind form is for ownerReferences and scale targets.
  const ResourceInfo* find(GroupResource resource) const;
  const ResourceInfo* find_kind(std::string_view api_version, std::string_view kind) const;
  // metadata.* that controllers need again and again.
  port::WallTime now() const;
  std::string timestamp() const;        // RFC 3339, seconds: "2026-11-23T14:00:00Z"
  std::string timestamp_micro() const;  // with six decimals, for MicroTime fields
  // Five characters of the alphabet that generateName uses; advances the seeded generator.
  std::string random_suffix(std::size_t length = 5);

  // Faults ----------------------------------------------------------------------------------------------------------
  void add_fault(Fault fault);
  void clear_faults();
  void add_deny_rule(DenyRule rule);
  void clear_deny_rules();
  // Every HTTP request answered so far (for "no change means no write" tests).
  struct Counters {
    std::uint64_t reads = 0, writes = 0, watches = 0, revisions = 0;
  };
  Counters counters() const;

  class Impl;  // server_impl.h; for this module only

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace nautilus::sim
