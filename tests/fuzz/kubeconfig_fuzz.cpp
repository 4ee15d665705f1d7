// A kubeconfig of anybody's making: it loads and every context can be looked at, or it is refused with a reason.
#include "core/kube/kubeconfig.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_filesystem.h"

namespace {
class NoProcess final : public nautilus::port::Process {
 public:
  nautilus::Result<nautilus::port::ProcessOutput> run(const nautilus::port::ProcessSpec&) override {
    nautilus::fuzz::expect(false, "reading a kubeconfig runs nothing");
    std::abort();
  }
  std::optional<std::string> environment(const std::string&) const override { return std::nullopt; }
};
}  // namespace

FUZZ_TARGET(kubeconfig) {
  using namespace nautilus;
  testing::MemoryFilesystem files;
  const NoProcess process;
  files.files["/k/config"] = std::string(text);
  files.files["/k/ca.pem"] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
  files.files["/k/token"] = "t\n";
  auto config = kube::Kubeconfig::load(files, process, "/k/config");
  if (!config.ok()) return fuzz::expect(!config.error().message.empty(), "an error says what");
  int looked = 0;
  for (const std::string& name : config->context_names()) {
    (void)config->select(files, name);
    if (++looked == 20) break;
  }
  (void)config->select(files);
}
