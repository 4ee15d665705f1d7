#include "core/host/peer_certificate.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

namespace nautilus::host {
namespace {

constexpr int kMaxNames = 32;  // of a certificate, in a message
constexpr std::size_t kMaxText = 512;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string take(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, size > 0 ? std::min<std::size_t>(static_cast<std::size_t>(size), kMaxText) : 0);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return out;
}

std::string name_text(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return take(bio.get());
}

std::string time_text(const ASN1_TIME* time) {
  const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free);
  ASN1_TIME_print(bio.get(), time);
  return take(bio.get());
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  const unsigned char* bytes = ASN1_STRING_get0_data(address);
  if (ASN1_STRING_length(address) == 4) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  if (ASN1_STRING_length(address) != 16) return "?";
  std::string out;
  for (int i = 0; i < 16; i += 2) out += fmt::format("{}{:x}", i == 0 ? "" : ":", bytes[i] * 256 + bytes[i + 1]);
  return out;
}

std::string alternative_names(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string out;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && i < kMaxNames; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    std::string text;
    if (name->type == GEN_DNS) {
      const BioPtr bio(BIO_new(BIO_s_mem()), BIO_free);
      ASN1_STRING_print_ex(bio.get(), name->d.dNSName, ASN1_STRFLGS_ESC_CTRL);
      text = take(bio.get());
    } else if (name->type == GEN_IPADD) {
      text = address_text(name->d.iPAddress);
    } else {
      continue;
    }
    out += (out.empty() ? "" : ", ") + text;
  }
  GENERAL_NAMES_free(names);
  return out;
}

int verify(X509_STORE_CTX* context, void* argument) {
  auto* into = static_cast<PeerCertificate*>(argument);
  const int result = X509_verify_cert(context);
  *into = {};
  into->seen = true;
  if (X509* own = X509_STORE_CTX_get0_cert(context)) into->names = alternative_names(own);
  if (result > 0) return result;
  into->verify_error = X509_STORE_CTX_get_error(context);
  into->verify_reason = X509_verify_cert_error_string(into->verify_error);
  X509* bad = X509_STORE_CTX_get_current_cert(context);
  if (bad == nullptr) bad = X509_STORE_CTX_get0_cert(context);
  if (bad == nullptr) return result;
  into->bad_subject = name_text(X509_get_subject_name(bad));
  into->issuer = name_text(X509_get_issuer_name(bad));
  into->not_before = time_text(X509_get0_notBefore(bad));
  into->not_after = time_text(X509_get0_notAfter(bad));
  return result;
}

}  // namespace

void remember_peer(SSL_CTX* context, PeerCertificate* into) { SSL_CTX_set_cert_verify_callback(context, verify, into); }

Explanation explain(const PeerCertificate& peer, const std::string& server, const std::string& name,
                    const std::string& fallback) {
  if (!peer.seen) return {fmt::format("the certificate of {} is not trusted: {}", server, fallback), ""};
  switch (peer.verify_error) {
    case X509_V_OK:
      return {
          fmt::format("the certificate of {} is for {}, not for {}", server,
                      peer.names.empty() ? "no name at all" : peer.names, name),
          "Use one of those names as the server, or set tls-server-name in the kubeconfig's cluster to one of them."};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {fmt::format("the certificate of {} is not trusted: it expired on {} (subject {})", server, peer.not_after,
                          peer.bad_subject),
              "Renew the API server's certificate (kubeadm certs renew), and check this machine's clock."};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {fmt::format("the certificate of {} is not trusted: it is valid only from {} (subject {})", server,
                          peer.not_before, peer.bad_subject),
              "Check this machine's clock."};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return {
          fmt::format("the certificate of {} is not trusted: it is signed by an unknown authority (issuer {})", server,
                      peer.issuer),
          "Check that certificate-authority-data in the kubeconfig belongs to this cluster; it may have been rebuilt."};
    default:
      return {fmt::format("the certificate of {} is not trusted: {} (subject {})", server, peer.verify_reason,
                          peer.bad_subject),
              ""};
  }
}

}  // namespace nautilus::host
