// Cluster IPs and node ports of Services.
#include <fmt/format.h>

#include <charconv>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

constexpr int kFirstNodePort = 30000, kLastNodePort = 32767;

std::optional<std::uint32_t> parse_ip(std::string_view text) {
  std::uint32_t ip = 0;
  auto parts = split_view(text, '.');
  if (parts.size() != 4) return std::nullopt;
  for (auto part : parts) {
    unsigned byte = 256;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), byte);
    if (error != std::errc() || end != part.data() + part.size() || byte > 255) return std::nullopt;
    ip = ip << 8 | byte;
  }
  return ip;
}

std::string ip_text(std::uint32_t ip) {
  return fmt::format("{}.{}.{}.{}", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

bool exposes(std::string_view type) { return type == "NodePort" || type == "LoadBalancer"; }

}  // namespace

void Server::Impl::allocate_service(Json& service, const Json* old) {
  Json& spec = service["spec"];
  std::string type = value::string_at(spec, "type"), name = value::string_at(service, "metadata", "name");
  std::string old_type = old ? value::string_at(*old, "spec", "type") : std::string();
  std::string old_ip = old ? value::string_at(*old, "spec", "clusterIP") : std::string();
  auto refuse_field = [&](const std::string& field, const Json& v, std::string_view detail) {
    FieldErrors errors;
    errors.add_invalid(field, v, detail);
    return invalid(served(resource::kServices)->info, name, errors.causes);
  };
  if (type == "ExternalName") {
    if (!old_ip.empty() && value::string_at(spec, "clusterIP") == old_ip) {
      spec.erase("clusterIP");
      spec.erase("clusterIPs");
    }
    for (const char* key : {"ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}) spec.erase(key);
    if (old) release_service(*old);
    return;
  }
  std::string ip = value::string_at(spec, "clusterIP");
  if (ip.empty()) {
    if (const Json* list = value::find(spec, "clusterIPs");
        list && list->is_array() && !list->empty() && (*list)[0].is_string())
      ip = (*list)[0].get<std::string>();
  }
  if (ip.empty() && !old_ip.empty() && old_type != "ExternalName") ip = old_ip;
  auto slash = options.service_cidr.find('/');
  std::uint32_t base = parse_ip(std::string_view(options.service_cidr).substr(0, slash)).value_or(0x0a600000);
  unsigned bits = 12;
  if (slash != std::string::npos)
    std::from_chars(options.service_cidr.data() + slash + 1, options.service_cidr.data() + options.service_cidr.size(),
                    bits);
  std::uint32_t size = bits >= 32 ? 1 : 1u << (32 - (bits ? bits : 1));
  if (ip.empty()) {
    // One draw, then the next free address: deterministic for a seed, never a long search while the range is sparse.
    std::uint32_t start = static_cast<std::uint32_t>(random_state >> 33) % (size - 2);
    suffix(1);
    for (std::uint32_t i = 0; i < size - 2 && ip.empty(); ++i) {
      std::uint32_t candidate = base + 1 + (start + i) % (size - 2);
      if (service_ips.insert(candidate).second) ip = ip_text(candidate);
    }
    if (ip.empty()) throw internal_error("failed to allocate a serviceIP: range is full");
  } else if (ip != "None" && ip != old_ip) {
    auto wanted = parse_ip(ip);
    if (!wanted)
      throw refuse_field("spec.clusterIPs[0]", ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    if (*wanted <= base || *wanted >= base + size - 1)
      throw refuse_field(
          "spec.clusterIPs", Json::array({ip}),
          fmt::format("failed to allocate IP {}: the provided network does not match the current range", ip));
    if (!service_ips.insert(*wanted).second)
      throw refuse_field("spec.clusterIPs", Json::array({ip}),
                         fmt::format("failed to allocate IP {}: provided IP is already allocated", ip));
  }
  spec["clusterIP"] = ip;
  spec["clusterIPs"] = Json::array({ip});
  bool headless_without_selector = ip == "None" && (!spec.contains("selector") || spec["selector"].empty());
  if (!spec.contains("ipFamilyPolicy"))
    spec["ipFamilyPolicy"] = headless_without_selector ? "RequireDualStack" : "SingleStack";
  if (!spec.contains("ipFamilies"))
    spec["ipFamilies"] = headless_without_selector ? Json::array({"IPv4", "IPv6"}) : Json::array({"IPv4"});
  Json& ports = spec["ports"];
  if (!ports.is_array()) {
    spec.erase("ports");
    return;
  }
  const Json* old_ports = old ? value::find(*old, "spec", "ports") : nullptr;
  for (Json& port : ports) {
    if (!exposes(type)) {
      if (old && exposes(old_type)) {
        node_ports.erase(static_cast<int>(value::int_at(port, 0, "nodePort")));
        port.erase("nodePort");
      }
      continue;
    }
    int wanted = static_cast<int>(value::int_at(port, 0, "nodePort"));
    if (!wanted && old_ports && old_ports->is_array())
      for (const Json& before : *old_ports)
        if (before.contains("nodePort") && value::int_at(before, 0, "port") == value::int_at(port, -1, "port") &&
            value::string_at(before, "protocol") == value::string_at(port, "protocol"))
          wanted = static_cast<int>(value::int_at(before, 0, "nodePort"));
    bool held = false;
    if (old_ports && old_ports->is_array())
      for (const Json& before : *old_ports) held |= wanted && value::int_at(before, 0, "nodePort") == wanted;
    if (!wanted) {
      if (type == "LoadBalancer" && !value::bool_at(spec, true, "allocateLoadBalancerNodePorts")) continue;
      int start = static_cast<int>((random_state >> 40) % (kLastNodePort - kFirstNodePort + 1));
      suffix(1);
      for (int i = 0; i <= kLastNodePort - kFirstNodePort && !wanted; ++i) {
        int candidate = kFirstNodePort + (start + i) % (kLastNodePort - kFirstNodePort + 1);
        if (node_ports.insert(candidate).second) wanted = candidate;
      }
    } else if (!held) {
      if (wanted < kFirstNodePort || wanted > kLastNodePort)
        throw refuse_field("spec.ports[0].nodePort", wanted,
                           fmt::format("provided port is not in the valid range. The range of valid ports is {}-{}",
                                       kFirstNodePort, kLastNodePort));
      if (!node_ports.insert(wanted).second)
        throw refuse_field("spec.ports[0].nodePort", wanted, "provided port is already allocated");
    }
    port["nodePort"] = wanted;
  }
}

void Server::Impl::release_service(const Json& service) {
  std::string name = value::string_at(service, "metadata", "name"),
              ns = value::string_at(service, "metadata", "namespace");
  if (auto ip = parse_ip(value::string_at(service, "spec", "clusterIP"))) service_ips.erase(*ip);
  if (const Json* ports = value::find(service, "spec", "ports"); ports && ports->is_array())
    for (const Json& port : *ports) node_ports.erase(static_cast<int>(value::int_at(port, 0, "nodePort")));
}

}  // namespace nautilus::sim
