// nautilusctl calendar explain|check|next-window|timeline: may the platform be changed, and why
#include "cli/commands/calendar.h"

#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "core/base/duration.h"
#include "core/calendar/moment.h"
#include "core/calendar/report.h"

namespace nautilus::cli {

namespace {

struct WindowFlags : CalendarFlags {
  std::string duration;
};

Result<port::Duration> duration_of(const std::string& text) {
  if (text.empty()) return port::Duration(0);
  auto parsed = base::parse_duration(text);
  if (!parsed.ok() || *parsed <= port::Duration(0))
    return Error(Code::usage, fmt::format("--for {}: not a duration above zero, as in 45m or 1h30m", text));
  return *parsed;
}

// "next window of 45m: Mon ... " for people; nothing if there is none, which the verdict says already.
std::string next_text(const calendar::Market& market, port::WallTime at, port::WallTime now, port::Duration duration,
                      const calendar::Zone& zone) {
  const auto next = calendar::next_window(market, at, duration);
  if (!next.ok()) return fmt::format("  {:<9} {}\n", "window", next.error().message);
  return fmt::format("  {:<9} {}, for {}\n", "window", calendar::until_text(next->start, now, zone),
                     base::human_duration(next->end - next->start));
}

Result<int> check(Context& context, const WindowFlags& flags) {
  ASSIGN_OR_RETURN(const auto duration, duration_of(flags.duration));
  ASSIGN_OR_RETURN(const auto market, open_market(context, flags));
  ASSIGN_OR_RETURN(const auto zone, zone_of(context, flags, market));
  ASSIGN_OR_RETURN(const auto at, moment_of(context, flags.at, zone));
  const auto verdict = calendar::is_allowed(market, at, duration);
  if (!context.text()) {
    Json json = calendar::verdict_json(verdict, at, duration);
    const auto next = calendar::next_window(market, at, duration);
    json["nextWindow"] = next.ok() ? calendar::window_json(*next, duration) : Json();
    context.print(json);
  } else {
    const auto now = context.ports.clock.now();
    std::string text = calendar::verdict_text(verdict, at, now, zone);
    if (!verdict.allowed) text += next_text(market, at, now, duration, zone);
    context.print(std::string_view(text));
    if (!verdict.hint.empty()) context.note("hint:  " + verdict.hint);
  }
  return verdict.allowed ? 0 : base::exit_code(Code::refused);
}

Result<int> next(Context& context, const WindowFlags& flags) {
  ASSIGN_OR_RETURN(const auto duration, duration_of(flags.duration));
  ASSIGN_OR_RETURN(const auto market, open_market(context, flags));
  ASSIGN_OR_RETURN(const auto zone, zone_of(context, flags, market));
  ASSIGN_OR_RETURN(const auto from, moment_of(context, flags.at, zone));
  ASSIGN_OR_RETURN(const auto window, calendar::next_window(market, from, duration));
  if (!context.text()) {
    Json json = calendar::window_json(window, duration);
    json["startLocal"] = calendar::offset_text(window.start, zone);
    json["endLocal"] = calendar::offset_text(window.end, zone);
    context.print(json);
    return 0;
  }
  const auto now = context.ports.clock.now();
  context.print(std::string_view(fmt::format(
      "start  {}\nend    {}\nlasts  {}\n", calendar::until_text(window.start, now, zone),
      calendar::until_text(window.end, now, zone), base::human_duration(window.end - window.start))));
  return 0;
}

Result<int> explain(Context& context, const CalendarFlags& flags) {
  ASSIGN_OR_RETURN(const auto market, open_market(context, flags));
  ASSIGN_OR_RETURN(const auto zone, zone_of(context, flags, market));
  ASSIGN_OR_RETURN(const auto at, moment_of(context, flags.at, zone));
  const auto verdict = calendar::is_allowed(market, at);
  Json days = Json::array();
  std::string text;
  for (const auto& one : market.calendars) {
    const auto date = std::chrono::floor<std::chrono::days>(one.zone.local(std::chrono::floor<std::chrono::seconds>(at)));
    const auto day = calendar::trading_day(one, date);
    Json json = calendar::day_json(one, day);
    json["venue"] = one.mic;
    json["zone"] = one.zone.name();
    days.push_back(std::move(json));
    text += calendar::day_text(one, day, at, flags.zone.empty() ? calendar::Zone() : zone);
  }
  if (!context.text()) {
    Json json = calendar::verdict_json(verdict, at, port::Duration(0));
    json["days"] = days;
    Json windows = Json::array();
    for (const auto& rule : market.policy.windows)
      windows.push_back({{"name", rule.name}, {"kind", rule.allows ? "allow" : "block"}, {"when", calendar::window_text(rule)}});
    json["policy"] = {{"name", market.policy.name}, {"windows", windows}};
    context.print(json);
    return 0;
  }
  for (const auto& rule : market.policy.windows)
    text += fmt::format("{}  window {} ({})\n", rule.allows ? "allows " : "blocks ", rule.name, calendar::window_text(rule));
  const auto now = context.ports.clock.now();
  text += calendar::verdict_text(verdict, at, now, zone);
  if (!verdict.allowed) text += next_text(market, at, now, port::Duration(0), zone);
  context.print(std::string_view(text));
  return 0;
}

struct TimelineFlags : CalendarFlags {
  std::string until;
};

// Every stretch of time between two moments, and the days of each venue that lie in it.
Result<int> timeline(Context& context, const TimelineFlags& flags) {
  ASSIGN_OR_RETURN(const auto market, open_market(context, flags));
  ASSIGN_OR_RETURN(const auto zone, zone_of(context, flags, market));
  ASSIGN_OR_RETURN(const auto from, moment_of(context, flags.at, zone));
  auto until = from + std::chrono::days(7);
  if (!flags.until.empty()) { ASSIGN_OR_RETURN(until, calendar::parse_moment(flags.until, zone)); }
  auto list = calendar::stretches(market, from, until);
  if (!list.ok()) return Error(Code::usage, list.error().message, "--until is later than --from");
  if (context.text()) {
    std::string text;
    for (const auto& one : *list)
      text += fmt::format("{:<28} {:<28} {:<6} {}\n", calendar::moment_text(zone, one.from),
                          calendar::moment_text(zone, one.until), one.open ? "open" : "closed",
                          one.cause == calendar::Cause::allowed ? "allowed" : fmt::format("refused: {}", name(one.cause)));
    context.print(std::string_view(text));
    return 0;
  }
  Json json = {{"stretches", Json::array()}, {"venues", Json::object()}};
  for (const auto& one : *list)
    json["stretches"].push_back({{"from", calendar::utc_text(one.from)},
                                 {"until", calendar::utc_text(one.until)},
                                 {"open", one.open},
                                 {"cause", std::string(name(one.cause))}});
  for (const auto& one : market.calendars) {
    const auto date_at = [&](port::WallTime at) {
      return std::chrono::floor<std::chrono::days>(one.zone.local(std::chrono::floor<std::chrono::seconds>(at)));
    };
    Json days = Json::array();
    for (auto date = date_at(from); date <= date_at(until - port::Duration(1)); date += std::chrono::days(1))
      days.push_back(calendar::day_json(one, calendar::trading_day(one, date)));
    json["venues"][one.mic] = days;
  }
  context.print(json);
  return 0;
}

}  // namespace

void add_market(CLI::App& command, CalendarFlags& flags, const char* at_flag, const char* at_help) {
  command.add_option("--env,-e", flags.env, "environment: its venues, its policy and whose calendars it trusts")
                  ->type_name("ENV");
  command
      .add_option("--venue", flags.venues,
                  "a venue by its MIC, in place of the environment's; with the guide's windows if there is no --env; repeatable")
      ->type_name("MIC")
      ->allow_extra_args(false);
  command.add_option(at_flag, flags.at, at_help)->type_name("TIME");
  command.add_option("--zone", flags.zone, "read and show times by this zone's clock (default: the first venue's)")
      ->type_name("ZONE");
}

Result<calendar::Market> open_market(const Context& context, const CalendarFlags& flags) {
  calendar::Settings settings;
  if (!flags.env.empty()) {
    ASSIGN_OR_RETURN(const auto env, context.environment(flags.env));
    settings = env.calendar;
  } else if (flags.venues.empty()) {
    return Error(Code::usage, "neither --env nor --venue is given", "as in --env prod, or --venue XNYS --venue XCME");
  }
  if (!flags.venues.empty()) settings.venues = flags.venues;
  ASSIGN_OR_RETURN(const std::string project, context.project());
  return calendar::load_market(context.ports.files, project, settings);
}

Result<calendar::Zone> zone_of(const Context& context, const CalendarFlags& flags, const calendar::Market& market) {
  if (flags.zone.empty()) return market.calendars.front().zone;
  if (flags.zone == "UTC") return calendar::Zone();
  for (const auto& one : market.calendars)
    if (one.zone.name() == flags.zone) return one.zone;
  const Error unknown(Code::usage, fmt::format("--zone {}: no such time zone on this machine", flags.zone),
                      "a name as in Europe/London (package tzdata), or UTC");
  if (flags.zone.empty() || flags.zone.front() == '/' || flags.zone.find("..") != std::string::npos) return unknown;
  const std::string folder = context.ports.process.environment("TZDIR").value_or("/usr/share/zoneinfo");
  auto bytes = context.ports.files.read(folder + "/" + flags.zone, calendar::kMaxZoneFile);
  if (!bytes.ok()) return unknown;
  return calendar::Zone::from_tzif(flags.zone, *bytes);
}

Result<port::WallTime> moment_of(const Context& context, const std::string& text, const calendar::Zone& zone) {
  if (text.empty() || text == "now") return context.ports.clock.now();
  return calendar::parse_moment(text, zone);
}

void add_calendar(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("calendar", "trading calendars: when a venue trades, and when the platform may be changed");
  group->require_subcommand(1);
  const char* at_help = "as of this time (default: now)";

  auto* explained = group->add_subcommand("explain", "a venue's day, session by session, and what it means for a change");
  auto day = std::make_shared<CalendarFlags>();
  add_market(*explained, *day, "--at", at_help);
  explained->callback([&context, day] { context.run = [day](Context& c) { return explain(c, *day); }; });

  auto* checked = group->add_subcommand("check", "may the platform be changed? exit code 0 if it may, 12 if not");
  auto asked = std::make_shared<WindowFlags>();
  add_market(*checked, *asked, "--at", at_help);
  checked->add_option("--for", asked->duration, "for all of this time from then on, as in 45m")->type_name("DURATION");
  checked->callback([&context, asked] { context.run = [asked](Context& c) { return check(c, *asked); }; });

  auto* looked = group->add_subcommand("next-window", "the earliest time from which a change of some length fits");
  auto wanted = std::make_shared<WindowFlags>();
  add_market(*looked, *wanted, "--from", "not before this time (default: now)");
  looked->add_option("--for", wanted->duration, "how long the change takes at most, as in 45m")->required()->type_name("DURATION");
  looked->callback([&context, wanted] { context.run = [wanted](Context& c) { return next(c, *wanted); }; });

  auto* drawn = group->add_subcommand("timeline", "when the venues trade and when changes are allowed, stretch by stretch");
  auto span = std::make_shared<TimelineFlags>();
  add_market(*drawn, *span, "--from", "from this time on (default: now)");
  drawn->add_option("--until", span->until, "until this time (default: a week later)")->type_name("TIME");
  drawn->callback([&context, span] { context.run = [span](Context& c) { return timeline(c, *span); }; });

  add_calendar_files(*group, context);
}

}  // namespace nautilus::cli
