// The tree that `render --output-dir` writes, for `kubectl apply -f` in the order of the platform guide.
//
// The chart says in k8s-tree.yaml which object goes to which file: rules of {path, match: {kind, name, namespace,
// labels}}, where all but the labels may be a list; the first rule that matches wins. An object that no rule matches is
// an error: it would be lost silently.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/apply/desired.h"
#include "core/base/error.h"

namespace nautilus::apply {

// path below the output directory -> the objects of that file, in order.
using Tree = std::map<std::string, std::vector<const DesiredObject*>>;

// `rules` is the parsed k8s-tree.yaml, `file` its name for errors.
Result<Tree> arrange(const Desired& desired, const Json& rules, const std::string& file);

// The YAML text of one file, each document headed by the template it comes from.
std::string tree_file_text(const std::vector<const DesiredObject*>& objects);

}  // namespace nautilus::apply
