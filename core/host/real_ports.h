// The real world, owned in one place.
#pragma once

#include "core/host/clock.h"
#include "core/host/curl_transport.h"
#include "core/host/entropy.h"
#include "core/host/filesystem.h"
#include "core/host/interrupt.h"
#include "core/host/process.h"
#include "core/port/ports.h"

namespace nautilus::host {

class RealPorts {
 public:
  RealPorts() : process(&interrupt), connector(clock, interrupt.wake_fd()) {}
  port::Ports ports() { return {clock, files, process, entropy, interrupt, connector}; }

  RealClock clock;
  RealFilesystem files;
  SignalInterrupt interrupt;
  RealProcess process;
  OsEntropy entropy;
  CurlConnector connector;
};

}  // namespace nautilus::host
