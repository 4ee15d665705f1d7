// Source text to trees.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/gotmpl/ast.h"

namespace nautilus::gotmpl {

// The body of the source comes first, then what it defines. `name` is the body's template name. Functions that are not
// in `functions` are an error, as in Go.
Result<std::vector<std::shared_ptr<Tree>>> parse_trees(const std::string& name, std::string_view text,
                                                       const Functions& functions, int max_depth);

}  // namespace nautilus::gotmpl
