// nautilusctl upgrade plan|run|pause|resume|abort|approve|status, and nautilusctl controller
#include <fmt/ranges.h>

#include <map>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/output/upgrade_text.h"
#include "cli/session.h"
#include "cli/upgrade_services.h"
#include "core/audit/log.h"
#include "core/audit/signature.h"
#include "core/base/duration.h"
#include "core/port/wall_time.h"
#include "core/upgrade/machine.h"
#include "core/upgrade/propose.h"
#include "core/value/yaml.h"

namespace nautilus::cli {

namespace {

constexpr std::string_view kDefinition = "/manifests/crds/upgradeplans.yaml";

struct Flags {
  std::string env, name, file, report, prometheus, lock_timeout, reason, identity, key, expires = "2h", every = "5s";
  std::vector<std::string> scope;
  upgrade::Wish wish;
  bool detach = false, watch = false;
};

// The cluster, the progress and what an upgrade asks for, for the length of one command.
struct Opened {
  env::Environment env;
  std::unique_ptr<Progress> progress;
  std::unique_ptr<OpenSession> open;
  std::unique_ptr<UpgradeServices> services;
  apply::Cluster& cluster() const { return open->session().cluster; }
  port::WallTime now() const { return cluster().client().clock().now(); }
};

Result<Opened> opened(const Context& context, const Flags& flags) {
  Opened out;
  ASSIGN_OR_RETURN(out.env, context.environment(flags.env));
  out.progress = context.progress();
  ASSIGN_OR_RETURN(out.open, OpenSession::open(context, out.env, *out.progress));
  TRY(release::check_cluster(out.open->session()));
  ASSIGN_OR_RETURN(out.services, UpgradeServices::make(context, out.env, *out.open, flags.prometheus));
  return out;
}

Result<port::Duration> duration_of(const char* flag, const std::string& text) {
  auto parsed = base::parse_duration(text);
  if (!parsed.ok() || *parsed < port::Duration::zero())
    return Error(Code::usage, fmt::format("{} {}: not a duration", flag, text), "for example 90s, 10m or 1h30m");
  return *parsed;
}

Result<int> make_plan(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  upgrade::Wish wish = flags.wish;
  wish.namespace_ = with.env.namespace_;
  ASSIGN_OR_RETURN(const Json change, upgrade::propose(with.cluster(), wish));
  const std::string name = flags.name.empty() ? upgrade::plan_name(wish.component, with.now()) : flags.name;
  const Json object = upgrade::new_plan(name, change);
  const auto& services = with.services->services();
  const auto window = services.window ? services.window(with.now())
                                      : upgrade::WindowVerdict{upgrade::WindowVerdict::State::unknown, {}, {},
                                                               "no calendar is configured"};
  if (!flags.file.empty()) {
    TRY(context.ports.files.write(flags.file, value::to_yaml(object)));
    context.note(fmt::format("wrote {}; run it with `nautilusctl upgrade run --file {} --env {}`", flags.file, flags.file,
                             with.env.name));
  }
  if (context.text())
    context.print(std::string_view(proposal_text(upgrade::plan_from_json(object), window)));
  else
    context.print(object);
  return 0;
}

Result<> with_definition(const Context& context, apply::Cluster& cluster) {
  if (upgrade::Plans(cluster).list().ok()) return {};
  ASSIGN_OR_RETURN(const std::string project, context.project());
  const std::string file = project + std::string(kDefinition);
  ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(file));
  ASSIGN_OR_RETURN(const Json definition, value::parse_yaml(text, file));
  return upgrade::Plans(cluster).install_definition(definition);
}

Result<> write_report(const Context& context, const Opened& with, const upgrade::Plan& plan, const std::string& file) {
  if (file.empty()) return {};
  ASSIGN_OR_RETURN(const auto lines, audit::Log(with.cluster()).lines());
  std::vector<audit::Entry> records;
  for (const auto& line : lines)
    if (auto entry = audit::from_line(line); entry.ok() && entry->event.id.starts_with(plan.uid + "/"))
      records.push_back(std::move(*entry));
  TRY(context.ports.files.write(file, upgrade_report(plan, records)).within("writing the report"));
  context.note("report: " + file);
  return {};
}

Result<int> ended(const Context& context, const upgrade::Plan& plan, port::WallTime now) {
  if (context.text())
    context.print(std::string_view(plan_view(plan, now)));
  else
    context.print(plan_to_json(plan));
  if (plan.status.phase == upgrade::kDone || !upgrade::terminal(plan.status.phase)) return 0;
  return plan.status.started.empty() ? exit_code(Code::refused) : 1;
}

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  if (flags.name.empty() == flags.file.empty())
    return Error(Code::usage, "say which plan: its name, or --file", "`nautilusctl upgrade plan` makes one");
  TRY(with_definition(context, with.cluster()));
  upgrade::Plans plans(with.cluster());
  std::string name = flags.name;
  if (!flags.file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(flags.file, 1u << 20));
    ASSIGN_OR_RETURN(const Json object, value::parse_yaml(text, flags.file));
    const auto plan = upgrade::plan_from_json(object);
    if (value::string_at(object, "kind") != upgrade::kKind || plan.name.empty())
      return Error(Code::invalid, "it is not an UpgradePlan with a name").at(flags.file);
    if (!plan.invalid.empty()) return Error(Code::invalid, plan.invalid).at(flags.file);
    ASSIGN_OR_RETURN(const auto made, plans.create(object));
    name = made.name;
  }
  if (flags.detach) {
    ASSIGN_OR_RETURN(const auto plan, plans.get(name));
    context.note("the controller carries it out; watch it with `nautilusctl upgrade status --watch`");
    return ended(context, plan, with.now());
  }
  port::Duration wait{};
  if (!flags.lock_timeout.empty()) { ASSIGN_OR_RETURN(wait, duration_of("--lock-timeout", flags.lock_timeout)); }
  upgrade::Machine machine(with.cluster(), with.services->services());
  auto plan = machine.run(name, wait);
  if (!plan.ok())
    return std::move(plan).error().with_hint(
        fmt::format("the plan is where it was: `nautilusctl upgrade run {} --env {}` goes on with it", name, with.env.name));
  TRY(write_report(context, with, *plan, flags.report));
  return ended(context, *plan, with.now());
}

