#include "core/sim/api/custom.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/sim/api/pattern.h"
#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

constexpr int kDeepest = 100;

bool flag(const Json& schema, const char* name) { return value::bool_at(schema, false, name); }

class Builder {
 public:
  explicit Builder(CustomKind& kind) : kind_(kind) {}

  Type build(const Json& schema, int depth) {
    Type type;
    if (depth > kDeepest || !schema.is_object()) return type;
    type.nullable = flag(schema, "nullable");
    if (flag(schema, "x-kubernetes-int-or-string")) {
      type.shape = Shape::int_or_string;
      return type;
    }
    std::string name = value::string_at(schema, "type");
    if (name == "object") {
      object(type, schema, depth);
    } else if (name == "array") {
      type.shape = Shape::list;
      const Json* items = value::find(schema, "items");
      type.element = own(items ? build(*items, depth + 1) : Type());
      std::string list = value::string_at(schema, "x-kubernetes-list-type");
      if (list == "set") type.list = ListKind::set;
      if (list == "map") {
        type.list = ListKind::map;
        if (const Json* keys = value::find(schema, "x-kubernetes-list-map-keys"); keys && keys->is_array())
          for (const Json& key : *keys)
            if (key.is_string()) type.keys.push_back(key.get<std::string>());
      }
    } else if (name == "string") {
      type.shape = Shape::string;
    } else if (name == "integer") {
      type.shape = Shape::int64;
    } else if (name == "number") {
      type.shape = Shape::number;
    } else if (name == "boolean") {
      type.shape = Shape::boolean;
    }
    return type;
  }

  Struct* fresh() {
    kind_.structs.push_back(std::make_unique<Struct>());
    kind_.structs.back()->custom = true;
    return kind_.structs.back().get();
  }
  const Type* own(Type type) {
    kind_.types.push_back(std::move(type));
    return &kind_.types.back();
  }

 private:
  void object(Type& type, const Json& schema, int depth) {
    const Json *properties = value::find(schema, "properties"),
               *additional = value::find(schema, "additionalProperties");
    bool preserve = flag(schema, "x-kubernetes-preserve-unknown-fields");
    type.atomic = value::string_at(schema, "x-kubernetes-map-type") == "atomic";
    bool embedded = flag(schema, "x-kubernetes-embedded-resource");
    if (!properties && !additional && preserve && !embedded) {
      type.shape = Shape::map;
      type.element = &SchemaTable::any();
      return;
    }
    if (!properties && additional && !embedded) {
      type.shape = Shape::map;
      type.element = additional->is_object() ? own(build(*additional, depth + 1)) : &SchemaTable::any();
      return;
    }
    Struct* made = fresh();
    made->preserve_unknown = preserve;
    made->embedded = embedded;
    made->atomic = type.atomic;
    if (properties && properties->is_object())
      for (const auto& [key, sub] : properties->items()) {
        Field field;
        field.name = key;
        field.type = build(sub, depth + 1);
        if (const Json* fallback = value::find(sub, "default")) field.default_value = *fallback;
        made->custom_fields.push_back(std::move(field));
      }
    if (embedded)
      for (const char* key : {"apiVersion", "kind", "metadata"})
        if (!made->find(key)) {
          Field field;
          field.name = key;
          made->custom_fields.push_back(std::move(field));
          std::sort(made->custom_fields.begin(), made->custom_fields.end(),
                    [](const Field& a, const Field& b) { return a.name < b.name; });
        }
    if (additional && additional->is_object()) made->additional = own(build(*additional, depth + 1));
    type.shape = Shape::object;
    type.object = made;
  }

  CustomKind& kind_;
};

