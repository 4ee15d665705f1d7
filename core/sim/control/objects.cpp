#include "core/sim/control/objects.h"

#include <fmt/format.h>

#include "core/sim/control/times.h"
#include "core/sim/random.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

Key key_of(const Json& object) { return {namespace_of(object), name_of(object)}; }

const std::string& uid_of(const Json& object) {
  static const std::string kNone;
  const Json* uid = find(object, "metadata", "uid");
  return uid && uid->is_string() ? uid->get_ref<const std::string&>() : kNone;
}

std::string name_of(const Json& object) { return string_at(object, "metadata", "name"); }
std::string namespace_of(const Json& object) { return string_at(object, "metadata", "namespace"); }

bool is_deleting(const Json& object) {
  const Json* at = find(object, "metadata", "deletionTimestamp");
  return at && !at->is_null();
}

std::int64_t generation_of(const Json& object) { return value::int_at(object, 0, "metadata", "generation"); }

std::optional<port::WallTime> time_at(const Json& object, std::string_view parent, std::string_view field) {
  const Json* text = find(object, parent, field);
  return text && text->is_string() ? parse_time(text->get_ref<const std::string&>()) : std::nullopt;
}

std::string annotation(const Json& object, std::string_view key) {
  return string_at(object, "metadata", "annotations", key);
}

std::string label(const Json& object, std::string_view key) { return string_at(object, "metadata", "labels", key); }

bool has_finalizer(const Json& object, std::string_view finalizer) {
  const Json* all = find(object, "metadata", "finalizers");
  if (!all || !all->is_array()) return false;
  return std::any_of(all->begin(), all->end(), [&](const Json& one) { return one.is_string() && one == finalizer; });
}

bool drop_finalizer(Json& object, std::string_view finalizer) {
  if (!has_finalizer(object, finalizer)) return false;
  Json kept = Json::array();
  for (const auto& one : object["metadata"]["finalizers"])
    if (one != finalizer) kept.push_back(one);
  if (kept.empty())
    object["metadata"].erase("finalizers");
  else
    object["metadata"]["finalizers"] = std::move(kept);
  return true;
}

const Json* controller_ref(const Json& object) {
  const Json* refs = find(object, "metadata", "ownerReferences");
  if (!refs || !refs->is_array()) return nullptr;
  for (const auto& ref : *refs)
    if (value::bool_at(ref, false, "controller")) return &ref;
  return nullptr;
}

Json owner_ref(const Json& owner, const Kind& kind, bool controller) {
  Json ref = {{"apiVersion", kind.api_version()},
              {"kind", std::string(kind.kind)},
              {"name", name_of(owner)},
              {"uid", uid_of(owner)}};
  if (controller) {
    ref["controller"] = true;
    ref["blockOwnerDeletion"] = true;
  }
  return ref;
}

bool has_owner(const Json& object, const std::string& uid) {
  const Json* refs = find(object, "metadata", "ownerReferences");
  if (!refs || !refs->is_array()) return false;
  return std::any_of(refs->begin(), refs->end(), [&](const Json& ref) { return string_at(ref, "uid") == uid; });
}

const Json* condition(const Json& status, std::string_view type) {
  const Json* all = find(status, "conditions");
  if (!all || !all->is_array()) return nullptr;
  for (const auto& one : *all)
    if (string_at(one, "type") == type) return &one;
  return nullptr;
}

bool condition_is(const Json& status, std::string_view type, std::string_view wanted) {
  const Json* found = condition(status, type);
  return found && string_at(*found, "status") == wanted;
}

void drop_condition(Json& status, std::string_view type) {
  auto all = status.find("conditions");
  if (all == status.end() || !all->is_array()) return;
  Json kept = Json::array();
  for (auto& one : *all)
    if (string_at(one, "type") != type) kept.push_back(std::move(one));
  *all = std::move(kept);
}

bool set_condition(Json& status, const Condition& wanted, port::WallTime now) {
  Json& all = status["conditions"];
  if (!all.is_array()) all = Json::array();
  for (auto& one : all) {
    if (string_at(one, "type") != wanted.type) continue;
    const bool moved = string_at(one, "status") != wanted.status;
    if (!moved && string_at(one, "reason") == wanted.reason && string_at(one, "message") == wanted.message)
      return false;
    if (moved) one["lastTransitionTime"] = time_text(now);
    one["status"] = wanted.status;
    if (wanted.reason.empty())
      one.erase("reason");
    else
      one["reason"] = wanted.reason;
    if (wanted.message.empty())
      one.erase("message");
    else
      one["message"] = wanted.message;
    return true;
  }
  Json fresh = {{"type", wanted.type}, {"status", wanted.status}, {"lastTransitionTime", time_text(now)}};
  if (!wanted.reason.empty()) fresh["reason"] = wanted.reason;
  if (!wanted.message.empty()) fresh["message"] = wanted.message;
  all.push_back(std::move(fresh));
  return true;
}

std::optional<std::int64_t> int_or_percent(const Json& amount, std::int64_t total, bool round_up) {
  if (amount.is_number_integer()) return amount.get<std::int64_t>();
  if (!amount.is_string()) return std::nullopt;
  const auto& text = amount.get_ref<const std::string&>();
  if (text.size() < 2 || text.size() > 7 || text.back() != '%') return std::nullopt;
  std::int64_t percent = 0;
  for (char c : std::string_view(text).substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    percent = percent * 10 + (c - '0');
  }
  return (percent * total + (round_up ? 99 : 0)) / 100;
}

std::string safe_hash(const Json& content, std::int64_t collisions) {
  std::uint32_t hash = fnv1a32(content.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (collisions > 0) hash = fnv1a32(fmt::format("#{}", collisions), hash);
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string text = fmt::format("{}", hash);
  for (char& c : text) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return text;
}

std::string fit_name(std::string_view base, std::string_view suffix, std::size_t limit) {
  const std::size_t room = limit > suffix.size() ? limit - suffix.size() : 0;
  return std::string(base.substr(0, room)) + std::string(suffix);
}

}  // namespace nautilus::sim
