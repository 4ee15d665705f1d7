#include "tests/unit/core/host/test_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>

namespace nautilus::test {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

X509Ptr certificate_of(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
}

KeyPtr key_of(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& text) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, text.c_str());
  if (extension == nullptr) std::abort();
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

int on_server_name(SSL* ssl, int*, void* server) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  static_cast<TestServer*>(server)->note_server_name(name != nullptr ? name : "");
  return SSL_TLSEXT_ERR_OK;
}

// One connection, plain or TLS.
class Stream {
 public:
  Stream(int fd, SSL_CTX* context) : fd_(fd) {
    if (context == nullptr) return;
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, fd);
    good_ = SSL_accept(ssl_) == 1;
  }
  ~Stream() {
    if (ssl_ != nullptr) SSL_free(ssl_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  bool good() const { return good_; }
  long read(char* into, std::size_t size) {
    return ssl_ != nullptr ? SSL_read(ssl_, into, static_cast<int>(size)) : ::recv(fd_, into, size, 0);
  }
  bool write(const std::string& text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t size = std::min<std::size_t>(text.size() - at, 1 << 16);
      const long sent = ssl_ != nullptr ? SSL_write(ssl_, text.data() + at, static_cast<int>(size))
                                        : ::send(fd_, text.data() + at, size, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      at += static_cast<std::size_t>(sent);
    }
    return true;
  }
  std::string client() const {
    X509* peer = ssl_ != nullptr ? SSL_get1_peer_certificate(ssl_) : nullptr;
    if (peer == nullptr) return "";
    char name[256];
    X509_NAME_oneline(X509_get_subject_name(peer), name, sizeof name);
    X509_free(peer);
    return name;
  }

 private:
  int fd_;
  SSL* ssl_ = nullptr;
  bool good_ = true;
};

// "hello gzip" compressed.
const unsigned char kGzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                               0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0x48, 0xaf, 0xca, 0x2c,
                               0x00, 0x00, 0x19, 0x6a, 0xd2, 0xdf, 0x0a, 0x00, 0x00, 0x00};

std::string answer(const std::string& body, const std::string& more = {}, const std::string& line = "200 OK") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", line, body.size(), more, body);
}

}  // namespace

Identity make_certificate(const CertificateSpec& spec, const Identity* issuer) {
  static std::atomic<long> serial{1};
  const KeyPtr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const X509Ptr certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), spec.not_before);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), spec.not_after);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1, -1, 0);
  const X509Ptr issuer_certificate = issuer != nullptr ? certificate_of(issuer->cert_pem) : X509Ptr(nullptr, X509_free);
  const KeyPtr issuer_key = issuer != nullptr ? key_of(issuer->key_pem) : KeyPtr(nullptr, EVP_PKEY_free);
  X509* signer = issuer_certificate ? issuer_certificate.get() : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  if (spec.authority) add_extension(certificate.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
  if (!spec.alternative_names.empty())
    add_extension(certificate.get(), signer, NID_subject_alt_name, spec.alternative_names);
  X509_sign(certificate.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256());
  const BioPtr cert_out(BIO_new(BIO_s_mem()), BIO_free), key_out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(cert_out.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(cert_out.get()), text_of(key_out.get())};
}

TestServer::TestServer(const Identity* identity, const std::string& client_ca) {
  ::signal(SIGPIPE, SIG_IGN);  // SSL_write to a client that has gone
  if (identity != nullptr) {
    context_ = SSL_CTX_new(TLS_server_method());
    const X509Ptr certificate = certificate_of(identity->cert_pem);
    const KeyPtr key = key_of(identity->key_pem);
    SSL_CTX_use_certificate(context_, certificate.get());
    SSL_CTX_use_PrivateKey(context_, key.get());
    SSL_CTX_set_tlsext_servername_callback(context_, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context_, this);
    if (!client_ca.empty()) {
      const X509Ptr authority = certificate_of(client_ca);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), authority.get());
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 128) != 0)
    std::abort();
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

TestServer::~TestServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int fd : open_) ::close(fd);
  ::close(listener_);
  if (context_ != nullptr) SSL_CTX_free(context_);
}

std::string TestServer::last_server_name() {
  const std::lock_guard lock(mutex_);
  return server_name_;
}

void TestServer::note_server_name(const char* name) {
  const std::lock_guard lock(mutex_);
  server_name_ = name;
}

void TestServer::accept_all() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void TestServer::serve(int fd) {
  Stream stream(fd, context_);
  std::string buffer;
  const auto wait_for_end = [&] {
    char byte;
    while (!stopping_ && stream.read(&byte, 1) > 0) {}
  };
  while (stream.good() && !stopping_) {
    std::size_t end = 0;
    char chunk[4096];
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
      const long got = stream.read(chunk, sizeof chunk);
      if (got <= 0) return void(::shutdown(fd, SHUT_RDWR));
      buffer.append(chunk, static_cast<std::size_t>(got));
    }
    const std::string head = buffer.substr(0, end + 2);
    buffer.erase(0, end + 4);
    std::size_t length = 0;
    if (const auto at = head.find("Content-Length: "); at != std::string::npos)
      length = std::stoul(head.substr(at + 16));
    while (buffer.size() < length) {
      const long got = stream.read(chunk, sizeof chunk);
      if (got <= 0) return void(::shutdown(fd, SHUT_RDWR));
      buffer.append(chunk, static_cast<std::size_t>(got));
    }
    const std::string body = buffer.substr(0, length);
    buffer.erase(0, length);
    const std::string path = head.substr(head.find(' ') + 1, head.find(" HTTP") - head.find(' ') - 1);
    if (path == "/echo") {
      stream.write(answer(body));
    } else if (path == "/headers") {
      stream.write(answer(head));
    } else if (path == "/drop") {
      break;
    } else if (path == "/half") {
      stream.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
      break;
    } else if (path == "/silent") {
      wait_for_end();
      break;
    } else if (path == "/redirect") {
      stream.write(answer("", "Location: /ok\r\n", "302 Found"));
    } else if (path == "/gzip") {
      std::string packed(reinterpret_cast<const char*>(kGzip), sizeof kGzip);
      const bool asked = head.find("Accept-Encoding: gzip") != std::string::npos;
      stream.write(asked ? answer(packed, "Content-Encoding: gzip\r\n") : answer("not asked"));
    } else if (path == "/big") {
      stream.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const std::string block = "100000\r\n" + std::string(1 << 20, 'x') + "\r\n";
      for (int i = 0; i < 32 && stream.write(block); ++i) {}
      stream.write("0\r\n\r\n");
    } else if (path == "/stream") {
      stream.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n");
      wait_for_end();
      break;
    } else {
      stream.write(answer("hello", "X-Client: " + stream.client() + "\r\n"));
    }
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace nautilus::test
