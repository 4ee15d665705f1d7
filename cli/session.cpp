#include "cli/session.h"

#include <unistd.h>

namespace nautilus::cli {

Result<std::unique_ptr<OpenSession>> OpenSession::open(const Context& context, const env::Environment& env,
                                                       port::EventSink& events) {
  kube::ConnectOptions options;
  options.kubeconfig = context.flags.kubeconfig;
  options.context = context.flags.context.empty() ? env.context : context.flags.context;
  options.events = &events;
  options.terminal = context.stdin_is_terminal();
  options.client.user_agent = "nautilusctl/" NAUTILUSCTL_VERSION;
  ASSIGN_OR_RETURN(auto connection, kube::connect(context.ports, options));
  return std::make_unique<OpenSession>(std::move(connection), env, events, context.ports.entropy, who_am_i(context));
}

OpenSession::OpenSession(kube::Connection connection, const env::Environment& env, port::EventSink& events,
                         port::Entropy& entropy, std::string who)
    : env_(env),
      entropy_(entropy),
      connection_(std::move(connection)),
      discovery_(*connection_.client),
      cluster_(*connection_.client, discovery_, events),
      who_(std::move(who)) {
  connection_.client->on_warning([this](const std::string& text) {
    cluster_.tell({port::Event::Level::warning, {}, "server", "", "warning", text});
  });
}

std::string who_am_i(const Context& context) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const auto user = context.ports.process.environment("USER");
  return fmt::format("{}@{} pid {}", user && !user->empty() ? *user : "unknown", host, getpid());
}

}  // namespace nautilus::cli
