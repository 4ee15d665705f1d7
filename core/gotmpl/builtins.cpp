// Go's predefined template functions. `and` and `or` are evaluated lazily by the executor; these are their eager forms.
#include "core/gotmpl/funcs.h"
#include "core/gotmpl/number.h"

namespace nautilus::gotmpl {

namespace {

using Args = std::span<Val>;

Error bad(std::string message) { return Error(Code::invalid, std::move(message)); }

enum class Basic { boolean, integer, unsigned_, float_, string };

Result<Basic> basic(const Val& value) {
  switch (value.kind()) {
    case Kind::boolean: return Basic::boolean;
    case Kind::integer:
    case Kind::int64: return Basic::integer;
    case Kind::uint64: return Basic::unsigned_;
    case Kind::float64: return Basic::float_;
    case Kind::string: return Basic::string;
    default: return bad("invalid type for comparison");
  }
}

Result<bool> equal(const Val& a, const Val& b) {
  if (a.is_nil() || b.is_nil()) return a.is_nil() == b.is_nil();
  const auto ka = basic(a), kb = basic(b);
  if (!ka.ok() || !kb.ok()) {
    if (ka.ok() != kb.ok()) return bad("incompatible types for comparison");
    if (a.is_map() || a.is_list() || b.is_map() || b.is_list())
      return bad(fmt::format("non-comparable type {}: {}", to_string(a), type_name(a)));
    return a.object_ptr() == b.object_ptr();
  }
  if (*ka != *kb) {
    const bool mixed =
        (*ka == Basic::integer && *kb == Basic::unsigned_) || (*ka == Basic::unsigned_ && *kb == Basic::integer);
    if (!mixed) return bad(fmt::format("incompatible types for comparison: {} and {}", type_name(a), type_name(b)));
    return a.as_int() == b.as_int() && a.as_int() >= 0;
  }
  return deep_equal(*ka == Basic::integer ? Val::integer(a.as_int()) : a,
                    *ka == Basic::integer ? Val::integer(b.as_int()) : b);
}

Result<bool> less(const Val& a, const Val& b) {
  ASSIGN_OR_RETURN(const Basic ka, basic(a));
  ASSIGN_OR_RETURN(const Basic kb, basic(b));
  if (ka != kb) {
    if (ka == Basic::integer && kb == Basic::unsigned_) return a.as_int() < 0 || a.as_uint() < b.as_uint();
    if (ka == Basic::unsigned_ && kb == Basic::integer) return b.as_int() >= 0 && a.as_uint() < b.as_uint();
    return bad(fmt::format("incompatible types for comparison: {} and {}", type_name(a), type_name(b)));
  }
  switch (ka) {
    case Basic::integer: return a.as_int() < b.as_int();
    case Basic::unsigned_: return a.as_uint() < b.as_uint();
    case Basic::float_: return a.as_float() < b.as_float();
    case Basic::string: return a.as_string() < b.as_string();
    default: return bad("invalid type for comparison");
  }
}

Result<Val> eq(Call&, Args args) {
  if (args.size() < 2) return bad("missing argument for comparison");
  for (std::size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(const bool same, equal(args[0], args[i]));
    if (same) return Val(true);
  }
  return Val(false);
}

Result<Val> ne(Call&, Args args) {
  ASSIGN_OR_RETURN(const bool same, equal(args[0], args[1]));
  return Val(!same);
}

Result<Val> lt(Call&, Args args) {
  ASSIGN_OR_RETURN(const bool result, less(args[0], args[1]));
  return Val(result);
}

Result<Val> le(Call&, Args args) {
  ASSIGN_OR_RETURN(const bool smaller, less(args[0], args[1]));
  if (smaller) return Val(true);
  ASSIGN_OR_RETURN(const bool same, equal(args[0], args[1]));
  return Val(same);
}

Result<Val> gt(Call& call, Args args) {
  ASSIGN_OR_RETURN(const Val result, le(call, args));
  return Val(!result.as_bool());
}

Result<Val> ge(Call& call, Args args) {
  ASSIGN_OR_RETURN(const Val result, lt(call, args));
  return Val(!result.as_bool());
}

Result<std::size_t> index_arg(const Val& index, std::size_t size) {
  if (index.is_nil()) return bad("cannot index slice/array with nil");
  if (!index.is_integer()) return bad(fmt::format("cannot index slice/array with type {}", type_name(index)));
  if (index.as_int() < 0 || index.as_uint() > size) return bad(fmt::format("index out of range: {}", index.as_int()));
  return static_cast<std::size_t>(index.as_int());
}

Result<Val> index_one(const Val& from, const Val& index) {
  switch (from.kind()) {
    case Kind::list: {
      const auto& items = from.as_list().items;
      ASSIGN_OR_RETURN(const std::size_t i, index_arg(index, items.size()));
      if (i == items.size()) return bad(fmt::format("index out of range: {}", i));
      return items[i];
    }
    case Kind::string: {
      const auto& text = from.as_string();
      ASSIGN_OR_RETURN(const std::size_t i, index_arg(index, text.size()));
      if (i == text.size()) return bad(fmt::format("index out of range: {}", i));
      return Val::integer(static_cast<unsigned char>(text[i]));
    }
    case Kind::map: {
      if (index.is_nil()) return bad("value is nil; should be of type string");
      if (!index.is_string()) return bad(fmt::format("value has type {}; should be string", type_name(index)));
      auto found = from.as_map().items.find(index.as_string());
      // The zero value of interface{} is nil, of string "".
      if (found == from.as_map().items.end()) return from.as_map().of_strings ? Val("") : Val(nullptr);
      return found->second;
    }
    case Kind::nil:
    case Kind::invalid: return bad("index of nil pointer");
    default: return bad(fmt::format("can't index item of type {}", type_name(from)));
  }
}

Result<Val> index(Call&, Args args) {
  if (args[0].kind() == Kind::invalid || args[0].kind() == Kind::nil) return bad("index of untyped nil");
  Val at = args[0];
  for (std::size_t i = 1; i < args.size(); ++i) { ASSIGN_OR_RETURN(at, index_one(underlying(at), args[i])); }
  return at;
}

Result<Val> slice(Call&, Args args) {
  if (args[0].is_nil()) return bad("slice of untyped nil");
  if (args.size() > 4) return bad(fmt::format("too many slice indexes: {}", args.size() - 1));
  if (!args[0].is_string() && !args[0].is_list())
    return bad(fmt::format("can't slice item of type {}", type_name(args[0])));
  if (args[0].is_string() && args.size() == 4) return bad("cannot 3-index slice a string");
  const std::size_t size = args[0].is_string() ? args[0].as_string().size() : args[0].as_list().items.size();
  std::size_t bounds[3] = {0, size, size};
  for (std::size_t i = 1; i < args.size(); ++i) { ASSIGN_OR_RETURN(bounds[i - 1], index_arg(args[i], size)); }
  if (bounds[0] > bounds[1]) return bad(fmt::format("invalid slice index: {} > {}", bounds[0], bounds[1]));
  if (bounds[1] > bounds[2]) return bad(fmt::format("invalid slice index: {} > {}", bounds[1], bounds[2]));
  if (args[0].is_string()) return Val(args[0].as_string().substr(bounds[0], bounds[1] - bounds[0]));
  const auto& items = args[0].as_list().items;
  auto cut = std::make_shared<List>();
  cut->of_strings = args[0].as_list().of_strings;
  cut->items.assign(items.begin() + static_cast<std::ptrdiff_t>(bounds[0]),
                    items.begin() + static_cast<std::ptrdiff_t>(bounds[1]));
  return Val(std::move(cut));
}

Result<Val> len(Call&, Args args) {
  const Val of = underlying(args[0]);
  switch (of.kind()) {
    case Kind::string: return Val::integer(static_cast<std::int64_t>(of.as_string().size()));
    case Kind::list: return Val::integer(static_cast<std::int64_t>(of.as_list().items.size()));
    case Kind::map: return Val::integer(static_cast<std::int64_t>(of.as_map().items.size()));
    case Kind::nil:
    case Kind::invalid: return bad("len of nil pointer");
    default: return bad(fmt::format("len of type {}", type_name(args[0])));
  }
}

std::string joined_text(Args args) {
  return args.size() == 1 && args[0].is_string() ? args[0].as_string() : sprint(args);
}

Result<Val> html(Call&, Args args) {
  std::string out;
  for (char c : joined_text(args)) {
    switch (c) {
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\0': out += "\xef\xbf\xbd"; break;
      default: out += c;
    }
  }
  return Val(std::move(out));
}

Result<Val> js(Call&, Args args) {
  std::string out;
  for (char c : joined_text(args)) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '"': out += "\\\""; break;
      case '<': out += "\\u003C"; break;
      case '>': out += "\\u003E"; break;
      case '&': out += "\\u0026"; break;
      case '=': out += "\\u003D"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return Val(std::move(out));
}

Result<Val> urlquery(Call&, Args args) {
  std::string out;
  for (char c : joined_text(args)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return Val(std::move(out));
}

}  // namespace

Functions Functions::predefined() {
  Functions f;
  const auto any = [&f](const char* name, int min, int max, Function fn) { f.add(name, min, max, {}, std::move(fn)); };
  any("and", 1, kVariadic, [](Call&, Args a) -> Result<Val> {
    for (auto& v : a)
      if (!truth(v)) return v;
    return a.back();
  });
  any("or", 1, kVariadic, [](Call&, Args a) -> Result<Val> {
    for (auto& v : a)
      if (truth(v)) return v;
    return a.back();
  });
  any("not", 1, 1, [](Call&, Args a) -> Result<Val> { return Val(!truth(a[0])); });
  any("eq", 1, kVariadic, eq);
  any("ne", 2, 2, ne);
  any("lt", 2, 2, lt);
  any("le", 2, 2, le);
  any("gt", 2, 2, gt);
  any("ge", 2, 2, ge);
  any("index", 1, kVariadic, index);
  any("slice", 1, kVariadic, slice);
  any("len", 1, 1, len);
  any("html", 0, kVariadic, html);
  any("js", 0, kVariadic, js);
  any("urlquery", 0, kVariadic, urlquery);
  any("print", 0, kVariadic, [](Call&, Args a) -> Result<Val> { return Val(sprint(a)); });
  any("println", 0, kVariadic, [](Call&, Args a) -> Result<Val> { return Val(sprintln(a)); });
  f.add("printf", 1, kVariadic, {Param::string, Param::any},
        [](Call&, Args a) -> Result<Val> { return Val(sprintf(a[0].as_string(), a.subspan(1))); });
  any("call", 1, kVariadic, [](Call&, Args a) -> Result<Val> {
    return bad(a[0].is_nil() ? "call of nil" : fmt::format("non-function of type {}", type_name(a[0])));
  });
  return f;
}

std::vector<std::string> Functions::names() const {
  std::vector<std::string> list;
  for (const auto& [key, spec] : specs_) list.push_back(key);
  std::sort(list.begin(), list.end());
  return list;
}

std::string_view name(Param param) {
  switch (param) {
    case Param::any: return "interface {}";
    case Param::string: return "string";
    case Param::integer: return "int";
    case Param::int64: return "int64";
    case Param::float64: return "float64";
    case Param::boolean: return "bool";
    case Param::list: return "[]interface {}";
    case Param::map: return "map[string]interface {}";
    case Param::strings: return "[]string";
  }
  return "interface {}";
}

}  // namespace nautilus::gotmpl
