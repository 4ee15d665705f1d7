// A small HTTP/1.1 server on a loopback port, with or without TLS, and certificates made on the spot.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct x509_st X509;
typedef struct evp_pkey_st EVP_PKEY;

namespace nautilus::test {

struct Identity {
  std::string cert_pem, key_pem;
};

struct CertificateSpec {
  std::string common_name = "test";
  std::string alternative_names;              // "DNS:localhost,IP:127.0.0.1"
  long not_before = -3600, not_after = 3600;  // seconds from now
  bool authority = false;
};

// Signed by `issuer`, or by itself if that is null.
Identity make_certificate(const CertificateSpec& spec, const Identity* issuer = nullptr);

// Answers by path: /ok, /echo, /headers, /drop, /half, /silent, /redirect, /stream, /gzip, /big.
class TestServer {
 public:
  TestServer() : TestServer(nullptr, "") {}
  // With `client_ca` a client certificate signed by it is demanded; its subject is the header X-Client of each answer.
  explicit TestServer(const Identity* identity, const std::string& client_ca = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& host = "127.0.0.1") const {
    return std::string(context_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_);
  }
  int connections() const { return connections_; }
  std::string last_server_name();
  void note_server_name(const char* name);

 private:
  void accept_all();
  void serve(int fd);

  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::string server_name_;
  std::thread acceptor_;
};

}  // namespace nautilus::test
