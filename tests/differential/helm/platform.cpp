// Renders every environment of the platform with our engine and with real Helm and compares the objects, then says how
// long each took. Exit status: 0 the same, 1 not, 77 no Helm found.
//
//   differential_helm [CHART [VALUES-FILE...]]   another chart instead of the environments
#include <cstdio>

#include "core/chart/render.h"
#include "core/host/clock.h"
#include "core/host/entropy.h"
#include "core/host/filesystem.h"
#include "core/host/process.h"
#include "core/value/yaml.h"

using namespace nautilus;

namespace {

struct Target {
  std::string name, chart;
  std::vector<std::string> values, set;
  std::string release = "rel", namespace_ = "ns", kube_version = "v1.37.2";
};

using Objects = std::vector<std::pair<std::string, Json>>;

std::string find_helm(const host::RealProcess& process, const host::RealFilesystem& files) {
  std::vector<std::string> roots{NAUTILUS_TOOLS};
  if (const auto given = process.environment("NAUTILUS_TOOLS")) roots.insert(roots.begin(), *given);
  if (const auto home = process.environment("HOME")) roots.push_back(*home + "/.cache/nautilusctl-tools");
  for (const std::string& root : roots)
    for (const char* place : {"/bin/helm", "/helm"})
      if (!root.empty() && files.exists(root + place)) return root + place;
  return {};
}

// One environment again, without the mesh and in it with each kind of edge.
void with_every_edge(std::vector<Target>& all, std::size_t of) {
  for (const auto& [kind, meshed] : {std::pair{"nginx", "false"}, {"istio", "true"}, {"gateway-api", "true"}}) {
    Target target = all[of];
    target.name += std::string("/") + kind;
    target.set = {std::string("global.mesh.enabled=") + meshed, std::string("global.edge.kind=") + kind};
    all.push_back(std::move(target));
  }
}

// One environment again, with Vault and every pod that can take its secrets from it.
void with_vault(std::vector<Target>& all, std::size_t of) {
  Target target = all[of];
  target.name += "/vault";
  target.set = {"global.vault.enabled=true,global.vault.inject=true",
                "vault.seal.awskms.keyId=mrk-0123456789abcdef0123456789abcdef",
                "global.vault.caCertificate=-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----",
                "vault.ingress.enabled=true,vault.tls.issuer.name=internal"};
  all.push_back(std::move(target));
}

// The environments under manifests/, as their environment.yaml describe them.
Result<std::vector<Target>> environments(const host::RealFilesystem& files) {
  const std::string root = NAUTILUS_SOURCE_DIR "/manifests/environments";
  ASSIGN_OR_RETURN(const auto names, files.list(root));
  std::vector<Target> out;
  for (const std::string& name : names) {
    const std::string directory = root + "/" + name;
    ASSIGN_OR_RETURN(const std::string text, files.read(directory + "/environment.yaml"));
    ASSIGN_OR_RETURN(const Json described, value::parse_yaml(text, directory + "/environment.yaml"));
    const Json* spec = value::find(described, "spec");
    if (!spec) return Error(Code::invalid, "no spec").at(directory);
    Target& target = out.emplace_back();
    target.name = name;
    target.chart = directory + "/" + value::string_at(*spec, "chart");
    if (const Json* list = value::find(*spec, "values"))
      for (const Json& file : *list) target.values.push_back(directory + "/" + file.get<std::string>());
    target.release = value::string_at(*spec, "release", "name");
    target.namespace_ = value::string_at(*spec, "release", "namespace");
    target.kube_version = value::string_at(*spec, "kubeVersion");
  }
  for (std::size_t i = 0, count = out.size(); i < count; ++i) {
    with_every_edge(out, i);
    with_vault(out, i);
  }
  return out;
}

Result<Objects> with_helm(host::RealProcess& process, const std::string& helm, const Target& target) {
  port::ProcessSpec spec;
  spec.argv = {helm,
               "template",
               target.release,
               target.chart,
               "--namespace",
               target.namespace_,
               "--kube-version",
               target.kube_version,
               "--include-crds"};
  for (const std::string& file : target.values) spec.argv.insert(spec.argv.end(), {"-f", file});
  for (const std::string& one : target.set) spec.argv.insert(spec.argv.end(), {"--set", one});
  spec.env["TZ"] = "UTC";
  spec.max_output = 64u << 20;
  ASSIGN_OR_RETURN(const auto done, process.run(spec));
  if (done.exit_status != 0) return Error(Code::invalid, "helm: " + done.err);
  Objects out;
  for (const chart::Document& document : chart::split_documents(done.out)) {
    std::string source = out.empty() ? "" : out.back().first;
    if (document.text.starts_with("# Source: ")) source = document.text.substr(10, document.text.find('\n') - 10);
    ASSIGN_OR_RETURN(Json object, value::parse_yaml(document.text, "helm"));
    if (!object.is_null()) out.emplace_back(source, std::move(object));
  }
  return out;
}

Result<Objects> with_ours(const host::RealFilesystem& files, const Target& target) {
  host::OsEntropy entropy;
  host::RealClock clock;
  chart::RenderServices services;
  services.entropy = &entropy;
  services.clock = &clock;
  ASSIGN_OR_RETURN(const auto loaded, chart::load(files, target.chart));
  chart::ValuesInput input;
  input.files = target.values;
  input.set = target.set;
  ASSIGN_OR_RETURN(const Json values, chart::merge_values(files, input));
  chart::ReleaseInfo release;
  release.name = target.release;
  release.namespace_ = target.namespace_;
  chart::Capabilities capabilities;
  capabilities.kube_version = target.kube_version;
  ASSIGN_OR_RETURN(auto rendered, chart::render(*loaded, values, release, capabilities, services));
  Objects out;
  for (auto* part : {&rendered.crds, &rendered.objects})
    for (chart::Manifest& one : *part) out.emplace_back(one.source, std::move(one.object));
  for (chart::Hook& hook : rendered.hooks) out.emplace_back(hook.manifest.source, std::move(hook.manifest.object));
  return out;
}

int differences(const Objects& ours, const Objects& theirs) {
  int count = 0;
  for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
    if (i < ours.size() && i < theirs.size() && ours[i] == theirs[i]) continue;
    if (++count > 5) continue;
    const auto show = [&](const char* who, const Objects& all) {
      if (i < all.size())
        std::printf("    %s: %s\n      %s\n", who, all[i].first.c_str(), all[i].second.dump().substr(0, 2000).c_str());
    };
    show("ours", ours);
    show("helm", theirs);
  }
  return count;
}

