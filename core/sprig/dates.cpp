// Dates and durations. "Local" is UTC: what is rendered must not depend on the machine.
#include <cmath>
#include <limits>

#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

Val made(GoTime time) { return Val(std::shared_ptr<const Object>(std::make_shared<Time>(std::move(time)))); }
Val made_duration(std::int64_t nanoseconds) {
  return Val(std::shared_ptr<const Object>(std::make_shared<DurationValue>(nanoseconds)));
}

Result<GoTime> current(Call& call) {
  ASSIGN_OR_RETURN(const port::WallTime instant, now(call));
  return GoTime{instant, {}, false};
}

constexpr std::int64_t kMaxSeconds = 9'200'000'000;  // about the year 2261, the end of a 64-bit nanosecond clock

// A time, or seconds since 1970; anything else is now.
Result<GoTime> time_of(Call& call, const Val& value) {
  if (const Time* time = object_as<Time>(value)) return time->time();
  if (value.kind() == Kind::integer || value.kind() == Kind::int64) {
    if (value.as_int() > kMaxSeconds || value.as_int() < -kMaxSeconds)
      return failed("the time is outside the years 1678 to 2261");
    return GoTime{port::WallTime(std::chrono::seconds(value.as_int())), {}, false};
  }
  return current(call);
}

Result<Val> formatted(Call& call, const std::string& layout, const Val& date, const std::string& zone) {
  ASSIGN_OR_RETURN(GoTime time, time_of(call, date));
  const auto found = find_zone(zone);
  if (!found)
    return Error(Code::refused, fmt::format("the time zone {:?} is not supported in templates", zone),
                 "use UTC, or a fixed zone such as Etc/GMT-1");
  time.zone = *found;
  return Val(format_time(time, layout));
}

Result<const Time*> time_argument(const Val& value) {
  if (const Time* time = object_as<Time>(value)) return time;
  return failed(fmt::format("wrong type for value; expected time.Time; got {}", type_of(value)));
}

Result<GoTime> moved(const GoTime& time, std::int64_t nanoseconds) {
  if (time.zero) return failed("cannot calculate with the zero time");
  std::int64_t sum = 0;
  if (__builtin_add_overflow(time.instant.time_since_epoch().count(), nanoseconds, &sum))
    return failed("the time is outside the years 1678 to 2261");
  return GoTime{port::WallTime(port::Duration(sum)), time.zone, false};
}

gotmpl::Function modifier(bool strict) {
  return [strict](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Time* const time, time_argument(args[1]));
    const auto by = parse_duration(args[0].as_string());
    if (!by && strict) return failed(fmt::format("time: invalid duration {}", go_quote(args[0].as_string())));
    if (!by) return args[1];
    ASSIGN_OR_RETURN(GoTime result, moved(time->time(), *by));
    return made(std::move(result));
  };
}

