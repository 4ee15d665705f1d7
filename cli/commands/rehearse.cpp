// nautilusctl rehearse deploy --env ENV: the very same plan on the embedded cluster, with its timeline
#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/rehearse/rehearsal.h"
#include "core/rehearse/report.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  rehearse::Options options;
  std::string report, bundle;
};

rehearse::ReportHead head_of(const env::Environment& env, const rehearse::Verdict& verdict, const Flags& flags) {
  rehearse::ReportHead head;
  head.title = "Rehearsal: deploy " + env.name;
  head.good = verdict.good();
  head.verdict = verdict.text();
  head.facts = {{"release", fmt::format("{} in {}", env.release, env.namespace_)},
                {"objects", std::to_string(verdict.objects)},
                {"healthy after", short_duration(verdict.healthy_after) + " of the cluster's time"},
                {"second deploy", verdict.repeated ? fmt::format("{} writes", verdict.repeat_writes) : "not run"},
                {"nodes", std::to_string(flags.options.nodes)},
                {"seed", std::to_string(flags.options.seed)},
                {"transcript", fmt::format("{:016x}", verdict.transcript_hash)}};
  for (const auto& stand_in : verdict.stand_ins)
    head.facts.emplace_back("without schemas",
                            fmt::format("{} kinds of operator {}", stand_in.kinds.size(), stand_in.operator_name));
  return head;
}

Json verdict_json(const env::Environment& env, const rehearse::Verdict& verdict, const Flags& flags) {
  Json json = outcome_json(verdict.outcome);
  json["environment"] = env.name;
  json["good"] = verdict.good();
  json["verdict"] = verdict.text();
  json["objects"] = verdict.objects;
  json["healthySeconds"] = std::chrono::duration<double>(verdict.healthy_after).count();
  json["repeatWrites"] = verdict.repeated ? Json(verdict.repeat_writes) : Json();
  json["seed"] = flags.options.seed;
  json["operators"] = Json::array();
  for (const auto& op : verdict.operators) {
    Json entry = outcome_json(op.outcome);
    entry["name"] = op.name;
    json["operators"].push_back(std::move(entry));
  }
  json["standIns"] = Json::array();
  for (const auto& stand_in : verdict.stand_ins)
    json["standIns"].push_back({{"operator", stand_in.operator_name}, {"kinds", stand_in.kinds}});
  json["transcript"] = fmt::format("{:016x}", verdict.transcript_hash);
  return json;
}

Result<int> run(Context& context, Flags& flags) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, flags.bundle));
  const env::Environment& env = source->env;
  ASSIGN_OR_RETURN(const auto desired, source->render(flags.values.overrides));
  // Charts that would have to be fetched are stood in for: a rehearsal needs no network.
  std::vector<apply::DesiredOperator> operators;
  for (const auto& op : env.operators) {
    if (!op.ours || (op.chart.remote() && flags.bundle.empty())) continue;
    ASSIGN_OR_RETURN(auto one, source->render_operators(op.name));
    operators.push_back(std::move(one.front()));
  }
  auto progress = context.progress();
  rehearse::Rehearsal rehearsal(flags.options, context.ports, *progress);
  const auto verdict = rehearsal.deploy(env, desired, operators);
  if (!flags.report.empty()) {
    TRY(context.ports.files
            .write(flags.report, rehearse::html_report(head_of(env, verdict, flags), rehearsal.transcript().spans()))
            .within("writing the report"));
    context.note("report: " + flags.report);
  }
  if (!context.text()) {
    context.print(verdict_json(env, verdict, flags));
  } else {
    context.print(std::string_view("\n" + timeline(verdict.outcome) + "\n"));
    for (const auto& note : verdict.notes()) context.print(std::string_view(note + "\n"));
    context.print(std::string_view(fmt::format("rehearsal of deploy {}: {}\n", env.name, verdict.text())));
  }
  if (verdict.error) return *verdict.error;
  return verdict.good() ? 0 : 1;
}

}  // namespace

void add_rehearse(CLI::App& app, Context& context) {
  auto* rehearse = app.add_subcommand("rehearse", "try an operation on the embedded cluster first");
  rehearse->require_subcommand(1);
  auto* command = rehearse->add_subcommand("deploy", "deploy an environment to an empty embedded cluster, twice");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  add_bundle(*command, flags->bundle);
  command->add_option("--seed", flags->options.seed, "the same seed gives the same run")->type_name("N");
  command->add_option("--nodes", flags->options.nodes, "nodes of the embedded cluster, over three zones")
      ->check(CLI::Range(1, 5000))
      ->type_name("N");
  command->add_option("--report", flags->report, "write the timeline as an HTML page")->type_name("FILE");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
