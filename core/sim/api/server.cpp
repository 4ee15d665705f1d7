#include "core/sim/api/server.h"

#include "core/sim/api/decode.h"
#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

template <class Work>
Outcome guarded(Work&& work) {
  std::vector<std::string> warnings;
  try {
    Outcome outcome = work(warnings);
    outcome.warnings = std::move(warnings);
    return outcome;
  } catch (const Refused& refused) {
    Outcome outcome = refuse(refused);
    outcome.warnings = std::move(warnings);
    return outcome;
  }
}

WriteOptions options_of(const Caller& caller, std::string_view subresource, std::vector<std::string>& warnings) {
  WriteOptions write;
  write.caller = caller;
  write.validation = Validation::strict;  // a controller that writes an unknown field has a bug
  write.subresource = subresource;
  write.warnings = &warnings;
  return write;
}

const Served& need(const Server::Impl& impl, GroupResource resource) {
  const Served* kind = impl.served(resource);
  if (!kind)
    throw Refused{make_status(404, "NotFound", "the server could not find the requested resource", Json::object())};
  return *kind;
}

std::string namespace_of(const Json& object) { return value::string_at(object, "metadata", "namespace"); }
std::string name_of(const Json& object) { return value::string_at(object, "metadata", "name"); }

}  // namespace

Server::Server(const port::Clock& clock, ServerOptions options)
    : impl_(std::make_unique<Impl>(clock, std::move(options))) {}
Server::~Server() = default;

bool Server::is_watch(const port::HttpRequest& request) {
  if (request.method != "GET") return false;
  auto mark = request.target.find('?');
  std::string_view path = std::string_view(request.target).substr(0, mark);
  if (path.find("/watch/") != std::string_view::npos &&
      (path.starts_with("/api/v1/watch/") || path.starts_with("/apis/")))
    return true;
  if (mark == std::string::npos || !path.starts_with("/api")) return false;
  for (const auto& [key, value] : parse_query(std::string_view(request.target).substr(mark + 1)))
    if (key == "watch" && (value == "true" || value == "1" || value == "True" || value.empty())) return true;
  return false;
}

Reply Server::handle(const port::HttpRequest& request) { return impl_->handle(request); }
OpenedWatch Server::open_watch(const port::HttpRequest& request, LineSink sink) {
  return impl_->open_watch(request, std::move(sink));
}

Object Server::get(GroupResource resource, std::string_view ns, std::string_view name) const {
  const Served* kind = impl_->served(resource);
  return kind ? impl_->get(*kind, ns, name) : nullptr;
}

std::vector<Object> Server::list(GroupResource resource, std::string_view ns) const {
  return impl_->store.list(resource, ns);
}

Outcome Server::create(GroupResource resource, Json object, const Caller& caller) {
  return guarded([&](auto& warnings) {
    const Served& kind = need(*impl_, resource);
    WriteOptions write = options_of(caller, {}, warnings);
    object.erase("apiVersion");
    std::string ns = namespace_of(object);
    return impl_->create(kind, ns, impl_->decode_incoming(kind, std::move(object), write), write);
  });
}

Outcome Server::update(GroupResource resource, Json object, const Caller& caller) {
  return guarded([&](auto& warnings) {
    const Served& kind = need(*impl_, resource);
    WriteOptions write = options_of(caller, {}, warnings);
    object.erase("apiVersion");
    std::string ns = namespace_of(object), name = name_of(object);
    return impl_->update(kind, ns, name, impl_->decode_incoming(kind, std::move(object), write), write);
  });
}

Outcome Server::update_status(GroupResource resource, Json object, const Caller& caller) {
  return guarded([&](auto& warnings) {
    const Served& kind = need(*impl_, resource);
    WriteOptions write = options_of(caller, "status", warnings);
    object.erase("apiVersion");
    std::string ns = namespace_of(object), name = name_of(object);
    return impl_->update(kind, ns, name, impl_->decode_incoming(kind, std::move(object), write), write);
  });
}

Outcome Server::patch(GroupResource resource, std::string_view ns, std::string_view name, const Json& merge,
                      const Caller& caller) {
  return guarded([&](auto& warnings) {
    return impl_->patch(need(*impl_, resource), ns, name, "application/merge-patch+json", merge,
                        options_of(caller, {}, warnings));
  });
}

