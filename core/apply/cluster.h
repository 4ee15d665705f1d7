// One API server as core/apply sees it: which kinds it serves, and the requests that planning and applying make.
//
// Threading: the client's thread. Nothing here waits except uid() and what discovery does on first use.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/kube/client.h"
#include "core/kube/discovery.h"
#include "core/port/event_sink.h"
#include "core/value/object_id.h"

namespace nautilus::apply {

// On a generated Secret: which keys have how many random characters, as JSON. Says how it was made, not what it holds.
inline constexpr std::string_view kGeneratedAnnotation = "nautilusctl.io/generated";

struct ApplyFlags {
  bool dry_run = false;
  bool force = false;
};

class Cluster {
 public:
  Cluster(kube::Client& client, kube::Discovery& discovery, port::EventSink& events)
      : client_(client), discovery_(discovery), events_(events) {}

  kube::Client& client() { return client_; }
  port::EventSink& events() { return events_; }
  void tell(port::Event event);  // fills in the time

  // UID of the kube-system namespace; read once.
  Result<std::string> uid();
  // Code::not_found if the server does not serve the kind (asked again once, kinds may be new).
  Result<const kube::Resource*> resource(const value::GroupVersion& gv, const std::string& kind);
  // The same for an object; the version is the one it was written for.
  Result<const kube::Resource*> resource(const value::ObjectId& id, const std::string& api_version);
  Result<> forget_kinds();  // after a CustomResourceDefinition was applied; pointers to resources become invalid

  Result<kube::Request> get(const value::ObjectId& id, const std::string& api_version, bool metadata_only = false);
  Result<kube::Request> apply(const value::ObjectId& id, const std::string& api_version, const Json& manifest,
                              ApplyFlags flags);
  Result<kube::Request> create(const value::ObjectId& id, const std::string& api_version, const Json& object);
  // Refused by the server (409) if metadata.resourceVersion is not the live one any more.
  Result<kube::Request> replace(const value::ObjectId& id, const std::string& api_version, const Json& object);
  // RFC 6902 under a field manager of its own: the ownership of fields is moved with it.
  Result<kube::Request> patch(const value::ObjectId& id, const std::string& api_version, const Json& operations,
                              std::string_view manager);
  // Refused by the server (409) if the object with this name is not the one with this UID any more.
  Result<kube::Request> remove(const value::ObjectId& id, const std::string& api_version, const std::string& uid);

 private:
  kube::Client& client_;
  kube::Discovery& discovery_;
  port::EventSink& events_;
  std::string uid_;
};

// The field managers of a server-side apply conflict; empty if it is not one.
std::set<std::string> conflicting_managers(const kube::Response& response);

}  // namespace nautilus::apply
