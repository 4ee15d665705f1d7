#include "core/env/calendar.h"

#include <fmt/format.h>

#include <set>

#include "core/env/operators.h"

namespace nautilus::env {

Result<calendar::Settings> read_calendar(value::StrictReader& spec, const std::string& base) {
  calendar::Settings settings;
  value::StrictReader reader = spec.object("calendar");
  settings.venues = reader.strings("venues");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < settings.venues.size(); ++i) {
    const std::string& mic = settings.venues[i];
    const std::string field = fmt::format("venues[{}]", i);
    if (!calendar::is_venue_name(mic))
      reader.fail(field, fmt::format("\"{}\" is no MIC: four capital letters or digits, as in XNYS", mic));
    if (!seen.insert(mic).second) reader.fail(field, fmt::format("{} is listed twice", mic));
  }
  if (settings.venues.size() > calendar::kMaxVenues)
    reader.fail("venues", fmt::format("lists more than {}", calendar::kMaxVenues));
  for (const std::string& file : reader.strings("publicKeys")) settings.public_keys.push_back(resolved_path(base, file));
  settings.trust_project_key = reader.boolean("trustProjectKey", true);
  ASSIGN_OR_RETURN(settings.policy, calendar::read_policy(reader));
  TRY(reader.finish());
  return settings;
}

}  // namespace nautilus::env
