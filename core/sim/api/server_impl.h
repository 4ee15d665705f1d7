// The inside of Server: what its source files share. Not for other modules.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/sim/api/custom.h"
#include "core/sim/api/decode.h"
#include "core/sim/api/field_set.h"
#include "core/sim/api/selector.h"
#include "core/sim/api/server.h"
#include "core/sim/api/status.h"
#include "core/sim/schema/schema.h"
#include "core/value/object_id.h"

namespace nautilus::sim {

// A served resource in one version.
struct Served {
  ResourceInfo info;
  Type type;                                 // of the object
  std::shared_ptr<const CustomKind> custom;  // null for built-in kinds
  GroupResource storage;                     // where the objects are kept (events.k8s.io events: core events)
  std::string storage_version;               // apiVersion they are kept in
  bool status = false;                       // has a status subresource: status is written there only
  bool generation = false;                   // metadata.generation counts changes of spec
  bool preferred = true;
  FieldSet ignored_main, ignored_status;  // fields those endpoints reset
};

enum class Validation { ignore, warn, strict };

struct WriteOptions {
  Caller caller;
  Validation validation = Validation::strict;
  bool dry_run = false;
  bool force = false;
  std::string subresource;
  std::vector<std::string>* warnings = nullptr;
  void warn(std::string text) const;
};

using Query = std::vector<std::pair<std::string, std::string>>;

// A request taken apart.
struct Request {
  std::string verb;
  const Served* kind = nullptr;
  std::string ns, name, subresource, path;
  Query query;
  std::string body, content_type, accept;
  WriteOptions write;
  std::string_view param(std::string_view name) const;
  bool flag(std::string_view name) const;
};

class Server::Impl {
 public:
  Impl(const port::Clock& clock, ServerOptions options);
  ~Impl();

  // catalog.cpp
  void load_builtin();
  void load_custom();  // again after each change of a CRD
  const Served* served(std::string_view group, std::string_view version, std::string_view resource) const;
  const Served* served(GroupResource resource) const;  // preferred version
  const Served* served_kind(std::string_view api_version, std::string_view kind) const;

  // requests.cpp
  Reply handle(const port::HttpRequest& http);
  Reply route(const port::HttpRequest& http);
  Reply serve(Request& request);
  OpenedWatch open_watch(const port::HttpRequest& http, LineSink sink);
  bool parse_target(std::string_view target, std::string_view method, Request& request) const;
  Reply fail(const Json& status) const;
  Parsed body_of(const Request& request, std::string_view kind) const;
  Reply json_reply(int status, const Json& body) const;
  Reply object_reply(const Request& request, int status, const Object& object,
                     const std::vector<std::string>& warnings);

  // write.cpp
  Outcome create(const Served& kind, std::string_view ns, Json object, const WriteOptions& write);
  Outcome update(const Served& kind, std::string_view ns, std::string_view name, Json object, const WriteOptions& write,
                 bool tracked = false);
  Outcome patch(const Served& kind, std::string_view ns, std::string_view name, std::string_view type,
                const Json& patch, const WriteOptions& write);
  Outcome apply(const Served& kind, std::string_view ns, std::string_view name, Json config, const WriteOptions& write);
  Outcome create_prepared(const Served& kind, std::string_view ns, Json object, const WriteOptions& write);
  Outcome update_prepared(const Served& kind, const Object& old, Json object, const WriteOptions& write);
  Json decode_incoming(const Served& kind, Json object, const WriteOptions& write,
                       const std::vector<std::string>& duplicates = {}) const;
  Outcome commit_update(const Served& kind, const Object& old, Json object, const WriteOptions& write);
  void track(const Served& kind, const Json& live, Json& object, const WriteOptions& write) const;
  void after_write(const Served& kind, const Object& object);

  // remove.cpp
  Outcome remove(const Served& kind, std::string_view ns, std::string_view name, const DeleteOptions& options,
                 const WriteOptions& write);
  Outcome remove_collection(const Request& request);
  Outcome drop(const Served& kind, const Object& object, const WriteOptions& write);
  void check_preconditions(const Served& kind, const Json& object, const DeleteOptions& options) const;

  // subresources.cpp
  Outcome evict(std::string_view ns, std::string_view pod, const DeleteOptions& options, const WriteOptions& write);
  Outcome bind(std::string_view ns, std::string_view pod, std::string_view node, const WriteOptions& write);
  Outcome finalize(std::string_view name, Json object, const WriteOptions& write);
  Json scale_of(const Served& kind, const Json& object, bool for_patch = false) const;
  Outcome set_scale(const Served& kind, std::string_view ns, std::string_view name, const Json& scale,
                    const WriteOptions& write);
  Outcome review(const Served& kind, std::string_view ns, Json body);
  Outcome create_token(std::string_view ns, std::string_view name, Json body);
  Reply subresource(Request& request);

