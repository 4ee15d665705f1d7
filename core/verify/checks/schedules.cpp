// schedule.*: clocks of cron jobs, and windows in which the platform may be changed.
#include <fmt/format.h>

#include <bitset>
#include <memory>

#include "core/base/duration.h"
#include "core/verify/checks/backup_facts.h"
#include "core/verify/checks/cron.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr int kWeekMinutes = 7 * 24 * 60;

bool is_utc(std::string_view zone) {
  return zone == "UTC" || zone == "Etc/UTC" || zone == "Etc/GMT" || zone == "Etc/Zulu";
}

// Zones change their clocks between 00:00 and 03:59 local time, everywhere.
bool in_changing_hours(const Cron& cron) {
  if (cron.every_seconds > 0) return false;
  int named = 0;
  for (std::size_t hour = 0; hour < 24; ++hour) named += cron.hours[hour];
  if (named == 24) return false;  // every hour: a skipped one is followed by the next
  return cron.hours[0] || cron.hours[1] || cron.hours[2] || cron.hours[3];
}

void judge_clock(const std::string& id, const std::string& text, const std::string& zone, Answer& answer) {
  const auto cron = Cron::parse(text);
  if (!cron.ok()) return answer.missing("cannot be read: " + cron.error().message, id);
  if (is_utc(zone)) return answer.holds(fmt::format("{} in {}: a clock without summer time", text, zone), id);
  const bool risky = in_changing_hours(*cron);
  answer.judge(!risky,
               fmt::format("{} in {}: {}", text, zone,
                           risky ? "on the day the clocks go forward that time may not exist and the run is skipped; "
                                   "going back it comes twice"
                                 : "no hour in which clocks change"),
               id);
}

void time_zone(const Input& input, Answer& answer) {
  for (const Json* job : input.platform.of_kind("CronJob")) {
    const std::string text = value::string_at(*job, "spec", "schedule");
    const std::string zone = value::string_at(*job, "spec", "timeZone");
    answer.read(where(*job, "spec.schedule"), text);
    if (zone.empty()) {
      answer.missing("no timeZone: it runs by the clock of kube-controller-manager, whatever that is",
                     where(*job, "spec.timeZone"));
      continue;
    }
    answer.read(where(*job, "spec.timeZone"), zone);
    judge_clock(where(*job, "spec.schedule"), text, zone, answer);
  }
  for (const BackupSchedule& schedule : backup_schedules(input.platform, answer)) {
    answer.read(schedule.where + " spec.schedule", schedule.text,
                schedule.zone.empty() ? "Velero's own clock: UTC in its container" : "in " + schedule.zone);
    std::string text = schedule.text;
    if (!schedule.zone.empty()) text = text.substr(text.find(' ') + 1);
    judge_clock(schedule.where + " spec.schedule", text, schedule.zone.empty() ? "UTC" : schedule.zone, answer);
  }
}

// Minutes of a week, Monday 00:00 first, that a window covers in its own zone.
struct Window {
  std::string where, zone;
  bool allows = false;
  std::unique_ptr<std::bitset<kWeekMinutes>> minutes;
};

std::vector<Window> windows_of(const Json& project, Answer& answer) {
  std::vector<Window> windows;
  const Json* list = value::find(project, "spec", "syncWindows");
  if (!list || !list->is_array()) return windows;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Json& one = (*list)[i];
    Window window;
    window.where = where(project, fmt::format("spec.syncWindows[{}]", i));
    window.zone = value::string_at(one, "timeZone");
    window.allows = value::string_at(one, "kind") == "allow";
    const std::string text = value::string_at(one, "schedule"), length = value::string_at(one, "duration");
    const auto cron = Cron::parse(text);
    const auto duration = base::parse_duration(length);
    if (!cron.ok() || !duration.ok()) {
      answer.missing("its schedule or duration cannot be read", window.where);
      continue;
    }
    answer.read(window.where, fmt::format("{} {} for {}", window.allows ? "allow" : "deny", text, length),
                window.zone.empty() ? "no zone" : window.zone);
    window.minutes = std::make_unique<std::bitset<kWeekMinutes>>();
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(*duration).count();
    const auto begins = [&](int at) {
      const auto minute = static_cast<std::size_t>(at % 1440);
      // A day of the month cannot be placed in a week; any that could be is taken.
      return cron->weekdays[static_cast<std::size_t>((at / 1440 + 1) % 7)] && cron->hours[minute / 60] &&
             cron->minutes[minute % 60];
    };
    // Twice around, so that a window that is open on Sunday night is open on Monday morning.
    std::int64_t left = 0;
    for (int at = 0; at < 2 * kWeekMinutes; ++at) {
      if (begins(at % kWeekMinutes)) left = minutes;
      if (left-- > 0) window.minutes->set(static_cast<std::size_t>(at % kWeekMinutes));
    }
    windows.push_back(std::move(window));
  }
  return windows;
}

