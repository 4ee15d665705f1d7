// What an environment should look like: its chart rendered with its values.
#pragma once

#include <string>
#include <vector>

#include "core/chart/render.h"
#include "core/env/environment.h"
#include "core/port/filesystem.h"
#include "core/value/json.h"

namespace nautilus::apply {

struct DesiredObject {
  Json manifest;
  std::string source;  // "nautilus-platform/charts/redis/templates/statefulset.yaml"
};

struct Desired {
  std::vector<DesiredObject> objects;  // CRDs first, then Helm's install order
  std::string chart;                   // "nautilus-platform-0.1.0"
  std::string notes;
  std::vector<std::string> warnings;  // odd but accepted: in values, the chart, and what it rendered
};

// Values of the environment, then `overrides` on top of them (files first, then --set).
Result<Desired> render(const port::Filesystem& files, const env::Environment& environment,
                       const chart::ValuesInput& overrides, chart::RenderServices& services);

}  // namespace nautilus::apply
