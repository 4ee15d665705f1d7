#include "core/check/report.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/wrap.h"

namespace nautilus::check {

namespace {

std::string found_text(const Judged& one, std::string_view indent) {
  std::string text;
  const auto line = [&](std::string_view label, std::string_view what) {
    if (!what.empty()) fmt::format_to(std::back_inserter(text), "{}{:<8} {}\n", indent, label, what);
  };
  for (const Finding& finding : one.outcome.findings()) {
    line(finding.severity == Severity::fail ? "fail" : "warn", finding.object);
    line("", finding.evidence);
    line("to do", finding.hint);
    line("look", finding.command);
  }
  if (one.outcome.left_out() > 0) line("", fmt::format("and {} more", one.outcome.left_out()));
  for (const Outcome::Gap& gap : one.outcome.gaps()) {
    line("could not", gap.why);
    line("to do", gap.hint);
  }
  for (const std::string& note : one.outcome.notes()) line("note", note);
  if (!one.outcome.findings().empty()) line("runbook", runbook_path(one.about));
  return text;
}

bool tells(const Judged& one) {
  return one.outcome.state() != State::ok && one.outcome.state() != State::not_applicable;
}

std::string needs_text(const Check& check) {
  std::string text;
  for (const Need& need : check.needs)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", need.source->text(),
                        need.how == Need::How::evidence ? " (if they can be read)" : "");
  return text;
}

}  // namespace

std::string runbook_path(const About& about) { return fmt::format("docs/runbooks/{}.md", about.runbook); }

std::string report_text(const Heading& heading, const std::vector<Judged>& judged, bool all) {
  std::string text;
  std::string_view flow;
  for (const Judged& one : judged) {
    if (!all && !tells(one)) continue;
    if (one.about.flow() != flow) {
      if (!flow.empty()) text += '\n';
      flow = one.about.flow();
      text += std::string(flow) + "\n";
    }
    fmt::format_to(std::back_inserter(text), "  {:<16} {:<34} {}\n", word(one.outcome.state()), one.about.id,
                   tells(one) ? "" : one.outcome.reason());
    while (text.ends_with(" \n")) text.erase(text.size() - 2, 1);
    if (tells(one)) text += found_text(one, "      ");
  }
  if (!text.empty()) text += '\n';
  const Counts counts = count(judged);
  fmt::format_to(std::back_inserter(text),
                 "{} on {}: {} checks: {} failed, {} warned, {} could not be checked, {} ok, {} not applicable\n",
                 heading.environment, heading.server, judged.size(), counts.fail, counts.warn, counts.could_not_check,
                 counts.ok, counts.not_applicable);
  return text;
}

Json report_json(const Heading& heading, const std::vector<Judged>& judged) {
  Json list = Json::array();
  for (const Judged& one : judged) {
    Json findings = Json::array(), gaps = Json::array();
    for (const Finding& finding : one.outcome.findings())
      findings.push_back({{"severity", finding.severity == Severity::fail ? "fail" : "warn"},
                          {"object", finding.object},
                          {"evidence", finding.evidence},
                          {"hint", finding.hint},
                          {"command", finding.command}});
    for (const Outcome::Gap& gap : one.outcome.gaps()) gaps.push_back({{"message", gap.why}, {"hint", gap.hint}});
    list.push_back({{"id", one.about.id},
                    {"flow", one.about.flow()},
                    {"state", word(one.outcome.state())},
                    {"title", one.about.title},
                    {"reason", one.outcome.reason()},
                    {"findings", std::move(findings)},
                    {"leftOut", one.outcome.left_out()},
                    {"couldNot", std::move(gaps)},
                    {"notes", one.outcome.notes()},
                    {"runbook", runbook_path(one.about)}});
  }
  const Counts counts = count(judged);
  return {{"environment", heading.environment},
          {"server", heading.server},
          {"time", heading.time},
          {"namespaces", heading.namespaces},
          {"exitCode", exit_code(counts)},
          {"counts",
           {{"fail", counts.fail},
            {"warn", counts.warn},
            {"couldNotCheck", counts.could_not_check},
            {"ok", counts.ok},
            {"notApplicable", counts.not_applicable}}},
          {"checks", std::move(list)}};
}

std::string report_junit(const Heading& heading, const std::vector<Judged>& judged) {
  using Case = base::JunitCase;
  std::vector<base::JunitSuite> suites;
  for (const Judged& one : judged) {
    const std::string suite = heading.environment + "." + std::string(one.about.flow());
    if (suites.empty() || suites.back().name != suite) suites.push_back({suite, {}});
    const State state = one.outcome.state();
    Case entry{Case::Result::passed, std::string(one.about.flow()), std::string(one.about.id), std::string(word(state)),
               one.outcome.reason(), {}};
    if (state == State::could_not_check)
      entry.result = Case::Result::error;
    else if (state == State::not_applicable)
      entry.result = Case::Result::skipped;
    else if (state != State::ok)
      entry.result = Case::Result::failed;
    if (tells(one)) entry.text = found_text(one, "");
    suites.back().cases.push_back(std::move(entry));
  }
  return base::junit(fmt::format("nautilusctl {} {}", heading.command, heading.environment), suites);
}

std::string explain_text(const Check& check) {
  std::string text = std::string(check.about.id) + "\n";
  const auto part = [&](std::string_view title, std::string_view body) {
    text += "\n" + std::string(title) + "\n" + base::wrapped(body, "  ");
  };
  part("What holds", check.about.title);
  part("What it looks at", check.about.looks_at);
  part("What it reads", needs_text(check));
  part("What to do", check.about.todo);
  part("Runbook", runbook_path(check.about));
  return text;
}

Json explain_json(const Check& check) {
  Json needs = Json::array();
  for (const Need& need : check.needs)
    needs.push_back({{"group", need.source->group},
                     {"kind", need.source->kind},
                     {"required", need.how == Need::How::required}});
  return {{"id", check.about.id},       {"flow", check.about.flow()},
          {"title", check.about.title}, {"looksAt", check.about.looks_at},
          {"todo", check.about.todo},   {"runbook", runbook_path(check.about)},
          {"reads", std::move(needs)}};
}

}  // namespace nautilus::check
