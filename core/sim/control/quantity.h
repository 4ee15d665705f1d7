// Resource quantities ("500m", "4Gi", "1e3") in thousandths, and the few sums done with them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/value/json.h"

namespace nautilus::sim {

// A quantity times 1000, rounded up; std::nullopt if it is not a quantity. Saturates at +-2^62.
std::optional<std::int64_t> quantity_milli(std::string_view text);
// The same for a JSON value: a string or a number.
std::optional<std::int64_t> quantity_milli(const Json& quantity);
// A canonical text for a value in thousandths: "250m", "12", and "4Gi" if `binary` and it is a whole multiple.
std::string quantity_text(std::int64_t milli, bool binary);

// Amounts by resource name ("cpu", "memory", "pods"), in thousandths.
using Amounts = std::map<std::string, std::int64_t, std::less<>>;
Amounts amounts_of(const Json* resource_list);
void add(Amounts& total, const Amounts& more, int sign = 1);

// What the scheduler and the quota count for a pod: the sum of its containers (with restartable init containers), or
// its largest init container if that is more, plus overhead. `field` is "requests" or "limits".
Amounts pod_amounts(const Json& pod_spec, std::string_view field);

}  // namespace nautilus::sim
