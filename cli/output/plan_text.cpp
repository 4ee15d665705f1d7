#include "cli/output/plan_text.h"

#include "cli/output/progress.h"
#include "core/value/diff.h"

namespace nautilus::cli {

namespace {

constexpr std::size_t kShownDigest = 19;  // "sha256:" and twelve digits are enough to tell plans apart

std::string_view sign(apply::Action action) {
  switch (action) {
    case apply::Action::create: return "+";
    case apply::Action::update: return "~";
    case apply::Action::remove: return "-";
    default: return " ";
  }
}

Json item_summary(const apply::PlanItem& item) {
  return {{"object", item.id.text()},
          {"action", std::string(apply::name(item.action))},
          {"wave", std::string(apply::name(item.wave))},
          {"source", item.source},
          {"changes", item.changes}};
}

Json error_json(const Error& error) {
  return {{"code", std::string(base::name(error.code))}, {"message", error.text()}, {"hint", error.hint}};
}

}  // namespace

std::string plan_summary(const apply::Plan& plan) {
  return fmt::format("{}: {} to create, {} to change, {} to remove, {} unchanged (plan {})", plan.environment,
                     plan.count(apply::Action::create), plan.count(apply::Action::update),
                     plan.count(apply::Action::remove), plan.count(apply::Action::unchanged),
                     plan.digest().substr(0, kShownDigest));
}

std::string plan_details(const apply::Planned& planned) {
  std::string out;
  for (const auto& item : planned.plan.items) {
    if (item.action == apply::Action::unchanged) continue;
    out += fmt::format("{} {:<7} {:<10} {}\n", sign(item.action), apply::name(item.action), apply::name(item.wave),
                       item.id.text());
  }
  for (const auto& difference : planned.differences) {
    // Whole objects that come or go say nothing that the line above and `render` do not say.
    if (difference.action != apply::Action::update) continue;
    out += "\n" + value::unified_diff(difference.before, difference.after, difference.id.text());
  }
  for (const auto& warning : planned.warnings) out += "warning: " + warning + "\n";
  for (const auto& problem : planned.problems) {
    out += "problem: " + problem.text() + "\n";
    if (!problem.hint.empty()) out += "   hint: " + problem.hint + "\n";
  }
  return out + plan_summary(planned.plan) + "\n";
}

Json plan_json(const apply::Planned& planned) {
  Json items = Json::array(), problems = Json::array();
  for (const auto& item : planned.plan.items) items.push_back(item_summary(item));
  for (const auto& problem : planned.problems) problems.push_back(error_json(problem));
  return {{"environment", planned.plan.environment},
          {"release", planned.plan.release},
          {"digest", planned.plan.digest()},
          {"changes", planned.plan.changes_anything()},
          {"items", std::move(items)},
          {"problems", std::move(problems)},
          {"warnings", planned.warnings}};
}

std::string plans_details(const std::vector<release::PlannedOperator>& operators, const apply::Planned* planned) {
  std::string out;
  for (const auto& op : operators)
    out += fmt::format("operator {} ({}{}{})\n{}\n", op.name, op.chart, op.digest.empty() ? "" : ", ",
                       op.digest.substr(0, kShownDigest), plan_details(op.planned));
  return planned ? out + plan_details(*planned) : out;
}

Json plans_json(const std::vector<release::PlannedOperator>& operators, const apply::Planned* planned) {
  Json json = planned ? plan_json(*planned) : Json::object();
  json["operators"] = Json::array();
  for (const auto& op : operators) {
    Json entry = plan_json(op.planned);
    entry["name"] = op.name;
    entry["chart"] = op.chart;
    entry["chartDigest"] = op.digest.empty() ? Json() : Json(op.digest);
    json["operators"].push_back(std::move(entry));
  }
  return json;
}

Json outcome_json(const release::Outcome& outcome) {
  Json waves = Json::array();
  for (const auto& wave : outcome.execution.waves) {
    const auto seconds = [&](port::WallTime time) {
      return time == port::WallTime{} ? Json() : Json(std::chrono::duration<double>(time - wave.started).count());
    };
    waves.push_back({{"wave", std::string(apply::name(wave.wave))},
                     {"created", wave.created},
                     {"updated", wave.updated},
                     {"unchanged", wave.unchanged},
                     {"removed", wave.removed},
                     {"started", utc(wave.started)},
                     {"applySeconds", seconds(wave.applied)},
                     {"healthySeconds", seconds(wave.healthy)}});
  }
  return {{"revision", outcome.revision},
          {"digest", outcome.digest},
          {"changed", outcome.revision != 0},
          {"writes", outcome.execution.writes},
          {"waves", std::move(waves)}};
}

std::string timeline(const release::Outcome& outcome) {
  if (outcome.execution.waves.empty()) return "";
  const auto start = outcome.execution.waves.front().started;
  std::string out = fmt::format("{:<12} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n", "wave", "created", "changed",
                                "same", "removed", "begins", "applied", "healthy");
  // A run that ended early did not get there.
  const auto reached = [&](port::WallTime time) {
    return time == port::WallTime{} ? std::string("-") : short_duration(time - start);
  };
  for (const auto& wave : outcome.execution.waves)
    out += fmt::format("{:<12} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}\n", apply::name(wave.wave), wave.created,
                       wave.updated, wave.unchanged, wave.removed, short_duration(wave.started - start),
                       reached(wave.applied), reached(wave.healthy));
  return out;
}

}  // namespace nautilus::cli
