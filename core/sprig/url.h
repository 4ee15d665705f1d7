// URLs taken apart and put together as Go's net/url does it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::sprig {

struct Url {
  std::string scheme, opaque, host, path, raw_path, query, fragment;
  bool has_user = false, has_password = false, force_query = false, omit_host = false;
  std::string user, password;

  static Result<Url> parse(std::string_view text);
  std::string text() const;
  std::string hostname() const;  // without port and brackets
  std::string userinfo() const;  // escaped "user:password"
};

// Go's url.QueryEscape is the template function urlquery; the engine has it. Here: path escaping as in EscapedPath.
std::string escape_path(std::string_view path);

}  // namespace nautilus::sprig