void prune(Json& v, const Type& type, const std::string& path, std::vector<std::string>& unknown, int depth) {
  if (depth > kDeepest) return;
  if (type.shape == Shape::list && v.is_array() && type.element) {
    for (std::size_t i = 0; i < v.size(); ++i)
      prune(v[i], *type.element, fmt::format("{}[{}]", path, i), unknown, depth + 1);
  } else if (type.shape == Shape::map && v.is_object() && type.element) {
    for (auto& [key, inner] : v.items()) prune(inner, *type.element, path + "." + key, unknown, depth + 1);
  } else if (type.shape == Shape::object && type.object && v.is_object()) {
    for (auto at = v.begin(); at != v.end();) {
      std::string here = path.empty() ? at.key() : path + "." + at.key();
      const Field* field = type.object->find(at.key());
      if (field)
        prune(*at, field->type, here, unknown, depth + 1);
      else if (type.object->additional)
        prune(*at, *type.object->additional, here, unknown, depth + 1);
      else if (!type.object->preserve_unknown) {
        if (unknown.size() < 100) unknown.push_back(here);
        at = v.erase(at);
        continue;
      }
      ++at;
    }
  }
}

void fill(Json& v, const Json& schema, int depth) {
  if (depth > kDeepest || !schema.is_object()) return;
  if (v.is_object()) {
    const Json* properties = value::find(schema, "properties");
    if (properties && properties->is_object())
      for (const auto& [key, sub] : properties->items()) {
        const Json* fallback = value::find(sub, "default");
        auto at = v.find(key);
        if (at != v.end() && at->is_null() && !flag(sub, "nullable") && fallback) at = (v.erase(at), v.end());
        if (at == v.end()) {
          if (!fallback) continue;
          v[key] = *fallback;
        }
        fill(v[key], sub, depth + 1);
      }
    if (const Json* additional = value::find(schema, "additionalProperties"); additional && additional->is_object())
      for (auto& [key, inner] : v.items())
        if (!properties || !properties->contains(key)) fill(inner, *additional, depth + 1);
  } else if (v.is_array()) {
    if (const Json* items = value::find(schema, "items"))
      for (Json& item : v) fill(item, *items, depth + 1);
  }
}

