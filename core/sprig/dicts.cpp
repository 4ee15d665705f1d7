// Maps. set, unset, merge and mergeOverwrite change the map they are given, and every variable that shares it sees
// that: charts rely on it.
#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

using MapItems = std::map<std::string, Val, std::less<>>;

const MapItems& items(const Val& value) {
  static const MapItems kNone;
  return value.is_map() ? value.as_map().items : kNone;  // a nil map reads as an empty one
}

Result<MapItems*> writable(const Val& value) {
  if (!value.is_map()) return failed("assignment to entry in nil map");
  return &value.as_map().items;
}

Val shallow(MapItems kept) {
  auto out = std::make_shared<gotmpl::Map>();
  out->items = std::move(kept);
  return Val(std::move(out));
}

Result<> merge_into(const Val& destination, const Val& source, bool overwrite, int depth, std::uint64_t& nodes);

Result<> merge_entry(MapItems& into, const std::string& key, const Val& item, bool overwrite, int depth,
                     std::uint64_t& nodes) {
  const auto existing = into.find(key);
  if (item.is_nil()) {
    if (overwrite) into.insert_or_assign(key, Val(nullptr));
    return {};
  }
  if (existing == into.end()) {
    into.emplace(key, item);
    return {};
  }
  if (item.is_map() && existing->second.is_map()) {
    TRY(merge_into(existing->second, item, overwrite, depth + 1, nodes));
    if (existing->second.as_map().items.empty()) existing->second = item;
    return {};
  }
  if (overwrite || is_empty(existing->second)) existing->second = item;
  return {};
}

// Maps are merged into maps; an entry that is missing or empty is filled, any other is kept unless `overwrite`. What is
// taken over is shared with the source, not copied.
Result<> merge_into(const Val& destination, const Val& source, bool overwrite, int depth, std::uint64_t& nodes) {
  if (depth > kMaxValueDepth)
    return Error(Code::limit, fmt::format("maps are nested deeper than {} levels", kMaxValueDepth));
  MapItems& into = destination.as_map().items;
  if (&into == &items(source)) return {};
  for (const auto& [key, item] : items(source)) {
    if (++nodes > kMaxValueNodes) return Error(Code::limit, "the maps are too large to be merged");
    TRY(merge_entry(into, key, item, overwrite, depth, nodes));
  }
  return {};
}

gotmpl::Function merger(bool overwrite) {
  return [overwrite](Call&, Args args) -> Result<Val> {
    if (!args[0].is_map()) return failed("cannot merge into a nil map");
    std::uint64_t nodes = 0;
    for (const Val& source : args.subspan(1)) TRY(merge_into(args[0], source, overwrite, 0, nodes));
    return args[0];
  };
}

Result<Val> dig(Call&, Args args) {
  if (args.size() < 3) return failed("dig needs at least three arguments");
  const Val& map = args.back();
  if (!map.is_map() || !map.as_map().type_name.empty() || map.as_map().of_strings)
    return failed(
        fmt::format("interface conversion: interface {{}} is {}, not map[string]interface {{}}", type_of(map)));
  Val at = map;
  const std::size_t keys = args.size() - 2;
  for (std::size_t i = 0; i < keys; ++i) {
    if (!args[i].is_string())
      return failed(fmt::format("interface conversion: interface {{}} is {}, not string", type_of(args[i])));
    if (!at.is_map())
      return failed(
          fmt::format("interface conversion: interface {{}} is {}, not map[string]interface {{}}", type_of(at)));
    const auto& all = at.as_map().items;
    const auto found = all.find(args[i].as_string());
    if (found == all.end()) return args[keys];
    Val next = found->second;
    at = std::move(next);
  }
  return at;
}

void add_making(Functions& f) {
  f.add("dict", 0, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    auto out = std::make_shared<gotmpl::Map>();
    for (std::size_t i = 0; i < args.size(); i += 2)
      out->items.insert_or_assign(text_of(args[i]), i + 1 < args.size() ? args[i + 1] : Val(""));
    return Val(std::move(out));
  });
  f.add("pick", 1, kVariadic, {Param::map, Param::string}, [](Call&, Args args) -> Result<Val> {
    MapItems kept;
    for (const Val& key : args.subspan(1))
      if (const auto found = items(args[0]).find(key.as_string()); found != items(args[0]).end()) kept.insert(*found);
    return shallow(std::move(kept));
  });
  f.add("omit", 1, kVariadic, {Param::map, Param::string}, [](Call&, Args args) -> Result<Val> {
    MapItems kept = items(args[0]);
    for (const Val& key : args.subspan(1)) kept.erase(key.as_string());
    return shallow(std::move(kept));
  });
  for (const char* name : {"merge", "mustMerge"}) f.add(name, 1, kVariadic, {Param::map}, merger(false));
  for (const char* name : {"mergeOverwrite", "mustMergeOverwrite"})
    f.add(name, 1, kVariadic, {Param::map}, merger(true));
  for (const char* name : {"deepCopy", "mustDeepCopy"})
    f.add(name, 1, 1, {}, [](Call&, Args args) { return deep_copy(args[0]); });
}

void add_entries(Functions& f) {
  f.add("get", 2, 2, {Param::map, Param::string}, [](Call&, Args args) -> Result<Val> {
    const auto found = items(args[0]).find(args[1].as_string());
    return found == items(args[0]).end() ? Val("") : found->second;
  });
  f.add("set", 3, 3, {Param::map, Param::string, Param::any}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(MapItems* const map, writable(args[0]));
    map->insert_or_assign(args[1].as_string(), args[2].is_valid() ? args[2] : Val(nullptr));
    return args[0];
  });
  f.add("unset", 2, 2, {Param::map, Param::string}, [](Call&, Args args) -> Result<Val> {
    if (args[0].is_map()) args[0].as_map().items.erase(args[1].as_string());
    return args[0];
  });
  f.add("hasKey", 2, 2, {Param::map, Param::string},
        [](Call&, Args args) -> Result<Val> { return Val(items(args[0]).contains(args[1].as_string())); });
  f.add("pluck", 1, kVariadic, {Param::string, Param::map}, [](Call&, Args args) -> Result<Val> {
    std::vector<Val> out;
    for (const Val& map : args.subspan(1))
      if (const auto found = items(map).find(args[0].as_string()); found != items(map).end())
        out.push_back(found->second);
    return Val::list(std::move(out));
  });
  // Go gives these in random order; ours is sorted, so that output can be repeated.
  f.add("keys", 0, kVariadic, {Param::map}, [](Call&, Args args) -> Result<Val> {
    std::vector<std::string> out;
    for (const Val& map : args)
      for (const auto& [key, unused] : items(map)) out.push_back(key);
    return Val::strings(std::move(out));
  });
  f.add("values", 1, 1, {Param::map}, [](Call&, Args args) -> Result<Val> {
    std::vector<Val> out;
    for (const auto& [unused, item] : items(args[0])) out.push_back(item);
    return Val::list(std::move(out));
  });
  f.add("dig", 0, kVariadic, {}, dig);
}

}  // namespace

void add_dicts(Functions& functions) {
  add_making(functions);
  add_entries(functions);
}

}  // namespace nautilus::sprig
