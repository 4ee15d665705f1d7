// Defaults and the questions about types.
#include "core/sprig/go.h"

namespace nautilus::sprig {

void add_defaults(Functions& f) {
  f.add("default", 1, kVariadic, {},
        [](Call&, Args args) -> Result<Val> { return args.size() < 2 || is_empty(args[1]) ? args[0] : args[1]; });
  f.add("empty", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(is_empty(args[0])); });
  f.add("coalesce", 0, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    const auto found = std::find_if_not(args.begin(), args.end(), is_empty);
    return found == args.end() ? Val(nullptr) : *found;
  });
  f.add("all", 0, kVariadic, {},
        [](Call&, Args args) -> Result<Val> { return Val(std::none_of(args.begin(), args.end(), is_empty)); });
  f.add("any", 0, kVariadic, {},
        [](Call&, Args args) -> Result<Val> { return Val(!std::all_of(args.begin(), args.end(), is_empty)); });
  f.add("ternary", 3, 3, {Param::any, Param::any, Param::boolean},
        [](Call&, Args args) -> Result<Val> { return args[2].as_bool() ? args[0] : args[1]; });
  f.add("typeOf", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(type_of(args[0])); });
  f.add("kindOf", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(kind_of(args[0])); });
  f.add("typeIs", 2, 2, {Param::string, Param::any},
        [](Call&, Args args) -> Result<Val> { return Val(args[0].as_string() == type_of(args[1])); });
  f.add("typeIsLike", 2, 2, {Param::string, Param::any}, [](Call&, Args args) -> Result<Val> {
    const std::string type = type_of(args[1]);
    return Val(args[0].as_string() == type || "*" + args[0].as_string() == type);
  });
  f.add("kindIs", 2, 2, {Param::string, Param::any},
        [](Call&, Args args) -> Result<Val> { return Val(args[0].as_string() == kind_of(args[1])); });
  f.add("deepEqual", 2, 2, {}, [](Call&, Args args) -> Result<Val> { return Val(deep_equal(args[0], args[1])); });
}

}  // namespace nautilus::sprig
