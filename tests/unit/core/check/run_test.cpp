// What holds for every check: who may look, what is told, and how it is counted.
#include "core/check/run.h"

#include <set>

#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;

namespace {

const Check kAsks = {{"a.b", "All is well.", "Pods.", "Nothing.", "NautilusPodNotReady"},
                     {{&source::kPods}, {&source::kEvents, Need::How::evidence}},
                     [](const Facts& facts, Outcome& outcome) {
                       for (const Json* pod : facts.snapshot.ours(source::kPods))
                         outcome.fail(id_of(*pod), "evidence", "hint", describe(*pod));
                     }};
const Check kAddon = {{"a.c", "", "", "", "NautilusPodNotReady"},
                      {{&source::kPodAutoscalers}},
                      [](const Facts&, Outcome&) {}};

Judged run_one(const Check& check, const Snapshot& snapshot) {
  const env::Environment env = environment();
  const Facts facts(snapshot, env, kNow);
  return run(facts, {&check}).front();
}

Json pod(const char* name, const char* space) {
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", name}, {"namespace", space}}}};
}

}  // namespace

TEST_CASE("what could not be read is never ok") {
  Snapshot snapshot("t");
  CHECK(run_one(kAsks, snapshot).outcome.state() == State::could_not_check);
  snapshot.fail(source::kPods, Error(Code::forbidden, "may not list pods", "grant it"));
  const Judged one = run_one(kAsks, snapshot);
  CHECK(one.outcome.state() == State::could_not_check);
  CHECK(one.outcome.reason() == "Pods could not be read: may not list pods");
  CHECK(one.outcome.gaps().front().hint == "grant it");
  CHECK(exit_code(count({one})) == 3);
}

TEST_CASE("evidence that cannot be read is noted, and the check goes on") {
  Snapshot snapshot("t");
  snapshot.put(source::kPods, {pod("x", "t")});
  snapshot.fail(source::kEvents, Error(Code::forbidden, "may not list events"));
  const Judged one = run_one(kAsks, snapshot);
  CHECK(one.outcome.state() == State::fail);
  CHECK(one.outcome.notes().front() == "without Events: may not list events");
  CHECK(exit_code(count({one})) == 12);
}

TEST_CASE("a kind of an add-on that is not installed does not apply; a kind of Kubernetes that is missing is a gap") {
  Snapshot snapshot("t");
  snapshot.not_served(source::kPodAutoscalers);
  snapshot.not_served(source::kPods);
  CHECK(run_one(kAddon, snapshot).outcome.state() == State::not_applicable);
  CHECK(run_one(kAsks, snapshot).outcome.state() == State::could_not_check);
}

TEST_CASE("a narrower view is told") {
  Snapshot snapshot("t");
  snapshot.put(source::kPods, {}, Snapshot::Reach::one_namespace);
  const Judged one = run_one(kAsks, snapshot);
  CHECK(one.outcome.state() == State::ok);
  CHECK(one.outcome.notes().front().find("Pods of the namespace t only") == 0);
}

TEST_CASE("other people's namespaces are not judged") {
  Snapshot snapshot("t");
  snapshot.put(source::kPods, {pod("x", "kube-system"), pod("y", "monitoring")});
  CHECK(run_one(kAsks, snapshot).outcome.state() == State::ok);
  snapshot.add_namespace("monitoring");
  const Judged one = run_one(kAsks, snapshot);
  REQUIRE(one.outcome.findings().size() == 1);
  CHECK(one.outcome.findings().front().object == "Pod monitoring/y");
  CHECK(one.outcome.findings().front().command == "kubectl -n monitoring describe pod y");
}

TEST_CASE("what the cluster says is redacted, escaped and cut; what is too much is counted") {
  Outcome outcome;
  outcome.fail("Pod t/x", "postgresql://nautilus:nautilus123@pgbouncer\x1b[2J" + std::string(1000, 'x'), "hint");
  const std::string evidence = outcome.findings().front().evidence;
  CHECK(evidence.find("nautilus123") == std::string::npos);
  CHECK(evidence.find('\x1b') == std::string::npos);
  CHECK(evidence.size() <= kMaxEvidenceBytes + 3);
  for (std::size_t i = 0; i < kMaxFindings + 4; ++i) outcome.warn("Pod t/y", "", "");
  CHECK(outcome.findings().size() == kMaxFindings);
  CHECK(outcome.left_out() == 5);
}

