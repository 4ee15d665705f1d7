#include <map>
#include <set>

#include "core/bundle/bundle.h"
#include "core/value/object_id.h"

namespace nautilus::bundle {

namespace {

constexpr std::size_t kMaxReference = 1024;

bool is_reference(const std::string& text) {
  return !text.empty() && text.size() <= kMaxReference && text.find_first_of(" \t\r\n{}$") == std::string::npos;
}

// Containers carry `image`; so do the custom kinds that make pods (Prometheus, Elasticsearch, ...).
void collect(const Json& node, std::set<std::string>& references) {
  if (node.is_array())
    for (const Json& item : node) collect(item, references);
  if (!node.is_object()) return;
  for (const auto& [key, child] : node.items()) {
    if (key == "image" && child.is_string()) {
      if (std::string text = child.get<std::string>(); is_reference(text)) references.insert(std::move(text));
    } else {
      collect(child, references);
    }
  }
}

}  // namespace

std::vector<Image> images_of(const std::vector<const Json*>& objects) {
  std::map<std::string, Image> images;
  for (const Json* object : objects) {
    // A definition describes fields named image, it has none.
    if (value::string_at(*object, "kind") == "CustomResourceDefinition") continue;
    std::set<std::string> references;
    if (const Json* spec = value::find(*object, "spec")) collect(*spec, references);
    for (const std::string& reference : references) {
      Image& image = images[reference];
      image.reference = reference;
      if (const auto at = reference.find("@sha256:"); at != std::string::npos) image.digest = reference.substr(at + 1);
      if (image.used_by.size() < kMaxUsers) image.used_by.push_back(value::ObjectId::of(*object).text());
    }
  }
  std::vector<Image> list;
  for (auto& [reference, image] : images) list.push_back(std::move(image));
  return list;
}

}  // namespace nautilus::bundle
