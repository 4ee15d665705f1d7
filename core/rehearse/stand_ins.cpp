#include "core/rehearse/stand_ins.h"

#include <map>
#include <set>

namespace nautilus::rehearse {

namespace {

using KeysOfSecrets = std::map<std::string, std::set<std::string>>;  // by the Secret's name

// `secretKeyRef: {name, key}`, and `secret: {secretName or name, items: [{key}]}` of volumes and projections.
void collect(const Json& node, KeysOfSecrets& keys) {
  if (node.is_array())
    for (const auto& item : node) collect(item, keys);
  if (!node.is_object()) return;
  if (const Json* ref = value::find(node, "secretKeyRef"))
    keys[value::string_at(*ref, "name")].insert(value::string_at(*ref, "key"));
  if (const Json* secret = value::find(node, "secret"); secret && secret->is_object()) {
    std::string name = value::string_at(*secret, "secretName");
    if (name.empty()) name = value::string_at(*secret, "name");
    if (const Json* items = value::find(*secret, "items"); items && items->is_array())
      for (const auto& item : *items) keys[name].insert(value::string_at(item, "key"));
  }
  for (const auto& [key, child] : node.items()) collect(child, keys);
}

}  // namespace

std::vector<Json> stand_in_secrets(const env::Environment& env, const apply::Desired& desired) {
  KeysOfSecrets keys;
  for (const auto& object : desired.objects) collect(object.manifest, keys);
  std::vector<Json> secrets;
  for (const auto& secret : env.external_secrets) {
    Json object = {{"apiVersion", "v1"},
                   {"kind", "Secret"},
                   {"type", "Opaque"},
                   {"metadata", {{"name", secret.name}, {"namespace", secret.namespace_}}}};
    for (const auto& key : keys[secret.name])
      if (!key.empty()) object["stringData"][key] = "stand-in";
    secrets.push_back(std::move(object));
  }
  return secrets;
}

}  // namespace nautilus::rehearse
