#include "core/kube/connect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>

#include "core/kube/paths.h"
#include "core/port/wall_time.h"

namespace nautilus::kube {
namespace {

constexpr std::uint64_t kMaxTokenBytes = 1u << 20;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::vector<port::Header> impersonation(const KubeUser& user) {
  std::vector<port::Header> out;
  if (user.as.empty()) return out;
  out.push_back({"Impersonate-User", user.as});
  if (!user.as_uid.empty()) out.push_back({"Impersonate-Uid", user.as_uid});
  for (const std::string& group : user.as_groups) out.push_back({"Impersonate-Group", group});
  for (const auto& [key, text] : user.as_extra) out.push_back({"Impersonate-Extra-" + percent_encode(key), text});
  return out;
}

// Headers that never change, and the certificate that the endpoint already has.
class FixedAuthenticator final : public Authenticator {
 public:
  FixedAuthenticator(const port::Clock& clock, Credentials credentials, std::string user,
                     std::optional<port::WallTime> expires)
      : clock_(clock), credentials_(std::move(credentials)), user_(std::move(user)), expires_(expires) {}
  Result<Credentials> credentials() override { return credentials_; }
  bool invalidate() override { return false; }
  std::string explain_refusal() override {
    if (!expires_ || *expires_ > clock_.now()) return {};
    const auto seconds =
        static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(*expires_).time_since_epoch().count());
    return fmt::format("The client certificate of the user {} expired on {:%Y-%m-%d %H:%M:%S} UTC: renew it.",
                       printable(user_, 200), fmt::gmtime(seconds));
  }

 private:
  const port::Clock& clock_;
  Credentials credentials_;
  std::string user_;
  std::optional<port::WallTime> expires_;
};

// A token that somebody else renews in a file (projected service account tokens).
class TokenFileAuthenticator final : public Authenticator {
 public:
  TokenFileAuthenticator(const port::Clock& clock, const port::Filesystem& files, std::string path, Credentials base)
      : clock_(clock), files_(files), path_(std::move(path)), base_(std::move(base)) {}

  Result<Credentials> credentials() override {
    const port::Monotonic now = clock_.monotonic();
    if (token_.empty() || now - read_at_ >= kTokenFileAge) {
      auto text = files_.read(path_, kMaxTokenBytes);
      // A file that is being replaced is no reason to stop while the old token still works.
      if (!text.ok() && token_.empty()) return std::move(text.error()).within("reading the token file");
      if (text.ok()) token_ = trimmed(std::move(text).value());
      if (token_.empty()) return Error(Code::unauthorized, fmt::format("the token file {} is empty", path_));
      read_at_ = now;
    }
    Credentials out = base_;
    out.headers.insert(out.headers.begin(), {"Authorization", "Bearer " + token_});
    return out;
  }
  bool invalidate() override {
    auto text = files_.read(path_, kMaxTokenBytes);
    const bool changed = text.ok() && trimmed(*text) != token_;
    token_.clear();
    return changed;
  }
  std::string explain_refusal() override { return fmt::format("The token came from the file {}.", path_); }

 private:
  const port::Clock& clock_;
  const port::Filesystem& files_;
  std::string path_;
  Credentials base_;
  std::string token_;
  port::Monotonic read_at_{0};
};

std::unique_ptr<Authenticator> authenticator_for(const port::Ports& ports, const KubeTarget& target,
                                                 const ConnectOptions& options,
                                                 std::optional<port::WallTime> certificate_expires) {
  const KubeUser& user = target.user;
  Credentials base;
  base.headers = impersonation(user);
  base.client_cert_pem = user.client_cert_pem;
  base.client_key_pem = user.client_key_pem;
  // An explicit token or name is preferred to running a program.
  if (!user.token_file.empty())
    return std::make_unique<TokenFileAuthenticator>(ports.clock, ports.files, user.token_file, std::move(base));
  if (user.exec && user.token.empty() && user.username.empty()) {
    ExecSurroundings around{ports.clock, ports.process, options.exec_policy, options.events, options.terminal};
    return std::make_unique<ExecAuthenticator>(std::move(around), *user.exec, target, std::move(base.headers));
  }
  if (!user.token.empty()) {
    base.headers.insert(base.headers.begin(), {"Authorization", "Bearer " + user.token});
  } else if (!user.username.empty()) {
    base.headers.insert(base.headers.begin(),
                        {"Authorization", "Basic " + encode_base64(user.username + ":" + user.password)});
  }
  return std::make_unique<FixedAuthenticator>(ports.clock, std::move(base), user.name, certificate_expires);
}

}  // namespace

