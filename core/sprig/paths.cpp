// Paths and URLs.
#include "core/sprig/go.h"
#include "core/sprig/url.h"

namespace nautilus::sprig {
namespace {

// Go's path.Clean: the shortest path that means the same.
std::string clean(const std::string& path) {
  if (path.empty()) return ".";
  const bool rooted = path.front() == '/';
  std::vector<std::string_view> parts;
  for (std::string_view rest = path; !rest.empty();) {
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (part == ".." ? !rooted : !part.empty() && part != ".")
      parts.push_back(part);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  std::string out = rooted ? "/" : "";
  out += fmt::format("{}", fmt::join(parts, "/"));
  return out.empty() ? "." : out;
}

std::string base(const std::string& path) {
  if (path.empty()) return ".";
  std::string_view rest = path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty()) return "/";
  const auto slash = rest.rfind('/');
  return std::string(slash == std::string_view::npos ? rest : rest.substr(slash + 1));
}

std::string dir(const std::string& path) {
  const auto slash = path.rfind('/');
  return clean(slash == std::string::npos ? "" : path.substr(0, slash + 1));
}

std::string ext(const std::string& path) {
  const auto at = path.find_last_of("./");
  return at == std::string::npos || path[at] == '/' ? "" : path.substr(at);
}

using Change = std::string (*)(const std::string&);
constexpr std::pair<const char*, Change> kChanges[] = {{"base", base},     {"dir", dir},     {"clean", clean},
                                                       {"ext", ext},       {"osBase", base}, {"osDir", dir},
                                                       {"osClean", clean}, {"osExt", ext}};

Result<Val> url_parse(Call&, Args args) {
  auto url = Url::parse(args[0].as_string());
  if (!url.ok()) return failed("unable to parse url: " + url.error().message);
  Val out = Val::map();
  auto& items = out.as_map().items;
  items.emplace("scheme", Val(url->scheme));
  items.emplace("host", Val(url->host));
  items.emplace("hostname", Val(url->hostname()));
  items.emplace("path", Val(url->path));
  items.emplace("query", Val(url->query));
  items.emplace("opaque", Val(url->opaque));
  items.emplace("fragment", Val(url->fragment));
  items.emplace("userinfo", Val(url->userinfo()));
  return out;
}

Result<Val> url_join(Call&, Args args) {
  Url url;
  std::string userinfo;
  const std::pair<const char*, std::string*> parts[] = {
      {"scheme", &url.scheme}, {"host", &url.host},         {"path", &url.path},    {"query", &url.query},
      {"opaque", &url.opaque}, {"fragment", &url.fragment}, {"userinfo", &userinfo}};
  for (const auto& [name, slot] : parts) {
    const Val part = args[0].get(name);
    if (!part.is_valid()) continue;
    if (!part.is_string())
      return failed(fmt::format("unable to parse {} key, must be of type string, but {} found", name, kind_of(part)));
    *slot = part.as_string();
  }
  if (!userinfo.empty()) {
    auto wrapped = Url::parse("proto://" + userinfo + "@host");
    if (!wrapped.ok()) return failed("unable to parse userinfo in dict: " + wrapped.error().message);
    url.has_user = wrapped->has_user;
    url.has_password = wrapped->has_password;
    url.user = wrapped->user;
    url.password = wrapped->password;
  }
  return Val(url.text());
}

}  // namespace

void add_paths(Functions& f) {
  for (const auto& [name, change] : kChanges)
    f.add(name, 1, 1, {Param::string},
          [change = change](Call&, Args args) -> Result<Val> { return Val(change(args[0].as_string())); });
  for (const char* name : {"isAbs", "osIsAbs"})
    f.add(name, 1, 1, {Param::string},
          [](Call&, Args args) -> Result<Val> { return Val(args[0].as_string().starts_with('/')); });
  f.add("urlParse", 1, 1, {Param::string}, url_parse);
  f.add("urlJoin", 1, 1, {Param::map}, url_join);
}

}  // namespace nautilus::sprig
