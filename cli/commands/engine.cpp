// nautilusctl engine: the trading engine of the platform's engine pods
#include "cli/commands/engine.h"

#include "core/host/curl_transport.h"
#include "core/kube/connect.h"
#include "engine/gateway/log.h"
#include "engine/host/file_epoch.h"
#include "engine/lease/kubernetes_epoch.h"
#include "engine/lease/role_label.h"
#include "engine/server/server.h"

namespace nautilus::cli {

namespace {

struct ServeFlags {
  std::string config, journal, listen, admin;
  std::vector<std::string> definitions;
  int shard = 0;
  bool take_over = false;
};

Result<engine::ServerConfig> read_config(const Context& context, const ServeFlags& flags) {
  engine::ServerConfig config;
  if (!flags.config.empty()) {
    ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(flags.config));
    ASSIGN_OR_RETURN(config, engine::parse_server_config(text, flags.config));
  }
  if (!flags.journal.empty()) config.journal.directory = flags.journal;
  if (!flags.definitions.empty()) config.definitions = flags.definitions;
  const auto address = [](const std::string& text, const char* flag, engine::Address& out) -> Result<> {
    if (text.empty()) return {};
    auto parsed = engine::parse_address(text);
    if (!parsed.ok()) return Error(Code::usage, std::string(flag) + ": " + parsed.error().message);
    out = *parsed;
    return {};
  };
  TRY(address(flags.listen, "--listen", config.gateway.listen));
  TRY(address(flags.admin, "--admin", config.admin));
  if (flags.shard >= config.shards)
    return Error(Code::usage,
                 fmt::format("--shard {}: there are {} shards, the first is 0", flags.shard, config.shards));
  // Somebody who tries it out has the project's examples.
  if (config.definitions.empty() && flags.config.empty()) {
    ASSIGN_OR_RETURN(const std::string project, context.project());
    config.definitions = {project + "/manifests/engine/instruments.yaml", project + "/manifests/engine/accounts.yaml"};
  }
  return config;
}

std::string process_name(const Context& context) {
  for (const char* variable : {"POD_NAME", "HOSTNAME"})
    if (auto name = context.ports.process.environment(variable); name && !name->empty()) return *name;
  return "engine";
}

// The source of the epoch that the settings name, with what it needs to live.
struct Epochs {
  kube::Connection connection, label_connection;
  std::unique_ptr<engine::EpochSource> source;
  std::unique_ptr<engine::RoleLabel> label;
};

Result<Epochs> open_epochs(const Context& context, const engine::ServerConfig& config, int shard,
                           const std::string& name) {
  Epochs out;
  using Kind = engine::ServerConfig::Epochs::Kind;
  if (config.epoch.kind == Kind::file)
    out.source = std::make_unique<engine::FileEpochSource>(
        context.ports.clock,
        engine::FileEpochOptions{config.epoch.path, name, config.epoch.time_to_live, config.epoch.time_to_live / 6});
  if (config.epoch.kind == Kind::lease) {
    kube::ConnectOptions options;
    options.kubeconfig = context.flags.kubeconfig;
    options.context = context.flags.context;
    options.client.user_agent = "nautilusctl-engine";
    ASSIGN_OR_RETURN(out.connection, kube::connect(context.ports, options));
    // Given back after the signal that ends the process, so a signal must not end the requests.
    out.connection.client->ignore_interrupts(true);
    engine::KubernetesEpochOptions lease;
    lease.namespace_ = config.epoch.namespace_.empty() ? out.connection.namespace_ : config.epoch.namespace_;
    lease.name = fmt::format("{}-{}", config.epoch.name, shard);
    lease.holder = name;
    lease.time_to_live = config.epoch.time_to_live;
    if (!config.epoch.role_label.empty()) {
      // A connection of its own: the epoch's must never wait for a label.
      ASSIGN_OR_RETURN(out.label_connection, kube::connect(context.ports, options));
      out.label_connection.client->ignore_interrupts(true);
      out.label = std::make_unique<engine::RoleLabel>(
          *out.label_connection.client, engine::RoleLabel::Pod{lease.namespace_, name, config.epoch.role_label},
          [log = std::make_shared<engine::Log>(context.ports.clock, engine::to_stderr())](const std::string& trouble) {
            log->line(engine::Log::Level::warning, "role_label", {{"reason", trouble}});
          });
    }
    out.source = std::make_unique<engine::KubernetesEpochSource>(*out.connection.client, std::move(lease));
  }
  return out;
}

void tell_serving(const Context& context, const engine::ServerConfig& config, const engine::ServingAt& at) {
  const auto url = [](const char* scheme, const engine::Address& address, std::uint16_t port) {
    const bool v6 = address.host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", scheme, v6 ? "[" : "", address.host, v6 ? "]" : "", port);
  };
  const std::string socket = url(at.tls ? "wss" : "ws", config.gateway.listen, at.gateway_port) + "/ws";
  const std::string rest = url(at.tls ? "https" : "http", config.gateway.listen, at.gateway_port);
  const std::string admin = url("http", config.admin, at.admin_port);
  if (!context.text()) {
    context.print(Json{{"websocket", socket},
                       {"http", rest},
                       {"admin", admin},
                       {"epoch", at.epoch},
                       {"sequence", at.sequence},
                       {"replayed", at.replayed},
                       {"openAccess", at.open_access}});
  } else {
    context.print(std::string_view(
        fmt::format("trading on {}  (REST {}, health and metrics {})\njournal {}: {} commands, {} of them replayed; "
                    "epoch {}{}\n",
                    socket, rest, admin, config.journal.directory, at.sequence, at.replayed, at.epoch,
                    at.open_access ? "; open to every client of this machine" : "")));
  }
  std::fflush(stdout);
}

Result<int> serve(Context& context, const ServeFlags& flags) {
  engine::ServeRequest request;
  ASSIGN_OR_RETURN(request.config, read_config(context, flags));
  request.shard = flags.shard;
  request.take_over = flags.take_over;
  request.name = process_name(context);
  ASSIGN_OR_RETURN(Epochs epochs, open_epochs(context, request.config, flags.shard, request.name));
  request.epoch = epochs.source.get();
  if (epochs.label) request.on_role = [&](bool primary) { epochs.label->set(primary ? "primary" : "standby"); };
  const engine::ServerConfig config = request.config;
  request.on_serving = [&](const engine::ServingAt& at) { tell_serving(context, config, at); };
  host::CurlConnector traces(context.ports.clock);  // not ours: that one is woken by signals, and takes them off
  TRY(engine::serve({context.ports.clock, context.ports.files, context.ports.entropy, context.ports.interrupt, &traces},
                    std::move(request)));
  return 0;
}

}  // namespace

void add_engine(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("engine", "the trading engine of the platform's engine pods");
  group->require_subcommand(1);
  auto* command = group->add_subcommand("serve", "recover the journal, take orders until told to stop");
  auto flags = std::make_shared<ServeFlags>();
  command->add_option("--config", flags->config, "settings (default: an engine for this machine alone)")
      ->type_name("FILE");
  command->add_option("--shard", flags->shard, "which of the shards this process is")
      ->check(CLI::Range(0, 999))
      ->type_name("N");
  command->add_option("--journal", flags->journal, "directory of the journal (default: the settings', engine-journal)")
      ->type_name("DIR");
  command->add_option("--definitions", flags->definitions, "file with instruments and accounts; repeatable")
      ->type_name("FILE");
  command->add_option("--listen", flags->listen, "address of the gateway")->type_name("ADDRESS:PORT");
  command->add_option("--admin", flags->admin, "address of health and metrics")->type_name("ADDRESS:PORT");
  command->add_flag("--take-over", flags->take_over,
                    "become the primary although this journal may lack orders that another one has");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return serve(c, *flags); }; });
  add_engine_journal(*group, context);
  add_engine_key(*group, context);
  add_engine_bench(*group, context);
}

}  // namespace nautilus::cli
