#include "core/apply/handover.h"

#include <set>

#include "core/apply/compare.h"

namespace nautilus::apply {

namespace {

struct Mark {
  const char* map;  // of metadata
  std::string_view key;
  std::string value;
};

std::vector<Mark> marks_of(const HelmOwner& owner) {
  return {{"labels", kManagedBy, "Helm"},
          {"annotations", kHelmRelease, owner.release},
          {"annotations", kHelmNamespace, owner.namespace_}};
}

bool is_helms(const Json& entry) {
  return value::string_at(entry, "manager") == kHelmManager && value::string_at(entry, "operation") == "Apply" &&
         value::string_at(entry, "subresource").empty();
}

void set_marks(const Json& live, const HelmOwner& owner, Handover& out) {
  std::set<std::string> made;  // maps that are not there yet
  for (const auto& mark : marks_of(owner)) {
    const Json* map = value::find(live, "metadata", std::string_view(mark.map));
    const std::string now = map ? value::string_at(*map, mark.key) : "";
    if (now == mark.value) continue;
    const std::string path = std::string("/metadata/") + mark.map;
    if (!map && made.insert(mark.map).second)
      out.patch.push_back({{"op", "add"}, {"path", path}, {"value", Json::object()}});
    out.patch.push_back({{"op", "add"}, {"path", path + "/" + pointer_token(mark.key)}, {"value", mark.value}});
    out.marks.push_back(fmt::format("{} {}: {} -> {}", mark.map[0] == 'l' ? "label" : "annotation", mark.key,
                                    now.empty() ? "(none)" : now, mark.value));
  }
}

}  // namespace

Handover hand_over(const Json& live, const HelmOwner& owner) {
  Handover out;
  out.patch = Json::array();
  Json kept = Json::array(), helm;
  const Json* ours = our_entry(live);
  bool marker = false;
  std::set<std::string> others;
  if (const Json* entries = value::find(live, "metadata", "managedFields"); entries && entries->is_array())
    for (const auto& entry : *entries) {
      const std::string manager = value::string_at(entry, "manager");
      if (&entry == ours) continue;
      if (manager == kAdoptManager) {  // what stood in Helm's way
        marker = true;
      } else if (is_helms(entry)) {
        helm = entry;
      } else {
        kept.push_back(entry);
        if (value::string_at(entry, "subresource").empty() && manager != kHelmManager) others.insert(manager);
      }
    }
  out.others.assign(others.begin(), others.end());
  set_marks(live, owner, out);
  out.needed = ours || marker || !out.marks.empty();
  if (!out.needed) return out;
  Json fields = Json::object();
  // Versions of a kind name fields differently: ours is the one that was rendered.
  for (const Json* entry : {const_cast<const Json*>(&helm), ours})
    if (entry && entry->is_object() &&
        (!ours || value::string_at(*entry, "apiVersion") == value::string_at(*ours, "apiVersion")))
      if (const Json* owned = value::find(*entry, "fieldsV1")) fields = unite_fields(fields, *owned);
  for (const auto& mark : marks_of(owner))
    fields["f:metadata"][std::string("f:") + mark.map]["f:" + std::string(mark.key)] = Json::object();
  if (ours) helm = *ours;
  if (helm.is_null()) helm = {{"apiVersion", value::string_at(live, "apiVersion")}, {"fieldsType", "FieldsV1"}};
  helm["manager"] = std::string(kHelmManager);
  helm["operation"] = "Apply";
  helm["fieldsV1"] = std::move(fields);
  kept.push_back(std::move(helm));
  out.patch.push_back({{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", std::move(kept)}});
  // `replace`, not `test`: the server then answers 409 if the object has moved on.
  out.patch.push_back({{"op", "replace"},
                       {"path", "/metadata/resourceVersion"},
                       {"value", value::string_at(live, "metadata", "resourceVersion")}});
  return out;
}

}  // namespace nautilus::apply
