// What Helm adds: templates that call templates, required, fail, lookup.
#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

Result<Val> required(Call&, Args args) {
  const bool missing = args[1].is_nil() || (args[1].is_string() && args[1].as_string().empty());
  if (missing) return failed(args[0].as_string());
  return args[1];
}

Result<Val> lookup(Call& call, Args args) {
  const auto& ask = environment(call).lookup;
  if (!ask) return Val::map();
  return ask(args[0].as_string(), args[1].as_string(), args[2].as_string(), args[3].as_string());
}

}  // namespace

void drop_no_value(std::string& text) {
  constexpr std::string_view kNoValue = "<no value>";
  std::size_t at = text.find(kNoValue);
  if (at == std::string::npos) return;
  std::string out;
  std::size_t from = 0;
  for (; at != std::string::npos; at = text.find(kNoValue, from)) {
    out.append(text, from, at - from);
    from = at + kNoValue.size();
  }
  text = out.append(text, from);
}

void add_helm(Functions& f) {
  f.add("include", 2, 2, {Param::string, Param::any}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string text, call.execute(args[0].as_string(), args[1]));
    return Val(std::move(text));
  });
  f.add("tpl", 2, 2, {Param::string, Param::any}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string text, call.execute_text(args[0].as_string(), args[1]));
    drop_no_value(text);
    return Val(std::move(text));
  });
  f.add("required", 2, 2, {Param::string, Param::any}, required);
  f.add("fail", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> { return failed(args[0].as_string()); });
  f.add("lookup", 4, 4, {Param::string}, lookup);
  // Without a network a name has no address; with one, rendering would depend on where it happens.
  f.add("getHostByName", 1, 1, {Param::string}, [](Call&, Args) -> Result<Val> { return Val(""); });
}

std::shared_ptr<const Functions> helm_functions() {
  static const std::shared_ptr<const Functions> kFunctions = [] {
    auto all = std::make_shared<Functions>(Functions::predefined());
    for (const auto add : {add_strings, add_lists, add_dicts, add_math, add_defaults, add_encoding, add_crypto,
                           add_dates, add_versions, add_paths, add_helm})
      add(*all);
    return all;
  }();
  return kFunctions;
}

}  // namespace nautilus::sprig