std::string_view word(const Json& v) {
  if (v.is_string()) return "string";
  if (v.is_boolean()) return "boolean";
  if (v.is_number_integer()) return "integer";
  if (v.is_number()) return "number";
  if (v.is_null()) return "null";
  return v.is_array() ? "array" : "object";
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

class Checker {
 public:
  explicit Checker(FieldErrors& errors) : errors_(errors) {}

  void run(const Json& v, const Json& schema, const std::string& path, int depth) {
    constexpr std::size_t kMostErrors = 100;
    if (depth > kDeepest || !schema.is_object() || errors_.causes.size() > kMostErrors) return;
    if (v.is_null()) {
      if (flag(schema, "nullable")) return;
    }
    if (!type_fits(v, schema, path)) return;
    if (const Json* allowed = value::find(schema, "enum");
        allowed && allowed->is_array() && std::find(allowed->begin(), allowed->end(), v) == allowed->end()) {
      std::string list;
      for (const Json& a : *allowed)
        list += fmt::format("{}{}", list.empty() ? "" : ", ",
                            a.is_string() ? fmt::format("\"{}\"", a.get<std::string>()) : a.dump());
      errors_.causes.push_back(
          {"FieldValueNotSupported", fmt::format("Unsupported value: {}: supported values: {}", v.dump(), list), path});
    }
    if (v.is_number()) numbers(v, schema, path);
    if (v.is_string()) strings(v, schema, path);
    if (v.is_array()) lists(v, schema, path, depth);
    if (v.is_object()) objects(v, schema, path, depth);
    combinations(v, schema, path, depth);
  }

 private:
  bool type_fits(const Json& v, const Json& schema, const std::string& path) {
    if (flag(schema, "x-kubernetes-int-or-string")) {
      if (v.is_number_integer() || v.is_string()) return true;
      errors_.add_type(path, std::string(word(v)),
                       fmt::format("{} in body must be of type integer,string: \"{}\"", path, word(v)));
      return false;
    }
    std::string wanted = value::string_at(schema, "type");
    if (wanted.empty()) return true;
    std::string_view have = word(v);
    if (have == wanted || (wanted == "number" && have == "integer")) return true;
    if (wanted == "integer" && v.is_number_float() &&
        v.get<double>() == static_cast<double>(static_cast<std::int64_t>(v.get<double>())))
      return true;
    errors_.add_type(path, std::string(have), fmt::format("{} in body must be of type {}: \"{}\"", path, wanted, have));
    return false;
  }
  void numbers(const Json& v, const Json& schema, const std::string& path) {
    double n = v.get<double>();
    auto limit = [&](const char* key) { return value::find(schema, key); };
    if (const Json* least = limit("minimum"); least && least->is_number()) {
      bool open = flag(schema, "exclusiveMinimum");
      if (n < least->get<double>() || (open && n == least->get<double>()))
        errors_.add_invalid(
            path, v,
            fmt::format("{} in body should be greater than {}{}", path, open ? "" : "or equal to ", least->dump()));
    }
    if (const Json* most = limit("maximum"); most && most->is_number()) {
      bool open = flag(schema, "exclusiveMaximum");
      if (n > most->get<double>() || (open && n == most->get<double>()))
        errors_.add_invalid(
            path, v,
            fmt::format("{} in body should be less than {}{}", path, open ? "" : "or equal to ", most->dump()));
    }
    if (const Json* step = limit("multipleOf"); step && step->is_number() && step->get<double>() > 0) {
      double quotient = n / step->get<double>();
      if (quotient != static_cast<double>(static_cast<std::int64_t>(quotient)))
        errors_.add_invalid(path, v, fmt::format("{} in body should be a multiple of {}", path, step->dump()));
    }
  }
  void strings(const Json& v, const Json& schema, const std::string& path) {
    const auto& text = v.get_ref<const std::string&>();
    std::int64_t most = value::int_at(schema, -1, "maxLength"), least = value::int_at(schema, -1, "minLength");
    if (most >= 0 && characters(text) > static_cast<std::size_t>(most))
      errors_.add_too_long(path, static_cast<int>(most));
    if (least >= 0 && characters(text) < static_cast<std::size_t>(least))
      errors_.add_invalid(path, v, fmt::format("{} in body should be at least {} chars long", path, least));
    if (std::string pattern = value::string_at(schema, "pattern");
        !pattern.empty() && pattern_found(pattern, text) == false)
      errors_.add_invalid(path, v, fmt::format("{} in body should match '{}'", path, pattern));
  }
  void lists(const Json& v, const Json& schema, const std::string& path, int depth) {
    std::int64_t most = value::int_at(schema, -1, "maxItems"), least = value::int_at(schema, -1, "minItems");
    if (most >= 0 && v.size() > static_cast<std::size_t>(most))
      errors_.add_too_many(path, v.size(), static_cast<std::size_t>(most));
    if (least >= 0 && v.size() < static_cast<std::size_t>(least))
      errors_.add_invalid(path, v.size(), fmt::format("{} in body should have at least {} items", path, least));
    if (const Json* items = value::find(schema, "items"))
      for (std::size_t i = 0; i < v.size(); ++i) run(v[i], *items, fmt::format("{}[{}]", path, i), depth + 1);
    std::string kind = value::string_at(schema, "x-kubernetes-list-type");
    if (kind != "set" && kind != "map") return;
    Type type;
    type.shape = Shape::list;
    type.list = kind == "set" ? ListKind::set : ListKind::map;
    if (const Json* keys = value::find(schema, "x-kubernetes-list-map-keys"); keys && keys->is_array())
      for (const Json& key : *keys) type.keys.push_back(key.get<std::string>());
    std::set<std::string> seen;
    std::string element, error;
    for (std::size_t i = 0; i < v.size(); ++i)
      if (list_element(type, v[i], element, error) && !seen.insert(element).second)
        errors_.add_duplicate(fmt::format("{}[{}]", path, i),
                              kind == "set" ? v[i] : Json::parse(element.substr(2), nullptr, false));
  }
  void objects(const Json& v, const Json& schema, const std::string& path, int depth) {
    if (const Json* required = value::find(schema, "required"); required && required->is_array())
      for (const Json& key : *required)
        if (key.is_string() && !v.contains(key.get_ref<const std::string&>()))
          errors_.add_required((path.empty() ? "" : path + ".") + key.get<std::string>());
    std::int64_t most = value::int_at(schema, -1, "maxProperties"), least = value::int_at(schema, -1, "minProperties");
    if (most >= 0 && v.size() > static_cast<std::size_t>(most))
      errors_.add_too_many(path, v.size(), static_cast<std::size_t>(most));
    if (least >= 0 && v.size() < static_cast<std::size_t>(least))
      errors_.add_invalid(path, v.size(), fmt::format("{} in body should have at least {} properties", path, least));
    const Json *properties = value::find(schema, "properties"),
               *additional = value::find(schema, "additionalProperties");
    for (const auto& [key, inner] : v.items()) {
      std::string here = path.empty() ? key : path + "." + key;
      if (path.empty() && (key == "metadata" || key == "apiVersion" || key == "kind")) continue;
      const Json* sub = properties ? value::find(*properties, key) : nullptr;
      if (sub)
        run(inner, *sub, here, depth + 1);
      else if (additional && additional->is_object())
        run(inner, *additional, here, depth + 1);
    }
  }
  void combinations(const Json& v, const Json& schema, const std::string& path, int depth) {
    auto passes = [&](const Json& sub) {
      FieldErrors probe;
      Checker(probe).run(v, sub, path, depth + 1);
      return probe.empty();
    };
    if (const Json* all = value::find(schema, "allOf"); all && all->is_array())
      for (const Json& sub : *all) run(v, sub, path, depth + 1);
    if (const Json* any = value::find(schema, "anyOf");
        any && any->is_array() && !any->empty() && std::none_of(any->begin(), any->end(), passes))
      errors_.add_invalid(path, v, fmt::format("{} in body must validate at least one schema (anyOf)", path));
    if (const Json* one = value::find(schema, "oneOf");
        one && one->is_array() && !one->empty() && std::count_if(one->begin(), one->end(), passes) != 1)
      errors_.add_invalid(path, v, fmt::format("{} in body must validate one and only one schema (oneOf)", path));
    if (const Json* no = value::find(schema, "not"); no && no->is_object() && passes(*no))
      errors_.add_invalid(path, v, fmt::format("{} in body must not validate the schema (not)", path));
  }

  FieldErrors& errors_;
};

}  // namespace

