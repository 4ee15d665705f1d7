#include "core/sim/api/status.h"

#include <fmt/format.h>

namespace nautilus::sim {

Json make_status(int code, std::string_view reason, std::string message, Json details) {
  Json status = {{"kind", "Status"},
                 {"apiVersion", "v1"},
                 {"metadata", Json::object()},
                 {"status", "Failure"},
                 {"message", std::move(message)},
                 {"code", code}};
  if (!reason.empty()) status["reason"] = reason;
  if (!details.is_null()) status["details"] = std::move(details);
  return status;
}

Outcome refuse(const Refused& refused) {
  Outcome outcome;
  outcome.code = refused.code();
  outcome.status = refused.status;
  return outcome;
}

std::string Outcome::reason() const { return status.is_object() ? value::string_at(status, "reason") : std::string(); }
std::string Outcome::message() const {
  return status.is_object() ? value::string_at(status, "message") : std::string();
}

std::string qualified(const ResourceInfo& info) {
  return info.group.empty() ? info.resource : info.resource + "." + info.group;
}

namespace {

// Status details name the resource in `kind`, as the real server does (except for Invalid, which names the kind).
Json details_of(const ResourceInfo& info, std::string_view name, bool by_kind = false) {
  Json details = Json::object();
  if (!name.empty()) details["name"] = name;
  if (!info.group.empty()) details["group"] = info.group;
  details["kind"] = by_kind ? info.kind : info.resource;
  return details;
}

std::string shown(const Json& value) {
  if (value.is_string()) return fmt::format("\"{}\"", value.get_ref<const std::string&>());
  if (value.is_null()) return "null";
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Refused not_found(const ResourceInfo& info, std::string_view name) {
  return {
      make_status(404, "NotFound", fmt::format("{} \"{}\" not found", qualified(info), name), details_of(info, name))};
}

Refused already_exists(const ResourceInfo& info, std::string_view name) {
  return {make_status(409, "AlreadyExists", fmt::format("{} \"{}\" already exists", qualified(info), name),
                      details_of(info, name))};
}

Refused conflict(const ResourceInfo& info, std::string_view name, std::string_view why) {
  return {make_status(409, "Conflict",
                      fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", qualified(info), name, why),
                      details_of(info, name))};
}

Refused forbidden(const ResourceInfo& info, std::string_view name, std::string_view why) {
  std::string message = name.empty() ? fmt::format("{} is forbidden: {}", qualified(info), why)
                                     : fmt::format("{} \"{}\" is forbidden: {}", qualified(info), name, why);
  return {make_status(403, "Forbidden", std::move(message), details_of(info, name))};
}

Refused bad_request(std::string message) { return {make_status(400, "BadRequest", std::move(message))}; }

Refused internal_error(std::string message) { return {make_status(500, "", std::move(message))}; }

Refused invalid(const ResourceInfo& info, std::string_view name, const std::vector<Cause>& causes) {
  Json details = details_of(info, name, true);
  Json list = Json::array();
  std::string text;
  for (const auto& cause : causes) {
    list.push_back({{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
    text += (text.empty() ? "" : ", ") + cause.field + ": " + cause.message;
  }
  details["causes"] = std::move(list);
  if (causes.size() != 1) text = "[" + text + "]";
  std::string kind = info.group.empty() ? info.kind : info.kind + "." + info.group;
  return {make_status(422, "Invalid", fmt::format("{} \"{}\" is invalid: {}", kind, name, text), std::move(details))};
}

void FieldErrors::add_invalid(const std::string& field, const Json& value, std::string_view detail) {
  causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: {}: {}", shown(value), detail), field});
}
void FieldErrors::add_type(const std::string& field, const Json& value, std::string_view detail) {
  causes.push_back({"FieldValueTypeInvalid", fmt::format("Invalid value: {}: {}", shown(value), detail), field});
}
void FieldErrors::add_required(const std::string& field, std::string_view detail) {
  causes.push_back(
      {"FieldValueRequired", detail.empty() ? "Required value" : fmt::format("Required value: {}", detail), field});
}
void FieldErrors::add_forbidden(const std::string& field, std::string_view detail) {
  causes.push_back({"FieldValueForbidden", fmt::format("Forbidden: {}", detail), field});
}
void FieldErrors::add_duplicate(const std::string& field, const Json& value) {
  causes.push_back({"FieldValueDuplicate", fmt::format("Duplicate value: {}", shown(value)), field});
}
void FieldErrors::add_not_found(const std::string& field, const Json& value) {
  causes.push_back({"FieldValueNotFound", fmt::format("Not found: {}", shown(value)), field});
}
void FieldErrors::add_unsupported(const std::string& field, const Json& value,
                                  std::vector<std::string_view> supported) {
  std::string list;
  for (auto s : supported) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", s);
  causes.push_back({"FieldValueNotSupported",
                    fmt::format("Unsupported value: {}: supported values: {}", shown(value), list), field});
}
void FieldErrors::add_too_long(const std::string& field, int most) {
  causes.push_back({"FieldValueTooLong", fmt::format("Too long: may not be more than {} bytes", most), field});
}
void FieldErrors::add_too_many(const std::string& field, std::size_t actual, std::size_t most) {
  causes.push_back({"FieldValueTooMany", fmt::format("Too many: {}: must have at most {} items", actual, most), field});
}

}  // namespace nautilus::sim
