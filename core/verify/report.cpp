#include "core/verify/report.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/text.h"

namespace nautilus::verify {

namespace {

constexpr std::size_t kWidth = 100;  // of explanations

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

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        // XML 1.0 has no other control characters, not even escaped.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string wrapped(std::string_view text, std::string_view indent) {
  std::string out(indent);
  std::size_t column = indent.size();
  bool first = true;
  for (const auto part : base::split(text, ' ')) {
    if (part.empty()) continue;
    if (!first && column + 1 + part.size() > kWidth) {
      out += '\n';
      out += indent;
      column = indent.size();
      first = true;
    }
    if (!first) {
      out += ' ';
      ++column;
    }
    out += part;
    column += part.size();
    first = false;
  }
  return out + "\n";
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
  std::string suites;
  int failures = 0, skipped = 0;
  for (std::size_t from = 0; from < judged.size();) {
    std::size_t to = from;
    while (to < judged.size() && judged[to].check->area() == judged[from].check->area()) ++to;
    std::string cases;
    int suite_failures = 0, suite_skipped = 0;
    for (std::size_t i = from; i < to; ++i) {
      const Judged& one = judged[i];
      const Verdict verdict = one.answer.verdict();
      fmt::format_to(std::back_inserter(cases), "    <testcase classname=\"{}\" name=\"{}\"", xml(one.check->area()),
                     xml(one.check->id));
      const bool fails = verdict == Verdict::refuted || (heading.strict && verdict == Verdict::unknown);
      if (verdict == Verdict::proved) {
        cases += "/>\n";
      } else if (fails) {
        ++suite_failures;
        fmt::format_to(std::back_inserter(cases),
                       ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n", word(verdict),
                       xml(one.answer.reason()), xml(chain_text(one.answer, "")));
      } else {
        ++suite_skipped;
        fmt::format_to(std::back_inserter(cases), ">\n      <skipped message=\"{}: {}\"/>\n    </testcase>\n",
                       word(verdict), xml(one.answer.reason()));
      }
    }
    fmt::format_to(
        std::back_inserter(suites),
        "  <testsuite name=\"{}.{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n{}  </testsuite>\n",
        xml(heading.environment), xml(judged[from].check->area()), to - from, suite_failures, suite_skipped, cases);
    failures += suite_failures;
    skipped += suite_skipped;
    from = to;
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nautilusctl verify {}\" tests=\"{}\" "
      "failures=\"{}\" errors=\"0\" "
      "skipped=\"{}\">\n{}</testsuites>\n",
      xml(heading.environment), judged.size(), failures, skipped, suites);
}

std::string explain_text(const Check& check) {
  std::string text = std::string(check.id) + "\n";
  const auto part = [&](std::string_view title, std::string_view body) {
    text += "\n" + std::string(title) + "\n" + wrapped(body, "  ");
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