Result<> record_request(const Opened& with, const std::string& name, const std::string& what, const std::string& why) {
  audit::Event event{"", with.services->services().who, "upgrade." + what,
                     fmt::format("UpgradePlan {}/{}", upgrade::kNamespace, name), {{"reason", why}}};
  TRY(audit::Log(with.cluster()).append(event));
  return {};
}

Result<int> ask(Context& context, const Flags& flags, const std::string& what) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  upgrade::Plans plans(with.cluster());
  ASSIGN_OR_RETURN(const auto plan, plans.get(flags.name));
  if (upgrade::terminal(plan.status.phase))
    return Error(Code::refused, fmt::format("UpgradePlan {} is over: {}", plan.name, plan.status.phase));
  TRY(record_request(with, plan.name, what, flags.reason));
  if (what == "abort")
    TRY(plans.set_abort(plan.name, flags.reason));
  else
    TRY(plans.set_paused(plan.name, what == "pause"));
  context.note(fmt::format("asked for; whoever carries plan {} out does it in the next round", plan.name));
  ASSIGN_OR_RETURN(const auto now, plans.get(plan.name));
  if (!context.text()) context.print(plan_to_json(now));
  return 0;
}

Result<int> approve(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  upgrade::Plans plans(with.cluster());
  ASSIGN_OR_RETURN(const auto plan, plans.get(flags.name));
  ASSIGN_OR_RETURN(const auto valid_for, duration_of("--expires", flags.expires));
  if (valid_for > audit::kMaxApprovalAge)
    return Error(Code::refused, fmt::format("--expires {}: an approval is for 24h at most", flags.expires));
  ASSIGN_OR_RETURN(const std::string key, context.ports.files.read(flags.key, 1u << 16));
  audit::Approval approval;
  audit::Statement& said = approval.statement;
  said = {plan.id(), plan.digest(), flags.reason, flags.scope, port::micro_time(with.now()),
          port::micro_time(with.now() + valid_for), flags.identity};
  if (said.scope.empty()) said.scope = {"window"};
  std::sort(said.scope.begin(), said.scope.end());
  auto signature = audit::sign(key, audit::statement_text(said));
  if (!signature.ok()) return std::move(signature).error().at(flags.key).within("approving plan " + plan.name);
  approval.signature = std::move(*signature);
  // Judged alone, one approval is too few; any other objection is this one's.
  const auto verdict = audit::judge({approval}, with.services->services().approvers, plan.id(), plan.digest(), {}, with.now());
  if (verdict.identities.empty()) return Error(Code::refused, verdict.why_not);
  audit::Event event{audit::approval_id(said), said.identity, "override.approved",
                     fmt::format("UpgradePlan {}", plan.id()), audit::to_json(approval)};
  TRY(audit::Log(with.cluster()).append(event));
  TRY(plans.add_approval(plan, approval));
  ASSIGN_OR_RETURN(const auto now, plans.get(plan.name));
  if (!context.text()) context.print(plan_to_json(now));
  context.note(fmt::format("approved {} of plan {} until {}; approvals: {}", fmt::join(said.scope, ", "), plan.name,
                           said.expires, now.approvals.size()));
  return 0;
}

