// Lists. Nothing here changes the list it is given; a changed list is a new one, as in sprig.
#include <cmath>

#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

using Items = std::vector<Val>;

constexpr std::size_t kMaxCompared = 4096;

Result<const Items*> slice_of(const Val& value, std::string_view verb) {
  if (const Items* items = items_of(value)) return items;
  if (value.is_nil()) return failed("runtime error: invalid memory address or nil pointer dereference");
  return failed(fmt::format("Cannot {} type {}", verb, kind_of(value)));
}

Result<Val> made(Items items) {
  if (items.size() > kMaxItems) return too_large("the list");
  return Val::list(std::move(items));
}

bool in(const Items& haystack, const Val& needle) {
  return std::any_of(haystack.begin(), haystack.end(), [&](const Val& one) { return deep_equal(needle, one); });
}

// Registers a function and its must- twin: a panic and an error are the same to a template.
void twice(Functions& f, const std::string& name, int min, int max, const gotmpl::Function& function) {
  f.add(name, min, max, {}, function);
  std::string must = "must" + name;
  must[4] = static_cast<char>(must[4] - 'a' + 'A');
  f.add(must, min, max, {}, function);
}

void add_ends(Functions& f) {
  twice(f, "first", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find first on"));
    return items->empty() ? Val(nullptr) : items->front();
  });
  twice(f, "last", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find last on"));
    return items->empty() ? Val(nullptr) : items->back();
  });
  twice(f, "rest", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find rest on"));
    if (items->empty()) return Val::list();
    return made(Items(items->begin() + 1, items->end()));
  });
  twice(f, "initial", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find initial on"));
    if (items->empty()) return Val::list();
    return made(Items(items->begin(), items->end() - 1));
  });
}

void add_growing(Functions& f) {
  for (const char* name : {"list", "tuple"})
    f.add(name, 0, kVariadic, {}, [](Call&, Args args) { return made(Items(args.begin(), args.end())); });
  const gotmpl::Function append = [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "push on"));
    Items out;
    out.reserve(items->size() + 1);
    out = *items;
    out.push_back(args[1]);
    return made(std::move(out));
  };
  twice(f, "append", 2, 2, append);
  twice(f, "push", 2, 2, append);
  twice(f, "prepend", 2, 2, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "prepend on"));
    Items out;
    out.reserve(items->size() + 1);
    out.push_back(args[1]);
    out.insert(out.end(), items->begin(), items->end());
    return made(std::move(out));
  });
  f.add("concat", 0, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    Items out;
    for (const Val& arg : args) {
      ASSIGN_OR_RETURN(const Items* const items, slice_of(arg, "concat"));
      if (out.size() + items->size() > kMaxItems) return too_large("the list");
      out.insert(out.end(), items->begin(), items->end());
    }
    if (out.empty()) return Val(nullptr);  // a nil slice: JSON null
    return made(std::move(out));
  });
}

void add_picking(Functions& f) {
  twice(f, "reverse", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find reverse on"));
    return made(Items(items->rbegin(), items->rend()));
  });
  twice(f, "compact", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "compact on"));
    Items out;
    for (const Val& item : *items)
      if (!is_empty(item)) out.push_back(item);
    return made(std::move(out));
  });
  twice(f, "uniq", 1, 1, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find uniq on"));
    Items out, structures;
    std::set<std::pair<Kind, std::string>> scalars;
    for (const Val& item : *items) {
      // Only lists and maps have to be compared each with each.
      const bool structure = item.is_list() || item.is_map() || item.is_object();
      if (structure ? in(structures, item) : !scalars.emplace(item.kind(), gotmpl::to_string(item)).second) continue;
      if (structure && structures.size() >= kMaxCompared)
        return Error(Code::limit, fmt::format("uniq of more than {} different lists or maps", kMaxCompared));
      if (structure) structures.push_back(item);
      out.push_back(item);
    }
    return made(std::move(out));
  });
  twice(f, "without", 1, kVariadic, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[0], "find without on"));
    const Items omitted(args.begin() + 1, args.end());
    Items out;
    for (const Val& item : *items)
      if (!in(omitted, item)) out.push_back(item);
    return made(std::move(out));
  });
  twice(f, "has", 2, 2, [](Call&, Args args) -> Result<Val> {
    if (args[1].is_nil()) return Val(false);
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[1], "find has on"));
    return Val(in(*items, args[0]));
  });
}

void add_slicing(Functions& f) {
  // Replaces Go's own slice, which also takes texts.
  twice(f, "slice", 1, kVariadic, [](Call&, Args args) -> Result<Val> {
    const Items* const items = items_of(args[0]);
    if (!items) return failed("list should be type of slice or array but " + kind_of(args[0]));
    if (items->empty()) return Val(nullptr);
    const auto size = static_cast<std::int64_t>(items->size());
    const std::int64_t start = args.size() > 1 ? to_int64(args[1]) : 0;
    const std::int64_t end = args.size() > 2 ? to_int64(args[2]) : size;
    if (start < 0 || end > size || start > end) return failed("reflect.Value.Slice: slice index out of bounds");
    auto out = std::make_shared<gotmpl::List>();
    out->items.assign(items->begin() + start, items->begin() + end);
    out->of_strings = args[0].is_list() && args[0].as_list().of_strings;
    return Val(std::move(out));
  });
  twice(f, "chunk", 2, 2, [](Call&, Args args) -> Result<Val> {
    if (args[0].kind() != Kind::integer)
      return failed(fmt::format("wrong type for value; expected int; got {}", type_of(args[0])));
    ASSIGN_OR_RETURN(const Items* const items, slice_of(args[1], "chunk"));
    const auto size = args[0].as_int();
    if (size <= 0) return failed("runtime error: makeslice: len out of range");
    Items out;
    for (std::size_t at = 0; at < items->size(); at += static_cast<std::size_t>(size)) {
      const auto end = std::min(items->size(), at + static_cast<std::size_t>(size));
      out.push_back(Val::list(
          Items(items->begin() + static_cast<std::ptrdiff_t>(at), items->begin() + static_cast<std::ptrdiff_t>(end))));
      if (static_cast<std::uint64_t>(size) > items->size()) break;
    }
    return made(std::move(out));
  });
  f.add("sortAlpha", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(auto all, texts_of(args[0]));
    if (args[0].is_nil()) all = {"<nil>"};
    std::sort(all.begin(), all.end());
    return Val::strings(std::move(all));
  });
}

}  // namespace

void add_lists(Functions& functions) {
  add_ends(functions);
  add_growing(functions);
  add_picking(functions);
  add_slicing(functions);
}

}  // namespace nautilus::sprig
