// A chart, values and a release become objects: what `helm template` prints, as data.
//
// Follows helm.sh/helm/v4 v4.3.1. Order: dependencies are chosen, values coalesced and checked against the schemas, all
// templates parsed (deepest path first, so that an outer definition replaces an inner one), each rendered, the output
// split into documents, hooks set apart, objects sorted by kind.
// Failure: the first error; template errors carry "file:line:column" in `where` and the expression in the message.
// Threading: one thread per call; a loaded Chart may be shared.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/chart/chart.h"
#include "core/chart/load.h"
#include "core/chart/manifest.h"
#include "core/chart/values.h"
#include "core/gotmpl/template.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/interrupt.h"

namespace nautilus::chart {

inline constexpr std::size_t kMaxRenderedBytes = 256u << 20;  // of all templates together
inline constexpr std::size_t kMaxReleaseName = 53;

struct ReleaseInfo {
  std::string name, namespace_;
  int revision = 1;
  bool is_upgrade = false;
  std::string service = "Helm";
};

// "v1", "apps/v1", ...: the built-in API versions of the Kubernetes that Helm 4.3 is built with.
std::vector<std::string> default_api_versions();

struct Capabilities {
  std::string kube_version = "v1.37.2";
  std::vector<std::string> api_versions = default_api_versions();
};

// What rendering needs from outside. Null ports: templates that ask for randomness or the time fail.
struct RenderServices {
  port::Entropy* entropy = nullptr;
  port::Clock* clock = nullptr;
  const port::Interrupt* interrupt = nullptr;
  gotmpl::Limits limits = {};
};

struct Rendered {
  std::vector<Manifest> crds;         // crds/ of the chart and its subcharts: not templates
  std::vector<Manifest> objects;      // sorted for installation
  std::vector<Hook> hooks;            // sorted likewise; by weight when they are run
  std::string notes;                  // templates/NOTES.txt of the chart itself
  std::vector<std::string> warnings;  // odd but accepted, in the chart's files and in what was rendered
};

Result<Rendered> render(const Chart& chart, const Json& user_values, const ReleaseInfo& release,
                        const Capabilities& capabilities, RenderServices& services);

// The text of every template by its name ("redis/templates/x.yaml"), before it is taken for YAML; sorted by name.
using RenderedTexts = std::vector<std::pair<std::string, std::string>>;
Result<RenderedTexts> render_texts(const Chart& chart, const Json& user_values, const ReleaseInfo& release,
                                   const Capabilities& capabilities, RenderServices& services);

}  // namespace nautilus::chart
