#include "core/check/snapshot.h"

#include <fmt/format.h>

namespace nautilus::check {

std::string Source::text() const {
  std::string name(kind);
  name += name.ends_with("s") ? "es" : name.ends_with("y") ? "" : "s";
  if (name.ends_with("y")) name.replace(name.size() - 1, 1, "ies");
  if (addon) name += fmt::format(" of {}", group);
  if (part == Part::metadata) name += " (names only)";
  if (part == Part::certificates) name += " of type kubernetes.io/tls";
  return name;
}

Snapshot::Snapshot(std::string own_namespace) : own_(std::move(own_namespace)) { namespaces_.insert(own_); }

void Snapshot::put(const Source& source, std::vector<Json> items, Reach reach) {
  entries_[&source] = {reach, {}, std::move(items)};
}
void Snapshot::fail(const Source& source, Error error) { entries_[&source] = {Reach::failed, std::move(error), {}}; }
void Snapshot::not_served(const Source& source) { entries_[&source] = {Reach::not_served, {}, {}}; }

const Snapshot::Entry& Snapshot::entry(const Source& source) const {
  static const Entry kNone;
  const auto found = entries_.find(&source);
  return found == entries_.end() ? kNone : found->second;
}

bool Snapshot::read(const Source& source) const {
  const Reach reach = entry(source).reach;
  return reach == Reach::everywhere || reach == Reach::one_namespace;
}

std::vector<const Json*> Snapshot::ours(const Source& source) const {
  std::vector<const Json*> found;
  for (const Json& item : all(source)) {
    const std::string space = value::string_at(item, "metadata", "namespace");
    if (space.empty() || namespaces_.contains(space)) found.push_back(&item);
  }
  return found;
}

const Json* Snapshot::find(const Source& source, std::string_view namespace_, std::string_view name) const {
  for (const Json& item : all(source))
    if (value::string_at(item, "metadata", "name") == name &&
        value::string_at(item, "metadata", "namespace") == namespace_)
      return &item;
  return nullptr;
}

bool Snapshot::serves_group(std::string_view group) const {
  const auto found = api_versions.lower_bound(std::string(group) + "/");
  return found != api_versions.end() && found->starts_with(std::string(group) + "/");
}

std::string Snapshot::problem_of(std::string_view group) const {
  for (const std::string& problem : api_problems)
    if (problem.starts_with(std::string(group) + "/")) return problem;
  return "";
}

}  // namespace nautilus::check
