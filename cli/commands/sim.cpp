// nautilusctl sim serve: the embedded cluster on a loopback port
#include "cli/commands/commands.h"
#include "core/sim/serve.h"

namespace nautilus::cli {

namespace {

struct Flags {
  sim::ServeOptions serve;
  std::uint64_t seed = 1;
  int nodes = 12;
};

Result<int> run(Context& context, const Flags& flags) {
  sim::ClusterOptions options;
  options.seed = flags.seed;
  options.nodes.front().count = flags.nodes;
  options.start = context.ports.clock.now();
  sim::Cluster cluster(options);
  TRY(sim::serve(cluster, context.ports.clock, context.ports.interrupt, context.ports.files, flags.serve,
                 [&](const sim::ServingAt& served) {
                   if (!context.text()) {
                     context.print(Json{{"url", served.url}, {"kubeconfig", flags.serve.kubeconfig_path}});
                   } else if (flags.serve.kubeconfig_path.empty()) {
                     context.print(std::string_view(served.kubeconfig));
                   } else {
                     context.print(
                         std::string_view(fmt::format("export KUBECONFIG={}\n", flags.serve.kubeconfig_path)));
                   }
                   std::fflush(stdout);
                   context.note(fmt::format("the embedded cluster listens on {}; Ctrl-C ends it", served.url));
                 }));
  return 0;
}

}  // namespace

void add_sim(CLI::App& app, Context& context) {
  auto* sim = app.add_subcommand("sim", "the embedded cluster");
  sim->require_subcommand(1);
  auto* command = sim->add_subcommand("serve", "serve it on a loopback port, for kubectl and helm");
  auto flags = std::make_shared<Flags>();
  command->add_option("--address", flags->serve.address, "loopback address")->type_name("IP");
  command->add_option("--port", flags->serve.port, "0 = any that is free")->type_name("PORT");
  command->add_option("--write-kubeconfig", flags->serve.kubeconfig_path, "write a kubeconfig here (default: print it)")
      ->type_name("FILE");
  command->add_option("--speed", flags->serve.real_time_factor, "60 = a minute of the cluster in a second")
      ->check(CLI::Range(0.001, 100000.0))
      ->type_name("FACTOR");
  command->add_option("--seed", flags->seed, "the same seed and requests give the same run")->type_name("N");
  command->add_option("--nodes", flags->nodes, "nodes, over three zones")->check(CLI::Range(0, 5000))->type_name("N");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
