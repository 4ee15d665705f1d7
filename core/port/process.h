// Other programs (exec credential plugins) and this process's surroundings.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/port/clock.h"

namespace nautilus::port {

struct ProcessSpec {
  std::vector<std::string> argv;           // argv[0] is looked up on PATH unless it contains '/'
  std::map<std::string, std::string> env;  // added to our own environment
  std::string input;
  bool pass_terminal = false;  // let it use our stdin and stderr (interactive credential plugins)
  Duration timeout = std::chrono::seconds(60);
  std::uint64_t max_output = 1u << 20;
};

struct ProcessOutput {
  int exit_status = 0;  // 128 + signal if it was killed
  std::string out, err;
};

class Process {
 public:
  virtual ~Process() = default;
  virtual Result<ProcessOutput> run(const ProcessSpec& spec) = 0;
  virtual std::optional<std::string> environment(const std::string& name) const = 0;
};

}  // namespace nautilus::port
