// Certificates for tests, made when they run: nothing in the tree expires.
#pragma once

#include <memory>
#include <string>

namespace nautilus::engine::test {

struct KeyPair {
  std::string certificate_pem, key_pem;
};

// An authority with a P-256 key that signs what it is asked to.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name);
  ~TestAuthority();
  std::string pem() const;
  KeyPair issue(const std::string& dns_name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nautilus::engine::test
