#include "engine/gateway/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace nautilus::engine {
namespace {

namespace ssl = boost::asio::ssl;
constexpr std::uint64_t kMaxPem = 1u << 20;
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

}  // namespace

Result<bool> TlsSource::reload() {
  ASSIGN_OR_RETURN(const std::string certificate, files_.read(paths_.certificate, kMaxPem));
  ASSIGN_OR_RETURN(const std::string key, files_.read(paths_.key, kMaxPem));
  std::string authority;
  if (!paths_.client_ca.empty()) { ASSIGN_OR_RETURN(authority, files_.read(paths_.client_ca, kMaxPem)); }
  const std::string source = certificate + '\0' + key + '\0' + authority;
  {
    std::lock_guard guard(lock_);
    if (source == source_) return false;
  }
  try {
    auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
    made->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                      ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use);
    SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_options(made->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cipher_list(made->native_handle(), kCiphers);
    // No resumption: a session made under one client certificate must not go on under another policy.
    SSL_CTX_set_session_cache_mode(made->native_handle(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(made->native_handle(), 0);
    made->use_certificate_chain(boost::asio::buffer(certificate));
    made->use_private_key(boost::asio::buffer(key), ssl::context::pem);
    if (SSL_CTX_check_private_key(made->native_handle()) != 1)
      return Error(Code::invalid, "the key does not belong to the certificate").at(paths_.key);
    if (!authority.empty()) {
      made->add_certificate_authority(boost::asio::buffer(authority));
      made->set_verify_mode(ssl::verify_peer |
                            (paths_.require_client_certificate ? ssl::verify_fail_if_no_peer_cert : 0));
    }
    std::lock_guard guard(lock_);
    context_ = std::move(made);
    source_ = source;
    return true;
  } catch (const std::exception&) {
    // OpenSSL's words may quote the file.
    return Error(Code::invalid, "the certificate, its key or the client CA cannot be read as PEM")
        .at(paths_.certificate);
  }
}

TlsContext TlsSource::context() const {
  std::lock_guard guard(lock_);
  return context_;
}

std::string peer_subject(const SSL* ssl) {
  std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return {};
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253) < 0)
    return {};
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace nautilus::engine
