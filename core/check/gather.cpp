#include "core/check/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/check/facts.h"
#include "core/kube/reader.h"

namespace nautilus::check {

namespace {

// Shared with the callbacks, which outlive the gathering if it is interrupted.
struct Progress {
  kube::Reader reader;
  Snapshot snapshot;
  std::size_t open = 0;
  std::vector<const Source*> waiting;
};

const kube::Resource* served(const kube::Discovery& discovery, const Source& source) {
  // The preferred version comes first within preferred_resources(); any other is better than none.
  for (const kube::Resource* resource : discovery.preferred_resources())
    if (resource->group == source.group && resource->kind == source.kind && resource->can("list")) return resource;
  for (const kube::Resource& resource : discovery.resources())
    if (resource.group == source.group && resource.kind == source.kind && resource.can("list")) return &resource;
  return nullptr;
}

// Of a TLS Secret only the certificate is kept; the key is gone before anything else sees the object.
void strip(const Source& source, std::vector<Json>& items) {
  if (source.part != Source::Part::certificates) return;
  for (Json& item : items) {
    Json kept = Json::object();
    for (const char* field : {"apiVersion", "kind", "type"})
      if (const Json* found = value::find(item, field)) kept[field] = *found;
    if (const Json* meta = value::find(item, "metadata"); meta && meta->is_object()) {
      kept["metadata"] = *meta;
      kept["metadata"].erase("annotations");  // kubectl keeps what it applied in one of them
      kept["metadata"].erase("managedFields");
    }
    if (const Json* certificate = value::find(item, "data", "tls.crt")) kept["data"]["tls.crt"] = *certificate;
    item = std::move(kept);
  }
}

void ask(const kube::Resource& resource, const Source& source, const std::string& namespace_,
         const std::shared_ptr<Progress>& progress) {
  kube::ListOptions options;
  options.namespace_ = namespace_;
  options.field_selector = std::string(source.field_selector);
  options.metadata_only = source.part == Source::Part::metadata;
  progress->reader.list_async(resource, options, [&resource, &source, namespace_, progress](Result<kube::List> list) {
    if (!list.ok() && list.error().code == Code::forbidden && resource.namespaced && namespace_.empty())
      return ask(resource, source, progress->snapshot.own_namespace(), progress);
    if (list.ok()) {
      strip(source, list->items);
      progress->snapshot.put(source, std::move(list->items),
                             namespace_.empty() ? Snapshot::Reach::everywhere : Snapshot::Reach::one_namespace);
    } else if (list.error().code == Code::not_found) {
      progress->snapshot.not_served(source);
    } else {
      progress->snapshot.fail(source, std::move(list).error());
    }
    std::erase(progress->waiting, &source);
    --progress->open;
  });
}

}  // namespace

Result<Snapshot> gather(kube::Client& client, kube::Discovery& discovery, const env::Environment& env,
                        std::vector<const Source*> sources) {
  TRY(discovery.load());
  auto progress = std::make_shared<Progress>(Progress{kube::Reader(client), Snapshot(env.namespace_), 0, {}});
  Snapshot& snapshot = progress->snapshot;
  snapshot.server = client.server();
  snapshot.api_problems = discovery.problems();
  for (const kube::Resource& resource : discovery.resources()) snapshot.api_versions.insert(resource.api_version());
  for (const auto& op : env.operators)
    if (op.ours && !op.namespace_.empty()) snapshot.add_namespace(op.namespace_);
  if (std::find(sources.begin(), sources.end(), &source::kNamespaces) == sources.end())
    sources.push_back(&source::kNamespaces);

  for (const Source* source : sources) {
    const kube::Resource* resource = served(discovery, *source);
    if (!resource) {
      snapshot.not_served(*source);
      continue;
    }
    ++progress->open;
    progress->waiting.push_back(source);
    ask(*resource, *source, "", progress);
  }
  auto done = client.run_until([&] { return progress->open == 0; }, client.clock().monotonic() + kGatherTimeout);
  if (!done.ok()) {
    if (done.error().code != Code::timeout) return std::move(done).error();
    for (const Source* source : progress->waiting)
      snapshot.fail(*source, Error(Code::timeout, fmt::format("no answer within {}", age_text(kGatherTimeout))));
  }
  for (const Json& space : snapshot.all(source::kNamespaces))
    if (value::string_at(space, "metadata", "labels", std::string(kPlatformLabel)) == kPlatformName)
      snapshot.add_namespace(value::string_at(space, "metadata", "name"));
  return std::move(progress->snapshot);
}

}  // namespace nautilus::check
