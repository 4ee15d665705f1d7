// Who a client is and what it may do: API keys, signed tokens (JWT), client certificates.
//
// One file (YAML) says it all, and holds no secret: of an API key only a salted SHA-256 (keys are 256 random bits, so a
// slow hash would add nothing but a way to exhaust the CPU), of tokens the names of key files. The file and the key
// files are read again when their content changes; a file that cannot be read or is wrong leaves the last good one in
// force and says so. Rotation: a principal has any number of keys; one with `not_after` is refused from then on, and
// sessions that logged on with it end. The format is in docs/engine/security.md.
// Threading: authenticate() and still_valid() from any thread; reload() from one.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/filesystem.h"
#include "engine/gateway/jwt.h"
#include "engine/model/types.h"

namespace nautilus::engine {

struct Principal {
  std::string name;
  std::vector<std::string> accounts;  // "*": all
  bool trade = false, read = false, admin = false;
  Timestamp valid_until = 0;  // of the credential; 0: no end
  std::string credential;     // which one: "key:desk-a-2", "token:<kid>", "certificate"; never the secret

  bool may_use(std::string_view account) const;
};

struct Credentials {
  std::string_view api_key;      // "<id>.<secret>"
  std::string_view token;        // compact JWS
  std::string_view certificate;  // subject of the verified client certificate, RFC 2253; "" = none
};

class Authenticator {
 public:
  // Fails if the file is wrong now; later changes are judged by reload().
  static Result<std::unique_ptr<Authenticator>> open(const port::Filesystem& files, const port::Clock& clock,
                                                     std::string path);
  // No files at all: everybody is one principal who may do everything. For loopback only; the Gateway insists.
  static std::unique_ptr<Authenticator> open_to_all(const port::Clock& clock);

  // Looks at the files again. True: something changed and is in force. The old one stays in force on an error.
  Result<bool> reload();

  // Null if there is no such principal, for whatever reason: the caller is not told which.
  std::shared_ptr<const Principal> authenticate(const Credentials& credentials) const;
  // Whether a session that logged on with this may go on: the credential still exists and has not run out.
  bool still_valid(const Principal& principal) const;
  bool open_access() const { return path_.empty(); }

 private:
  struct Key {
    std::string id, salt, hash;  // bytes
    std::size_t principal = 0;
    Timestamp not_after = 0;
  };
  struct Config {
    std::vector<Principal> principals;
    std::vector<std::vector<std::string>> certificates;  // subjects, by principal
    std::map<std::string, Key, std::less<>> keys;        // by id
    TokenRules tokens;
    std::string source;  // everything it was read from, to see a change
  };
  Authenticator(const port::Filesystem* files, const port::Clock& clock, std::string path);
  Result<std::shared_ptr<const Config>> read() const;
  std::shared_ptr<const Config> config() const;
  std::shared_ptr<const Principal> by_key(const Config& config, std::string_view key) const;
  std::shared_ptr<const Principal> by_token(const Config& config, std::string_view token) const;
  std::shared_ptr<const Principal> by_certificate(const Config& config, std::string_view subject) const;
  Timestamp now() const;

  const port::Filesystem* files_;
  const port::Clock& clock_;
  const std::string path_;
  mutable std::mutex lock_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const Principal> everybody_;
};

// A new API key: what its owner gets, and the two values the file gets.
struct NewApiKey {
  std::string key, salt_hex, hash_hex;
};
NewApiKey make_api_key(port::Entropy& entropy, std::string_view id);

}  // namespace nautilus::engine
