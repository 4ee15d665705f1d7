#include "core/kube/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/kube/paths.h"

namespace nautilus::kube {
namespace {

constexpr const char* kPartialObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
constexpr const char* kPartialList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

using value::string_at;

// One list in pages: each answer asks for the next page, until the last calls `done`.
struct Pages : std::enable_shared_from_this<Pages> {
  Client& client;
  Resource resource;
  ListOptions options;
  ListDone done;
  List out;
  std::string continue_token;
  int restarts = 0;

  Pages(Client& c, const Resource& r, ListOptions o, ListDone d)
      : client(c), resource(r), options(std::move(o)), done(std::move(d)) {}

  void ask() {
    Request request;
    if (options.metadata_only) request.accept = kPartialList;
    request.target = target(resource, options.namespace_, {}, {},
                            {{"labelSelector", options.label_selector},
                             {"fieldSelector", options.field_selector},
                             {"limit", options.page_size > 0 ? std::to_string(options.page_size) : ""},
                             {"continue", continue_token},
                             {"resourceVersion", continue_token.empty() ? options.resource_version : ""}});
    client.send(std::move(request),
                [self = shared_from_this()](Response response) { self->take(std::move(response)); });
  }

  void take(Response response) {
    if (!response.ok()) {
      // The snapshot behind the token is gone: what was read so far belongs to a past that cannot be completed.
      if (response.status == 410 && !continue_token.empty() && restarts < kMaxListRestarts) {
        ++restarts;
        continue_token.clear();
        out = {};
        return ask();
      }
      return done(std::move(response.error).within(fmt::format("listing {}", resource.text())));
    }
    const auto found = response.body.is_object() ? response.body.find("items") : response.body.end();
    if (!response.body.is_object() || (found != response.body.end() && !found->is_array() && !found->is_null()))
      return done(Error(Code::io, "the answer is not a list").within(fmt::format("listing {}", resource.text())));
    if (found != response.body.end() && found->is_array()) {
      if (out.items.size() + found->size() > kMaxListItems)
        return done(Error(Code::limit, fmt::format("there are more than {} {}", kMaxListItems, resource.text())));
      for (Json& item : *found) {
        if (!item.is_object()) continue;
        item["apiVersion"] = resource.api_version();  // items of typed lists come without, metadata lists with another
        item["kind"] = resource.kind;
        out.items.push_back(std::move(item));
      }
    }
    out.resource_version = string_at(response.body, "metadata", "resourceVersion");
    continue_token = string_at(response.body, "metadata", "continue");
    if (continue_token.empty()) return done(std::move(out));
    ask();
  }
};

}  // namespace

Request get_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                    bool metadata_only) {
  Request out;
  out.target = target(resource, namespace_, name);
  if (metadata_only) out.accept = kPartialObject;
  return out;
}

Result<Json> Reader::get(const Resource& resource, const std::string& namespace_, const std::string& name) {
  if (name.empty()) return Error(Code::invalid, "an object without a name was asked for");
  Response response = client_.call(get_request(resource, namespace_, name));
  if (response.ok()) return std::move(response.body);
  return std::move(response.error)
      .within(fmt::format("reading {} {}{}{}", resource.text(), namespace_, namespace_.empty() ? "" : "/", name));
}

Result<std::optional<Json>> Reader::find(const Resource& resource, const std::string& namespace_,
                                         const std::string& name) {
  auto found = get(resource, namespace_, name);
  if (found.ok()) return std::optional<Json>(std::move(found).value());
  if (found.error().code == Code::not_found) return std::optional<Json>();
  return std::move(found).error();
}

void Reader::list_async(const Resource& resource, const ListOptions& options, ListDone done) {
  std::make_shared<Pages>(client_, resource, options, std::move(done))->ask();
}

Result<List> Reader::list(const Resource& resource, const ListOptions& options) {
  ASSIGN_OR_RETURN(std::vector<Many> many, list_many({&resource}, options));
  return std::move(many.front().list);
}

Result<std::vector<Reader::Many>> Reader::list_many(const std::vector<const Resource*>& resources,
                                                    const ListOptions& options) {
  // Shared with the callbacks, which outlive this call if it is interrupted.
  struct Progress {
    std::vector<Many> out;
    std::size_t answered = 0;
  };
  auto progress = std::make_shared<Progress>();
  progress->out.resize(resources.size());
  for (std::size_t i = 0; i < resources.size(); ++i) {
    progress->out[i].resource = resources[i];
    ListOptions own = options;
    if (!resources[i]->namespaced) own.namespace_.clear();
    list_async(*resources[i], own, [progress, i](Result<List> list) {
      progress->out[i].list = std::move(list);
      ++progress->answered;
    });
  }
  TRY(client_.run_until([&] { return progress->answered == resources.size(); }, port::Monotonic::max()));
  return std::move(progress->out);
}

}  // namespace nautilus::kube
