#include "core/kube/paths.h"

namespace nautilus::kube {

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  // As a whole path segment, dots would be resolved away by whoever is in between.
  if (out == ".") return "%2E";
  if (out == "..") return "%2E%2E";
  return out;
}

std::string query_string(const Query& query) {
  std::string out;
  for (const auto& [name, text] : query) {
    if (text.empty()) continue;
    out += out.empty() ? '?' : '&';
    out += percent_encode(name) + "=" + percent_encode(text);
  }
  return out;
}

std::string target(const Resource& resource, std::string_view namespace_, std::string_view name,
                   std::string_view subresource, const Query& query) {
  std::string out = resource.group.empty() ? "/api/" : "/apis/" + percent_encode(resource.group) + "/";
  out += percent_encode(resource.version);
  if (resource.namespaced && !namespace_.empty()) out += "/namespaces/" + percent_encode(namespace_);
  out += "/" + percent_encode(resource.plural);
  if (!name.empty()) out += "/" + percent_encode(name);
  if (!subresource.empty()) out += "/" + percent_encode(subresource);
  return out + query_string(query);
}

}  // namespace nautilus::kube
