#include "core/sim/api/body.h"

#include <fmt/format.h>

#include "core/sim/api/protobuf.h"
#include "core/sim/api/status.h"
#if __has_include("core/value/yaml.h")
#include "core/value/yaml.h"
#define NAUTILUS_SIM_YAML 1
#endif

namespace nautilus::sim {
namespace {

constexpr std::size_t kMostBody = 3u << 20;  // the real server's limit

bool looks_like_json(std::string_view text) {
  auto at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (text[at] == '{' || text[at] == '[');
}

}  // namespace

Parsed read_body(const std::string& body, std::string_view type, std::string_view kind, const TypeOf& type_of) {
  if (body.size() > kMostBody)
    throw Refused{
        make_status(413, "RequestEntityTooLarge", fmt::format("Request entity too large: limit is {}", kMostBody))};
  if (type == "application/vnd.kubernetes.protobuf" && type_of) {
    FromProtobuf read = read_protobuf(body, type_of);
    if (!read.error.empty())
      throw bad_request(fmt::format("the object provided is unrecognized (must be of type {}): {}", kind, read.error));
    return {std::move(read.value), {}, {}};
  }
  bool yaml = type == "application/yaml";
  if (!yaml && type != "application/json" && !type.empty())
    throw Refused{make_status(415, "UnsupportedMediaType",
                              "the body of the request was in an unknown format - accepted media types include: "
                              "application/json, application/yaml")};
  if (!yaml || looks_like_json(body)) {
    Parsed parsed = parse_strict(body);
    if (!parsed.error.empty())
      throw bad_request(
          fmt::format("the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse "
                      "error: {} ({})",
                      kind, parsed.error, body.substr(0, 64)));
    return parsed;
  }
#ifdef NAUTILUS_SIM_YAML
  auto document = value::parse_yaml(body, "request body");
  if (!document.ok()) throw bad_request(fmt::format("error decoding YAML: {}", document.error().message));
  return {std::move(*document), {}, {}};
#else
  throw Refused{make_status(415, "UnsupportedMediaType", "YAML bodies that are not JSON are not read by this server")};
#endif
}

}  // namespace nautilus::sim
