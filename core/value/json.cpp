#include "core/value/json.h"

namespace nautilus::value {

Result<Json> parse_json(std::string_view text, std::string_view what) {
  int deepest = 0;
  auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > deepest) deepest = depth;
    return depth <= kMaxDepth;
  };
  try {
    Json parsed = Json::parse(text, watch_depth);
    if (deepest > kMaxDepth)
      return Error(Code::limit, fmt::format("{}: nested deeper than {} levels", what, kMaxDepth));
    return parsed;
  } catch (const Json::exception& e) { return Error(Code::invalid, fmt::format("{}: not JSON: {}", what, e.what())); }
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

}  // namespace nautilus::value
