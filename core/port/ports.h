// All the ports of a run in one place, for the composition roots: cli, rehearse, tests. Everything below those takes
// only the ports it uses. References: the owner (host::RealPorts, a test) outlives them.
#pragma once

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/event_sink.h"
#include "core/port/filesystem.h"
#include "core/port/http_transport.h"
#include "core/port/interrupt.h"
#include "core/port/process.h"

namespace nautilus::port {

struct Ports {
  Clock& clock;
  Filesystem& files;
  Process& process;
  Entropy& entropy;
  Interrupt& interrupt;
  Connector& connector;
};

}  // namespace nautilus::port