template <class F>
auto timed(double& milliseconds, const F& work) {
  const host::RealClock clock;
  const auto begin = clock.monotonic();
  auto result = work();
  milliseconds = std::chrono::duration<double, std::milli>(clock.monotonic() - begin).count();
  return result;
}

// The best of a few runs: what the work takes, not what else the machine does.
constexpr int kRuns = 5;

bool same(const host::RealFilesystem& files, host::RealProcess& process, const std::string& helm,
          const Target& target) {
  double ours_ms = 0, helm_ms = 0;
  auto ours = timed(ours_ms, [&] { return with_ours(files, target); });
  auto theirs = timed(helm_ms, [&] { return with_helm(process, helm, target); });
  if (!ours.ok() || !theirs.ok()) {
    std::printf("%s: ours: %s\n  helm: %s\n", target.name.c_str(), ours.ok() ? "ok" : ours.error().text().c_str(),
                theirs.ok() ? "ok" : theirs.error().text().c_str());
    return ours.ok() == theirs.ok();
  }
  for (int run = 1; run < kRuns; ++run) {
    double again = 0;
    (void)timed(again, [&] { return with_ours(files, target); });
    ours_ms = std::min(ours_ms, again);
    (void)timed(again, [&] { return with_helm(process, helm, target); });
    helm_ms = std::min(helm_ms, again);
  }
  const int count = differences(*ours, *theirs);
  std::printf("%s: %zu objects, %d different; ours %.1f ms, helm %.1f ms\n", target.name.c_str(), theirs->size(), count,
              ours_ms, helm_ms);
  return count == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const host::RealFilesystem files;
  host::RealProcess process;
  const std::string helm = find_helm(process, files);
  if (helm.empty()) {
    std::puts("no helm: build it with scripts/build-tools.sh, or set NAUTILUS_TOOLS to a directory with bin/helm");
    return process.environment("NAUTILUS_REQUIRE_CLUSTER") ? 1 : 77;
  }
  std::vector<Target> targets;
  if (argc > 1) {
    Target& target = targets.emplace_back();
    target.name = target.chart = argv[1];
    target.values.assign(argv + 2, argv + argc);
  } else {
    auto found = environments(files);
    if (!found.ok()) {
      std::printf("%s\n", found.error().text().c_str());
      return 1;
    }
    targets = std::move(*found);
  }
  bool good = !targets.empty();
  for (const Target& target : targets) good = same(files, process, helm, target) && good;
  return good ? 0 : 1;
}
