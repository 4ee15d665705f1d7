// Any bytes: the YAML reader ends with a value or an error within its bounds, and what it wrote it reads back.
#include <cstdint>
#include <cstdlib>

#include "core/value/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nautilus;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  value::YamlLimits limits;
  limits.max_nodes = 20'000;  // small enough that a bomb does not slow the search for inputs
  limits.max_bytes = 1u << 20;
  auto documents = value::parse_yaml_all(text, "fuzz", limits);
  if (!documents.ok()) {
    if (documents.error().where.empty() || documents.error().message.empty()) std::abort();
    return 0;
  }
  for (const auto& document : *documents) {
    const std::string written = value::to_yaml(document);
    // Unicode's own line separators are written as YAML 1.1 has them and read as YAML 1.2 has them; a key << is written
    // plain, as Go does, and then merges.
    if (written.find("<<") != written.npos || written.find("\u2028") != written.npos ||
        written.find("\u2029") != written.npos)
      continue;
    auto back = value::parse_yaml(written, "back");
    if (!back.ok() || *back != document) std::abort();
  }
  return 0;
}
