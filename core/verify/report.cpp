#include "core/verify/report.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/junit.h"
#include "core/base/text.h"
#include "core/base/wrap.h"

namespace nautilus::verify {

namespace {

std::string chain_text(const Answer& answer, std::string_view indent) {
  std::string text;
  for (const Line& line : answer.lines()) {
    fmt::format_to(std::back_inserter(text), "{}{:<8} ", indent, word(line.kind));
    if (line.kind == Line::Kind::read) {
      text += line.where + " = " + line.value;
      if (!line.text.empty()) text += "  (" + line.text + ")";
    } else {
      if (!line.where.empty()) text += line.where + ": ";
      text += line.text;
    }
    text += '\n';
  }
  if (answer.left_out() > 0)
    fmt::format_to(std::back_inserter(text), "{}and {} more lines\n", indent, answer.left_out());
  return text;
}

std::vector<std::string> findings_of(const Check& check) {
  std::vector<std::string> list;
  for (const auto part : base::split(check.findings, ','))
    if (const auto one = base::trim(part); !one.empty()) list.emplace_back(one);
  return list;
}

}  // namespace

bool refuses(const Counts& counts, bool strict) { return counts.refuted > 0 || (strict && counts.unknown > 0); }

std::string report_text(const Heading& heading, const std::vector<Judged>& judged, bool all_chains) {
  std::string text;
  std::string_view area;
  for (const Judged& one : judged) {
    if (one.check->area() != area) {
      if (!area.empty()) text += '\n';
      area = one.check->area();
      text += std::string(area) + "\n";
    }
    const Verdict verdict = one.answer.verdict();
    fmt::format_to(std::back_inserter(text), "  {:<14} {:<28} {}\n", word(verdict), one.check->id, one.answer.reason());
    if (all_chains || verdict == Verdict::refuted || verdict == Verdict::unknown) {
      text += chain_text(one.answer, "      ");
      if (verdict == Verdict::refuted) {
        fmt::format_to(std::back_inserter(text), "      to do    {}", one.check->todo);
        if (!one.check->findings.empty())
          fmt::format_to(std::back_inserter(text), " (finding {})", one.check->findings);
        text += '\n';
      }
    }
  }
  const Counts counts = count(judged);
  fmt::format_to(std::back_inserter(text), "\n{} as of {}: {} proved, {} refuted, {} unknown, {} not applicable\n",
                 heading.environment, heading.date, counts.proved, counts.refuted, counts.unknown,
                 counts.not_applicable);
  return text;
}

Json report_json(const Heading& heading, const std::vector<Judged>& judged) {
  Json list = Json::array();
  for (const Judged& one : judged) {
    Json chain = Json::array();
    for (const Line& line : one.answer.lines()) {
      Json entry = {{"kind", word(line.kind)}, {"text", line.text}};
      if (!line.where.empty()) entry["where"] = line.where;
      if (line.kind == Line::Kind::read) entry["value"] = line.value;
      chain.push_back(std::move(entry));
    }
    list.push_back({{"id", one.check->id},
                    {"area", one.check->area()},
                    {"verdict", word(one.answer.verdict())},
                    {"promise", one.check->promise},
                    {"reason", one.answer.reason()},
                    {"findings", findings_of(*one.check)},
                    {"chain", std::move(chain)},
                    {"leftOut", one.answer.left_out()}});
  }
  const Counts counts = count(judged);
  return {{"environment", heading.environment},
          {"date", heading.date},
          {"strict", heading.strict},
          {"refused", refuses(counts, heading.strict)},
          {"counts",
           {{"proved", counts.proved},
            {"refuted", counts.refuted},
            {"unknown", counts.unknown},
            {"notApplicable", counts.not_applicable}}},
          {"checks", std::move(list)}};
}

std::string report_junit(const Heading& heading, const std::vector<Judged>& judged) {
  std::vector<base::JunitSuite> suites;
  for (const Judged& one : judged) {
    const std::string suite = heading.environment + "." + std::string(one.check->area());
    if (suites.empty() || suites.back().name != suite) suites.push_back({suite, {}});
    const Verdict verdict = one.answer.verdict();
    base::JunitCase entry{base::JunitCase::Result::passed, std::string(one.check->area()), std::string(one.check->id),
                          std::string(word(verdict)), one.answer.reason(), {}};
    if (verdict == Verdict::refuted || (heading.strict && verdict == Verdict::unknown)) {
      entry.result = base::JunitCase::Result::failed;
      entry.text = chain_text(one.answer, "");
    } else if (verdict != Verdict::proved) {
      entry.result = base::JunitCase::Result::skipped;
      entry.message = fmt::format("{}: {}", word(verdict), one.answer.reason());
    }
    suites.back().cases.push_back(std::move(entry));
  }
  return base::junit("nautilusctl verify " + heading.environment, suites);
}

std::string explain_text(const Check& check) {
  std::string text = std::string(check.id) + "\n";
  const auto part = [&](std::string_view title, std::string_view body) {
    text += "\n" + std::string(title) + "\n" + base::wrapped(body, "  ");
  };
  part("What is promised", check.promise);
  part("How it is decided", check.decided);
  part("Why it matters", check.why);
  if (!check.findings.empty()) part("Findings on the platform guide", check.findings);
  part("What to do", check.todo);
  return text;
}

Json explain_json(const Check& check) {
  return {{"id", check.id},   {"area", check.area()}, {"promise", check.promise},      {"decided", check.decided},
          {"why", check.why}, {"todo", check.todo},   {"findings", findings_of(check)}};
}

}  // namespace nautilus::verify
