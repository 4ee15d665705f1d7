#include "core/calendar/signature.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "calendars.h"
#include "core/calendar/load.h"
#include "tests/support/memory_filesystem.h"

using namespace nautilus;
using namespace nautilus::calendar;

namespace {

struct KeyPair {
  std::string private_pem, public_pem;
};

KeyPair made_key(int type = EVP_PKEY_ED25519) {
  EVP_PKEY* key = nullptr;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(type, nullptr);
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_keygen(context, &key);
  EVP_PKEY_CTX_free(context);
  const auto text = [&](auto write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  };
  KeyPair pair{text([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); }),
               text([&](BIO* bio) { PEM_write_bio_PUBKEY(bio, key); })};
  EVP_PKEY_free(key);
  return pair;
}

void refused(const Result<std::string>& answer, const std::string& why) {
  REQUIRE(!answer.ok());
  CHECK(answer.error().code == Code::refused);
  CHECK_MESSAGE(answer.error().message.find(why) != std::string::npos, answer.error().message);
}

}  // namespace

TEST_CASE("a signature holds for the bytes it was made of, and for nothing else") {
  const KeyPair pair = made_key(), other = made_key();
  const auto made = sign(pair.private_pem, "the bytes", "k");
  REQUIRE(made.ok());
  const auto trusted = parse_public_key(pair.public_pem, "k"), stranger = parse_public_key(other.public_pem, "o");
  REQUIRE(trusted.ok());
  CHECK(verify(made->line, "the bytes", {*trusted}).value() == trusted->id);
  CHECK(verify("# by hand\n\n" + made->line + "\n", "the bytes", {*stranger, *trusted}).ok());
  refused(verify(made->line, "the byteS", {*trusted}), "is wrong");
  refused(verify(made->line, "the bytes", {*stranger}), "signed by nobody trusted");
  refused(verify(made->line, "the bytes", {}), "signed by nobody trusted");
  refused(verify("", "the bytes", {*trusted}), "is not signed");
  refused(verify("nonsense", "the bytes", {*trusted}), "is not \"ed25519");
  for (std::size_t i = 0; i < made->line.size(); ++i) {
    std::string changed = made->line;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto answer = verify(changed, "the bytes", {*trusted});
    // The last character of Base64 has bits that mean nothing; everything else counts.
    if (answer.ok()) CHECK(i + 3 >= made->line.size());
  }
}

TEST_CASE("several sign, one trusted signature is enough, a wrong one of a trusted key is too much") {
  const KeyPair one = made_key(), two = made_key();
  const auto first = sign(one.private_pem, "x", "1"), second = sign(two.private_pem, "x", "2"), stale = sign(two.private_pem, "y", "2");
  const auto key_one = parse_public_key(one.public_pem, "1"), key_two = parse_public_key(two.public_pem, "2");
  const std::string both = with_signature(with_signature("", *first), *second);
  CHECK(verify(both, "x", {*key_one}).ok());
  CHECK(verify(both, "x", {*key_two}).ok());
  CHECK(with_signature(both, *second) == both);
  refused(verify(with_signature(both, *stale), "x", {*key_one, *key_two}), "is wrong");
}

TEST_CASE("what is no Ed25519 key is no key") {
  CHECK(!parse_public_key("", "x").ok());
  CHECK(!parse_public_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "x").ok());
  const KeyPair curve = made_key(EVP_PKEY_X25519);
  CHECK(!parse_public_key(curve.public_pem, "x").ok());
  const auto signing = sign(curve.private_pem, "x", "key.pem");
  REQUIRE(!signing.ok());
  CHECK(signing.error().message.find("PRIVATE KEY") == std::string::npos);
  CHECK(project_key().id.size() == 16);
}

TEST_CASE("a calendar counts with a trusted signature only") {
  const KeyPair pair = made_key();
  testing::MemoryFilesystem files;
  const std::string text = testing::calendar_text(), file = "/p/manifests/calendars/XNYS.yaml";
  files.files[file] = text;
  files.files["/keys/team.pem"] = pair.public_pem;
  Settings settings;
  settings.venues = {"XNYS"};
  const auto why = [&] {
    const auto market = load_market(files, "/p", settings);
    return market.ok() ? std::string("fine") : market.error().text() + " " + market.error().hint;
  };
  CHECK(why().find("it is not signed") != std::string::npos);
  files.files[file + ".sig"] = sign(pair.private_pem, text, "k")->line + "\n";
  CHECK(why().find("signed by nobody trusted") != std::string::npos);
  settings.public_keys = {"/keys/team.pem"};
  CHECK(why() == "fine");
  CHECK(load_market(files, "/p", settings)->calendars[0].signed_by.size() == 16);
  files.files[file] += "  adHoc: [{date: 2026-11-30, name: Storm, announced: 2026-11-29}]\n";
  CHECK(why().find("changed after it was signed") != std::string::npos);
  files.files[file] = text;
  files.files["/keys/team.pem"] = "nothing";
  CHECK(why().find("no Ed25519 public key") != std::string::npos);
  files.files["/keys/team.pem"] = pair.public_pem;
  settings.venues = {"XNYZ"};
  CHECK(why().find("did you mean XNYS?") != std::string::npos);
  CHECK(load_market(files, "/p", settings).error().code == Code::refused);
  settings.venues = {"../X"};
  CHECK(why().find("no calendar of venue") != std::string::npos);
  settings.venues = {};
  CHECK(why().find("no venue is named") != std::string::npos);
  settings.venues = {"XNYS"};
  settings.policy.zone = "Europe/London";
  CHECK(why().find("is not the zone of one of its venues") != std::string::npos);
  // A file under another venue's name.
  files.files["/p/manifests/calendars/XLON.yaml"] = text;
  files.files["/p/manifests/calendars/XLON.yaml.sig"] = files.files[file + ".sig"];
  settings.policy.zone.clear();
  settings.venues = {"XLON"};
  CHECK(why().find("metadata.name is \"XNYS\"") != std::string::npos);
}
