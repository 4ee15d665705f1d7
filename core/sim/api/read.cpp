// Get and list: conversion to the requested version, selectors, pages, tables.
#include <fmt/format.h>

#include <charconv>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

// events.k8s.io/v1 and core/v1 share their objects under different field names.
struct Rename {
  const char *core, *events;
};
constexpr Rename kEventNames[] = {{"involvedObject", "regarding"},
                                  {"message", "note"},
                                  {"source", "deprecatedSource"},
                                  {"firstTimestamp", "deprecatedFirstTimestamp"},
                                  {"lastTimestamp", "deprecatedLastTimestamp"},
                                  {"count", "deprecatedCount"},
                                  {"reportingComponent", "reportingController"}};

void rename_event(Json& object, bool to_events) {
  for (const auto& r : kEventNames) {
    const char *from = to_events ? r.core : r.events, *to = to_events ? r.events : r.core;
    auto at = object.find(from);
    if (at == object.end()) continue;
    object[to] = *at;
    object.erase(from);
  }
}

// autoscaling/v1 knows only a CPU target; the other metrics ride in an annotation on the real server and are left out
// here.
void hpa_to_v1(Json& object) {
  Json& spec = object["spec"];
  if (auto metrics = spec.find("metrics"); metrics != spec.end() && metrics->is_array()) {
    for (const Json& metric : *metrics)
      if (value::string_at(metric, "resource", "name") == "cpu" &&
          value::find(metric, "resource", "target", "averageUtilization"))
        spec["targetCPUUtilizationPercentage"] = metric["resource"]["target"]["averageUtilization"];
    spec.erase("metrics");
  }
  spec.erase("behavior");
  if (auto status = object.find("status"); status != object.end() && status->is_object()) {
    if (auto metrics = status->find("currentMetrics"); metrics != status->end() && metrics->is_array())
      for (const Json& metric : *metrics)
        if (value::string_at(metric, "resource", "name") == "cpu" &&
            value::find(metric, "resource", "current", "averageUtilization"))
          (*status)["currentCPUUtilizationPercentage"] = metric["resource"]["current"]["averageUtilization"];
    status->erase("currentMetrics");
    status->erase("conditions");
  }
}

}  // namespace

Object Server::Impl::converted(const Served& kind, const Object& object) const {
  std::string wanted = kind.info.api_version();
  if (value::string_at(*object, "apiVersion") == wanted) return object;
  Json copy = *object;
  copy["apiVersion"] = wanted;
  if (kind.info.group == "events.k8s.io") rename_event(copy, true);
  if (wanted == "autoscaling/v1") hpa_to_v1(copy);
  return std::make_shared<const Json>(std::move(copy));
}

Object Server::Impl::get(const Served& kind, std::string_view ns, std::string_view name) const {
  return store.get(kind.storage, kind.info.namespaced ? ns : std::string_view(), name);
}

Object Server::Impl::read(const Served& kind, std::string_view ns, std::string_view name) const {
  Object found = get(kind, ns, name);
  if (!found) throw not_found(kind.info, name);
  return found;
}

