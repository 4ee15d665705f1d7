// From the text of a calendar to its rules.
#include "core/calendar/calendar.h"

#include <fmt/format.h>

#include "core/value/digest.h"
#include "core/value/strict_reader.h"
#include "core/value/yaml.h"
#include "core/value/yaml_line.h"

namespace nautilus::calendar {

namespace {

using value::StrictReader;
constexpr std::string_view kApiVersion = "nautilusctl.io/v1alpha1";

local_days date_at(StrictReader& reader, std::string_view key, local_days fallback) {
  if (!reader.has(key)) return fallback;
  auto date = parse_date(reader.required_string(key));
  if (date.ok()) return *date;
  reader.fail(key, date.error().message);
  return fallback;
}

local_days required_date(StrictReader& reader, std::string_view key) {
  if (!reader.has(key)) reader.required_string(key);
  return date_at(reader, key, {});
}

// The clock's reading, and which day's it is.
int minutes_at(StrictReader& reader, std::string_view key, std::string_view day_key) {
  const auto minutes = parse_minutes(reader.required_string(key));
  const std::string day = reader.choice(day_key, {"sameDay", "previousDay", "nextDay"});
  if (!minutes) {
    reader.fail(key, "must be a time of the day in quotes, as in \"09:30\", up to \"24:00\"");
    return 0;
  }
  return *minutes + (day == "previousDay" ? -1440 : day == "nextDay" ? 1440 : 0);
}

Result<std::vector<Session>> read_sessions(StrictReader& schedule) {
  std::vector<Session> sessions;
  for (StrictReader entry : schedule.list("sessions")) {
    Session session;
    const std::string phase = entry.choice("phase", {"regular", "pre", "auction", "post"});
    for (const Phase one : {Phase::pre, Phase::auction, Phase::regular, Phase::post})
      if (name(one) == phase) session.phase = one;
    session.title = entry.string("name");
    session.opens = minutes_at(entry, "opens", "opensOn");
    session.closes = minutes_at(entry, "closes", "closesOn");
    if (session.opens >= session.closes) entry.fail("closes", "must be later than opens");
    if (!sessions.empty() && session.opens < sessions.back().closes)
      entry.fail("opens", "is before the session above it closes");
    if (!sessions.empty() && session.closes - sessions.front().opens > 2 * 1440)
      entry.fail("closes", "is more than two days after the first session opens");
    if (sessions.size() == kMaxSessions) entry.fail("opens", fmt::format("more than {} sessions", kMaxSessions));
    TRY(entry.finish());
    sessions.push_back(std::move(session));
  }
  if (sessions.empty()) schedule.fail("sessions", "lists none: a day without trading is a holiday");
  return sessions;
}

Result<Schedule> read_schedule(StrictReader& entry, const Calendar& calendar) {
  Schedule schedule;
  schedule.name = entry.required_string("name");
  for (const std::string& day : entry.strings("days")) {
    const auto weekday = parse_weekday(day);
    if (!weekday) {
      entry.fail("days", fmt::format("\"{}\" is not one of Mon, Tue, Wed, Thu, Fri, Sat, Sun", day));
      continue;
    }
    schedule.weekdays[*weekday] = schedule.weekly = true;
  }
  schedule.from = date_at(entry, "from", calendar.valid_from);
  schedule.until = date_at(entry, "until", calendar.expires);
  if (schedule.from > schedule.until) entry.fail("until", "is before from");
  ASSIGN_OR_RETURN(schedule.sessions, read_sessions(entry));
  return schedule;
}

Result<> read_schedules(StrictReader& spec, Calendar& calendar) {
  for (StrictReader entry : spec.list("schedules")) {
    ASSIGN_OR_RETURN(Schedule schedule, read_schedule(entry, calendar));
    if (calendar.schedules.size() == kMaxSchedules) entry.fail("name", fmt::format("more than {}", kMaxSchedules));
    if (calendar.schedules.contains(schedule.name)) entry.fail("name", "is the name of another schedule too");
    for (const auto& [other_name, other] : calendar.schedules)
      for (unsigned day = 0; day < 7; ++day)
        if (schedule.weekdays[day] && other.weekdays[day] && schedule.from <= other.until &&
            other.from <= schedule.until)
          entry.fail("days", fmt::format("{} is in schedule {} too, in the same time", weekday_text(day), other_name));
    TRY(entry.finish());
    calendar.schedules.emplace(schedule.name, std::move(schedule));
  }
  if (calendar.schedules.empty()) spec.fail("schedules", "lists none");
  return {};
}

// The schedule that an entry names; a half day has to, a closure may.
const Schedule* named_schedule(StrictReader& entry, const Calendar& calendar, bool required) {
  const std::string chosen = required ? entry.required_string("schedule") : entry.string("schedule");
  if (chosen.empty()) return nullptr;
  const auto found = calendar.schedules.find(chosen);
  if (found != calendar.schedules.end()) return &found->second;
  entry.fail("schedule", fmt::format("there is no schedule \"{}\"", chosen));
  return nullptr;
}

Result<> read_days(StrictReader& spec, std::string_view key, SpecialDay::Kind kind, Calendar& calendar) {
  for (StrictReader entry : spec.list(key)) {
    SpecialDay day;
    day.kind = kind;
    day.date = required_date(entry, "date");
    day.name = entry.required_string("name");
    if (kind != SpecialDay::Kind::holiday)
      day.schedule = named_schedule(entry, calendar, kind == SpecialDay::Kind::half_day);
    if (kind == SpecialDay::Kind::ad_hoc)
      day.announced = date_text(required_date(entry, "announced"));
    else
      day.provisional = entry.boolean("provisional", false);
    if (!speaks_of(calendar, day.date)) entry.fail("date", "is not between validFrom and expires");
    if (kind != SpecialDay::Kind::ad_hoc && day.date > calendar.published_through && !day.provisional)
      entry.fail("provisional", "must be true: the day is after publishedThrough, so the venue has not said so");
    if (calendar.days.size() == kMaxDays) entry.fail("date", fmt::format("more than {} days", kMaxDays));
    // A closure that comes up may fall on a half day; the closure holds.
    const auto found = calendar.days.find(day.date);
    if (found != calendar.days.end() && (kind != SpecialDay::Kind::ad_hoc || found->second.kind == kind))
      entry.fail("date", fmt::format("{} is listed already, as {}", date_text(day.date), found->second.name));
    TRY(entry.finish());
    calendar.days.insert_or_assign(day.date, std::move(day));
  }
  return {};
}

Result<> read_validity(StrictReader& spec, Calendar& calendar) {
  calendar.version = spec.integer("version", 0, 1, 1'000'000'000);
  if (!spec.has("version")) spec.fail("version", "is missing");
  StrictReader zone = spec.object("zone");
  const std::string zone_name = zone.required_string("name"), rule = zone.required_string("rule");
  auto parsed = Zone::from_rule(zone_name, rule);
  if (parsed.ok())
    calendar.zone = std::move(*parsed);
  else
    zone.fail("rule", parsed.error().message);
  TRY(zone.finish());
  calendar.valid_from = required_date(spec, "validFrom");
  calendar.expires = required_date(spec, "expires");
  if (calendar.expires < calendar.valid_from) spec.fail("expires", "is before validFrom");
  if (calendar.expires - calendar.valid_from > std::chrono::days(366 * kMaxCalendarYears))
    spec.fail("expires", fmt::format("is more than {} years after validFrom", kMaxCalendarYears));
  calendar.published_through = required_date(spec, "publishedThrough");
  return {};
}

bool covers_every_minute(const Calendar& calendar) {
  for (unsigned day = 0; day < 7; ++day) {
    bool covered = false;
    for (const auto& [_, schedule] : calendar.schedules)
      covered |= schedule.weekdays[day] && schedule.sessions.size() == 1 && schedule.sessions[0].opens == 0 &&
                 schedule.sessions[0].closes == 1440 && schedule.from <= calendar.valid_from &&
                 schedule.until >= calendar.expires;
    if (!covered) return false;
  }
  return calendar.days.empty();
}

Result<Calendar> typed(const Json& document, const std::string& file) {
  Calendar calendar;
  StrictReader root(document, file);
  if (root.required_string("apiVersion") != kApiVersion)
    root.fail("apiVersion", fmt::format("must be {}", kApiVersion));
  if (root.required_string("kind") != "Calendar") root.fail("kind", "must be Calendar");
  StrictReader metadata = root.object("metadata");
  calendar.mic = metadata.required_string("name");
  TRY(metadata.finish());
  StrictReader spec = root.object("spec");
  calendar.title = spec.required_string("title");
  calendar.scope = spec.string("scope");
  TRY(read_validity(spec, calendar));
  TRY(read_schedules(spec, calendar));
  TRY(read_days(spec, "holidays", SpecialDay::Kind::holiday, calendar));
  TRY(read_days(spec, "halfDays", SpecialDay::Kind::half_day, calendar));
  TRY(read_days(spec, "adHoc", SpecialDay::Kind::ad_hoc, calendar));
  calendar.continuous = spec.boolean("continuous", false);
  if (calendar.continuous && !covers_every_minute(calendar))
    spec.fail("continuous", "is true, but its schedules leave something out");
  calendar.sources = spec.strings("sources");
  if (calendar.sources.empty()) spec.fail("sources", "names none: say who published this");
  TRY(spec.finish());
  TRY(root.finish());
  return calendar;
}

}  // namespace

Result<Calendar> parse_calendar(std::string_view text, std::string file) {
  if (text.size() > kMaxCalendarFile)
    return Error(Code::limit, fmt::format("larger than {} bytes", kMaxCalendarFile)).at(std::move(file));
  value::YamlLimits limits;
  limits.max_nodes = 200'000;
  ASSIGN_OR_RETURN(const Json document, value::parse_yaml(text, file, limits));
  auto calendar = typed(document, file);
  if (!calendar.ok()) {
    Error error = std::move(calendar).error();
    const std::string head = file + ": ";
    if (error.where.starts_with(head)) {
      const std::string path = error.where.substr(head.size());
      if (const int line = value::yaml_line_of(text, path); line > 0)
        error.where = fmt::format("{}:{}: {}", file, line, path);
    }
    return error;
  }
  calendar->sha256 = value::sha256_hex(text);
  calendar->file = std::move(file);
  return calendar;
}

}  // namespace nautilus::calendar
