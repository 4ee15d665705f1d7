#include "core/apply/takeover.h"

#include <set>

#include "core/apply/compare.h"

namespace nautilus::apply {

namespace {

// Key fields that were left out are filled in by the server; of the built-in lists only ports do that.
bool is_item(const Json& item, const Json& keys) {
  if (!item.is_object()) return false;
  for (const auto& [name, wanted] : keys.items()) {
    const Json* found = value::find(item, name);
    if (found ? *found != wanted : !(name == "protocol" && wanted == "TCP")) return false;
  }
  return true;
}

// The part of `object` that one element of fieldsV1 names; null if there is none.
const Json* part_of(const Json& object, const std::string& element) {
  if (element.starts_with("f:")) return object.is_object() ? value::find(object, element.substr(2)) : nullptr;
  if (!object.is_array() || element.size() < 2) return nullptr;
  const Json key = Json::parse(element.substr(2), nullptr, false);
  for (const auto& item : object)
    if (element[0] == 'v' ? item == key : key.is_object() && is_item(item, key)) return &item;
  return nullptr;
}

bool has_children(const Json& fields) { return fields.size() > (fields.contains(".") ? 1u : 0u); }

std::string shown(const std::string& element) {
  return element.starts_with("f:") ? "." + element.substr(2) : "[" + element.substr(2) + "]";
}

void collect_outside(const Json& fields, const Json& manifest, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [element, child] : fields.items()) {
    if (element == ".") continue;
    const Json* part = part_of(manifest, element);
    if (!part || part->is_null())
      out.push_back(path + shown(element));
    else if (has_children(child))
      collect_outside(child, *part, path + shown(element), out);
  }
}

void copy_owned(const Json& live, const Json& fields, Json& into);

void copy_part(const Json& part, const std::string& element, const Json& child, Json& into) {
  Json copy = part;
  if (has_children(child) && (part.is_object() || part.is_array())) {
    copy = part.is_object() ? Json::object() : Json::array();
    if (element.starts_with("k:"))
      if (const Json keys = Json::parse(element.substr(2), nullptr, false); keys.is_object()) copy.update(keys);
    copy_owned(part, child, copy);
  }
  if (element.starts_with("f:"))
    into[element.substr(2)] = std::move(copy);
  else
    into.push_back(std::move(copy));
}

void copy_owned(const Json& live, const Json& fields, Json& into) {
  // fieldsV1 is sorted by key; the order of a list means something (containers, environment), so the live one counts.
  if (live.is_array()) {
    for (const auto& item : live)
      for (const auto& [element, child] : fields.items())
        if (element != "." && part_of(Json::array({item}), element)) {
          copy_part(item, element, child, into);
          break;
        }
    return;
  }
  for (const auto& [element, child] : fields.items())
    if (const Json* part = element == "." ? nullptr : part_of(live, element)) copy_part(*part, element, child, into);
}

void drop(Json& fields, std::initializer_list<std::string> path) {
  std::vector<Json*> nodes{&fields};
  for (const auto& element : path) {
    auto found = nodes.back()->find(element);
    if (found == nodes.back()->end()) return;
    nodes.push_back(&*found);
  }
  auto element = path.end();
  for (std::size_t i = nodes.size() - 1; i-- > 0;) {
    nodes[i]->erase(*--element);
    if (has_children(*nodes[i])) return;
  }
}

// Helm and kubectl put these on what they install; they belong to nobody's manifest.
void drop_marks(Json& fields, const Json& desired) {
  for (auto mark : {kHelmRelease, kHelmNamespace, kLastApplied})
    drop(fields, {"f:metadata", "f:annotations", "f:" + std::string(mark)});
  if (!value::find(desired, "metadata", "labels", "app.kubernetes.io/managed-by"))
    drop(fields, {"f:metadata", "f:labels", "f:app.kubernetes.io/managed-by"});
}

bool installed_by(const Json& entry, const Installers& installers) {
  if (!value::string_at(entry, "subresource").empty()) return false;
  const std::string manager = value::string_at(entry, "manager");
  const bool apply = value::string_at(entry, "operation") == "Apply";
  if (manager == "helm") return installers.helm;
  if (apply) return installers.kubectl && manager == "kubectl";
  return installers.kubectl && (manager == "kubectl-client-side-apply" || manager == "kubectl-create");
}

Json last_applied(const Json& live) {
  const std::string text = value::string_at(live, "metadata", "annotations", std::string(kLastApplied));
  if (text.empty()) return nullptr;
  auto parsed = value::parse_json(text, kLastApplied);
  return parsed.ok() ? *parsed : Json();
}

// What of an entry was meant. Server-side apply says so by itself.
Json meant(const Json& entry, const Json& desired, const Json& installed) {
  const Json* fields = value::find(entry, "fieldsV1");
  if (!fields || !fields->is_object()) return Json::object();
  if (value::string_at(entry, "operation") == "Apply") return *fields;
  if (installed.is_null()) return unite_fields(*fields, Json::object());
  return unite_fields(fields_within(*fields, desired), fields_within(*fields, installed));
}

void add_marks(const Json& live, const Installers& installers, Json& patch) {
  const std::string base = "/metadata/annotations/";
  const std::string release = value::string_at(live, "metadata", "annotations", std::string(kHelmRelease));
  if (installers.helm && !release.empty())
    patch.push_back({{"op", "replace"},
                     {"path", base + pointer_token(kHelmRelease)},
                     {"value", release + " (taken over by nautilusctl)"}});
  if (installers.kubectl && value::find(live, "metadata", "annotations", std::string(kLastApplied)))
    patch.push_back({{"op", "remove"}, {"path", base + pointer_token(kLastApplied)}});
}

}  // namespace

