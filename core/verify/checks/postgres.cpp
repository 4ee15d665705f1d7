#include "core/verify/checks/postgres.h"

#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/settings.h"

namespace nautilus::verify {

Postgres Postgres::of(const Platform& platform) {
  Postgres found;
  found.members = platform.named("postgresql");
  const auto parsed = [&](const ConfigFile& file) {
    auto document = value::parse_yaml(*file.text, file.where());
    if (document.ok()) return std::move(*document);
    found.unreadable.push_back(document.error().text());
    return Json();
  };
  for (const PodSet* member : found.members) {
    for (const ConfigFile& file : member->files) {
      if (file.key == "dcs.yaml" && found.store.is_null()) {
        found.store = parsed(file);
        found.store_where = file.where();
      } else if (file.key == "patroni-primary.yaml" && found.settings.is_null()) {
        found.settings = parsed(file);
        found.settings_where = file.where();
      } else if (file.key == "pgbackrest.conf" && found.archive.empty()) {
        found.archive = *file.text;
        found.archive_where = file.where();
      }
    }
  }
  return found;
}

int Postgres::members_count() const {
  int count = 0;
  for (const PodSet* set : members) count += set->least;
  return count;
}

std::optional<Read> Postgres::parameter(std::string_view name) const {
  if (const Json* value = value::find(store, "postgresql", "parameters", name))
    return Read{scalar(value), fmt::format("{} postgresql.parameters.{}", store_where, name)};
  if (const Json* value = value::find(settings, "postgresql", "parameters", name))
    return Read{scalar(value), fmt::format("{} postgresql.parameters.{}", settings_where, name)};
  if (const Json* value = value::find(settings, "bootstrap", "dcs", "postgresql", "parameters"))
    if (const Json* inner = value::find(*value, name))
      return Read{scalar(inner), fmt::format("{} bootstrap.dcs.postgresql.parameters.{}", settings_where, name)};
  return std::nullopt;
}

std::optional<Read> Postgres::store_value(std::string_view name) const {
  if (const Json* value = value::find(store, name)) return Read{scalar(value), fmt::format("{} {}", store_where, name)};
  return std::nullopt;
}

bool Postgres::synchronous() const { return value::bool_at(store, false, "synchronous_mode"); }

std::int64_t Postgres::copies() const {
  if (!synchronous()) return 1;
  // Not strict: without a standby the primary goes on alone, so an acknowledged commit may be on one machine only.
  if (!value::bool_at(store, false, "synchronous_mode_strict")) return 1;
  const auto commit = parameter("synchronous_commit");
  if (commit && commit->value != "on" && commit->value != "remote_apply" && commit->value != "true") return 1;
  return 1 + value::int_at(store, 1, "synchronous_node_count");
}

bool Postgres::archives() const {
  const auto mode = parameter("archive_mode");
  const auto command = parameter("archive_command");
  return mode && (mode->value == "on" || mode->value == "always" || mode->value == "true") && command &&
         !command->value.empty();
}

std::optional<std::int64_t> Postgres::archive_timeout() const {
  const auto timeout = parameter("archive_timeout");
  if (!timeout) return std::nullopt;
  const auto value = seconds(timeout->value);
  return value && *value > 0 ? value : std::nullopt;  // 0: segments are closed only when they are full
}

}  // namespace nautilus::verify
