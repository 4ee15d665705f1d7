// Which subcharts take part, and under which name: condition, tags, alias, import-values.
#pragma once

#include "core/base/error.h"
#include "core/chart/chart.h"

namespace nautilus::chart {

// A copy of the chart tree as it is rendered: dependencies that `user_values` (over the charts' defaults) switch off
// are gone, aliases are applied to names, and imported values lie in the parents' default values. What Chart.yaml does
// not mention but charts/ contains stays, as in Helm.
Result<std::shared_ptr<const Chart>> process_dependencies(const Chart& chart, const Json& user_values);

}  // namespace nautilus::chart
