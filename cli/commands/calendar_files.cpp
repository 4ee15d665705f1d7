// nautilusctl calendar list|verify|sign: the files, and who stands for them
#include <fmt/format.h>

#include "cli/commands/calendar.h"
#include "core/calendar/moment.h"
#include "core/value/ed25519.h"

namespace nautilus::cli {

namespace {

constexpr const char* kKeyVariable = "NAUTILUSCTL_CALENDAR_KEY";

struct SignFlags {
  std::string key;
  std::vector<std::string> files;
};

// One row per calendar: what it says of itself, and whether it counts.
struct Listed {
  std::string venue, problem, hint;
  std::optional<calendar::Calendar> calendar;
};

Result<std::vector<Listed>> listed(const Context& context, const CalendarFlags& flags) {
  calendar::Settings settings;
  if (!flags.env.empty()) {
    ASSIGN_OR_RETURN(const auto env, context.environment(flags.env));
    settings = env.calendar;
  }
  ASSIGN_OR_RETURN(const std::string project, context.project());
  if (!flags.venues.empty()) settings.venues = flags.venues;
  if (settings.venues.empty()) { ASSIGN_OR_RETURN(settings.venues, calendar::venues(context.ports.files, project)); }
  ASSIGN_OR_RETURN(const auto trusted, calendar::trusted_keys(context.ports.files, settings));
  const auto now = std::chrono::floor<std::chrono::seconds>(context.ports.clock.now());
  std::vector<Listed> rows;
  for (const std::string& mic : settings.venues) {
    auto loaded = calendar::load_calendar(context.ports.files, project, mic, trusted);
    Listed row{mic, "", "", std::nullopt};
    if (loaded.ok()) {
      if (now >= calendar::end_of(*loaded)) {
        row.problem = "expired with " + calendar::date_text(loaded->expires);
        row.hint = "get a newer one, signed, into manifests/calendars";
      }
      row.calendar = std::move(*loaded);
    } else {
      row.problem = loaded.error().text();
      row.hint = loaded.error().hint;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json listed_json(const Listed& row) {
  Json json = {{"venue", row.venue}, {"good", row.problem.empty()}, {"problem", row.problem}, {"hint", row.hint}};
  if (!row.calendar) return json;
  const calendar::Calendar& one = *row.calendar;
  std::size_t provisional = 0;
  for (const auto& [_, day] : one.days) provisional += day.provisional;
  json.update({{"title", one.title},
               {"scope", one.scope},
               {"version", one.version},
               {"zone", one.zone.name()},
               {"validFrom", calendar::date_text(one.valid_from)},
               {"expires", calendar::date_text(one.expires)},
               {"publishedThrough", calendar::date_text(one.published_through)},
               {"specialDays", one.days.size()},
               {"provisionalDays", provisional},
               {"signedBy", one.signed_by},
               {"sha256", one.sha256},
               {"file", one.file},
               {"sources", one.sources}});
  return json;
}

// Both commands look at the same; verify refuses if one does not count.
Result<int> list(Context& context, const CalendarFlags& flags, bool verify) {
  ASSIGN_OR_RETURN(const auto rows, listed(context, flags));
  std::size_t bad = 0;
  Json json = Json::array();
  std::string text = fmt::format("{:<6} {:>7}  {:<18} {:<11} {:<11} {:<11} {:<17} {}\n", "venue", "version", "zone",
                                 "from", "published", "expires", "signed by", "");
  for (const Listed& row : rows) {
    bad += !row.problem.empty();
    json.push_back(listed_json(row));
    if (row.calendar)
      text += fmt::format("{:<6} {:>7}  {:<18} {:<11} {:<11} {:<11} {:<17} {}\n", row.venue, row.calendar->version,
                          row.calendar->zone.name(), calendar::date_text(row.calendar->valid_from),
                          calendar::date_text(row.calendar->published_through),
                          calendar::date_text(row.calendar->expires), row.calendar->signed_by, row.problem);
    else
      text += fmt::format("{:<6} refused: {}\n", row.venue, row.problem);
  }
  if (context.text())
    context.print(std::string_view(text));
  else
    context.print(json);
  for (const Listed& row : rows)
    if (!row.hint.empty()) context.note(fmt::format("hint:  {}: {}", row.venue, row.hint));
  if (!verify) return 0;
  if (rows.empty()) return Error(Code::refused, "there is no calendar", "calendars are manifests/calendars/<MIC>.yaml");
  return bad > 0 ? base::exit_code(Code::refused) : 0;
}

Result<std::string> private_key(const Context& context, const SignFlags& flags) {
  if (!flags.key.empty()) return context.ports.files.read(flags.key, value::kMaxKeyFile).within("reading --key");
  if (auto key = context.ports.process.environment(kKeyVariable); key && !key->empty()) return *key;
  return Error(Code::usage, "no key to sign with",
               fmt::format("--key FILE, or the PEM text in ${}; make one: openssl genpkey -algorithm ed25519 -out key.pem",
                           kKeyVariable));
}

Result<int> sign(Context& context, const SignFlags& flags) {
  ASSIGN_OR_RETURN(const std::string key, private_key(context, flags));
  // All are read and judged before the first signature is written.
  struct Ready {
    std::string file, content;
    calendar::Signed made;
  };
  std::vector<Ready> ready;
  for (const std::string& file : flags.files) {
    ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(file, calendar::kMaxCalendarFile));
    TRY(calendar::parse_calendar(text, file));
    ASSIGN_OR_RETURN(auto made, calendar::sign(key, text, flags.key.empty() ? std::string("$") + kKeyVariable : flags.key));
    const auto old = context.ports.files.read(file + ".sig", calendar::kMaxSignatureFile);
    // What others signed of an earlier text is no signature of this one.
    std::string kept;
    if (old.ok() && calendar::verify(*old, text, {calendar::project_key()}).ok()) kept = *old;
    ready.push_back({file, calendar::with_signature(kept, made), std::move(made)});
  }
  Json json = Json::array();
  std::string text;
  for (const Ready& one : ready) {
    TRY(context.ports.files.write(one.file + ".sig", one.content).within("writing a signature"));
    json.push_back({{"file", one.file}, {"signature", one.file + ".sig"}, {"key", one.made.key.id}});
    text += fmt::format("{}.sig  key {}\n", one.file, one.made.key.id);
  }
  if (context.text())
    context.print(std::string_view(text));
  else
    context.print(json);
  return 0;
}

}  // namespace

void add_calendar_files(CLI::App& group, Context& context) {
  for (const bool verify : {false, true}) {
    auto* command = group.add_subcommand(verify ? "verify" : "list",
                                         verify ? "check that every calendar is whole, signed by somebody trusted and not "
                                                  "expired; exit code 12 if one is not"
                                                : "the calendars of this project: version, validity, who signed");
    auto flags = std::make_shared<CalendarFlags>();
    command->add_option("--env,-e", flags->env, "only this environment's venues, by the keys it trusts")->type_name("ENV");
    command->add_option("--venue", flags->venues, "only this venue; repeatable")->type_name("MIC")->allow_extra_args(false);
    command->callback([&context, flags, verify] {
      context.run = [flags, verify](Context& c) { return list(c, *flags, verify); };
    });
  }
  auto* signing = group.add_subcommand("sign", "sign calendars with an Ed25519 key: writes FILE.sig beside each");
  auto flags = std::make_shared<SignFlags>();
  signing->add_option("--key", flags->key, "PEM file of the private key (default: the text in $NAUTILUSCTL_CALENDAR_KEY)")
      ->type_name("FILE");
  signing->add_option("FILE", flags->files, "calendars to sign")->required();
  signing->callback([&context, flags] { context.run = [flags](Context& c) { return sign(c, *flags); }; });
}

}  // namespace nautilus::cli
