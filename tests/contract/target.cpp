// Which API server the cases run against: NAUTILUS_CONTRACT=sim (default) or real.
//
// real: NAUTILUS_TEST_SERVER is its address, NAUTILUS_TEST_PKI a folder with ca.crt, admin.crt, admin.key; both come
// from tests/support/cluster/with_cluster.py.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "core/host/real_ports.h"
#include "core/sim/cluster.h"
#include "core/sim/transport.h"
#include "tests/contract/fixture.h"

namespace nautilus::contract {

namespace {

Api* current = nullptr;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string setting(const char* name) {
  const char* found = std::getenv(name);
  return found ? found : "";
}

int run(doctest::Context& context, port::Connector& connector, const port::Endpoint& endpoint, const port::Clock& clock,
        bool simulated) {
  auto transport = connector.connect(endpoint);
  if (!transport.ok()) {
    std::fprintf(stderr, "contract: %s\n", transport.error().text().c_str());
    return 1;
  }
  Api api(**transport, clock, simulated);
  current = &api;
  return context.run();
}

}  // namespace

Api& api() { return *current; }

}  // namespace nautilus::contract

int main(int argc, char** argv) {
  using namespace nautilus;
  doctest::Context context(argc, argv);
  const std::string target = contract::setting("NAUTILUS_CONTRACT");
  if (target == "real") {
    const std::string pki = contract::setting("NAUTILUS_TEST_PKI");
    port::Endpoint endpoint;
    endpoint.server = contract::setting("NAUTILUS_TEST_SERVER");
    endpoint.ca_pem = contract::slurp(pki + "/ca.crt");
    endpoint.client_cert_pem = contract::slurp(pki + "/admin.crt");
    endpoint.client_key_pem = contract::slurp(pki + "/admin.key");
    if (endpoint.server.empty() || endpoint.ca_pem.empty()) {
      std::fprintf(stderr,
                   "contract: NAUTILUS_TEST_SERVER and NAUTILUS_TEST_PKI are needed; run it through with_cluster.py\n");
      return 2;
    }
    host::RealPorts real;
    return contract::run(context, real.connector, endpoint, real.clock, false);
  }
  sim::ClusterOptions options;
  options.server.watch_history = 100;  // so that a case can outlive it
  sim::Cluster cluster(options);
  sim::SimConnector connector(cluster);
  port::Endpoint endpoint;
  endpoint.server = "https://sim.invalid";
  return contract::run(context, connector, endpoint, cluster.clock(), true);
}