const Json* field_at(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (at && !path.empty()) {
    auto dot = path.find('.');
    at = value::find(*at, path.substr(0, dot));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return at;
}

Json partial_metadata(const Json& object) {
  Json made = {{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}};
  made["metadata"] = object.contains("metadata") ? object["metadata"] : Json::object();
  return made;
}

Reply Server::Impl::transform_list(const Request& request, const std::vector<Object>& items, Json meta) const {
  const ResourceInfo& info = request.kind->info;
  Reply reply;
  reply.headers.push_back({"Content-Type", "application/json"});
  if (request.accept.find("as=Table") != std::string::npos) {
    Json table = make_table(*request.kind, items, clock.now(), request.param("includeObject"), true);
    table["metadata"] = std::move(meta);
    reply.body = table.dump(-1, ' ', false, Json::error_handler_t::replace);
    return reply;
  }
  bool partial = request.accept.find("as=PartialObjectMetadataList") != std::string::npos;
  // Built by hand: the items are shared, and a list of ten thousand must not be copied into one tree first.
  reply.body = fmt::format("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",\"metadata\":{},\"items\":[",
                           partial ? "PartialObjectMetadataList" : info.kind + "List",
                           partial ? "meta.k8s.io/v1" : info.api_version(), meta.dump());
  bool first = true;
  for (const Object& item : items) {
    if (!first) reply.body += ',';
    first = false;
    if (partial)
      reply.body += partial_metadata(*item).dump(-1, ' ', false, Json::error_handler_t::replace);
    else
      reply.body += converted(*request.kind, item)->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  reply.body += "]}";
  return reply;
}

Reply Server::Impl::list(Request& request) {
  const Served& kind = *request.kind;
  LabelSelector labels = LabelSelector::parse(request.param("labelSelector"));
  FieldSelector fields = FieldSelector::parse(request.param("fieldSelector"), kind.info.kind,
                                              kind.custom ? kind.custom->selectable : std::vector<std::string>());
  std::uint64_t limit = 0, wanted = 0;
  auto number = [&](std::string_view name, std::uint64_t& into) {
    std::string_view text = request.param(name);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size()))
      throw bad_request(fmt::format("invalid {}: {}", name, text));
  };
  number("limit", limit);
  std::string_view match = request.param("resourceVersionMatch");
  if (!match.empty() && request.param("resourceVersion").empty())
    throw Refused{make_status(422, "Invalid",
                              "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                              "resourceVersionMatch is forbidden unless resourceVersion is provided",
                              {{"group", "meta.k8s.io"}, {"kind", "ListOptions"}})};
  number("resourceVersion", wanted);
  if (wanted > store.revision())
    throw Refused{make_status(
        504, "Timeout", fmt::format("Too large resource version: {}, current: {}", wanted, store.revision()),
        {{"causes", Json::array({{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}})},
         {"retryAfterSeconds", 1}})};
  if (match == "Exact" && wanted < store.revision() && limit == 0)
    throw Refused{make_status(
        410, "Expired",
        "The provided resource version is not available any more: this server keeps only the newest state", nullptr)};
  // The token is "v1:<revision>:<last key>". Later pages show the moment of the first one: what changed since is undone
  // from the history, and a history that is forgotten ends the paging with 410.
  std::string after;
  std::uint64_t first_revision = store.revision();
  if (std::string_view token = request.param("continue"); !token.empty()) {
    auto colon = token.find(':', 3);
    if (!token.starts_with("v1:") || colon == std::string_view::npos)
      throw bad_request("continue key is not valid: encoding");
    std::from_chars(token.data() + 3, token.data() + colon, first_revision);
    after = token.substr(colon + 1);
  }
  std::map<std::string, Object> then;  // by key: as it was, null for what did not exist yet
  if (!after.empty() && first_revision < store.revision()) {
    auto changes = store.changes_since(kind.storage, first_revision);
    if (!changes)
      throw Refused{make_status(
          410, "Expired", "The provided continue parameter is too old to display a consistent list result.", nullptr)};
    for (const Change& change : *changes) {
      const std::string space = value::string_at(*change.object, "metadata", "namespace"),
                        name = value::string_at(*change.object, "metadata", "name");
      if (request.ns.empty() || request.ns == space)
        then.emplace(space.empty() ? name : space + "/" + name, change.previous);
    }
    then.erase(then.begin(), then.upper_bound(after));
  }
  std::vector<Object> items;
  std::string last, next;
  std::size_t remaining = 0;
  const auto take = [&](const std::string& key, const Object& object) {
    if (!labels.matches(value::find(*object, "metadata", "labels")) || !fields.matches(*object)) return true;
    if (limit && items.size() == limit) {
      if (next.empty()) next = last;
      ++remaining;
      return labels.everything() && fields.everything();
    }
    items.push_back(object);
    last = key;
    return true;
  };
  bool more = true;
  store.scan(kind.storage, request.ns, after, [&](const std::string& key, const Object& object) {
    while (more && !then.empty() && then.begin()->first < key) {  // deleted since
      if (then.begin()->second) more = take(then.begin()->first, then.begin()->second);
      then.erase(then.begin());
    }
    if (!more) return false;
    const auto changed = then.find(key);
    if (changed == then.end()) return more = take(key, object);
    if (changed->second) more = take(key, changed->second);
    then.erase(changed);
    return more;
  });
  for (const auto& [key, object] : then)
    if (more && object) more = take(key, object);
  Json meta = {{"resourceVersion", std::to_string(first_revision)}};
  if (!next.empty()) {
    meta["continue"] = fmt::format("v1:{}:{}", first_revision, next);
    if (labels.everything() && fields.everything()) meta["remainingItemCount"] = remaining;
  }
  return transform_list(request, items, std::move(meta));
}

}  // namespace nautilus::sim
