#include "core/kube/exec_credential.h"

#include <fmt/format.h>

#include "core/kube/api_status.h"
#include "core/port/wall_time.h"

namespace nautilus::kube {
namespace {

constexpr port::Duration kPluginTimeout = std::chrono::seconds(60);
constexpr port::Duration kInteractiveTimeout = std::chrono::minutes(5);  // a person logs in
constexpr std::size_t kMaxShownError = 500;

using value::find;
using value::string_at;

// Digits [at, at+count) as a number, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int out = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    out = out * 10 + (c - '0');
  }
  return out;
}

}  // namespace

std::optional<port::WallTime> parse_rfc3339(std::string_view text) {
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    ++at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  }
  minutes offset{0};
  if (at + 1 == text.size() && (text[at] == 'Z' || text[at] == 'z')) {
  } else if (at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':') {
    const int h = digits(text, at + 1, 2), m = digits(text, at + 4, 2);
    if (h < 0 || m < 0) return std::nullopt;
    offset = minutes(h * 60 + m) * (text[at] == '-' ? -1 : 1);
  } else {
    return std::nullopt;
  }
  return port::wall_time(sys_days(date) + hours(hour) + minutes(minute) + seconds(second) - offset);
}

ExecAuthenticator::ExecAuthenticator(ExecSurroundings surroundings, ExecPlugin plugin, const KubeTarget& target,
                                     std::vector<port::Header> extra_headers)
    : around_(std::move(surroundings)),
      plugin_(std::move(plugin)),
      endpoint_(target.endpoint),
      disable_compression_(target.disable_compression),
      exec_config_(target.exec_config),
      extra_headers_(std::move(extra_headers)) {}

Result<Credentials> ExecAuthenticator::credentials() {
  if (cached_ && (!expires_ || around_.clock.now() < *expires_)) return *cached_;
  cached_.reset();
  auto fresh = run();
  if (!fresh.ok())
    return std::move(fresh.error())
        .within(fmt::format("getting credentials of the user {}", printable(plugin_.user, 200)));
  cached_ = std::move(fresh).value();
  return *cached_;
}

bool ExecAuthenticator::invalidate() {
  cached_.reset();
  return true;
}

std::string ExecAuthenticator::explain_refusal() {
  return fmt::format(
      "The credentials came from the plugin {}: log in again with it, and check that it is for this cluster.",
      printable(plugin_.command, 200));
}

// KUBERNETES_EXEC_INFO
Json ExecAuthenticator::request(bool interactive) const {
  Json out{{"apiVersion", plugin_.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", interactive}}}};
  if (!plugin_.provide_cluster_info) return out;
  Json cluster{{"server", endpoint_.server}};
  if (!endpoint_.tls_server_name.empty()) cluster["tls-server-name"] = endpoint_.tls_server_name;
  if (endpoint_.insecure_skip_tls_verify) cluster["insecure-skip-tls-verify"] = true;
  if (!endpoint_.ca_pem.empty()) cluster["certificate-authority-data"] = encode_base64(endpoint_.ca_pem);
  if (!endpoint_.proxy_url.empty()) cluster["proxy-url"] = endpoint_.proxy_url;
  if (disable_compression_) cluster["disable-compression"] = true;
  cluster["config"] = exec_config_;
  out["spec"]["cluster"] = std::move(cluster);
  return out;
}

Result<Credentials> ExecAuthenticator::run() {
  const bool wants_terminal = plugin_.interactive != ExecPlugin::Interactive::never;
  const bool interactive = wants_terminal && around_.terminal;
  if (plugin_.interactive == ExecPlugin::Interactive::always && !around_.terminal)
    return Error(
        Code::refused,
        fmt::format("the credential plugin {} needs a terminal, and there is none", printable(plugin_.command, 200)),
        "Run the command from a terminal, or use credentials that need no login.");
  if (around_.policy) TRY(around_.policy(plugin_));
  std::string shown = plugin_.command;
  for (const std::string& arg : plugin_.args) shown += " " + arg;
  if (around_.events != nullptr) {
    port::Event event;
    event.time = around_.clock.now();
    event.phase = "credentials";
    event.action = "running";
    event.message = fmt::format("credential plugin of user {} in {}: {}", printable(plugin_.user, 200),
                                printable(plugin_.file, 300), printable(shown, 500));
    around_.events->on_event(event);
  }
  port::ProcessSpec spec;
  spec.argv.push_back(plugin_.command);
  spec.argv.insert(spec.argv.end(), plugin_.args.begin(), plugin_.args.end());
  for (const auto& [name, text] : plugin_.env) spec.env[name] = text;
  spec.env["KUBERNETES_EXEC_INFO"] = request(interactive).dump(-1, ' ', false, Json::error_handler_t::replace);
  spec.pass_terminal = interactive;
  spec.timeout = interactive ? kInteractiveTimeout : kPluginTimeout;
  auto output = around_.process.run(spec);
  if (!output.ok()) {
    Error error = std::move(output).error();
    if (error.code == Code::not_found && !plugin_.install_hint.empty())
      error.hint = printable(plugin_.install_hint, 2000);
    if (error.code != Code::interrupted) error.code = Code::unauthorized;
    return error;
  }
  if (output->exit_status != 0) {
    const std::string said = printable(output->err, kMaxShownError);
    return Error(Code::unauthorized,
                 fmt::format("the credential plugin {} ended with status {}{}{}", printable(plugin_.command, 200),
                             output->exit_status, said.empty() ? "" : ": ", said),
                 output->exit_status == 127 ? printable(plugin_.install_hint, 2000) : std::string());
  }
  return read_answer(output->out);
}

// What the plugin printed is never shown: it holds the secret.
Result<Credentials> ExecAuthenticator::read_answer(const std::string& out) {
  const auto bad = [&](const std::string& why) {
    return Error(Code::unauthorized, fmt::format("the credential plugin {} {}", printable(plugin_.command, 200), why));
  };
  const auto answer = value::parse_json(out, "its output");
  if (!answer.ok() || !answer->is_object()) return bad("did not print an ExecCredential");
  if (string_at(*answer, "kind") != "ExecCredential") return bad("did not print an ExecCredential");
  if (string_at(*answer, "apiVersion") != plugin_.api_version)
    return bad(fmt::format("answered in apiVersion {:?} instead of {:?}",
                           printable(string_at(*answer, "apiVersion"), 100), plugin_.api_version));
  const Json* status = find(*answer, "status");
  if (status == nullptr || !status->is_object()) return bad("printed no status");
  Credentials fresh;
  const std::string token = string_at(*status, "token");
  fresh.client_cert_pem = string_at(*status, "clientCertificateData");
  fresh.client_key_pem = string_at(*status, "clientKeyData");
  if (token.empty() && fresh.client_cert_pem.empty()) return bad("gave neither a token nor a certificate");
  if (fresh.client_cert_pem.empty() != fresh.client_key_pem.empty()) return bad("gave only one of certificate and key");
  if (!token.empty()) fresh.headers.push_back({"Authorization", "Bearer " + token});
  fresh.headers.insert(fresh.headers.end(), extra_headers_.begin(), extra_headers_.end());
  expires_.reset();
  if (const std::string text = string_at(*status, "expirationTimestamp"); !text.empty()) {
    expires_ = parse_rfc3339(text);
    if (!expires_) return bad("gave an expirationTimestamp that is not a time");
    if (*expires_ <= around_.clock.now()) return bad("gave credentials that have already expired");
  }
  return fresh;
}

}  // namespace nautilus::kube