// Every change of what is seen, until the plans (or the one named) are over.
Result<int> watch(Context& context, const Opened& with, const Flags& flags) {
  upgrade::Plans plans(with.cluster());
  std::map<std::string, std::string> seen;
  while (true) {
    ASSIGN_OR_RETURN(const auto all, plans.list());
    bool going_on = false;
    for (const auto& plan : all) {
      if (!flags.name.empty() && plan.name != flags.name) continue;
      if (!upgrade::terminal(plan.status.phase)) going_on = true;
      const std::string now_seen = upgrade::to_json(plan.status).dump();
      if (std::exchange(seen[plan.name], now_seen) == now_seen) continue;
      if (context.text())
        context.print(std::string_view(utc(with.now()) + "\n" + plan_view(plan, with.now()) + "\n"));
      else
        context.print(plan_to_json(plan));
      std::fflush(stdout);
    }
    if (!flags.name.empty() && seen.empty()) return Error(Code::not_found, "there is no UpgradePlan " + flags.name);
    if (!going_on) return 0;
    TRY(flow::pause(with.cluster().client(), std::chrono::seconds(1)));
  }
}

Result<int> status(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  if (flags.watch) return watch(context, with, flags);
  upgrade::Plans plans(with.cluster());
  if (!flags.name.empty()) {
    ASSIGN_OR_RETURN(const auto plan, plans.get(flags.name));
    TRY(write_report(context, with, plan, flags.report));
    if (context.text())
      context.print(std::string_view(plan_view(plan, with.now())));
    else
      context.print(plan_to_json(plan));
    return 0;
  }
  ASSIGN_OR_RETURN(const auto all, plans.list());
  if (context.text()) {
    context.print(std::string_view(plan_table(all, with.now())));
  } else {
    Json list = Json::array();
    for (const auto& plan : all) list.push_back(plan_to_json(plan));
    context.print(list);
  }
  return 0;
}

Result<int> controller(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto with, opened(context, flags));
  ASSIGN_OR_RETURN(const auto every, duration_of("--every", flags.every));
  TRY(with_definition(context, with.cluster()));
  TRY(upgrade::control(with.cluster(), with.services->services(), every));
  return 0;
}


std::shared_ptr<Flags> declare(CLI::App* command, Context& context, const std::function<Result<int>(Context&, const Flags&)>& what) {
  auto flags = std::make_shared<Flags>();
  add_env(*command, flags->env);
  command->callback([&context, flags, what] { context.run = [flags, what](Context& c) { return what(c, *flags); }; });
  return flags;
}

