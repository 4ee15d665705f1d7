#include "core/calendar/load.h"

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/value/ed25519.h"

namespace nautilus::calendar {

namespace {

constexpr std::string_view kEnding = ".yaml";

// In errors and answers a file is named as the project knows it, wherever the project lies.
std::string project_name_of(std::string_view mic) { return fmt::format("manifests/calendars/{}.yaml", mic); }

}  // namespace

std::string calendar_folder(const std::string& project) { return project + "/manifests/calendars"; }

std::string calendar_file(const std::string& project, std::string_view mic) {
  return fmt::format("{}/{}{}", calendar_folder(project), mic, kEnding);
}

bool is_venue_name(std::string_view text) {
  return text.size() == 4 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

Result<std::vector<std::string>> venues(const port::Filesystem& files, const std::string& project) {
  std::vector<std::string> found;
  const std::string folder = calendar_folder(project);
  if (!files.exists(folder)) return found;
  ASSIGN_OR_RETURN(const auto names, files.list(folder));
  for (const std::string& file : names)
    if (file.ends_with(kEnding) && is_venue_name(file.substr(0, file.size() - kEnding.size())))
      found.push_back(file.substr(0, file.size() - kEnding.size()));
  return found;
}

Error unknown_venue(const port::Filesystem& files, const std::string& project, std::string_view mic) {
  const auto known = venues(files, project);
  const std::vector<std::string> list = known.ok() ? *known : std::vector<std::string>();
  const std::string meant = base::did_you_mean(mic, list);
  return {Code::refused,
          fmt::format("no calendar of venue \"{}\"{}", mic, meant.empty() ? "" : fmt::format("; did you mean {}?", meant)),
          fmt::format("venues with a calendar: {}; another one is a signed manifests/calendars/<MIC>.yaml",
                      list.empty() ? "none" : base::join(list, ", "))};
}

Result<std::vector<PublicKey>> trusted_keys(const port::Filesystem& files, const Settings& settings) {
  std::vector<PublicKey> keys;
  if (settings.trust_project_key) keys.push_back(project_key());
  for (const std::string& file : settings.public_keys) {
    auto pem = files.read(file, value::kMaxKeyFile);
    if (!pem.ok()) return std::move(pem).error().within("reading a public key of spec.calendar.publicKeys");
    ASSIGN_OR_RETURN(PublicKey key, parse_public_key(*pem, file));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<Calendar> load_calendar(const port::Filesystem& files, const std::string& project, const std::string& mic,
                               const std::vector<PublicKey>& trusted) {
  const std::string path = calendar_file(project, mic), shown = project_name_of(mic);
  if (!is_venue_name(mic) || !files.exists(path)) return unknown_venue(files, project, mic);
  auto text = files.read(path, kMaxCalendarFile);
  if (!text.ok()) return std::move(text).error().within("reading the calendar of " + mic);
  auto signature = files.read(path + ".sig", kMaxSignatureFile);
  if (!signature.ok() && signature.error().code != Code::not_found)
    return std::move(signature).error().within("reading the signature of " + shown);
  // The bytes are judged before they are understood.
  auto signer = verify(signature.ok() ? *signature : std::string(), *text, trusted);
  if (!signer.ok()) return std::move(signer).error().at(shown).within("checking the calendar of " + mic);
  auto calendar = parse_calendar(*text, shown);
  if (!calendar.ok()) return std::move(calendar).error().within("reading the calendar of " + mic);
  if (calendar->mic != mic)
    return Error(Code::invalid, fmt::format("metadata.name is \"{}\" but the file is {}.yaml", calendar->mic, mic))
        .at(shown);
  calendar->signed_by = std::move(*signer);
  return calendar;
}

Result<Market> load_market(const port::Filesystem& files, const std::string& project, const Settings& settings) {
  if (settings.venues.empty())
    return Error(Code::refused, "no venue is named, so nobody says whether a market is open",
                 "name them in spec.calendar.venues of the environment, or with --venue");
  ASSIGN_OR_RETURN(const auto trusted, trusted_keys(files, settings));
  Market market;
  market.policy = settings.policy;
  bool zone_known = market.policy.zone.empty();
  std::string zones;
  for (const std::string& mic : settings.venues) {
    ASSIGN_OR_RETURN(Calendar calendar, load_calendar(files, project, mic, trusted));
    zone_known |= calendar.zone.name() == market.policy.zone;
    zones += (zones.empty() ? "" : ", ") + calendar.zone.name();
    market.calendars.push_back(std::move(calendar));
  }
  if (!zone_known)
    return Error(Code::refused, fmt::format("the policy's zone {} is not the zone of one of its venues", market.policy.zone),
                 fmt::format("spec.calendar.policy.zone is one of {}, or left out", zones));
  return market;
}

}  // namespace nautilus::calendar
