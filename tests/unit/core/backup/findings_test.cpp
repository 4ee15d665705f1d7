// What is wrong with backups, told from objects and the time alone.
#include "core/backup/findings.h"

#include <doctest/doctest.h>

#include "core/backup/recovery_points.h"
#include "core/release/lease.h"

using namespace nautilus;
using namespace nautilus::backup;
using namespace std::chrono_literals;

namespace {

port::WallTime at(const char* text) { return release::parse_time(std::string(text) + "Z").value(); }

Json backup_json(const std::string& name, const char* started, const char* completed, const char* phase = "Completed") {
  Json out = {{"metadata",
               {{"name", name},
                {"creationTimestamp", std::string(started) + "Z"},
                {"labels", {{"velero.io/schedule-name", "often"}}}}},
              {"spec", {{"storageLocation", "primary"}}},
              {"status", {{"phase", phase}, {"startTimestamp", std::string(started) + "Z"}}}};
  if (completed) out["status"]["completionTimestamp"] = std::string(completed) + "Z";
  return out;
}

Schedule often() {
  return schedule_of({{"metadata", {{"name", "often"}, {"creationTimestamp", "2026-11-01T00:00:00Z"}}},
                      {"spec", {{"schedule", "CRON_TZ=UTC */15 * * * *"}, {"template", {{"ttl", "2h0m0s"}}}}},
                      {"status", {{"phase", "Enabled"}}}});
}

Observed good() {
  Observed out;
  out.locations = {location_of({{"metadata", {{"name", "primary"}}},
                                {"spec", {{"default", true}}},
                                {"status", {{"phase", "Available"}, {"lastValidationTime", "2026-11-29T09:59:30Z"}}}})};
  out.schedules = {often()};
  for (const char* minute : {"09:45", "09:30", "09:15", "09:00", "08:45", "08:30", "08:15", "08:00"}) {
    const std::string begun = fmt::format("2026-11-29T{}:01", minute), ended = fmt::format("2026-11-29T{}:40", minute);
    out.backups.push_back(backup_of(backup_json(std::string("often-") + minute, begun.c_str(), ended.c_str())));
  }
  return out;
}

const port::WallTime kNow = at("2026-11-29T10:00:00");

std::vector<std::string> ids(const Observed& observed) {
  std::vector<std::string> out;
  for (const auto& finding : findings(observed, kNow)) out.push_back(finding.id);
  return out;
}

}  // namespace

TEST_CASE("good backups have no findings") {
  const auto found = findings(good(), kNow);
  for (const auto& finding : found) MESSAGE(finding.id << " " << finding.message);
  CHECK(found.empty());
}

