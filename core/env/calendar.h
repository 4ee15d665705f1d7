// spec.calendar of environment.yaml: on which venues the environment trades, whose calendars it trusts, and when it may
// be changed. Reading is strict. Source of the shape: docs/architecture/calendar.md. Threading: plain values.
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/calendar/load.h"
#include "core/value/strict_reader.h"

namespace nautilus::env {

// Paths are resolved against `base`.
Result<calendar::Settings> read_calendar(value::StrictReader& spec, const std::string& base);

}  // namespace nautilus::env
