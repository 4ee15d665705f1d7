// certificates.expiring, certificates.missing.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/kube/connect.h"
#include "core/status/rules.h"
#include "core/value/base64.h"

namespace nautilus::check {

namespace {

// The alerts NautilusCertificateExpiring and NautilusCertificateExpiresSoon have the same bounds.
constexpr port::Duration kWarn = std::chrono::days(21);
constexpr port::Duration kFail = std::chrono::days(3);

void expiring(const Facts& facts, Outcome& outcome) {
  const auto secrets = facts.snapshot.ours(source::kTlsSecrets);
  for (const Json* secret : secrets) {
    const auto pem = value::decode_base64(value::string_at(*secret, "data", "tls.crt"));
    const auto ends = pem ? kube::certificate_expiry(*pem) : std::nullopt;
    const std::string look = fmt::format(
        "kubectl -n {} get secret {} -o jsonpath='{{.data.tls\\.crt}}' | base64 -d | openssl x509 -noout -subject -dates",
        namespace_of(*secret), name_of(*secret));
    const std::string hint =
        "renew it (cert-manager: look at the Certificate; by hand: replace the Secret), then see that the edge serves it";
    if (!ends)
      outcome.fail(id_of(*secret), "tls.crt is no certificate that can be read", hint, look);
    else if (*ends <= facts.now)
      outcome.fail(id_of(*secret), fmt::format("expired {} ago", age_text(facts.now - *ends)), hint, look);
    else if (*ends - facts.now < kWarn)
      outcome.found({*ends - facts.now < kFail ? Severity::fail : Severity::warn, id_of(*secret),
                     fmt::format("expires in {}", age_text(*ends - facts.now)), hint, look});
  }
  for (const Json* certificate : facts.snapshot.ours(source::kCertificates)) {
    const Json* ready = status::condition(*certificate, "Ready");
    if (ready && value::string_at(*ready, "status") == "False")
      outcome.fail(id_of(*certificate),
                   fmt::format("{}: {}", value::string_at(*ready, "reason"), value::string_at(*ready, "message")),
                   "look at its issuer and at the CertificateRequest that it made", describe(*certificate));
  }
  outcome.note(fmt::format("{} Secrets", secrets.size()));
}

bool exists(const Facts& facts, const std::string& namespace_, const std::string& name) {
  return facts.snapshot.find(source::kSecrets, namespace_, name);
}

void missing(const Facts& facts, Outcome& outcome) {
  std::set<std::string> asked;
  const auto ask = [&](const Json& who, const std::string& space, const std::string& name) {
    if (name.empty() || !asked.insert(space + "/" + name).second || exists(facts, space, name)) return;
    std::string why;
    for (const auto& external : facts.env.external_secrets)
      if (external.name == name && external.namespace_ == space) why = ": " + external.why;
    outcome.fail(id_of(who), fmt::format("Secret {}/{} does not exist", space, name),
                 "the edge serves its own certificate or refuses TLS; put the Secret there" + why, describe(who));
  };
  for (const Json* ingress : facts.snapshot.ours(source::kIngresses))
    for (const Json& tls : items(*ingress, "spec", "tls"))
      ask(*ingress, namespace_of(*ingress), value::string_at(tls, "secretName"));
  for (const Json* gateway : facts.snapshot.ours(source::kGateways))
    for (const Json& listener : items(*gateway, "spec", "listeners"))
      for (const Json& reference : items(listener, "tls", "certificateRefs")) {
        const std::string space = value::string_at(reference, "namespace");
        ask(*gateway, space.empty() ? namespace_of(*gateway) : space, value::string_at(reference, "name"));
      }
  // Istio looks for it where the gateway's pods are.
  for (const Json* gateway : facts.snapshot.ours(source::kIstioGateways))
    for (const Json& server : items(*gateway, "spec", "servers")) {
      const std::string name = value::string_at(server, "tls", "credentialName");
      if (name.empty()) continue;
      bool found = false;
      for (const std::string& space : facts.snapshot.namespaces()) found = found || exists(facts, space, name);
      if (!found) ask(*gateway, namespace_of(*gateway), name);
    }
  if (asked.empty())
    outcome.not_applicable("nothing of the edge names a certificate");
  else
    outcome.note(fmt::format("{} names", asked.size()));
}

}  // namespace

std::vector<Check> certificate_checks() {
  using How = Need::How;
  return {{{"certificates.expiring", "No certificate has expired or will within 21 days.",
            "The certificates (never the keys) of the platform's Secrets of type kubernetes.io/tls, the first of each "
            "chain; the condition Ready of cert-manager's Certificates. Under three days is a failure.",
            "cert-manager renews 30 days before the end: one with less is not being renewed. By hand: replace the Secret.",
            "NautilusCertificateExpiring"},
           {{&source::kTlsSecrets}, {&source::kCertificates, How::evidence}},
           expiring},
          {{"certificates.missing", "Every certificate that the edge names is there.",
            "The Secrets that Ingresses and Gateways name, by name.",
            "Put the Secret where the edge reads it: beside the Ingress, or in the gateway's namespace.",
            "NautilusTlsHandshakeFailures"},
           {{&source::kSecrets},
            {&source::kIngresses},
            {&source::kGateways, How::evidence},
            {&source::kIstioGateways, How::evidence}},
           missing}};
}

}  // namespace nautilus::check