std::optional<port::WallTime> certificate_expiry(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  if (!bio) return std::nullopt;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(
          bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr),
      X509_free);
  std::tm when{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &when) != 1) return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{year(when.tm_year + 1900), month(static_cast<unsigned>(when.tm_mon + 1)),
                            day(static_cast<unsigned>(when.tm_mday))};
  return port::wall_time(sys_days(date) + hours(when.tm_hour) + minutes(when.tm_min) + seconds(when.tm_sec));
}

Result<Connection> connect_to(const port::Ports& ports, KubeTarget target, const ConnectOptions& options) {
  if (!options.as.empty()) {
    target.user.as = options.as;
    target.user.as_uid.clear();
    target.user.as_groups = options.as_groups;
    target.user.as_extra.clear();
  } else if (!options.as_groups.empty()) {
    return Error(Code::usage, "--as-group needs --as");
  }
  Connection out;
  out.context = target.context;
  out.cluster = target.cluster;
  out.user = target.user.name;
  out.namespace_ = options.namespace_.empty() ? target.namespace_ : options.namespace_;
  out.server = target.endpoint.server;
  if (!target.user.client_cert_pem.empty())
    out.client_certificate_expires = certificate_expiry(target.user.client_cert_pem);

  port::Endpoint endpoint = target.endpoint;
  endpoint.client_cert_pem = target.user.client_cert_pem;
  endpoint.client_key_pem = target.user.client_key_pem;
  auto transport = ports.connector.connect(endpoint);
  if (!transport.ok())
    return std::move(transport.error()).within(fmt::format("using the context {}", printable(target.context, 200)));
  ClientOptions client_options = options.client;
  client_options.disable_compression = client_options.disable_compression || target.disable_compression;
  port::Connector& connector = ports.connector;
  Client::Wiring wiring{ports.clock,
                        ports.entropy,
                        ports.interrupt,
                        out.server,
                        std::move(transport).value(),
                        authenticator_for(ports, target, options, out.client_certificate_expires),
                        [&connector, endpoint](const Credentials& fresh) {
                          port::Endpoint renewed = endpoint;
                          renewed.client_cert_pem = fresh.client_cert_pem;
                          renewed.client_key_pem = fresh.client_key_pem;
                          return connector.connect(renewed);
                        },
                        endpoint.client_cert_pem};
  out.client = std::make_unique<Client>(std::move(wiring), std::move(client_options));
  return out;
}

Result<Connection> connect(const port::Ports& ports, const ConnectOptions& options) {
  auto config = Kubeconfig::load(ports.files, ports.process, options.kubeconfig);
  if (config.ok()) {
    ASSIGN_OR_RETURN(KubeTarget target, config->select(ports.files, options.context));
    return connect_to(ports, std::move(target), options);
  }
  // A pod has no kubeconfig; whoever names one means it.
  if (config.error().code != Code::not_found || !options.kubeconfig.empty()) return std::move(config).error();
  ASSIGN_OR_RETURN(std::optional<KubeTarget> pod, in_cluster_target(ports.files, ports.process));
  if (!pod) return std::move(config).error();
  return connect_to(ports, std::move(*pod), options);
}

}  // namespace nautilus::kube
