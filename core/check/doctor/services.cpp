#include "core/check/doctor/services.h"

namespace nautilus::check {

bool is_websocket(const Json& service) {
  for (const Json& port : items(service, "spec", "ports"))
    if (value::string_at(port, "name") == "websocket" || value::string_at(port, "appProtocol") == "kubernetes.io/ws")
      return true;
  return false;
}

bool has_port(const Json& service, const Json& wanted) {
  for (const Json& port : items(service, "spec", "ports")) {
    if (wanted.is_string() && value::string_at(port, "name") == wanted.get_ref<const std::string&>()) return true;
    if (wanted.is_number_integer() && value::int_at(port, 0, "port") == wanted.get<std::int64_t>()) return true;
  }
  return false;
}

}  // namespace nautilus::check
