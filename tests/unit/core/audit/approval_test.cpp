// An override needs two people, each with the right key, over exactly this plan, and once.
#include "core/audit/approval.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/audit/signature.h"
#include "core/port/wall_time.h"

using namespace nautilus;
using namespace std::chrono_literals;

namespace {

const port::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27) + 15h;
const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string new_key() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

struct People {
  std::string ann = new_key(), bob = new_key(), robot = new_key();
  std::vector<audit::Approver> approvers = {{"ann", *audit::public_half(ann), false},
                                            {"bob", *audit::public_half(bob), false},
                                            {"pipeline", *audit::public_half(robot), true}};

  audit::Approval approve(const std::string& identity, const std::string& key) const {
    audit::Statement said{"upgrade-system/p", kDigest,  "exchange halted",       {"window"},
                          port::micro_time(kNow - 10min), port::micro_time(kNow + 1h), identity};
    return {said, *audit::sign(key, audit::statement_text(said))};
  }
  audit::Override judge(const std::vector<audit::Approval>& approvals, std::set<std::string> used = {},
                        port::WallTime now = kNow, const std::string& digest = kDigest) const {
    return audit::judge(approvals, approvers, "upgrade-system/p", digest, used, now);
  }
};

}  // namespace

TEST_CASE("two people with their own keys step over the window, and nothing else") {
  const People people;
  const auto verdict = people.judge({people.approve("ann", people.ann), people.approve("bob", people.bob)});
  INFO(verdict.why_not);
  REQUIRE(verdict.valid);
  CHECK(verdict.covers("window"));
  CHECK_FALSE(verdict.covers("preflight"));
  CHECK(verdict.identities == std::vector<std::string>{"ann", "bob"});
  CHECK(verdict.expires == kNow + 1h);
}

TEST_CASE("an approval that does not count, and why") {
  const People people;
  const auto ann = people.approve("ann", people.ann), bob = people.approve("bob", people.bob);
  struct Row {
    std::vector<audit::Approval> approvals;
    const char* why;
  };
  auto other_reason = bob;
  other_reason.statement.reason = "something else";
  auto resigned = bob;
  resigned.statement.expires = port::micro_time(kNow + 30h);
  resigned.signature = *audit::sign(people.bob, audit::statement_text(resigned.statement));
  auto scoped = bob;
  scoped.statement.scope = {"preflight"};
  scoped.signature = *audit::sign(people.bob, audit::statement_text(scoped.statement));
  auto broken = bob;
  broken.signature = "AAAA";
  const Row rows[] = {
      {{}, "0 of 2 approvals"},
      {{ann}, "1 of 2 approvals"},
      {{ann, ann}, "ann has approved already"},
      {{ann, people.approve("pipeline", people.robot)}, "pipeline is a CI identity, which cannot approve"},
      {{ann, people.approve("carol", people.bob)}, "carol is not among the environment's approvers"},
      {{ann, people.approve("bob", people.ann)}, "bob did not sign this"},
      {{ann, other_reason}, "bob did not sign this"},
      {{ann, broken}, "bob did not sign this"},
      {{ann, resigned}, "bob approved for more than 24 hours"},
      {{ann, scoped}, "no scope in common"},
  };
  for (const Row& row : rows) {
    const auto verdict = people.judge(row.approvals);
    CHECK_FALSE(verdict.valid);
    CHECK_FALSE(verdict.covers("window"));
    CAPTURE(verdict.why_not);
    CHECK(verdict.why_not.find(row.why) != std::string::npos);
  }
}

TEST_CASE("expired, used up, or for another content: no") {
  const People people;
  const std::vector<audit::Approval> both = {people.approve("ann", people.ann), people.approve("bob", people.bob)};
  CHECK(people.judge(both, {}, kNow + 2h).why_not.find("has passed") != std::string::npos);
  CHECK(people.judge(both, {audit::approval_id(both[0].statement)}).why_not.find("used already") != std::string::npos);
  CHECK(people.judge(both, {}, kNow, "sha256:" + std::string(64, 'b')).why_not.find("the plan was changed") !=
        std::string::npos);
}

TEST_CASE("two names over one key are one person") {
  People people;
  people.approvers[1].public_key = people.approvers[0].public_key;
  CHECK_FALSE(people.judge({people.approve("ann", people.ann), people.approve("bob", people.ann)}).valid);
}

TEST_CASE("keys: the PEM and the short form are one, and what is no key is refused") {
  const std::string pem = new_key();
  const auto half = audit::public_half(pem);
  REQUIRE(half.ok());
  CHECK(*audit::check_public_key(*half) == *half);
  CHECK_FALSE(audit::check_public_key("AAAA").ok());
  CHECK_FALSE(audit::check_public_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").ok());
  CHECK_FALSE(audit::sign("no key", "text").ok());
  CHECK_FALSE(audit::signed_by("no key", "text", *audit::sign(pem, "text")));
  CHECK(audit::signed_by(*half, "text", *audit::sign(pem, "text")));
  CHECK_FALSE(audit::signed_by(*half, "texT", *audit::sign(pem, "text")));
}
