#include "core/sim/api/store.h"

#include <charconv>

namespace nautilus::sim {

class Store::Subscription {
 public:
  explicit Subscription(Callback callback) : callback_(std::move(callback)) {}
  void call(const Change& change) const { callback_(change); }

 private:
  Callback callback_;
};

struct Store::Table {
  std::string group, resource;
  std::map<std::string, Object, std::less<>> objects;  // by "namespace/name" or "name"
  std::deque<Change> history;
  std::uint64_t forgotten = 0;  // changes up to this revision are no longer in `history`
  std::vector<std::weak_ptr<Subscription>> subscribers;
};

namespace {

std::string make_key(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + name.size() + 1);
  if (!ns.empty()) key.append(ns).push_back('/');
  key.append(name);
  return key;
}

std::uint64_t revision_of(const Object& object) {
  std::string text = value::string_at(*object, "metadata", "resourceVersion");
  std::uint64_t revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

Object stamp(Json object, std::uint64_t revision) {
  object["metadata"]["resourceVersion"] = std::to_string(revision);
  return std::make_shared<const Json>(std::move(object));
}

void call_all(std::vector<std::weak_ptr<Store::Subscription>>& subscribers, const Change& change) {
  // By index: a callback may add a subscriber. Ended ones are swept afterwards.
  bool ended = false;
  for (std::size_t i = 0, n = subscribers.size(); i < n; ++i) {
    if (auto alive = subscribers[i].lock())
      alive->call(change);
    else
      ended = true;
  }
  if (ended) std::erase_if(subscribers, [](const auto& weak) { return weak.expired(); });
}

}  // namespace

Store::Store(std::size_t history_per_resource) : history_(history_per_resource ? history_per_resource : 1) {}
Store::~Store() = default;

const Store::Table* Store::find_table(GroupResource resource) const {
  auto at = tables_.find(ByName::View(resource.group, resource.resource));
  return at == tables_.end() ? nullptr : at->second.get();
}

Store::Table& Store::table(GroupResource resource) {
  auto at = tables_.find(ByName::View(resource.group, resource.resource));
  if (at == tables_.end()) {
    auto made = std::make_unique<Table>();
    made->group = resource.group;
    made->resource = resource.resource;
    at = tables_.emplace(std::pair(made->group, made->resource), std::move(made)).first;
  }
  return *at->second;
}

Object Store::get(GroupResource resource, std::string_view ns, std::string_view name) const {
  const Table* t = find_table(resource);
  if (!t) return nullptr;
  auto at = t->objects.find(make_key(ns, name));
  return at == t->objects.end() ? nullptr : at->second;
}

void Store::scan(GroupResource resource, std::string_view ns, std::string_view after,
                 const std::function<bool(const std::string& key, const Object&)>& visit) const {
  const Table* t = find_table(resource);
  if (!t) return;
  std::string prefix = ns.empty() ? std::string() : std::string(ns) + "/";
  auto at = after > prefix ? t->objects.upper_bound(after) : t->objects.lower_bound(prefix);
  for (; at != t->objects.end(); ++at) {
    if (!prefix.empty() && at->first.compare(0, prefix.size(), prefix) != 0) break;
    if (!visit(at->first, at->second)) break;
  }
}

std::vector<Object> Store::list(GroupResource resource, std::string_view ns) const {
  std::vector<Object> found;
  if (const Table* t = find_table(resource); t && ns.empty()) found.reserve(t->objects.size());
  scan(resource, ns, {}, [&](const std::string&, const Object& object) {
    found.push_back(object);
    return true;
  });
  return found;
}

std::size_t Store::count(GroupResource resource, std::string_view ns) const {
  const Table* t = find_table(resource);
  if (!t) return 0;
  if (ns.empty()) return t->objects.size();
  std::size_t n = 0;
  scan(resource, ns, {}, [&](const std::string&, const Object&) { return ++n, true; });
  return n;
}

void Store::publish(Table& t, Change change) {
  t.history.push_back(change);
  if (t.history.size() > history_) {
    t.forgotten = t.history.front().revision;
    t.history.pop_front();
  }
  call_all(t.subscribers, change);
  call_all(everything_, change);
}

WriteResult Store::create(GroupResource resource, std::string_view ns, std::string_view name, Json object) {
  Table& t = table(resource);
  auto [at, fresh] = t.objects.try_emplace(make_key(ns, name));
  if (!fresh) return {WriteResult::Kind::exists, at->second};
  Object made = at->second = stamp(std::move(object), ++revision_);
  publish(t, {Change::Type::added, revision_, {t.group, t.resource}, made, nullptr});
  return {WriteResult::Kind::done, made};
}

WriteResult Store::update(GroupResource resource, std::string_view ns, std::string_view name, Json object,
                          std::uint64_t expected) {
  Table& t = table(resource);
  auto at = t.objects.find(make_key(ns, name));
  if (at == t.objects.end()) return {WriteResult::Kind::missing, nullptr};
  if (expected && revision_of(at->second) != expected) return {WriteResult::Kind::conflict, at->second};
  Object previous = at->second;
  Object made = at->second = stamp(std::move(object), ++revision_);
  publish(t, {Change::Type::modified, revision_, {t.group, t.resource}, made, previous});
  return {WriteResult::Kind::done, made};
}

WriteResult Store::remove(GroupResource resource, std::string_view ns, std::string_view name, std::uint64_t expected) {
  Table& t = table(resource);
  auto at = t.objects.find(make_key(ns, name));
  if (at == t.objects.end()) return {WriteResult::Kind::missing, nullptr};
  if (expected && revision_of(at->second) != expected) return {WriteResult::Kind::conflict, at->second};
  Object previous = at->second;
  t.objects.erase(at);
  Object last = stamp(*previous, ++revision_);
  publish(t, {Change::Type::deleted, revision_, {t.group, t.resource}, last, previous});
  return {WriteResult::Kind::done, last};
}

std::optional<std::vector<Change>> Store::changes_since(GroupResource resource, std::uint64_t since) const {
  const Table* t = find_table(resource);
  // A resource that never held anything remembers as far back as any other would.
  if (!t) return since + history_ < revision_ ? std::nullopt : std::optional(std::vector<Change>());
  if (since < t->forgotten) return std::nullopt;
  auto at = std::upper_bound(t->history.begin(), t->history.end(), since,
                             [](std::uint64_t revision, const Change& change) { return revision < change.revision; });
  return std::vector<Change>(at, t->history.end());
}

Store::Handle Store::subscribe(GroupResource resource, Callback callback) {
  auto handle = std::make_shared<Subscription>(std::move(callback));
  if (resource.resource.empty())
    everything_.push_back(handle);
  else
    table(resource).subscribers.push_back(handle);
  return handle;
}

void Store::compact() {
  for (auto& [key, t] : tables_) {
    t->history.clear();
    t->forgotten = revision_;
  }
}

}  // namespace nautilus::sim
