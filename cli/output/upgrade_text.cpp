#include "cli/output/upgrade_text.h"

#include <fmt/ranges.h>

#include "cli/output/progress.h"
#include "core/base/duration.h"
#include "core/rehearse/report.h"
#include "core/release/lease.h"
#include "core/value/escape.h"

namespace nautilus::cli {

namespace {

using upgrade::Plan;
using upgrade::Status;

std::string step_text(const Status& status) {
  if (status.steps == 0) return "";
  return fmt::format("{}/{}", std::min(status.step + 1, status.steps), status.steps);
}

std::string age(const std::string& since, port::WallTime now) {
  const auto time = release::parse_time(since);
  return time ? base::human_duration(now - *time) : "";
}

// "step 10 % for 2m", "pod 2, 1, 0".
std::string steps_text(const upgrade::Change& change) {
  if (change.strategy == upgrade::Strategy::ordered) return "pod by pod, the highest ordinal first";
  if (!change.with_canary()) return fmt::format("{} pod at a time, none missing", change.max_surge);
  std::string out;
  for (const auto& step : change.steps)
    out += fmt::format("{}{} % for {}", out.empty() ? "" : ", then ", step.weight, base::human_duration(step.hold));
  return out + ", then the workload itself";
}

void row(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out += fmt::format("{:<11} {}\n", name, value::escape_control(text));
}

}  // namespace

std::string plan_table(const std::vector<Plan>& plans, port::WallTime now) {
  std::size_t name = 4, reason = 6, component = 9;
  for (const Plan& plan : plans) {
    name = std::max(name, plan.name.size());
    component = std::max(component, plan.change.component.size());
    reason = std::max(reason, plan.status.reason.size());
  }
  std::string out = fmt::format("{:<{}}  {:<{}}  {:<9}  {:<16}  {:<5}  {:<6}  {:<{}}  {}\n", "NAME", name, "COMPONENT",
                                component, "STRATEGY", "PHASE", "STEP", "WEIGHT", "REASON", reason, "AGE");
  for (const Plan& plan : plans)
    out += fmt::format("{:<{}}  {:<{}}  {:<9}  {:<16}  {:<5}  {:<6}  {:<{}}  {}\n", plan.name, name,
                       plan.change.component, component, upgrade::name(plan.change.strategy), plan.status.phase,
                       step_text(plan.status), plan.status.weight, plan.status.reason, reason, age(plan.created, now));
  return out;
}

std::string plan_view(const Plan& plan, port::WallTime now) {
  const Status& status = plan.status;
  std::string out;
  row(out, "plan", fmt::format("{}  ({})", plan.name, plan.digest()));
  row(out, "workload", plan.change.target().text());
  for (const auto& image : plan.change.images) row(out, "image", image.container + " " + image.image);
  for (const auto& image : status.images_before) row(out, "before", image.container + " " + image.image);
  row(out, "strategy", fmt::format("{}: {}", upgrade::name(plan.change.strategy), steps_text(plan.change)));
  std::string phase = status.phase;
  if (upgrade::touched(status.phase))
    phase += fmt::format("  step {}, canary {} %, since {}", step_text(status), status.weight,
                         age(status.step_started, now));
  row(out, "phase", phase);
  row(out, "reason", status.reason);
  row(out, "message", status.message);
  row(out, "window", status.override_until.empty() ? status.window
                                                   : "stepped over by approval until " + status.override_until);
  for (const auto& approval : plan.approvals)
    row(out, "approval", fmt::format("{}: {} (until {})", approval.statement.identity, approval.statement.reason,
                                     approval.statement.expires));
  for (const auto& check : status.checks) row(out, "check", check);
  for (const Json& metric : status.metrics)
    row(out, "metric", fmt::format("{:<9} {}", value::string_at(metric, "verdict"), value::string_at(metric, "text")));
  if (!status.started.empty())
    row(out, "began", fmt::format("{} ({} ago)", status.started, age(status.started, now)));
  row(out, "ended", status.finished);
  return out;
}

std::string proposal_text(const Plan& plan, const upgrade::WindowVerdict& window) {
  std::string out;
  row(out, "plan", fmt::format("{}  ({})", plan.name, plan.digest()));
  row(out, "workload", plan.change.target().text());
  for (const auto& image : plan.change.images) row(out, "image", image.container + " -> " + image.image);
  row(out, "strategy", fmt::format("{}: {}", upgrade::name(plan.change.strategy), steps_text(plan.change)));
  for (const auto& route : plan.change.routes) row(out, "traffic", route.id().text());
  row(out, "at worst", base::human_duration(upgrade::worst_case(plan.change)) + ", going back included");
  row(out, "window", window.reason);
  return out;
}

Json plan_to_json(const Plan& plan) {
  Json json = {{"name", plan.name},
               {"digest", plan.digest()},
               {"created", plan.created},
               {"change", plan.change_json},
               {"paused", plan.paused},
               {"abort", plan.abort},
               {"status", upgrade::to_json(plan.status)}};
  for (const auto& approval : plan.approvals) json["approvals"].push_back(audit::to_json(approval));
  return json;
}

std::string upgrade_report(const Plan& plan, const std::vector<audit::Entry>& records) {
  const Status& status = plan.status;
  rehearse::ReportHead head;
  head.title = fmt::format("upgrade of {}: {}", plan.change.component, plan.name);
  head.verdict = fmt::format("{}: {}", status.phase, status.message);
  head.good = status.phase == upgrade::kDone;
  head.facts = {{"workload", plan.change.target().text()},
                {"strategy", std::string(upgrade::name(plan.change.strategy)) + ": " + steps_text(plan.change)},
                {"digest", plan.digest()},
                {"began", status.started},
                {"ended", status.finished},
                {"window", status.window},
                {"reason", status.reason}};
  for (const auto& image : plan.change.images) head.facts.emplace_back("image of " + image.container, image.image);
  for (const auto& image : status.images_before)
    head.facts.emplace_back("before in " + image.container, image.image);
  for (const auto& check : status.checks) head.facts.emplace_back("check", check);
  for (const Json& metric : status.metrics)
    head.facts.emplace_back("metric", fmt::format("{}: {}", value::string_at(metric, "verdict"),
                                                  value::string_at(metric, "text")));
  std::vector<rehearse::Span> spans;
  std::optional<port::WallTime> first;
  for (const auto& record : records) {
    const auto time = release::parse_time(record.time);
    if (!time || record.event.action != "upgrade.phase") continue;
    if (!first) first = time;
    if (!spans.empty()) spans.back().ended = *time - *first;
    const Json& data = record.event.data;
    const std::string phase = value::string_at(data, "phase");
    rehearse::Span span;
    span.phase = phase;
    span.object = fmt::format("step {}, canary {} %: {}", value::int_at(data, 0, "step") + 1,
                              value::int_at(data, 0, "weight"), value::string_at(data, "reason"));
    span.last_message = fmt::format("{} (by {}, record {})", value::string_at(data, "message"), record.event.actor,
                                    record.index);
    span.begun = span.ended = *time - *first;
    const bool bad = phase == upgrade::kRollingBack || phase == upgrade::kRolledBack || phase == upgrade::kFailed ||
                     phase == upgrade::kAborted;
    span.end = bad ? "failed" : "ready";
    spans.push_back(std::move(span));
  }
  return rehearse::html_report(head, spans);
}

}  // namespace nautilus::cli
