// The `format` keyword of JSON Schema.
#pragma once

#include <string_view>

namespace nautilus::chart {

// True if `text` is of the format, or if the format is not one of: date, time, date-time, email, hostname, ipv4, ipv6,
// uri, uri-reference, uuid, json-pointer, regex.
bool fits_format(std::string_view format, std::string_view text);

}  // namespace nautilus::chart
