#include "core/kube/kubeconfig.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/kube/api_status.h"
#include "core/value/yaml.h"

namespace nautilus::kube {
namespace {

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";
constexpr std::uint64_t kMaxPemBytes = 4u << 20;

using value::bool_at;
using value::find;
using value::string_at;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return "";
  return path.substr(0, slash + 1);
}

std::string beside(const std::string& file, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : directory_of(file) + path;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + printable(part, 300);
  return out;
}

// A string field that must be a string if it is there: `token: 12345` would otherwise be taken for no token.
Result<std::string> text_field(const Json& body, const std::string& key, const std::string& where) {
  const Json* found = find(body, key);
  if (found == nullptr || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return Error(Code::invalid, fmt::format("{} must be a string; put it in quotes", key)).at(where);
}

// KEY-data inline, or the file that KEY names.
Result<std::string> data_or_file(const port::Filesystem& files, const Json& body, const std::string& key,
                                 const std::string& file, const std::string& where) {
  ASSIGN_OR_RETURN(const std::string data, text_field(body, key + "-data", where));
  if (!data.empty()) {
    auto decoded = decode_base64(data);
    if (!decoded || decoded->empty()) return Error(Code::invalid, fmt::format("{}-data is not base64", key)).at(where);
    return std::move(*decoded);
  }
  ASSIGN_OR_RETURN(const std::string path, text_field(body, key, where));
  if (path.empty()) return std::string();
  auto content = files.read(beside(file, path), kMaxPemBytes);
  if (!content.ok()) return std::move(content.error()).within(fmt::format("reading {}", key)).at(where);
  return content;
}

Result<std::vector<std::string>> text_list(const Json& body, const std::string& key, const std::string& where) {
  std::vector<std::string> out;
  const Json* found = find(body, key);
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_array()) return Error(Code::invalid, fmt::format("{} must be a list of strings", key)).at(where);
  for (const Json& item : *found) {
    if (!item.is_string()) return Error(Code::invalid, fmt::format("{} must be a list of strings", key)).at(where);
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<ExecPlugin> read_exec(const Json& body, const std::string& user, const std::string& file,
                             const std::string& where) {
  ExecPlugin out;
  out.user = user;
  out.file = file;
  ASSIGN_OR_RETURN(out.command, text_field(body, "command", where));
  ASSIGN_OR_RETURN(out.args, text_list(body, "args", where));
  ASSIGN_OR_RETURN(out.api_version, text_field(body, "apiVersion", where));
  ASSIGN_OR_RETURN(out.install_hint, text_field(body, "installHint", where));
  ASSIGN_OR_RETURN(const std::string mode, text_field(body, "interactiveMode", where));
  out.provide_cluster_info = bool_at(body, false, "provideClusterInfo");
  if (out.command.empty()) return Error(Code::invalid, "the credential plugin has no command").at(where);
  // A name alone is looked up on PATH; a path is relative to the file that says it.
  if (out.command.find('/') != std::string::npos) out.command = beside(file, out.command);
  if (out.api_version != "client.authentication.k8s.io/v1" && out.api_version != "client.authentication.k8s.io/v1beta1")
    return Error(Code::invalid,
                 fmt::format("the credential plugin speaks apiVersion {:?}, which is not supported",
                             printable(out.api_version, 200)),
                 "Use client.authentication.k8s.io/v1 (or /v1beta1); newer versions of most plugins do.")
        .at(where);
  if (mode == "Never") {
    out.interactive = ExecPlugin::Interactive::never;
  } else if (mode == "Always") {
    out.interactive = ExecPlugin::Interactive::always;
  } else if (mode == "IfAvailable" || (mode.empty() && out.api_version.ends_with("v1beta1"))) {
    out.interactive = ExecPlugin::Interactive::if_available;
  } else {
    return Error(Code::invalid,
                 mode.empty() ? std::string("interactiveMode must be set with apiVersion v1")
                              : fmt::format("interactiveMode {:?} is unknown", printable(mode, 100)),
                 "It is Never, IfAvailable or Always.")
        .at(where);
  }
  if (const Json* env = find(body, "env"); env != nullptr && env->is_array()) {
    for (const Json& entry : *env) out.env.emplace_back(string_at(entry, "name"), string_at(entry, "value"));
  }
  return out;
}

}  // namespace

const Kubeconfig::Entry* Kubeconfig::entry(const std::vector<Entry>& entries, const std::string& name) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

Result<> Kubeconfig::merge(const std::string& file, const Json& document) {
  if (document.is_null()) return {};
  if (!document.is_object()) return Error(Code::invalid, "this is not a kubeconfig: no mapping at the top").at(file);
  const struct {
    const char *list, *body;
    std::vector<Entry>* into;
  } kinds[] = {{"clusters", "cluster", &clusters_}, {"contexts", "context", &contexts_}, {"users", "user", &users_}};
  for (const auto& kind : kinds) {
    const Json* list = find(document, kind.list);
    if (list == nullptr || list->is_null()) continue;
    if (!list->is_array()) return Error(Code::invalid, fmt::format("{} must be a list", kind.list)).at(file);
    for (const Json& item : *list) {
      const std::string name = string_at(item, "name");
      const Json* body = find(item, kind.body);
      if (entry(*kind.into, name) != nullptr) continue;
      kind.into->push_back({name, file, body != nullptr && body->is_object() ? *body : Json::object()});
    }
  }
  if (current_.empty()) current_ = string_at(document, "current-context");
  return {};
}

Result<Kubeconfig> Kubeconfig::load(const port::Filesystem& files, const port::Process& process,
                                    const std::string& explicit_path) {
  std::vector<std::string> paths;
  std::string origin;
  bool must_exist = false;
  const auto listed = process.environment("KUBECONFIG");
  if (!explicit_path.empty()) {
    paths = {explicit_path};
    origin = "--kubeconfig";
    must_exist = true;
  } else if (listed && !listed->empty()) {
    origin = "KUBECONFIG";
    for (std::size_t start = 0; start <= listed->size();) {
      const std::size_t end = std::min(listed->find(':', start), listed->size());
      std::string path = listed->substr(start, end - start);
      if (!path.empty() && std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(std::move(path));
      start = end + 1;
    }
    if (paths.size() > kMaxKubeconfigFiles)
      return Error(Code::limit, fmt::format("KUBECONFIG names more than {} files", kMaxKubeconfigFiles));
  } else if (const auto home = process.environment("HOME"); home && !home->empty()) {
    paths = {*home + "/.kube/config"};
    origin = "the default";
  }

  Kubeconfig out;
  for (const std::string& path : paths) {
    auto text = files.read(path, kMaxKubeconfigBytes);
    if (!text.ok() && text.error().code == Code::not_found && !must_exist) continue;
    if (!text.ok()) return std::move(text.error()).within("reading the kubeconfig");
    auto document = value::parse_yaml(*text, path, value::as_helm_reads_it());  // client-go does too
    if (!document.ok()) return std::move(document.error()).within("reading the kubeconfig");
    TRY(out.merge(path, *document).within("reading the kubeconfig"));
    out.files_.push_back(path);
  }
  if (!out.files_.empty()) return out;
  const std::string looked =
      paths.empty() ? "KUBECONFIG and HOME are not set" : fmt::format("looked at {} ({})", join(paths), origin);
  return Error(Code::not_found, fmt::format("there is no kubeconfig: {}", looked),
               "Name one with --kubeconfig FILE or the variable KUBECONFIG.");
}

std::vector<std::string> Kubeconfig::context_names() const {
  std::vector<std::string> out;
  for (const Entry& e : contexts_) out.push_back(e.name);
  std::sort(out.begin(), out.end());
  return out;
}

Result<> Kubeconfig::read_cluster(const port::Filesystem& files, const Entry& e, KubeTarget& out) const {
  const std::string where = fmt::format("{}: cluster {}", e.file, printable(e.name, 200));
  port::Endpoint& endpoint = out.endpoint;
  ASSIGN_OR_RETURN(endpoint.server, text_field(e.body, "server", where));
  if (endpoint.server.empty()) return Error(Code::invalid, "the cluster has no server").at(where);
  ASSIGN_OR_RETURN(endpoint.tls_server_name, text_field(e.body, "tls-server-name", where));
  ASSIGN_OR_RETURN(endpoint.proxy_url, text_field(e.body, "proxy-url", where));
  endpoint.insecure_skip_tls_verify = bool_at(e.body, false, "insecure-skip-tls-verify");
  out.disable_compression = bool_at(e.body, false, "disable-compression");
  ASSIGN_OR_RETURN(endpoint.ca_pem, data_or_file(files, e.body, "certificate-authority", e.file, where));
  if (endpoint.server.find("://") == std::string::npos) endpoint.server = "https://" + endpoint.server;
  if (const Json* extensions = find(e.body, "extensions"); extensions != nullptr && extensions->is_array()) {
    for (const Json& extension : *extensions) {
      const Json* content = find(extension, "extension");
      if (content != nullptr && string_at(extension, "name") == "client.authentication.k8s.io/exec")
        out.exec_config = *content;
    }
  }
  return {};
}

Result<> Kubeconfig::read_user(const port::Filesystem& files, const Entry& e, KubeUser& out) const {
  const std::string where = fmt::format("{}: user {}", e.file, printable(e.name, 200));
  if (find(e.body, "auth-provider") != nullptr)
    return Error(Code::invalid,
                 fmt::format("the auth-provider {:?} is not supported: Kubernetes removed these in 1.26",
                             printable(string_at(e.body, "auth-provider", "name"), 100)),
                 "Use the credential plugin of your provider (users[].user.exec), for example gke-gcloud-auth-plugin, "
                 "kubelogin or aws eks get-token.")
        .at(where);
  ASSIGN_OR_RETURN(out.client_cert_pem, data_or_file(files, e.body, "client-certificate", e.file, where));
  ASSIGN_OR_RETURN(out.client_key_pem, data_or_file(files, e.body, "client-key", e.file, where));
  ASSIGN_OR_RETURN(out.token, text_field(e.body, "token", where));
  ASSIGN_OR_RETURN(out.token_file, text_field(e.body, "tokenFile", where));
  out.token_file = beside(e.file, out.token_file);
  ASSIGN_OR_RETURN(out.username, text_field(e.body, "username", where));
  ASSIGN_OR_RETURN(out.password, text_field(e.body, "password", where));
  if (const Json* exec = find(e.body, "exec"); exec != nullptr && exec->is_object()) {
    ASSIGN_OR_RETURN(out.exec, read_exec(*exec, e.name, e.file, where));
  }
  const int methods = (out.token.empty() && out.token_file.empty() ? 0 : 1) + (out.username.empty() ? 0 : 1);
  if (methods > 1) return Error(Code::invalid, "both a token and a username are given").at(where);
  ASSIGN_OR_RETURN(out.as, text_field(e.body, "as", where));
  ASSIGN_OR_RETURN(out.as_uid, text_field(e.body, "as-uid", where));
  ASSIGN_OR_RETURN(out.as_groups, text_list(e.body, "as-groups", where));
  if (const Json* extra = find(e.body, "as-user-extra"); extra != nullptr && extra->is_object()) {
    for (const auto& [key, list] : extra->items()) {
      ASSIGN_OR_RETURN(const std::vector<std::string> texts, text_list(*extra, key, where));
      for (const std::string& text : texts) out.as_extra.emplace_back(key, text);
    }
  }
  const bool extras = !out.as_uid.empty() || !out.as_groups.empty() || !out.as_extra.empty();
  if (out.as.empty() && extras)
    return Error(Code::invalid, "impersonation needs `as` beside the other as-* fields").at(where);
  return {};
}

Result<KubeTarget> Kubeconfig::select(const port::Filesystem& files, const std::string& context) const {
  const std::string& wanted = context.empty() ? current_ : context;
  const std::string known = contexts_.empty() ? "none" : join(context_names());
  if (wanted.empty())
    return Error(Code::not_found, "no context is chosen and the kubeconfig has no current-context",
                 fmt::format("Choose one with --context; known are: {}.", known))
        .at(join(files_));
  const Entry* chosen = entry(contexts_, wanted);
  if (chosen == nullptr)
    return Error(Code::not_found, fmt::format("there is no context {:?}", printable(wanted, 200)),
                 fmt::format("Known contexts are: {}.", known))
        .at(join(files_));
  KubeTarget out;
  out.context = wanted;
  out.cluster = string_at(chosen->body, "cluster");
  out.namespace_ = string_at(chosen->body, "namespace");
  if (out.namespace_.empty()) out.namespace_ = "default";
  out.user.name = string_at(chosen->body, "user");
  const std::string where = fmt::format("{}: context {}", chosen->file, printable(wanted, 200));
  const Entry* cluster = entry(clusters_, out.cluster);
  if (cluster == nullptr)
    return Error(Code::invalid, fmt::format("its cluster {:?} is not defined", printable(out.cluster, 200))).at(where);
  TRY(read_cluster(files, *cluster, out));
  if (out.user.name.empty()) return out;
  const Entry* user = entry(users_, out.user.name);
  if (user == nullptr)
    return Error(Code::invalid, fmt::format("its user {:?} is not defined", printable(out.user.name, 200))).at(where);
  TRY(read_user(files, *user, out.user));
  return out;
}

Result<std::optional<KubeTarget>> in_cluster_target(const port::Filesystem& files, const port::Process& process) {
  const auto host = process.environment("KUBERNETES_SERVICE_HOST");
  const auto port = process.environment("KUBERNETES_SERVICE_PORT");
  const std::string token_file = std::string(kServiceAccount) + "token";
  if (!host || host->empty() || !port || port->empty() || !files.exists(token_file)) return std::optional<KubeTarget>();
  KubeTarget out;
  out.context = "in-cluster";
  out.cluster = "in-cluster";
  out.user.name = "service account";
  out.user.token_file = token_file;
  const bool v6 = host->find(':') != std::string::npos;
  out.endpoint.server = fmt::format("https://{}{}{}:{}", v6 ? "[" : "", *host, v6 ? "]" : "", *port);
  ASSIGN_OR_RETURN(out.endpoint.ca_pem, files.read(std::string(kServiceAccount) + "ca.crt", kMaxPemBytes));
  auto name = files.read(std::string(kServiceAccount) + "namespace", 1024);
  out.namespace_ = name.ok() ? std::move(name).value() : "default";
  while (!out.namespace_.empty() && out.namespace_.back() == '\n') out.namespace_.pop_back();
  return std::optional<KubeTarget>(std::move(out));
}

}  // namespace nautilus::kube
