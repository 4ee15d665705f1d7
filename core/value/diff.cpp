#include "core/value/diff.h"

#include <unordered_map>

namespace nautilus::value {

namespace {

// Keys by which the API merges lists, most telling first. All items of both lists must have the first of a row, and no
// two the same key.
struct ListKey {
  std::string_view first, second, second_default;
};
constexpr ListKey kListKeys[] = {
    {"name", "", ""},
    {"containerPort", "protocol", "TCP"},
    {"port", "protocol", "TCP"},
    {"mountPath", "", ""},
    {"devicePath", "", ""},
    {"topologyKey", "whenUnsatisfiable", "DoNotSchedule"},
    {"key", "", ""},
    {"ip", "", ""},
    {"type", "", ""},
    {"uid", "", ""},
};

// Keys that are plain words are written after a dot.
void append_field(std::string& path, const std::string& key) {
  const bool word = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  path += word ? "." + key : "[" + Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + "]";
}

std::string scalar_text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// The key of an item, "name=app"; empty if it has none.
std::string item_key(const Json& item, const ListKey& key) {
  const Json* first = find(item, key.first);
  if (!first || first->is_structured() || first->is_null()) return "";
  std::string text = fmt::format("{}={}", key.first, scalar_text(*first));
  if (key.second.empty()) return text;
  const Json* second = find(item, key.second);
  const std::string other =
      second && second->is_string() ? second->get<std::string>() : std::string(key.second_default);
  if (other != key.second_default) text += fmt::format(",{}={}", key.second, other);
  return text;
}

using Index = std::unordered_map<std::string, const Json*>;

bool index_by(const Json& list, const ListKey& key, Index& out) {
  for (const auto& item : list) {
    std::string text = item_key(item, key);
    if (text.empty() || !out.emplace(std::move(text), &item).second) return false;
  }
  return true;
}

class Differ {
 public:
  std::vector<Change> changes;

  void compare(const Json& before, const Json& after) {
    if (changes.size() >= kMaxChanges) return;
    if (before.is_object() && after.is_object()) return objects(before, after);
    if (before.is_array() && after.is_array()) return lists(before, after);
    if (before != after) add(Change::Kind::changed, before, after);
  }

 private:
  void add(Change::Kind kind, const Json& before, const Json& after) {
    if (changes.size() < kMaxChanges) changes.push_back({kind, path_.empty() ? "." : path_, before, after});
  }

  template <class Work>
  void inside(const std::string& suffix, Work work) {
    const std::size_t length = path_.size();
    path_ += suffix;
    work();
    path_.resize(length);
  }

  void objects(const Json& before, const Json& after) {
    const auto field = [](const std::string& key) {
      std::string suffix;
      append_field(suffix, key);
      return suffix;
    };
    for (const auto& [key, child] : before.items()) {
      const Json& old = child;
      const Json* now = find(after, key);
      if (now && *now == old) continue;
      inside(field(key), [&] { now ? compare(old, *now) : add(Change::Kind::removed, old, Json()); });
    }
    for (const auto& [key, child] : after.items()) {
      const Json& now = child;
      if (!find(before, key)) inside(field(key), [&] { add(Change::Kind::added, Json(), now); });
    }
  }

  void lists(const Json& before, const Json& after) {
    for (const ListKey& key : kListKeys) {
      Index old_items, new_items;
      if (index_by(before, key, old_items) && index_by(after, key, new_items) && !(before.empty() && after.empty()))
        return keyed(before, after, key, old_items, new_items);
    }
    const std::size_t common = std::min(before.size(), after.size());
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i)
      inside(fmt::format("[{}]", i), [&] {
        if (i < common)
          compare(before[i], after[i]);
        else if (i < before.size())
          add(Change::Kind::removed, before[i], Json());
        else
          add(Change::Kind::added, Json(), after[i]);
      });
  }

  void keyed(const Json& before, const Json& after, const ListKey& key, const Index& old_items,
             const Index& new_items) {
    for (const auto& item : before) {
      const std::string text = item_key(item, key);
      auto now = new_items.find(text);
      inside("[" + text + "]",
             [&] { now != new_items.end() ? compare(item, *now->second) : add(Change::Kind::removed, item, Json()); });
    }
    for (const auto& item : after) {
      const std::string text = item_key(item, key);
      if (!old_items.count(text)) inside("[" + text + "]", [&] { add(Change::Kind::added, Json(), item); });
    }
  }

  std::string path_;
};

}  // namespace

std::string_view name(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added: return "added";
    case Change::Kind::removed: return "removed";
    case Change::Kind::changed: return "changed";
  }
  return "changed";
}

std::vector<Change> diff(const Json& before, const Json& after) {
  Differ differ;
  differ.compare(before, after);
  return std::move(differ.changes);
}

}  // namespace nautilus::value