TEST_CASE("each thing that can be wrong is found by its name") {
  struct Row {
    const char* id;
    std::function<void(Observed&)> spoil;
  };
  const std::vector<Row> rows = {
      {"backup.no-location", [](Observed& o) { o.locations.clear(); }},
      {"backup.location-unavailable", [](Observed& o) { o.locations[0].phase = "Unavailable"; }},
      {"backup.location-full",
       [](Observed& o) {
         o.locations[0].phase = "Unavailable";
         o.locations[0].message = "PutObject: XMinioStorageFull: Storage backend has reached its limit";
       }},
      {"backup.location-unchecked", [](Observed& o) { o.locations[0].phase = ""; }},
      {"backup.location-unchecked", [](Observed& o) { o.locations[0].checked = kNow - 1h; }},
      {"backup.location-read-only", [](Observed& o) { o.locations[0].read_only = true; }},
      {"backup.schedule-invalid", [](Observed& o) { o.schedules[0].phase = "FailedValidation"; }},
      {"backup.schedule-paused", [](Observed& o) { o.schedules[0].paused = true; }},
      {"backup.schedule-unreadable", [](Observed& o) { o.schedules[0].cron = "every day"; }},
      {"backup.schedule-unreadable", [](Observed& o) { o.schedules[0].cron = "CRON_TZ=America/New_York 0 2 * * *"; }},
      {"backup.skipped", [](Observed& o) { o.backups.erase(o.backups.begin() + 2); }},
      {"backup.failed", [](Observed& o) { o.backups[0].state = State::failed; }},
      {"backup.location-full",
       [](Observed& o) {
         o.backups[0].state = State::failed;
         o.backups[0].reason = "write /data: no space left on device";
       }},
      {"backup.partial", [](Observed& o) { o.backups[0].state = State::partial; }},
      {"backup.volumes-missing",
       [](Observed& o) {
         o.backups[0].volumes = {3, 2};
       }},
      {"backup.expired", [](Observed& o) { o.backups[7].expires = kNow - 3h; }},
      {"backup.stuck",
       [](Observed& o) {
         o.backups[7].state = State::running;
         o.backups[7].started = kNow - 7h;
       }},
      {"backup.none-good",
       [](Observed& o) {
         for (auto& backup : o.backups) backup.state = State::deleting;
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.id);
    Observed observed = good();
    row.spoil(observed);
    CHECK(ids(observed) == std::vector<std::string>{row.id});
  }
}

TEST_CASE("a skipped run names the backup that was in its way; one that nobody made does not") {
  Observed observed = good();
  observed.backups.erase(observed.backups.begin() + 2);       // 09:15
  observed.backups[2].completed = at("2026-11-29T09:20:00");  // of 09:00
  auto missed = missed_runs(observed.schedules[0], observed.backups, kNow);
  REQUIRE(missed.ok());
  REQUIRE(missed->size() == 1);
  CHECK(second_text(missed->front().due) == "2026-11-29T09:15:00Z");
  CHECK(missed->front().because == "often-09:00");

  observed = good();
  observed.backups.erase(observed.backups.begin(), observed.backups.begin() + 3);
  missed = missed_runs(observed.schedules[0], observed.backups, kNow);
  REQUIRE(missed.ok());
  REQUIRE(missed->size() == 3);
  CHECK(missed->front().because.empty());
}

TEST_CASE("runs before the schedule was there, or whose backups have expired, are not missed") {
  Schedule schedule = often();
  schedule.created = kNow - 20min;
  auto missed = missed_runs(schedule, {}, kNow);
  REQUIRE(missed.ok());
  CHECK(missed->size() == 1);  // 09:45
  schedule.created = kNow - 24h;
  missed = missed_runs(schedule, {}, kNow);
  CHECK(missed->size() == 7);  // two hours are kept; that of 08:00 is about to go, that of 10:00 is not late yet
}

TEST_CASE("the runs of a cron in a time") {
  const auto runs = [](const char* cron, const char* from, const char* to, std::size_t most = kMaxRuns) {
    const auto parsed = verify::Cron::parse(cron);
    REQUIRE(parsed.ok());
    std::string out;
    for (const auto run : runs_between(*parsed, at(from), at(to), most)) out += second_text(run).substr(5, 11) + " ";
    return out;
  };
  CHECK(runs("10,40 13-21 * * 1-5", "2026-11-27T20:30:00", "2026-11-30T13:30:00") ==
        "11-27T20:40 11-27T21:10 11-27T21:40 11-30T13:10 ");
  CHECK(runs("40 8 * * 0", "2026-11-20T00:00:00", "2026-11-30T00:00:00") == "11-22T08:40 11-29T08:40 ");
  CHECK(runs("0 0 31 * *", "2026-01-01T00:00:00", "2026-04-01T00:00:00") == "01-31T00:00 03-31T00:00 ");
  CHECK(runs("* * * * *", "2026-11-29T10:00:00", "2026-11-29T11:00:00", 2) == "11-29T10:58 11-29T10:59 ");
}

TEST_CASE("a metric is read out of Prometheus' text") {
  const char* text =
      "# HELP pg_x An age\n# TYPE pg_x gauge\npg_xy 9\npg_x{a=\"b} \\\" c\"} 1.5\npg_x{a=\"d\"} 42 1700000000\nother "
      "7\n";
  CHECK(metric_in(text, "pg_x") == 42);
  CHECK(metric_in(text, "other") == 7);
  CHECK_FALSE(metric_in(text, "pg").has_value());
  CHECK_FALSE(metric_in("pg_x", "pg_x").has_value());
  CHECK_FALSE(metric_in("pg_x nothing", "pg_x").has_value());
}

TEST_CASE("states of Velero's phases; what is not known to have ended has not") {
  CHECK(state_of("Completed") == State::good);
  CHECK(state_of("FinalizingPartiallyFailed") == State::running);
  CHECK(state_of("PartiallyFailed") == State::partial);
  CHECK(state_of("FailedValidation") == State::failed);
  CHECK(state_of("") == State::running);
  CHECK(state_of("SomethingNew") == State::running);
}
