// The database as its rendered files describe it: Patroni's store (dcs.yaml), the members' settings, pgBackRest.
//
// Not a check: what several checks read. Parsed once per call; bounded by the files' sizes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/verify/platform.h"

namespace nautilus::verify {

struct Postgres {
  std::vector<const PodSet*> members;  // sets of pods, one or more
  Json store, settings;                // dcs.yaml, patroni-primary.yaml; null if not there
  std::string store_where, settings_where;
  std::string archive;  // pgbackrest.conf; empty if not there
  std::string archive_where;
  std::vector<std::string> unreadable;  // files that are not what they should be

  static Postgres of(const Platform& platform);
  int members_count() const;
  // Of the store, or of the members.
  std::optional<Read> parameter(std::string_view name) const;
  std::optional<Read> store_value(std::string_view name) const;
  bool synchronous() const;     // an acknowledged commit is on more than one member
  std::int64_t copies() const;  // members an acknowledged commit is on at least
  bool archives() const;        // archive_mode is on and a command is there
  std::optional<std::int64_t> archive_timeout() const;
};

}  // namespace nautilus::verify