void add_plan(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("plan", "what an upgrade of a component would do; writes the plan, changes nothing");
  auto flags = declare(command, context, make_plan);
  command->add_option("component", flags->wish.component, "backend, frontend, nautilus-engine, ...")->required();
  command->add_option("--image", flags->wish.images, "new image by digest; CONTAINER= where there are several; repeatable")
      ->required()
      ->allow_extra_args(false)
      ->type_name("[CONTAINER=]IMAGE");
  command->add_option("--strategy", flags->wish.strategy, "rolling (default), canary, blueGreen; ordered for a StatefulSet")
      ->check(CLI::IsMember({"rolling", "ordered", "canary", "blueGreen"}))
      ->type_name("STRATEGY");
  command->add_option("--step", flags->wish.steps, "canary: share and how long it is watched; repeatable (5:5m 25:5m 50:10m)")
      ->allow_extra_args(false)
      ->type_name("PERCENT:DURATION");
  command->add_option("--hold", flags->wish.hold, "rolling, ordered: watched this long once every pod is new")
      ->type_name("DURATION");
  command->add_option("--deadline", flags->wish.deadline, "of the whole, then it goes back (1h)")->type_name("DURATION");
  command->add_option("--step-timeout", flags->wish.step_limit, "to become healthy, each step (10m)")->type_name("DURATION");
  command->add_option("--name", flags->name, "of the plan (default: component and time)")->type_name("NAME");
  command->add_option("--file,-f", flags->file, "write the UpgradePlan there")->type_name("FILE");
}

void add_run(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("run", "carry a plan out to its end; one that was begun is gone on with");
  auto flags = declare(command, context, run);
  command->add_option("plan", flags->name, "an UpgradePlan that is there");
  command->add_option("--file,-f", flags->file, "make it from this file first")->type_name("FILE");
  command->add_flag("--detach", flags->detach, "only make it: the controller carries it out");
  command->add_option("--report", flags->report, "write what happened as an HTML page")->type_name("FILE");
  command->add_option("--prometheus", flags->prometheus, "where the metrics are (default: the environment's)")->type_name("URL");
  command->add_option("--lock-timeout", flags->lock_timeout, "wait this long for another run to let go")->type_name("DURATION");
}

void add_ask(CLI::App& app, Context& context, const std::string& what, const std::string& help) {
  auto* command = app.add_subcommand(what, help);
  auto flags = declare(command, context, [what](Context& c, const Flags& f) { return ask(c, f, what); });
  command->add_option("plan", flags->name, "the UpgradePlan")->required();
  command->add_option("--reason", flags->reason, "goes into the audit record")->type_name("TEXT");
}

void add_approve(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("approve", "sign an emergency override; two people are needed");
  auto flags = declare(command, context, approve);
  command->add_option("plan", flags->name, "the UpgradePlan")->required();
  command->add_option("--identity", flags->identity, "who you are among the environment's approvers")->required()->type_name("NAME");
  command->add_option("--key", flags->key, "your Ed25519 private key, PEM")->required()->type_name("FILE");
  command->add_option("--reason", flags->reason, "why; it is signed")->required()->type_name("TEXT");
  command->add_option("--scope", flags->scope, "what is stepped over: window (default), preflight; repeatable")
      ->check(CLI::IsMember({"window", "preflight"}))
      ->allow_extra_args(false)
      ->type_name("WHAT");
  command->add_option("--expires", flags->expires, "how long it is valid, 24h at most (2h)")->type_name("DURATION");
}

void add_plan_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "the plans, or one of them with everything there is to know");
  auto flags = declare(command, context, status);
  command->add_option("plan", flags->name, "the UpgradePlan (default: all)");
  command->add_flag("--watch,-w", flags->watch, "print every change until it is over");
  command->add_option("--report", flags->report, "write what happened as an HTML page")->type_name("FILE");
}

}  // namespace

void add_upgrade(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("upgrade", "upgrade a component step by step, in the window, back by itself");
  command->require_subcommand(1);
  add_plan(*command, context);
  add_run(*command, context);
  add_ask(*command, context, "pause", "let a plan stand still; what it watches for still sends it back");
  add_ask(*command, context, "resume", "let a paused plan go on");
  add_ask(*command, context, "abort", "send a plan back to what was before");
  add_approve(*command, context);
  add_plan_status(*command, context);
}

void add_controller(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("controller", "carry out UpgradePlans as they come, until stopped; one leads");
  auto flags = declare(command, context, controller);
  command->add_option("--every", flags->every, "how often plans are looked for (5s)")->type_name("DURATION");
  command->add_option("--prometheus", flags->prometheus, "where the metrics are (default: the environment's)")->type_name("URL");
}

}  // namespace nautilus::cli
