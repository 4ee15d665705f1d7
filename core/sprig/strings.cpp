// Text: case, trimming, quoting, splitting, joining.
#include "core/sprig/crypto.h"
#include "core/sprig/go.h"
#include "core/sprig/unicode.h"
#include "core/sprig/words.h"

namespace nautilus::sprig {
namespace {

// A function of texts alone.
template <class F>
gotmpl::Function texts(F function) {
  return [function](Call&, Args args) -> Result<Val> {
    if constexpr (std::is_invocable_v<F, const std::string&>)
      return Val(function(args[0].as_string()));
    else if constexpr (std::is_invocable_v<F, const std::string&, const std::string&>)
      return Val(function(args[0].as_string(), args[1].as_string()));
    else
      return Val(function(args[0].as_string(), args[1].as_string(), args[2].as_string()));
  };
}

Result<Val> bounded(std::string text) {
  if (text.size() > kMaxText) return too_large("the text");
  return Val(std::move(text));
}

Result<std::string> replace_all(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  if (from.empty()) {  // before every character and at the end
    if (text.size() * (to.size() + 1) > kMaxText) return too_large("replace");
    for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
      decode(text, at, length);
      out += to;
      out.append(text, at, length);
    }
    return out + to;
  }
  for (std::size_t at = 0;;) {
    const auto found = text.find(from, at);
    out.append(text, at, found == std::string::npos ? found : found - at);
    if (found == std::string::npos) return out;
    out += to;
    if (out.size() > kMaxText) return too_large("replace");
    at = found + from.size();
  }
}

Result<std::string> indented(std::int64_t spaces, const std::string& text) {
  if (spaces < 0) return failed("strings: negative Repeat count");
  const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (static_cast<std::uint64_t>(spaces) > kMaxText / lines) return too_large("indent");
  const std::string pad(static_cast<std::size_t>(spaces), ' ');
  std::string out;
  out.reserve(text.size() + lines * pad.size());
  out += pad;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += pad;
  }
  return out;
}

Result<std::vector<std::string>> split(const std::string& text, const std::string& separator, std::int64_t limit) {
  std::vector<std::string> out;
  if (limit == 0) return out;
  const auto full = [&] { return limit > 0 && out.size() + 1 == static_cast<std::size_t>(limit); };
  std::size_t at = 0;
  if (separator.empty()) {
    std::size_t length = 0;
    while (at < text.size() && !full()) {
      decode(text, at, length);
      out.push_back(text.substr(at, length));
      at += length;
      if (out.size() > kMaxItems) return too_large("the list");
    }
    if (at < text.size()) out.push_back(text.substr(at));
    return out;
  }
  while (!full()) {
    const auto found = text.find(separator, at);
    if (found == std::string::npos) break;
    out.push_back(text.substr(at, found - at));
    at = found + separator.size();
    if (out.size() > kMaxItems) return too_large("the list");
  }
  out.push_back(text.substr(at));
  return out;
}

Result<Val> numbered(const std::vector<std::string>& parts) {
  auto out = std::make_shared<gotmpl::Map>();
  out->of_strings = true;
  for (std::size_t i = 0; i < parts.size(); ++i) out->items.emplace("_" + std::to_string(i), Val(parts[i]));
  return Val(std::move(out));
}

std::string trimmed(const std::string& cutset, const std::string& text) {
  const std::vector<char32_t> cut = points(cutset);
  const auto in = [&](char32_t c) { return std::find(cut.begin(), cut.end(), c) != cut.end(); };
  std::vector<char32_t> all = points(text);
  while (!all.empty() && in(all.back())) all.pop_back();
  std::size_t begin = 0;
  while (begin < all.size() && in(all[begin])) ++begin;
  std::string out;
  for (; begin < all.size(); ++begin) append(out, all[begin]);
  return out;
}

std::string truncated(std::int64_t count, const std::string& text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (count < 0 && size + count > 0) return text.substr(static_cast<std::size_t>(size + count));
  if (count >= 0 && size > count) return text.substr(0, static_cast<std::size_t>(count));
  return text;
}

