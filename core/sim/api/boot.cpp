// What a fresh cluster has: namespaces, priority classes, the `kubernetes` service.
#include <fmt/format.h>

#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

constexpr std::string_view kSuffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";

// splitmix64: every seed is good, the state is one word.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ull;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

std::string Server::Impl::timestamp() const { return format_rfc3339(clock.now()); }

std::string Server::Impl::new_uid() {
  std::uint64_t a = next_random(random_state), b = next_random(random_state);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff,
                     (b >> 48 & 0x3fff) | 0x8000, b & 0xffffffffffff);
}

std::string Server::Impl::suffix(std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += kSuffixAlphabet[next_random(random_state) % kSuffixAlphabet.size()];
  return text;
}

Server::Impl::Impl(const port::Clock& c, ServerOptions o)
    : clock(c),
      options(std::move(o)),
      store(options.watch_history),
      random_state(options.seed * 0x9e3779b97f4a7c15ull + 1) {
  load_builtin();
  boot();
}

Server::Impl::~Impl() = default;

void Server::Impl::boot() {
  WriteOptions write;
  write.caller = {"kube-apiserver", "system:apiserver"};
  auto make = [&](GroupResource resource, std::string_view ns, Json object) {
    const Served* kind = served(resource);
    if (kind) create(*kind, ns, decode_incoming(*kind, std::move(object), write), write);
  };
  for (const char* name : {"kube-system", "kube-public", "kube-node-lease", "default"})
    make(resource::kNamespaces, {}, {{"metadata", {{"name", name}}}});
  for (const char* name : {"kube-system", "kube-public", "kube-node-lease", "default"})
    make(resource::kServiceAccounts, name, {{"metadata", {{"name", "default"}, {"namespace", name}}}});
  struct Priority {
    const char *name, *text;
    std::int64_t level;
  };
  for (const Priority& p :
       {Priority{"system-cluster-critical",
                 "Used for system critical pods that must run in the cluster, but can be moved to another node if "
                 "necessary.",
                 2000000000},
        Priority{"system-node-critical",
                 "Used for system critical pods that must not be moved from their current node.", 2000001000}})
    make({"scheduling.k8s.io", "priorityclasses"}, {},
         {{"metadata", {{"name", p.name}}}, {"value", p.level}, {"description", p.text}});
  make(resource::kServices, "default",
       {{"metadata",
         {{"name", "kubernetes"},
          {"namespace", "default"},
          {"labels", {{"component", "apiserver"}, {"provider", "kubernetes"}}}}},
        {"spec",
         {{"ports", Json::array({{{"name", "https"}, {"port", 443}, {"protocol", "TCP"}, {"targetPort", 6443}}})},
          {"type", "ClusterIP"},
          {"sessionAffinity", "None"},
          {"clusterIP", options.service_cidr == "10.96.0.0/12" ? "10.96.0.1" : ""}}}});
}

}  // namespace nautilus::sim
