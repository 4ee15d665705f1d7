// What an API server says when it refuses: metav1.Status, and the Error a person reads instead.
//
// Source followed: k8s.io/apimachinery metav1.Status, StatusDetails, StatusCause.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/port/http_transport.h"
#include "core/value/json.h"

namespace nautilus::kube {

struct StatusCause {
  std::string type;  // reason: "FieldManagerConflict", "FieldValueInvalid", "DisruptionBudget", ...
  std::string message, field;
};

struct ApiStatus {
  std::string reason;                  // "AlreadyExists", "Conflict", "Forbidden", "Expired", "Invalid", ...
  std::string message;                 // as the server wrote it, not escaped
  std::string group, kind, name, uid;  // details.*
  std::vector<StatusCause> causes;
  int retry_after_seconds = 0;

  // Reads a body of kind Status; nothing if it is something else.
  static std::optional<ApiStatus> parse(const Json& body);
  bool has_cause(std::string_view type) const;
};

// One field that a server-side apply could not have, and who owns it.
struct FieldConflict {
  std::string manager;      // "kubectl"
  std::string api_version;  // "apps/v1"; empty if not said
  std::string field;        // ".spec.replicas"
};
// The conflicts that a 409 answer to a server-side apply lists; empty for any other answer.
std::vector<FieldConflict> field_conflicts(const ApiStatus& status);

// What a request was about, read back from its method and target: "create", "deployments", "apps", ...
struct RequestSubject {
  std::string verb;  // RBAC verb: get list watch create update patch delete deletecollection
  std::string group, version, resource, subresource, namespace_, name;
  std::string path;          // for non-resource paths such as /version; then resource is empty
  std::string text() const;  // "create deployments.apps in namespace nautilus-trading"
};
RequestSubject subject_of(std::string_view method, std::string_view target);

// The Error for an answer with status >= 400. `server` is shown for answers that are not the API server's own.
Error error_of(int http_status, const std::optional<ApiStatus>& status, std::string_view raw_body,
               const RequestSubject& subject, std::string_view server);

// Control characters (C0, DEL, C1) as \xNN; newline and tab become a space. Bounded to `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 4096);

}  // namespace nautilus::kube