Result<Val> substring(std::int64_t start, std::int64_t end, const std::string& text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (start < 0)
    start = 0;
  else if (end < 0 || end > size)
    end = size;
  if (start > end || end > size || end < 0)
    return failed(fmt::format("slice bounds out of range [{}:{}] with length {}", start, end, size));
  return Val(text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start)));
}

Result<Val> quote_each(Args args, bool single) {
  std::string out;
  bool first = true;
  for (const Val& arg : args) {
    if (arg.is_nil()) continue;
    if (!first) out += ' ';
    first = false;
    out += single ? "'" + gotmpl::to_string(arg) + "'" : go_quote(text_of(arg));
  }
  return Val(std::move(out));
}

void add_quoting(Functions& f) {
  f.add("quote", 0, kVariadic, {}, [](Call&, Args args) { return quote_each(args, false); });
  f.add("squote", 0, kVariadic, {}, [](Call&, Args args) { return quote_each(args, true); });
  f.add("cat", 0, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    std::string out;
    for (const Val& arg : args) {
      if (arg.is_nil()) continue;
      if (!out.empty()) out += ' ';
      out += gotmpl::to_string(arg);
    }
    return Val(std::move(out));
  });
  f.add("toString", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(text_of(args[0])); });
  f.add("toStrings", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(auto all, texts_of(args[0]));
    return Val::strings(std::move(all));
  });
  f.add("hello", 0, 0, {}, [](Call&, Args) -> Result<Val> { return Val("Hello!"); });
}

void add_trimming(Functions& f) {
  f.add("trim", 1, 1, {Param::string}, texts([](const std::string& s) { return std::string(trim_space(s)); }));
  for (const char* name : {"trimAll", "trimall"}) f.add(name, 2, 2, {Param::string}, texts(trimmed));
  f.add("trimSuffix", 2, 2, {Param::string}, texts([](const std::string& suffix, const std::string& s) {
          return s.ends_with(suffix) ? s.substr(0, s.size() - suffix.size()) : s;
        }));
  f.add("trimPrefix", 2, 2, {Param::string}, texts([](const std::string& prefix, const std::string& s) {
          return s.starts_with(prefix) ? s.substr(prefix.size()) : s;
        }));
  f.add("trunc", 2, 2, {Param::integer, Param::string},
        [](Call&, Args args) -> Result<Val> { return Val(truncated(args[0].as_int(), args[1].as_string())); });
  f.add("substr", 3, 3, {Param::integer, Param::integer, Param::string},
        [](Call&, Args args) { return substring(args[0].as_int(), args[1].as_int(), args[2].as_string()); });
  f.add("abbrev", 2, 2, {Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    if (args[0].as_int() < 4) return args[1];
    return Val(abbreviate(args[1].as_string(), 0, args[0].as_int()));
  });
  f.add("abbrevboth", 3, 3, {Param::integer, Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    const auto left = args[0].as_int(), right = args[1].as_int();
    if (right < 4 || (left > 0 && right < 7)) return args[2];
    return Val(abbreviate(args[2].as_string(), left, right));
  });
}

void add_case(Functions& f) {
  f.add("upper", 1, 1, {Param::string}, texts([](const std::string& s) { return upper(s); }));
  f.add("lower", 1, 1, {Param::string}, texts([](const std::string& s) { return lower(s); }));
  f.add("title", 1, 1, {Param::string}, texts([](const std::string& s) { return title(s); }));
  f.add("untitle", 1, 1, {Param::string}, texts([](const std::string& s) { return untitle(s); }));
  f.add("nospace", 1, 1, {Param::string}, texts([](const std::string& s) { return delete_white_space(s); }));
  f.add("initials", 1, 1, {Param::string}, texts([](const std::string& s) { return initials(s); }));
  f.add("swapcase", 1, 1, {Param::string}, texts([](const std::string& s) { return swap_case(s); }));
  f.add("snakecase", 1, 1, {Param::string}, texts([](const std::string& s) { return snake_case(s, '_'); }));
  f.add("kebabcase", 1, 1, {Param::string}, texts([](const std::string& s) { return snake_case(s, '-'); }));
  f.add("camelcase", 1, 1, {Param::string}, texts([](const std::string& s) { return pascal_case(s); }));
}