std::shared_ptr<const CustomKind> make_custom_kind(const Json& crd, const Json& version, const SchemaTable& builtin) {
  auto kind = std::make_shared<CustomKind>();
  kind->crd = value::string_at(crd, "metadata", "name");
  if (const Json* schema = value::find(version, "schema", "openAPIV3Schema")) kind->schema = *schema;
  if (const Json* columns = value::find(version, "additionalPrinterColumns")) kind->columns = *columns;
  if (const Json* scale = value::find(version, "subresources", "scale")) kind->scale = *scale;
  if (const Json* fields = value::find(version, "selectableFields"); fields && fields->is_array())
    for (const Json& f : *fields)
      if (std::string path = value::string_at(f, "jsonPath"); path.size() > 1)
        kind->selectable.push_back(path.substr(1));
  Builder builder(*kind);
  Json root = kind->schema.is_object() ? kind->schema
                                       : Json{{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
  bool preserve = flag(root, "x-kubernetes-preserve-unknown-fields");
  root["type"] = "object";
  if (!root.contains("properties")) root["properties"] = Json::object();
  for (const char* key : {"apiVersion", "kind", "metadata"}) root["properties"].erase(key);
  kind->type = builder.build(root, 0);
  Struct* top = kind->structs.empty() ? nullptr : kind->structs.front().get();
  for (auto& made : kind->structs)
    if (made.get() == kind->type.object) top = made.get();
  if (top) {
    top->preserve_unknown = preserve;
    for (const char* key : {"apiVersion", "kind"}) {
      Field field;
      field.name = key;
      field.type.shape = Shape::string;
      top->custom_fields.push_back(std::move(field));
    }
    Field meta;
    meta.name = "metadata";
    meta.type.shape = Shape::object;
    meta.type.object = builtin.find("meta.v1.ObjectMeta");
    top->custom_fields.push_back(std::move(meta));
    std::sort(top->custom_fields.begin(), top->custom_fields.end(),
              [](const Field& a, const Field& b) { return a.name < b.name; });
  }
  return kind;
}

void prune_custom(const CustomKind& kind, Json& object, std::vector<std::string>& unknown) {
  Json meta = std::move(object["metadata"]);
  object.erase("metadata");
  prune(object, kind.type, "", unknown, 0);
  object["metadata"] = std::move(meta);
}

void default_custom(const CustomKind& kind, Json& object) { fill(object, kind.schema, 0); }

void validate_custom(const CustomKind& kind, const Json& object, FieldErrors& errors) {
  if (kind.schema.is_object()) Checker(errors).run(object, kind.schema, "", 0);
}

void validate_crd(const Json& crd, FieldErrors& errors) {
  const Json& spec = crd.contains("spec") ? crd["spec"] : Json::object();
  std::string group = value::string_at(spec, "group"), plural = value::string_at(spec, "names", "plural"),
              name = value::string_at(crd, "metadata", "name");
  if (name != plural + "." + group)
    errors.add_invalid("metadata.name", name, fmt::format("must be spec.names.plural+\".\"+spec.group"));
  if (group.empty())
    errors.add_required("spec.group");
  else if (group.find('.') == std::string::npos)
    errors.add_invalid("spec.group", group, "should be a domain with at least one dot");
  std::string scope = value::string_at(spec, "scope");
  if (scope.empty())
    errors.add_required("spec.scope");
  else if (scope != "Namespaced" && scope != "Cluster")
    errors.add_unsupported("spec.scope", scope, {"Cluster", "Namespaced"});
  if (plural.empty()) errors.add_required("spec.names.plural");
  if (value::string_at(spec, "names", "kind").empty()) errors.add_required("spec.names.kind");
  const Json* versions = value::find(spec, "versions");
  int storage = 0;
  std::set<std::string> seen;
  for (std::size_t i = 0; versions && versions->is_array() && i < versions->size(); ++i) {
    const Json& version = (*versions)[i];
    std::string path = fmt::format("spec.versions[{}]", i), label = value::string_at(version, "name");
    if (!is_dns_label(label))
      errors.add_invalid(path + ".name", label,
                         "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                         "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
                         "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')");
    if (!seen.insert(label).second)
      errors.add_invalid("spec.versions", Json(), fmt::format("must contain unique version names: {}", label));
    storage += flag(version, "storage");
    const Json* schema = value::find(version, "schema", "openAPIV3Schema");
    if (!schema)
      errors.add_required(path + ".schema.openAPIV3Schema", "schemas are required");
    else if (value::string_at(*schema, "type") != "object") {
      if (value::string_at(*schema, "type").empty())
        errors.add_required(path + ".schema.openAPIV3Schema.type", "must not be empty at the root");
      else
        errors.add_invalid(path + ".schema.openAPIV3Schema.type", value::string_at(*schema, "type"),
                           "must be object at the root");
    }
  }
  if (storage != 1)
    errors.add_invalid("spec.versions", Json(), "must have exactly one version marked as storage version");
}

void accept_crd(Json& crd, const std::string& now) {
  Json& status = crd["status"];
  if (!status.is_object()) status = Json::object();
  const Json& names = crd["spec"]["names"];
  status["acceptedNames"] = names;
  Json conditions = Json::array({{{"type", "NamesAccepted"},
                                  {"status", "True"},
                                  {"lastTransitionTime", now},
                                  {"reason", "NoConflicts"},
                                  {"message", "no conflicts found"}},
                                 {{"type", "Established"},
                                  {"status", "True"},
                                  {"lastTransitionTime", now},
                                  {"reason", "InitialNamesAccepted"},
                                  {"message", "the initial names have been accepted"}}});
  const Json* before = value::find(status, "conditions");
  bool established = false;
  if (before && before->is_array())
    for (const Json& c : *before)
      established |= value::string_at(c, "type") == "Established" && value::string_at(c, "status") == "True";
  if (!established) status["conditions"] = std::move(conditions);
  Json& stored = status["storedVersions"];
  if (!stored.is_array()) stored = Json::array();
  for (const Json& version : crd["spec"]["versions"])
    if (flag(version, "storage") && std::find(stored.begin(), stored.end(), version["name"]) == stored.end())
      stored.push_back(version["name"]);
}

}  // namespace nautilus::sim