TEST_CASE("a warning is found too") {
  Judged one{kAsks.about, {}};
  one.outcome.warn("Pod t/x", "e", "h");
  CHECK(one.outcome.state() == State::warn);
  CHECK(exit_code(count({one})) == 12);
  CHECK(exit_code(count({{kAsks.about, {}}})) == 0);
}

TEST_CASE("checks are chosen by id or flow") {
  const auto& all = doctor_checks();
  CHECK(select(all, {})->size() == all.size());
  REQUIRE(select(all, {"pods.quota"}).ok());
  CHECK(select(all, {"pods.quota"})->size() == 1);
  CHECK(select(all, {"pods"})->size() > 3);
  const auto wrong = select(all, {"pods.qota"});
  REQUIRE(!wrong.ok());
  CHECK(wrong.error().code == Code::usage);
  CHECK(wrong.error().hint == "did you mean pods.quota?");
}

TEST_CASE("every check of doctor has an id of its own, words for each part, and needs what it reads") {
  std::set<std::string_view> ids;
  for (const Check& check : doctor_checks()) {
    CAPTURE(std::string(check.about.id));
    CHECK(ids.insert(check.about.id).second);
    CHECK(check.about.id.find('.') != std::string_view::npos);
    for (const auto part : {check.about.title, check.about.looks_at, check.about.todo}) CHECK(part.ends_with("."));
    CHECK(!check.needs.empty());
    CHECK(explain_text(check).find(check.about.todo.substr(0, 20)) != std::string::npos);
  }
}

TEST_CASE("the report in three forms") {
  Snapshot snapshot("t");
  snapshot.put(source::kPods, {pod("x", "t")});
  const std::vector<Judged> all = {run_one(kAsks, snapshot), run_one(kAddon, snapshot)};
  Heading heading;
  heading.environment = "prod";
  heading.server = "https://h";
  CHECK(report_text(heading, all, false) ==
        "a\n"
        "  fail             a.b\n"
        "      fail     Pod t/x\n"
        "               evidence\n"
        "      to do    hint\n"
        "      look     kubectl -n t describe pod x\n"
        "      note     without Events: they were not read\n"
        "      runbook  docs/runbooks/NautilusPodNotReady.md\n"
        "  could-not-check  a.c\n"
        "      could not VerticalPodAutoscalers of autoscaling.k8s.io could not be read: they were not read\n"
        "\n"
        "prod on https://h: 2 checks: 1 failed, 0 warned, 1 could not be checked, 0 ok, 0 not applicable\n");
  const Json json = report_json(heading, all);
  CHECK(json["checks"][0]["state"] == "fail");
  CHECK(json["checks"][0]["findings"][0]["object"] == "Pod t/x");
  CHECK(json["checks"][0]["runbook"] == "docs/runbooks/NautilusPodNotReady.md");
  CHECK(json["exitCode"] == 12);
  const std::string junit = report_junit(heading, all);
  CHECK(junit.find("<testsuite name=\"prod.a\" tests=\"2\" failures=\"1\" errors=\"1\" skipped=\"0\">") !=
        std::string::npos);
}

TEST_CASE("every runbook that a check names is there, and listed") {
  const auto text = [](const std::string& path) {
    std::string content;
    if (std::FILE* file = std::fopen((std::string(NAUTILUS_SOURCE_DIR) + "/" + path).c_str(), "r")) {
      char part[4096];
      for (std::size_t got = 0; (got = std::fread(part, 1, sizeof part, file)) > 0;) content.append(part, got);
      std::fclose(file);
    }
    return content;
  };
  const std::string list = text("docs/runbooks/README.md");
  for (const Check& check : doctor_checks()) {
    CAPTURE(runbook_path(check.about));
    CHECK(text(runbook_path(check.about)).starts_with("# " + std::string(check.about.runbook) + "\n"));
    CHECK(list.find(fmt::format("({}.md)", check.about.runbook)) != std::string::npos);
  }
}
