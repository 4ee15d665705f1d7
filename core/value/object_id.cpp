#include "core/value/object_id.h"

namespace nautilus::value {

GroupVersion GroupVersion::parse(std::string_view api_version) {
  auto slash = api_version.find('/');
  if (slash == std::string_view::npos) return {"", std::string(api_version)};
  return {std::string(api_version.substr(0, slash)), std::string(api_version.substr(slash + 1))};
}

ObjectId ObjectId::of(const Json& object) {
  return {GroupVersion::parse(string_at(object, "apiVersion")).group, string_at(object, "kind"),
          string_at(object, "metadata", "namespace"), string_at(object, "metadata", "name")};
}

std::string ObjectId::text() const {
  // Built-in groups have no dot, or end in .k8s.io; a custom kind may share its name with one of them.
  const bool custom = group.find('.') != std::string::npos && !group.ends_with(".k8s.io");
  return (custom ? kind + "." + group : kind) + " " + (namespace_.empty() ? name : namespace_ + "/" + name);
}

}  // namespace nautilus::value
