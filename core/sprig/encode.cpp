// JSON, YAML, TOML, base64, base32.
#include "core/sprig/crypto.h"
#include "core/sprig/go.h"
#include "core/sprig/toml.h"
#include "core/value/yaml.h"

namespace nautilus::sprig {
namespace {

using Encode = Result<std::string> (*)(const Val&);

Result<std::string> json(const Val& value) { return go_json(value); }
Result<std::string> pretty_json(const Val& value) { return go_json(value, true, "  "); }
Result<std::string> raw_json(const Val& value) { return go_json(value, false); }

// sigs.k8s.io/yaml's goyaml.v3 with two blanks. Lists are not indented in its map either, so it is the same text.
Result<std::string> pretty_yaml(const Val& value) { return go_yaml(value); }

// Swallows what cannot be encoded, as Helm's toYaml and toJson; a bound that is exceeded is never swallowed.
gotmpl::Function lenient(Encode encode) {
  return [encode](Call&, Args args) -> Result<Val> {
    auto text = encode(args[0]);
    if (text.ok()) return Val(std::move(*text));
    if (text.error().code == Code::limit) return std::move(text).error();
    return Val("");
  };
}
gotmpl::Function strict(Encode encode) {
  return [encode](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string text, encode(args[0]));
    return Val(std::move(text));
  };
}

// Helm's from... functions answer with the error where the data should be. Ours does so in its own words.
Val error_map(const Error& error) {
  Val out = Val::map();
  out.as_map().items.emplace("Error", Val(error.message));
  return out;
}
Val error_list(const Error& error) { return Val::list({Val(error.message)}); }

Error wrong_type(const Json& found, std::string_view wanted) {
  const std::string_view name = found.is_object()    ? "object"
                                : found.is_array()   ? "array"
                                : found.is_string()  ? "string"
                                : found.is_boolean() ? "bool"
                                                     : "number";
  return failed(
      fmt::format("error unmarshaling JSON: json: cannot unmarshal {} into Go value of type {}", name, wanted));
}

using Parse = Result<Json> (*)(const std::string&);
// The first document, as Go's yaml.Unmarshal.
Result<Json> parse_yaml_text(const std::string& text) {
  ASSIGN_OR_RETURN(auto documents, value::parse_yaml_all(text, "fromYaml", value::as_helm_reads_it()));
  return documents.empty() ? Json(nullptr) : std::move(documents.front());
}
Result<Json> parse_json_text(const std::string& text) { return value::parse_json(text, "fromJson"); }

gotmpl::Function parse_map(Parse parse) {
  return [parse](Call&, Args args) -> Result<Val> {
    auto parsed = parse(args[0].as_string());
    if (!parsed.ok())
      return parsed.error().code == Code::limit ? Result<Val>(std::move(parsed).error()) : error_map(parsed.error());
    if (parsed->is_null()) return Val::map();
    if (!parsed->is_object()) return error_map(wrong_type(*parsed, "map[string]interface {}"));
    return gotmpl::from_json(*parsed);
  };
}
gotmpl::Function parse_list(Parse parse) {
  return [parse](Call&, Args args) -> Result<Val> {
    auto parsed = parse(args[0].as_string());
    if (!parsed.ok())
      return parsed.error().code == Code::limit ? Result<Val>(std::move(parsed).error()) : error_list(parsed.error());
    if (parsed->is_null()) return Val::list();
    if (!parsed->is_array()) return error_list(wrong_type(*parsed, "[]interface {}"));
    return gotmpl::from_json(*parsed);
  };
}

void add_documents(Functions& f) {
  f.add("toYaml", 1, 1, {}, lenient(go_yaml));
  f.add("mustToYaml", 1, 1, {}, strict(go_yaml));
  f.add("toYamlPretty", 1, 1, {}, lenient(pretty_yaml));
  f.add("toJson", 1, 1, {}, lenient(json));
  f.add("mustToJson", 1, 1, {}, strict(json));
  f.add("toPrettyJson", 1, 1, {}, lenient(pretty_json));
  f.add("mustToPrettyJson", 1, 1, {}, strict(pretty_json));
  f.add("toRawJson", 1, 1, {}, strict(raw_json));
  f.add("mustToRawJson", 1, 1, {}, strict(raw_json));
  f.add("fromYaml", 1, 1, {Param::string}, parse_map(parse_yaml_text));
  f.add("fromYamlArray", 1, 1, {Param::string}, parse_list(parse_yaml_text));
  f.add("fromJson", 1, 1, {Param::string}, parse_map(parse_json_text));
  f.add("fromJsonArray", 1, 1, {Param::string}, parse_list(parse_json_text));
  f.add("mustFromJson", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Json parsed, value::parse_json(args[0].as_string(), "mustFromJson"));
    return gotmpl::from_json(parsed);
  });
  f.add("toToml", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    auto text = to_toml(args[0]);
    if (!text.ok() && text.error().code == Code::limit) return std::move(text).error();
    return Val(text.ok() ? *text : text.error().message);
  });
  f.add("mustToToml", 1, 1, {}, strict(to_toml));
  f.add("fromToml", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    auto parsed = from_toml(args[0].as_string());
    return parsed.ok() ? *parsed : error_map(parsed.error());
  });
}

void add_bases(Functions& f) {
  f.add("b64enc", 1, 1, {Param::string},
        [](Call&, Args args) -> Result<Val> { return Val(crypto::base64_encode(args[0].as_string())); });
  f.add("b32enc", 1, 1, {Param::string},
        [](Call&, Args args) -> Result<Val> { return Val(crypto::base32_encode(args[0].as_string())); });
  f.add("b64dec", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    auto text = crypto::base64_decode(args[0].as_string());
    return Val(text.ok() ? *text : text.error().message);
  });
  f.add("b32dec", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    auto text = crypto::base32_decode(args[0].as_string());
    return Val(text.ok() ? *text : text.error().message);
  });
}

}  // namespace

void add_encoding(Functions& functions) {
  add_documents(functions);
  add_bases(functions);
}

}  // namespace nautilus::sprig