  // read.cpp
  Object get(const Served& kind, std::string_view ns, std::string_view name) const;
  Object read(const Served& kind, std::string_view ns, std::string_view name) const;  // throws not found
  Object converted(const Served& kind, const Object& object) const;
  Reply list(Request& request);
  Reply transform_list(const Request& request, const std::vector<Object>& items, Json meta) const;

  // discovery.cpp, openapi.cpp
  std::optional<Reply> discovery(std::string_view path, const Request& request);
  Json openapi_root() const;
  std::optional<Json> openapi_v3(std::string_view group_version) const;

  // defaults.cpp
  void set_defaults(const Served& kind, Json& object) const;

  // admission*.cpp
  void admit(const Served& kind, std::string_view ns, Json& object, const Json* old, const WriteOptions& write);
  void admit_validating(const Served& kind, std::string_view ns, const Json& object, const Json* old,
                        const WriteOptions& write);
  void check_namespace(const Served& kind, std::string_view ns, std::string_view name) const;
  void admit_pod(Json& pod, std::string_view ns);
  void admit_limits(Json& pod, std::string_view ns) const;
  void check_limits(const Served& kind, const Json& object, std::string_view ns) const;
  void check_pod_security(const Served& kind, std::string_view ns, const Json& object, const WriteOptions& write) const;
  void check_quota(const Served& kind, std::string_view ns, const Json& object, const Json* old) const;
  // Keeps status.used of the namespace's quotas in step; null object = it is gone, null old = it is new.
  void charge_quota(const Served& kind, const Json* object, const Json* old);

  // services.cpp
  void allocate_service(Json& service, const Json* old);
  void release_service(const Json& service);

  // boot.cpp
  void boot();

  std::string timestamp() const;
  std::string new_uid();
  std::string suffix(std::size_t length);

  const port::Clock& clock;
  ServerOptions options;
  Store store;
  SchemaTable schema;
  std::deque<Served> builtin, custom;
  std::map<std::string, const Served*, std::less<>> by_path, by_resource, by_kind;
  std::vector<const Served*> preferred_order;
  std::uint64_t catalog_version = 0;
  std::uint64_t random_state;
  struct FaultState {
    Fault fault;
    int seen = 0, hit = 0;
  };
  std::vector<FaultState> faults;
  std::vector<DenyRule> deny_rules;
  Server::Counters counters;
  std::set<std::uint32_t> service_ips;
  std::set<int> node_ports;
  // The fault that strikes this request, counted; null if none.
  const Fault* strike(const Request& request);
  std::map<std::string, std::string> openapi_cache;
};

// Shared small things ----------------------------------------------------------------------------------------------
// Types with metadata.generation although they have no status subresource, and the reverse, are listed in catalog.cpp.
std::string url_decode(std::string_view text, bool plus_is_space);
Query parse_query(std::string_view text);
std::string lower(std::string_view text);

// patch.cpp; throw Refused when a patch does not fit.
void merge_patch(Json& target, const Json& patch, int depth = 0);
void json_patch(Json& target, const Json& patch);
void strategic_patch(Json& target, const Json& patch, const Type& type);

// validate*.cpp
struct ValidationContext {
  const Served& kind;
  const Json* old = nullptr;  // null on create
  std::string_view subresource;
};
void validate_object(const ValidationContext& context, const Json& object, FieldErrors& errors);
void validate_pod_spec(const Json& spec, const std::string& path, bool template_of_controller, FieldErrors& errors);
void validate_labels(const Json* labels, const std::string& path, FieldErrors& errors);
void validate_label_selector(const Json* selector, const std::string& path, FieldErrors& errors);
bool is_dns_label(std::string_view text);
bool is_dns_subdomain(std::string_view text);
void check_dns_label(const std::string& path, const Json& value, FieldErrors& errors);
void check_dns_subdomain(const std::string& path, const Json& value, FieldErrors& errors);
void check_qualified_name(const std::string& path, const Json& value, FieldErrors& errors);

// table.cpp: the Table of kubectl get.
Json make_table(const Served& kind, const std::vector<Object>& items, port::WallTime now,
                std::string_view include_object, bool headers);
Json partial_metadata(const Json& object);

// Null if the field is not there.
const Json* field_at(const Json& object, std::string_view dotted_path);
// The pod template of a workload, or the pod itself; null for other kinds.
const Json* pod_template_of(const Served& kind, const Json& object, std::string& path);

}  // namespace nautilus::sim