std::string pointer_token(std::string_view key) {
  std::string out;
  for (char c : key) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

Json unite_fields(const Json& a, const Json& b) {
  Json out = a.is_object() ? a : Json::object();
  if (b.is_object())
    for (const auto& [element, child] : b.items()) {
      auto found = out.find(element);
      if (found == out.end())
        out[element] = child;
      else
        *found = unite_fields(*found, child);
    }
  return out;
}

Json fields_within(const Json& fields, const Json& manifest) {
  Json out = Json::object();
  for (const auto& [element, child] : fields.items()) {
    if (element == ".") continue;
    const Json* part = part_of(manifest, element);
    if (!part || part->is_null()) continue;
    if (!has_children(child)) {
      out[element] = element.starts_with("k:") ? child : Json::object();
      continue;
    }
    if (!part->is_object() && !part->is_array()) continue;
    Json within = fields_within(child, *part);
    if (element.starts_with("k:")) within["."] = Json::object();
    // A map of which nothing is left is a mark's (kubectl notes "annotations: {}"), or somebody else's.
    if (!within.empty()) out[element] = std::move(within);
  }
  return out;
}

std::vector<std::string> fields_outside(const Json& fields, const Json& manifest) {
  std::vector<std::string> out;
  collect_outside(fields, manifest, "", out);
  return out;
}

Json extract_owned(const Json& live, const Json& fields) {
  Json out = Json::object();
  copy_owned(live, fields, out);
  for (const char* key : {"apiVersion", "kind"})
    if (const Json* found = value::find(live, key)) out[key] = *found;
  for (const char* key : {"name", "namespace"})
    if (const Json* found = value::find(live, "metadata", key)) out["metadata"][key] = *found;
  return out;
}

Takeover take_over(const Json& live, const Json& desired, const Json& installed, const Installers& installers) {
  Takeover out;
  out.fields = Json::object();
  Json kept = Json::array(), ours;
  const Json own_record = last_applied(live);
  std::set<std::string> others;
  const std::string wanted = value::string_at(desired, "apiVersion");
  std::vector<const Json*> taken;
  if (const Json* entries = value::find(live, "metadata", "managedFields"); entries && entries->is_array())
    for (const auto& entry : *entries) {
      const std::string manager = value::string_at(entry, "manager");
      if (&entry == our_entry(live)) {
        ours = entry;
      } else if (installed_by(entry, installers)) {
        taken.push_back(&entry);
        out.from.push_back(fmt::format(
            "{} ({})", manager, value::string_at(entry, "operation") == "Apply" ? "server-side apply" : "update"));
      } else {
        kept.push_back(entry);
        if (value::string_at(entry, "subresource").empty()) others.insert(manager);
      }
    }
  out.others.assign(others.begin(), others.end());
  out.needed = !taken.empty();
  if (ours.is_object())
    if (const Json* fields = value::find(ours, "fieldsV1")) out.fields = *fields;
  if (!out.needed) return out;
  // Versions of a kind name fields differently: entries of another version than ours cannot be added up.
  std::string version = ours.is_object() ? value::string_at(ours, "apiVersion") : "";
  for (const Json* entry : taken)
    if (version.empty() && value::string_at(*entry, "apiVersion") == wanted) version = wanted;
  if (version.empty()) version = value::string_at(*taken.front(), "apiVersion");
  Json entry;
  for (const Json* one : taken) {
    if (value::string_at(*one, "apiVersion") != version) continue;
    const bool by_kubectl = value::string_at(*one, "manager").starts_with("kubectl");
    out.fields = unite_fields(out.fields, meant(*one, desired, by_kubectl ? own_record : installed));
    if (entry.is_null()) entry = *one;
  }
  drop_marks(out.fields, desired);
  if (entry.is_null()) entry = ours;
  entry["manager"] = std::string(kFieldManager);
  entry["operation"] = "Apply";
  entry["fieldsV1"] = out.fields;
  kept.push_back(std::move(entry));
  out.patch = Json::array();
  out.patch.push_back({{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", std::move(kept)}});
  add_marks(live, installers, out.patch);
  // `replace`, not `test`: the server then answers 409 if the object has moved on.
  out.patch.push_back({{"op", "replace"},
                       {"path", "/metadata/resourceVersion"},
                       {"value", value::string_at(live, "metadata", "resourceVersion")}});
  return out;
}

}  // namespace nautilus::apply
