#include "cli/services.h"

namespace nautilus::cli {

chart::RenderServices render_services(const Context& context) {
  return {&context.ports.entropy, &context.ports.clock, &context.ports.interrupt, {}};
}

}  // namespace nautilus::cli
