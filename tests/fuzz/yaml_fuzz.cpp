// Any bytes: the YAML reader ends with a value or an error within its bounds, and what it wrote it reads back.
#include "core/value/yaml.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(yaml) {
  using namespace nautilus;
  value::YamlLimits limits;
  limits.max_nodes = 20'000;  // small enough that a bomb does not slow the search for inputs
  limits.max_bytes = 1u << 20;
  std::vector<value::YamlWarning> warnings;
  value::YamlLimits as_helm = value::as_helm_reads_it(&warnings);
  as_helm.max_nodes = limits.max_nodes;
  as_helm.max_bytes = limits.max_bytes;
  auto documents = value::parse_yaml_all(text, "fuzz", limits);
  auto lenient = value::parse_yaml_all(text, "fuzz", as_helm);
  if (!documents.ok()) {
    fuzz::expect(!documents.error().where.empty() && !documents.error().message.empty(),
                 "an error says where and what");
    return;
  }
  fuzz::expect(lenient.ok() && *lenient == *documents && warnings.empty(), "both readings agree where no key is twice");
  for (const auto& document : *documents) {
    const std::string written = value::to_yaml(document);
    // Unicode's own line separators are written as YAML 1.1 has them and read as YAML 1.2 has them; a key << is written
    // plain, as Go does, and then merges.
    if (written.find("<<") != written.npos || written.find("\u2028") != written.npos ||
        written.find("\u2029") != written.npos)
      continue;
    auto back = value::parse_yaml(written, "back");
    fuzz::expect(back.ok() && *back == document, "what was written is read back");
  }
}