Outcome Server::patch_status(GroupResource resource, std::string_view ns, std::string_view name, const Json& merge,
                             const Caller& caller) {
  return guarded([&](auto& warnings) {
    return impl_->patch(need(*impl_, resource), ns, name, "application/merge-patch+json", merge,
                        options_of(caller, "status", warnings));
  });
}

Outcome Server::apply(GroupResource resource, Json configuration, const Caller& caller, bool force) {
  return guarded([&](auto& warnings) {
    const Served& kind = need(*impl_, resource);
    WriteOptions write = options_of(caller, {}, warnings);
    write.force = force;
    configuration["apiVersion"] = kind.info.api_version();
    configuration["kind"] = kind.info.kind;
    std::string ns = namespace_of(configuration), name = name_of(configuration);
    return impl_->apply(kind, ns, name, std::move(configuration), write);
  });
}

Outcome Server::remove(GroupResource resource, std::string_view ns, std::string_view name, const DeleteOptions& wanted,
                       const Caller& caller) {
  return guarded([&](auto& warnings) {
    WriteOptions write = options_of(caller, {}, warnings);
    write.dry_run = wanted.dry_run;
    Outcome outcome = impl_->remove(need(*impl_, resource), ns, name, wanted, write);
    outcome.status = nullptr;
    return outcome;
  });
}

Outcome Server::evict(std::string_view ns, std::string_view pod, const DeleteOptions& wanted, const Caller& caller) {
  return guarded([&](auto& warnings) {
    Outcome outcome = impl_->evict(ns, pod, wanted, options_of(caller, {}, warnings));
    outcome.status = nullptr;
    return outcome;
  });
}

Outcome Server::bind(std::string_view ns, std::string_view pod, std::string_view node, const Caller& caller) {
  return guarded([&](auto& warnings) { return impl_->bind(ns, pod, node, options_of(caller, {}, warnings)); });
}

Outcome Server::finalize_namespace(std::string_view name, const Caller& caller) {
  return guarded([&](auto& warnings) {
    Json object = *impl_->read(need(*impl_, resource::kNamespaces), {}, name);
    Json kept = Json::array();
    if (const Json* list = value::find(object, "spec", "finalizers"); list && list->is_array())
      for (const Json& item : *list)
        if (item != "kubernetes") kept.push_back(item);
    object["spec"]["finalizers"] = std::move(kept);
    return impl_->finalize(name, std::move(object), options_of(caller, "finalize", warnings));
  });
}

Outcome Server::scale(GroupResource resource, std::string_view ns, std::string_view name, std::int64_t replicas,
                      const Caller& caller) {
  return guarded([&](auto& warnings) {
    return impl_->set_scale(need(*impl_, resource), ns, name, {{"spec", {{"replicas", replicas}}}},
                            options_of(caller, "scale", warnings));
  });
}

const Store& Server::store() const { return impl_->store; }
Store& Server::store() { return impl_->store; }

std::vector<const ResourceInfo*> Server::resources() const {
  std::vector<const ResourceInfo*> found;
  found.reserve(impl_->preferred_order.size());
  for (const Served* kind : impl_->preferred_order) found.push_back(&kind->info);
  return found;
}

const ResourceInfo* Server::find(GroupResource resource) const {
  const Served* kind = impl_->served(resource);
  return kind ? &kind->info : nullptr;
}

const ResourceInfo* Server::find_kind(std::string_view api_version, std::string_view kind) const {
  const Served* found = impl_->served_kind(api_version, kind);
  return found ? &found->info : nullptr;
}

port::WallTime Server::now() const { return impl_->clock.now(); }
std::string Server::timestamp() const { return impl_->timestamp(); }
std::string Server::timestamp_micro() const { return format_micro(impl_->clock.now()); }
std::string Server::random_suffix(std::size_t length) { return impl_->suffix(length); }

void Server::add_fault(Fault fault) { impl_->faults.push_back({std::move(fault), 0, 0}); }
void Server::clear_faults() { impl_->faults.clear(); }
void Server::add_deny_rule(DenyRule rule) { impl_->deny_rules.push_back(std::move(rule)); }
void Server::clear_deny_rules() { impl_->deny_rules.clear(); }
Server::Counters Server::counters() const { return impl_->counters; }

}  // namespace nautilus::sim
