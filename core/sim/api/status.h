// The API's Status object, and how a request is refused inside this module.
//
// Deep inside a request (validation, admission, patching) a refusal is thrown as `Refused` and caught at the module's
// entry points in server.cpp: nothing throws across the boundary.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sim/api/server.h"
#include "core/value/json.h"

namespace nautilus::sim {

struct Refused {
  Json status;
  int code() const { return static_cast<int>(value::int_at(status, 500, "code")); }
};

struct Cause {
  std::string reason;  // "FieldValueInvalid", "FieldValueRequired", ...
  std::string message;
  std::string field;
};

// `reason` empty = left out. `details` null = left out.
Json make_status(int code, std::string_view reason, std::string message, Json details = nullptr);
Outcome refuse(const Refused& refused);

Refused not_found(const ResourceInfo& info, std::string_view name);
Refused already_exists(const ResourceInfo& info, std::string_view name);
// "Operation cannot be fulfilled on deployments.apps "x": ..."
Refused conflict(const ResourceInfo& info, std::string_view name, std::string_view why);
Refused forbidden(const ResourceInfo& info, std::string_view name, std::string_view why);
Refused bad_request(std::string message);
Refused internal_error(std::string message);
// `Deployment.apps "x" is invalid: [a, b]` with causes.
Refused invalid(const ResourceInfo& info, std::string_view name, const std::vector<Cause>& causes);
// "deployments.apps", "pods"
std::string qualified(const ResourceInfo& info);

// Collects field errors in the real server's words.
class FieldErrors {
 public:
  void add_invalid(const std::string& field, const Json& value, std::string_view detail);
  void add_required(const std::string& field, std::string_view detail = {});
  void add_forbidden(const std::string& field, std::string_view detail);
  void add_duplicate(const std::string& field, const Json& value);
  void add_not_found(const std::string& field, const Json& value);
  void add_unsupported(const std::string& field, const Json& value, std::vector<std::string_view> supported);
  void add_too_long(const std::string& field, int most);
  void add_type(const std::string& field, const Json& value, std::string_view detail);
  void add_too_many(const std::string& field, std::size_t actual, std::size_t most);
  bool empty() const { return causes.empty(); }
  std::vector<Cause> causes;
};

}  // namespace nautilus::sim