Result<Val> ago(Call& call, Args args) {
  ASSIGN_OR_RETURN(const GoTime then, time_of(call, args[0]));
  ASSIGN_OR_RETURN(const GoTime present, current(call));
  const std::int64_t nanoseconds = (present.instant - then.instant).count();
  const std::int64_t seconds = static_cast<std::int64_t>(std::llround(static_cast<double>(nanoseconds) / 1e9));
  return Val(duration_text(seconds * 1'000'000'000));
}

Result<Val> rounded_text(Call& call, Args args) {
  std::int64_t nanoseconds = 0;
  if (args[0].is_string()) {
    nanoseconds = parse_duration(args[0].as_string()).value_or(0);
  } else if (args[0].kind() == Kind::int64) {
    nanoseconds = args[0].as_int();
  } else if (const Time* time = object_as<Time>(args[0])) {
    ASSIGN_OR_RETURN(const GoTime present, current(call));
    nanoseconds = (present.instant - time->time().instant).count();
  }
  std::uint64_t left = static_cast<std::uint64_t>(nanoseconds);
  if (nanoseconds < 0) left = ~left + 1;
  constexpr std::uint64_t kSecond = 1'000'000'000, kHour = 3600 * kSecond;
  static constexpr std::pair<std::uint64_t, const char*> kUnits[] = {{kHour * 24 * 365, "y"}, {kHour * 24 * 30, "mo"},
                                                                     {kHour * 24, "d"},       {kHour, "h"},
                                                                     {60 * kSecond, "m"},     {kSecond, "s"}};
  for (const auto& [size, name] : kUnits)
    if (left > size) return Val(std::to_string(left / size) + name);
  return Val("0s");
}

void add_times(Functions& f) {
  f.add("now", 0, 0, {}, [](Call& call, Args) -> Result<Val> {
    ASSIGN_OR_RETURN(GoTime time, current(call));
    return made(std::move(time));
  });
  f.add("date", 2, 2, {Param::string, Param::any},
        [](Call& call, Args args) { return formatted(call, args[0].as_string(), args[1], "Local"); });
  for (const char* name : {"dateInZone", "date_in_zone"})
    f.add(name, 3, 3, {Param::string, Param::any, Param::string},
          [](Call& call, Args args) { return formatted(call, args[0].as_string(), args[1], args[2].as_string()); });
  f.add("htmlDate", 1, 1, {}, [](Call& call, Args args) { return formatted(call, "2006-01-02", args[0], "Local"); });
  f.add("htmlDateInZone", 2, 2, {Param::any, Param::string},
        [](Call& call, Args args) { return formatted(call, "2006-01-02", args[0], args[1].as_string()); });
  for (const char* name : {"dateModify", "date_modify"})
    f.add(name, 2, 2, {Param::string, Param::any}, modifier(false));
  for (const char* name : {"mustDateModify", "must_date_modify"})
    f.add(name, 2, 2, {Param::string, Param::any}, modifier(true));
  f.add("toDate", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    auto time = parse_time(args[0].as_string(), args[1].as_string());
    return made(time.ok() ? *time : GoTime{{}, {}, true});
  });
  f.add("mustToDate", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(GoTime time, parse_time(args[0].as_string(), args[1].as_string()));
    return made(std::move(time));
  });
  f.add("unixEpoch", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Time* const time, time_argument(args[0]));
    return Val(std::to_string(unix_seconds(time->time())));
  });
  f.add("ago", 1, 1, {}, ago);
  f.add("durationRound", 1, 1, {}, rounded_text);
  f.add("duration", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    std::int64_t seconds = 0;
    if (args[0].is_string()) seconds = parse_go_integer(args[0].as_string(), 10).value_or(0);
    if (args[0].kind() == Kind::int64) seconds = args[0].as_int();
    std::int64_t nanoseconds = 0;
    if (__builtin_mul_overflow(seconds, std::int64_t{1'000'000'000}, &nanoseconds))
      return failed("the duration is too long");
    return Val(duration_text(nanoseconds));
  });
}

// Helm 4's durations: a duration, "1h2m", a number of seconds or its text.
Result<std::int64_t> duration_of(const Val& value) {
  if (const DurationValue* duration = object_as<DurationValue>(value)) return duration->nanoseconds();
  std::optional<double> seconds;
  if (value.is_string()) {
    std::string text = value.as_string();
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return failed("empty duration");
    text = text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
    if (const auto parsed = parse_duration(text)) return *parsed;
    seconds = parse_go_float(text);
    if (!seconds) return failed(fmt::format("could not parse duration {}", go_quote(value.as_string())));
  } else if (value.is_integer()) {
    std::int64_t nanoseconds = 0;
    if (__builtin_mul_overflow(value.as_int(), std::int64_t{1'000'000'000}, &nanoseconds))
      return failed("duration seconds overflow");
    return nanoseconds;
  } else if (value.is_float()) {
    seconds = value.as_float();
  } else {
    return failed(value.is_nil() ? "invalid duration" : "unsupported duration type " + type_of(value));
  }
  const double nanoseconds = *seconds * 1e9;
  if (!(std::abs(nanoseconds) < 9.223372036854775e18)) return failed("duration seconds overflow");
  return static_cast<std::int64_t>(nanoseconds);
}

std::int64_t rounded(std::int64_t d, std::int64_t unit) {
  if (unit <= 0) return d;
  const std::int64_t rest = d % unit;
  const std::int64_t magnitude = std::abs(rest);
  if (magnitude < unit - magnitude) return d - rest;
  std::int64_t out = 0;
  if (__builtin_add_overflow(d, d < 0 ? magnitude - unit : unit - magnitude, &out))
    return d < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  return out;
}

void add_durations(Functions& f) {
  f.add("mustToDuration", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const std::int64_t nanoseconds, duration_of(args[0]));
    return made_duration(nanoseconds);
  });
  for (const auto& [name, unit] : {std::pair("durationMilliseconds", std::int64_t{1'000'000}),
                                   {"durationMicroseconds", 1'000},
                                   {"durationNanoseconds", 1}})
    f.add(name, 1, 1, {}, [unit = unit](Call&, Args args) -> Result<Val> {
      const auto duration = duration_of(args[0]);
      return Val::int64(duration.ok() ? *duration / unit : 0);
    });
  for (const auto& [name, unit] : {std::pair("durationSeconds", 1.0),
                                   {"durationMinutes", 60.0},
                                   {"durationHours", 3600.0},
                                   {"durationDays", 86400.0},
                                   {"durationWeeks", 604800.0}})
    f.add(name, 1, 1, {}, [unit = unit](Call&, Args args) -> Result<Val> {
      const auto duration = duration_of(args[0]);
      return Val(duration.ok() ? static_cast<double>(*duration) / 1e9 / unit : 0.0);
    });
  for (const char* name : {"durationRoundTo", "durationTruncateTo"}) {
    const bool round = std::string_view(name) == "durationRoundTo";
    f.add(name, 2, 2, {}, [round](Call&, Args args) -> Result<Val> {
      const auto duration = duration_of(args[0]);
      if (!duration.ok()) return made_duration(0);
      const auto unit = duration_of(args[1]);
      if (!unit.ok() || *unit <= 0) return made_duration(*duration);
      return made_duration(round ? rounded(*duration, *unit) : *duration - *duration % *unit);
    });
  }
}

// Month and Weekday print their names and are numbers otherwise.
class Named final : public GoObject {
 public:
  Named(std::string type, std::string name, std::int64_t number)
      : type_(std::move(type)), name_(std::move(name)), number_(number) {}
  std::string type_name() const override { return type_; }
  std::string kind_name() const override { return "int"; }
  std::string to_string() const override { return name_; }
  Val json_value() const override { return Val::integer(number_); }

 private:
  std::string type_, name_;
  std::int64_t number_;
};

std::optional<std::int64_t> part_of(const CivilTime& t, std::string_view name) {
  if (name == "Year") return t.year;
  if (name == "Day") return t.day;
  if (name == "Hour") return t.hour;
  if (name == "Minute") return t.minute;
  if (name == "Second") return t.second;
  if (name == "Nanosecond") return t.nanosecond;
  if (name == "YearDay") return t.year_day;
  return std::nullopt;
}

Result<GoTime> plus_date(const GoTime& time, Args args) {
  if (args.size() != 3) return failed(fmt::format("wrong number of args for AddDate: want 3 got {}", args.size()));
  const CivilTime t = civil(time);
  std::int64_t months = t.year * 12 + (t.month - 1) + to_int64(args[0]) * 12 + to_int64(args[1]);
  if (months < 0 || months > 12 * 3000) return failed("the time is outside the years 1678 to 2261");
  // The 31st of a month that has 30 days is the 1st of the next, as in Go.
  const auto first = parse_time("2006-01-02", fmt::format("{:04}-{:02}-01", months / 12, months % 12 + 1));
  if (!first.ok()) return first.error();
  const std::int64_t days = t.day - 1 + to_int64(args[2]);
  const std::int64_t seconds = days * 86400 + t.hour * 3600 + t.minute * 60 + t.second - time.zone.offset;
  if (std::abs(seconds) > kMaxSeconds) return failed("the time is outside the years 1678 to 2261");
  ASSIGN_OR_RETURN(GoTime out, moved(*first, seconds * 1'000'000'000 + t.nanosecond));
  out.zone = time.zone;
  return out;
}

}  // namespace

std::optional<Result<Val>> Time::call(std::string_view name, Call&, Args args) const {
  const CivilTime t = civil(time_);
  if (const auto part = part_of(t, name)) return Val::integer(*part);
  if (name == "Unix") return Val::int64(unix_seconds(time_));
  if (name == "UnixNano") return Val::int64(time_.instant.time_since_epoch().count());
  if (name == "UnixMilli") return Val::int64(time_.instant.time_since_epoch().count() / 1'000'000);
  if (name == "String") return Val(to_string());
  if (name == "UTC" || name == "Local") return made(GoTime{time_.instant, {}, time_.zero});
  if (name == "IsZero") return Val(time_.zero);
  if (name == "Month" || name == "Weekday") {
    const bool month = name == "Month";
    return Val(std::shared_ptr<const Object>(std::make_shared<Named>(month ? "time.Month" : "time.Weekday",
                                                                     format_time(time_, month ? "January" : "Monday"),
                                                                     month ? t.month : t.weekday)));
  }
  if (name == "Format") {
    if (args.size() != 1 || !args[0].is_string()) return failed("wrong type for value; expected string");
    return Val(format_time(time_, args[0].as_string()));
  }
  if (name == "AddDate") {
    auto sum = plus_date(time_, args);
    return sum.ok() ? Result<Val>(made(std::move(*sum))) : Result<Val>(std::move(sum).error());
  }
  const Time* other = args.size() == 1 ? object_as<Time>(args[0]) : nullptr;
  if (other && name == "Before") return Val(time_.instant < other->time_.instant);
  if (other && name == "After") return Val(time_.instant > other->time_.instant);
  if (other && name == "Equal") return Val(time_.instant == other->time_.instant);
  if (other && name == "Sub") return made_duration((time_.instant - other->time_.instant).count());
  if (name == "Add" && args.size() == 1) {
    auto duration = duration_of(args[0]);
    if (!duration.ok()) return Result<Val>(std::move(duration).error());
    auto sum = moved(time_, *duration);
    return sum.ok() ? Result<Val>(made(std::move(*sum))) : Result<Val>(std::move(sum).error());
  }
  return std::nullopt;
}

std::optional<Result<Val>> DurationValue::call(std::string_view name, Call&, Args) const {
  if (name == "String") return Val(to_string());
  if (name == "Seconds") return Val(static_cast<double>(nanoseconds_) / 1e9);
  if (name == "Minutes") return Val(static_cast<double>(nanoseconds_) / 6e10);
  if (name == "Hours") return Val(static_cast<double>(nanoseconds_) / 3.6e12);
  if (name == "Milliseconds") return Val::int64(nanoseconds_ / 1'000'000);
  if (name == "Microseconds") return Val::int64(nanoseconds_ / 1'000);
  if (name == "Nanoseconds") return Val::int64(nanoseconds_);
  return std::nullopt;
}

void add_dates(Functions& functions) {
  add_times(functions);
  add_durations(functions);
}

}  // namespace nautilus::sprig
