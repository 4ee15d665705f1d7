#include "core/apply/k8s_tree.h"

#include "core/value/object_id.h"
#include "core/value/strict_reader.h"
#include "core/value/yaml.h"

namespace nautilus::apply {

namespace {

struct Rule {
  std::string path;
  std::vector<std::string> kinds, names, namespaces;  // empty = any
  std::map<std::string, std::string> labels;
};

// A path from a data file becomes a path on disk: it must stay inside the output directory.
bool stays_inside(const std::string& path) {
  return !path.empty() && path.front() != '/' && ("/" + path + "/").find("/../") == std::string::npos;
}

Result<std::vector<Rule>> read_rules(const Json& document, const std::string& file) {
  value::StrictReader root(document, file);
  std::vector<Rule> rules;
  for (value::StrictReader entry : root.list("rules")) {
    Rule rule;
    rule.path = entry.required_string("path");
    if (!stays_inside(rule.path)) entry.fail("path", "must be relative and stay inside the output directory");
    value::StrictReader match = entry.object("match");
    rule.kinds = match.string_or_strings("kind");
    rule.names = match.string_or_strings("name");
    rule.namespaces = match.string_or_strings("namespace");
    value::StrictReader labels = match.object("labels");
    for (const auto& key : labels.keys()) rule.labels[key] = labels.string(key);
    rules.push_back(std::move(rule));
    TRY(labels.finish());
    TRY(match.finish());
    TRY(entry.finish());
  }
  TRY(root.finish());
  return rules;
}

bool matches(const Rule& rule, const Json& object) {
  auto fits = [](const std::vector<std::string>& wanted, const std::string& found) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), found) != wanted.end();
  };
  if (!fits(rule.kinds, value::string_at(object, "kind"))) return false;
  if (!fits(rule.names, value::string_at(object, "metadata", "name"))) return false;
  if (!fits(rule.namespaces, value::string_at(object, "metadata", "namespace"))) return false;
  return std::all_of(rule.labels.begin(), rule.labels.end(), [&](const auto& label) {
    return value::string_at(object, "metadata", "labels", label.first) == label.second;
  });
}

}  // namespace

Result<Tree> arrange(const Desired& desired, const Json& document, const std::string& file) {
  ASSIGN_OR_RETURN(const auto rules, read_rules(document, file));
  Tree tree;
  for (const auto& object : desired.objects) {
    auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return matches(r, object.manifest); });
    if (rule == rules.end())
      return Error(Code::invalid,
                   fmt::format("no file for {} from {}", value::ObjectId::of(object.manifest).text(), object.source),
                   "add a rule for it")
          .at(file);
    tree[rule->path].push_back(&object);
  }
  return tree;
}

std::string tree_file_text(const std::vector<const DesiredObject*>& objects) {
  std::string text;
  for (const auto* object : objects)
    text += "---\n# Source: " + object->source + "\n" + value::to_yaml(object->manifest);
  return text;
}

}  // namespace nautilus::apply
