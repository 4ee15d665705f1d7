#include "core/host/endpoint.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cctype>
#include <memory>

namespace nautilus::host {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

BioPtr open_pem(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), 16u << 20))), BIO_free};
}

// Instead of OpenSSL's own, which asks on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

X509Ptr read_certificate(const std::string& pem) {
  const BioPtr bio = open_pem(pem);
  return {bio ? PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr) : nullptr, X509_free};
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

bool has_control_or_space(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
}

Error bad_server(const std::string& server, std::string_view why) {
  return Error(Code::invalid, fmt::format("the server address {:?} {}", server, why),
               "Write it as https://HOST:PORT in the kubeconfig's cluster.");
}

}  // namespace

Result<ServerAddress> parse_server(const std::string& server, bool plain) {
  ServerAddress out;
  if (has_control_or_space(server)) return bad_server(server, "contains spaces or control characters");
  std::string_view rest = server;
  if (rest.substr(0, 8) == "https://") {
    rest.remove_prefix(8);
  } else if (rest.substr(0, 7) == "http://") {
    rest.remove_prefix(7);
    out.tls = false;
  } else {
    return bad_server(server, "begins with neither https:// nor http://");
  }
  const std::size_t slash = rest.find_first_of("/?#");
  if (slash != std::string_view::npos && rest[slash] != '/') return bad_server(server, "has a query or fragment");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) out.prefix = rest.substr(slash);
  if (out.prefix.find_first_of("?#") != std::string::npos) return bad_server(server, "has a query or fragment");
  while (!out.prefix.empty() && out.prefix.back() == '/') out.prefix.pop_back();
  if (authority.find('@') != std::string_view::npos) return bad_server("https://...", "contains a user name");

  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad_server(server, "has an unclosed '['");
    out.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::size_t colon = authority.rfind(':');
    out.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (out.host.empty()) return bad_server(server, "names no host");
  if (!port.empty() && port.front() != ':') return bad_server(server, "is malformed after ']'");
  if (!port.empty()) port.remove_prefix(1);
  const bool digits = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || port.size() > 5 || (!port.empty() && std::stoi(std::string(port)) > 65535))
    return bad_server(server, "has a bad port");
  out.port = port.empty() ? (out.tls ? "443" : "80") : std::string(port);
  const bool v6 = out.host.find(':') != std::string::npos;
  out.authority = fmt::format("{}{}{}:{}", v6 ? "[" : "", out.host, v6 ? "]" : "", out.port);
  if (!out.tls && !plain && !is_loopback(out.host))
    return bad_server(server, "is plain http:// to another machine, which would send credentials in the clear");
  return out;
}

Result<> check_pem(const port::Endpoint& endpoint) {
  ERR_clear_error();
  if (!endpoint.ca_pem.empty() && !read_certificate(endpoint.ca_pem))
    return Error(Code::invalid, "the certificate authority of the cluster holds no PEM certificate",
                 "Check certificate-authority or certificate-authority-data in the kubeconfig.");
  if (!endpoint.ca_pem.empty() && endpoint.insecure_skip_tls_verify)
    return Error(Code::invalid, "a certificate authority and insecure-skip-tls-verify are both set",
                 "Remove insecure-skip-tls-verify from the kubeconfig's cluster.");
  if (endpoint.client_cert_pem.empty() != endpoint.client_key_pem.empty())
    return Error(Code::invalid, endpoint.client_key_pem.empty() ? "a client certificate is given without its key"
                                                                : "a client key is given without its certificate");
  if (endpoint.client_cert_pem.empty()) return {};

  const X509Ptr certificate = read_certificate(endpoint.client_cert_pem);
  if (!certificate) return Error(Code::invalid, "the client certificate is not a PEM certificate");
  const BioPtr bio = open_pem(endpoint.client_key_pem);
  const KeyPtr key{bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr, EVP_PKEY_free};
  if (!key) {
    ERR_clear_error();
    return Error(Code::invalid, "the client key is not a PEM private key, or is protected by a passphrase",
                 "Keys with a passphrase cannot be used; store the key without one, readable only by you.");
  }
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits) return Error(Code::invalid, "the client certificate and the client key do not belong together");
  return {};
}

}  // namespace nautilus::host
