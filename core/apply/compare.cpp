#include "core/apply/compare.h"

#include "core/apply/ownership.h"

namespace nautilus::apply {

namespace {

constexpr std::size_t kMaxPaths = 200;  // for people; a diff shows the rest

void list_changes(const Json& before, const Json& after, const std::string& path, std::vector<std::string>& out) {
  if (out.size() >= kMaxPaths || before == after) return;
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, child] : before.items()) {
      const Json* other = value::find(after, key);
      list_changes(child, other ? *other : Json(), path + "." + key, out);
    }
    for (const auto& [key, child] : after.items())
      if (!value::find(before, key)) list_changes(Json(), child, path + "." + key, out);
    return;
  }
  if (before.is_array() && after.is_array() && before.size() == after.size()) {
    for (std::size_t i = 0; i < before.size(); ++i)
      list_changes(before[i], after[i], fmt::format("{}[{}]", path, i), out);
    return;
  }
  out.push_back(path.empty() ? "." : path);
}

Json comparable(Json object) {
  object.erase("status");
  if (auto metadata = object.find("metadata"); metadata != object.end())
    for (const char* key : {"managedFields", "resourceVersion", "generation", "creationTimestamp"})
      metadata->erase(key);
  return object;
}

// managedFields without the times: an apply that changes nothing leaves them, but a dry run may not.
Json ownership(const Json& object) {
  Json entries = Json::array();
  if (const Json* fields = value::find(object, "metadata", "managedFields"); fields && fields->is_array())
    for (Json entry : *fields) {
      entry.erase("time");
      entries.push_back(std::move(entry));
    }
  return entries;
}

}  // namespace

const Json* our_entry(const Json& live) {
  const Json* fields = value::find(live, "metadata", "managedFields");
  if (!fields || !fields->is_array()) return nullptr;
  for (const auto& entry : *fields)
    if (value::string_at(entry, "manager") == kFieldManager && value::string_at(entry, "operation") == "Apply" &&
        value::string_at(entry, "subresource").empty())
      return &entry;
  return nullptr;
}

bool certainly_unchanged(const Json& desired, const Json& live) {
  const Json* entry = our_entry(live);
  // Another version of the API names fields differently; the server has to compare those.
  if (!entry || value::string_at(*entry, "apiVersion") != value::string_at(desired, "apiVersion")) return false;
  const Json* fields = value::find(*entry, "fieldsV1");
  return fields && equal_where_specified(desired, live) && owns_exactly(*fields, desired);
}

std::vector<std::string> changed_paths(const Json& live, const Json& dry_run) {
  std::vector<std::string> paths;
  list_changes(comparable(live), comparable(dry_run), "", paths);
  if (paths.empty() && ownership(live) != ownership(dry_run)) paths.push_back("(field ownership)");
  return paths;
}

}  // namespace nautilus::apply
