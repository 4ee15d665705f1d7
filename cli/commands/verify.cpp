// nautilusctl verify --env ENV [--only ID|AREA] [--strict] [--date DAY] [--with FILE] [-o text|json|yaml|junit]
// nautilusctl explain [ID]
#include "core/verify/verify.h"

#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/source.h"
#include "core/apply/desired.h"
#include "core/value/yaml.h"
#include "core/verify/report.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::vector<std::string> only, with;
  std::string date;
  bool strict = false;
};

// "2026-11-24"
Result<std::chrono::sys_days> day_of(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0;
  char end = 0;
  if (text.size() == 10 && std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &end) == 3) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (date.ok()) return std::chrono::sys_days(date);
  }
  return Error(Code::usage, fmt::format("--date {}: not a day, as in 2026-11-24", text));
}

std::string day_text(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

// Objects of a file beside those that are rendered; one that is rendered too takes its place.
Result<> read_more(const Context& context, const std::string& file, std::vector<Json>& more) {
  ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(file));
  ASSIGN_OR_RETURN(auto documents, value::parse_yaml_all(text, file));
  for (Json& document : documents) {
    if (value::string_at(document, "kind").empty() || value::string_at(document, "metadata", "name").empty())
      return Error(Code::invalid, "a document without kind and metadata.name").at(file);
    more.push_back(std::move(document));
  }
  return {};
}

std::vector<const Json*> all_objects(const apply::Desired& desired, const std::vector<Json>& more) {
  std::map<std::string, std::size_t> places;
  std::vector<const Json*> objects;
  for (const auto& object : desired.objects) {
    places[verify::id_of(object.manifest)] = objects.size();
    objects.push_back(&object.manifest);
  }
  for (const Json& object : more) {
    const auto found = places.find(verify::id_of(object));
    if (found != places.end())
      objects[found->second] = &object;
    else
      objects.push_back(&object);
  }
  return objects;
}

// The dates of the project; an own project may have none.
Result<Json> ends_of_life(const Context& context) {
  ASSIGN_OR_RETURN(const std::string project, context.project());
  const std::string file = project + "/manifests/eol.yaml";
  if (!context.ports.files.exists(file)) return Json();
  ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(file));
  return value::parse_yaml(text, file);
}

Result<int> verify_command(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto selected, verify::select_checks(flags.only));
  auto today = std::chrono::floor<std::chrono::days>(context.ports.clock.now());
  std::chrono::sys_days date = today;
  if (!flags.date.empty()) { ASSIGN_OR_RETURN(date, day_of(flags.date)); }
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, ""));
  ASSIGN_OR_RETURN(const apply::Desired desired, source->render(flags.values.overrides));
  for (const auto& warning : desired.warnings) context.warn(warning);
  std::vector<Json> more;
  for (const std::string& file : flags.with) TRY(read_more(context, file, more).within("reading --with " + file));
  ASSIGN_OR_RETURN(const Json ends, ends_of_life(context));

  // The file as a person knows it: facts of it do not depend on where the project lies.
  env::Environment env = source->env;
  env.file = "environment " + env.name;
  const verify::Platform platform(all_objects(desired, more));
  const auto judged = verify::run({platform, env, ends, date}, selected);
  const verify::Heading heading{env.name, day_text(date), flags.strict};
  switch (context.flags.format) {
    case Format::text:
      context.print(std::string_view(verify::report_text(heading, judged, context.flags.verbose)));
      break;
    case Format::junit: context.print(std::string_view(verify::report_junit(heading, judged))); break;
    case Format::json:
    case Format::yaml: context.print(verify::report_json(heading, judged)); break;
  }
  return verify::refuses(verify::count(judged), flags.strict) ? base::exit_code(Code::refused) : 0;
}

Result<int> explain(Context& context, const std::string& id) {
  if (id.empty()) {
    Json list = Json::array();
    std::string text;
    for (const verify::Check* check : verify::checks()) {
      list.push_back(verify::explain_json(*check));
      text += fmt::format("{:<28} {}\n", check->id, check->promise);
    }
    if (context.text())
      context.print(std::string_view(text));
    else
      context.print(list);
    return 0;
  }
  const verify::Check* check = verify::find_check(id);
  if (!check) {
    auto near = verify::select_checks({id});
    if (!near.ok()) return std::move(near).error();
    return Error(Code::usage, fmt::format("{} is an area, not a check", id), "`nautilusctl explain` lists the checks");
  }
  if (context.text())
    context.print(std::string_view(verify::explain_text(*check)));
  else
    context.print(verify::explain_json(*check));
  return 0;
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("verify", "hold the rendered manifests to the environment's promises, without a cluster");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  const auto repeated = [&](const char* name, std::vector<std::string>& into, const char* help, const char* type) {
    command->add_option(name, into, help)->type_name(type)->allow_extra_args(false);
  };
  repeated("--only", flags->only, "only this check, or this area of checks; repeatable", "ID");
  repeated("--with", flags->with,
           "judge the objects of this file too, in place of those rendered under the same name; repeatable", "FILE");
  command->add_option("--date", flags->date, "judge ends of life as of this day (default: today)")->type_name("DAY");
  command->add_flag("--strict", flags->strict, "what is unknown refuses as well");
  command->callback([&context, flags] {
    context.takes_junit = true;
    context.run = [flags](Context& c) { return verify_command(c, *flags); };
  });

  auto* explained =
      app.add_subcommand("explain", "what a check of verify promises, how it decides, why, and what to do");
  auto id = std::make_shared<std::string>();
  explained->add_option("id", *id, "the check; all of them are listed without it")->type_name("ID");
  explained->callback([&context, id] { context.run = [id](Context& c) { return explain(c, *id); }; });
}

}  // namespace nautilus::cli
