// Reading objects: one, a list in pages, or lists of many kinds at once.
//
// Failure: Code::not_found for an object that is not there. A list whose continue token expired between pages
// (410) starts again from the first page, at most kMaxListRestarts times, so that what is returned is one consistent
// snapshot. Lists are bounded by kMaxListItems.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/kube/client.h"
#include "core/kube/discovery.h"

namespace nautilus::kube {

inline constexpr int kPageSize = 500;
inline constexpr int kMaxListRestarts = 3;
inline constexpr std::size_t kMaxListItems = 1'000'000;

struct ListOptions {
  std::string namespace_;  // empty = all
  std::string label_selector, field_selector;
  bool metadata_only = false;  // PartialObjectMetadata: names, labels, annotations, owners
  int page_size = kPageSize;
  std::string resource_version;  // "" = most recent (quorum), "0" = whatever the cache has
};

struct List {
  std::vector<Json> items;  // each with apiVersion and kind filled in
  std::string resource_version;
};

using ListDone = std::function<void(Result<List>)>;

// The request for one object, for callers that send it themselves.
Request get_request(const Resource& resource, const std::string& namespace_, const std::string& name,
                    bool metadata_only = false);

class Reader {
 public:
  explicit Reader(Client& client) : client_(client) {}

  Result<Json> get(const Resource& resource, const std::string& namespace_, const std::string& name);
  // Nothing if it does not exist; an error for anything else that goes wrong.
  Result<std::optional<Json>> find(const Resource& resource, const std::string& namespace_, const std::string& name);
  Result<List> list(const Resource& resource, const ListOptions& options = {});
  void list_async(const Resource& resource, const ListOptions& options, ListDone done);

  struct Many {
    const Resource* resource = nullptr;
    Result<List> list;
  };
  // All at once, in parallel; the answers in the order asked. Only an interrupt or the deadline fails the whole.
  Result<std::vector<Many>> list_many(const std::vector<const Resource*>& resources, const ListOptions& options = {});

 private:
  Client& client_;
};

}  // namespace nautilus::kube
