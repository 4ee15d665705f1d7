// What the renderer needs of the outside world, taken from the context.
#pragma once

#include "cli/context.h"
#include "core/chart/render.h"

namespace nautilus::cli {

chart::RenderServices render_services(const Context& context);

}  // namespace nautilus::cli