void add_layout(Functions& f) {
  f.add("repeat", 2, 2, {Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    const auto count = args[0].as_int();
    const std::string& text = args[1].as_string();
    if (count < 0) return failed("strings: negative Repeat count");
    if (!text.empty() && static_cast<std::uint64_t>(count) > kMaxText / text.size()) return too_large("repeat");
    std::string out;
    if (!text.empty())
      for (std::int64_t i = 0; i < count; ++i) out += text;
    return Val(std::move(out));
  });
  f.add("indent", 2, 2, {Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string out, indented(args[0].as_int(), args[1].as_string()));
    return Val(std::move(out));
  });
  f.add("nindent", 2, 2, {Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string out, indented(args[0].as_int(), args[1].as_string()));
    return Val("\n" + out);
  });
  f.add("wrap", 2, 2, {Param::integer, Param::string},
        [](Call&, Args args) { return bounded(wrap(args[1].as_string(), args[0].as_int(), "", false)); });
  f.add("wrapWith", 3, 3, {Param::integer, Param::string, Param::string}, [](Call&, Args args) -> Result<Val> {
    if (args[1].as_string().size() > kMaxText / (args[2].as_string().size() + 1)) return too_large("wrapWith");
    return bounded(wrap(args[2].as_string(), args[0].as_int(), args[1].as_string(), true));
  });
  f.add("plural", 3, 3, {Param::string, Param::string, Param::integer},
        [](Call&, Args args) -> Result<Val> { return args[2].as_int() == 1 ? args[0] : args[1]; });
}

void add_searching(Functions& f) {
  f.add("contains", 2, 2, {Param::string},
        texts([](const std::string& part, const std::string& s) { return s.find(part) != std::string::npos; }));
  f.add("hasPrefix", 2, 2, {Param::string},
        texts([](const std::string& part, const std::string& s) { return s.starts_with(part); }));
  f.add("hasSuffix", 2, 2, {Param::string},
        texts([](const std::string& part, const std::string& s) { return s.ends_with(part); }));
  f.add("replace", 3, 3, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string out, replace_all(args[2].as_string(), args[0].as_string(), args[1].as_string()));
    return Val(std::move(out));
  });
}

void add_splitting(Functions& f) {
  f.add("split", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const auto parts, split(args[1].as_string(), args[0].as_string(), -1));
    return numbered(parts);
  });
  f.add("splitn", 3, 3, {Param::string, Param::integer, Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const auto parts, split(args[2].as_string(), args[0].as_string(), args[1].as_int()));
    return numbered(parts);
  });
  f.add("splitList", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(auto parts, split(args[1].as_string(), args[0].as_string(), -1));
    return Val::strings(std::move(parts));
  });
  f.add("join", 2, 2, {Param::string, Param::any}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const auto all, texts_of(args[1]));
    const std::string& separator = args[0].as_string();
    std::string out;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0) out += separator;
      out += all[i];
      if (out.size() > kMaxText) return too_large("join");
    }
    return Val(std::move(out));
  });
  f.add("shuffle", 1, 1, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    std::vector<char32_t> all = points(args[0].as_string());
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[crypto::random_below(*source, i)]);
    std::string out;
    for (const char32_t c : all) append(out, c);
    return Val(std::move(out));
  });
}

}  // namespace

void add_strings(Functions& functions) {
  add_quoting(functions);
  add_trimming(functions);
  add_case(functions);
  add_layout(functions);
  add_searching(functions);
  add_splitting(functions);
}

}  // namespace nautilus::sprig