std::string minute_text(std::size_t minute) {
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  return fmt::format("{} {:02}:{:02}", kDays[minute / 1440], minute % 1440 / 60, minute % 60);
}

// The first of them, as "Mon 08:00 to 09:00", and how many minutes in all.
std::string spans_text(const std::bitset<kWeekMinutes>& minutes) {
  std::string text;
  int spans = 0;
  for (std::size_t i = 0; i < kWeekMinutes;) {
    if (!minutes[i]) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < kWeekMinutes && minutes[end]) ++end;
    if (++spans <= 3)
      text += fmt::format("{}{} to {}", spans > 1 ? ", " : "", minute_text(i),
                          end == kWeekMinutes ? "Sun 24:00" : minute_text(end));
    i = end;
  }
  return spans > 3 ? fmt::format("{} and {} more", text, spans - 3) : text;
}

void windows(const Input& input, Answer& answer) {
  for (const Json* project : input.platform.of_kind("AppProject")) {
    const auto list = windows_of(*project, answer);
    if (list.empty()) continue;
    std::bitset<kWeekMinutes> allowed, denied;
    bool allows = false, denies = false;
    for (const Window& window : list) {
      answer.judge(!window.zone.empty(),
                   window.zone.empty()
                       ? "no timeZone: UTC is taken, and the market's hours move against it twice a year"
                       : "in " + window.zone,
                   window.where);
      (window.allows ? allowed : denied) |= *window.minutes;
      (window.allows ? allows : denies) = true;
    }
    const auto both = allowed & denied;
    if (both.any())
      answer.fails(fmt::format("{:.1f} h a week are allowed and denied: {}", static_cast<double>(both.count()) / 60.0,
                               spans_text(both)),
                   id_of(*project));
    if (allows && denies) {
      const auto neither = ~(allowed | denied);
      const double hours = static_cast<double>(neither.count()) / 60.0;
      answer.judge(neither.none(),
                   neither.none()
                       ? "every minute of the week is allowed or denied"
                       : fmt::format("{:.1f} h a week are neither allowed nor denied: {}", hours, spans_text(neither)),
                   id_of(*project));
    } else {
      answer.holds(allows ? "what no window allows is denied" : "what no window denies is allowed", id_of(*project));
    }
    answer.step(fmt::format("allowed {:.1f} h, denied {:.1f} h of 168", static_cast<double>(allowed.count()) / 60.0,
                            static_cast<double>(denied.count()) / 60.0));
  }
}

constexpr Check kChecks[] = {
    {"schedule.time-zone", "Every scheduled run happens once, also on the days the clocks change.",
     "CronJobs name a time zone; a zone with summer time does not schedule between 00:00 and 03:59. Velero's clock is "
     "UTC unless CRON_TZ says otherwise.",
     "02:00 does not exist on the day the clocks go forward: the daily backup of the guide is skipped that day, in "
     "silence.",
     "Set spec.timeZone to Etc/UTC, or move the hour.", "21", time_zone},
    {"schedule.windows", "There is no minute of which nobody said whether the platform may be changed in it.",
     "Allowed and denied windows of Argo CD's projects, minute by minute over a week: each names its zone, none "
     "overlap, and "
     "where both kinds are used nothing is left between them.",
     "Blocked 9 to 17 and allowed 18 to 8, without a zone: ten hours a week are undefined, and read as UTC the close "
     "of the NYSE is an allowed hour.",
     "Name the zone, deny by default, and allow only what the venue's calendar leaves free.", "6", windows},
};

}  // namespace

std::span<const Check> schedule_checks() { return kChecks; }

}  // namespace nautilus::verify
