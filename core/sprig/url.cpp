#include "core/sprig/url.h"

#include <algorithm>

namespace nautilus::sprig {
namespace {

enum class Part { path, user, fragment, host, opaque };

bool is_alpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool must_escape(char c, Part part) {
  if (is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~') return false;
  if (part == Part::host && std::string_view("!$&'()*+,;=:[]<>\"").find(c) != std::string_view::npos) return false;
  switch (c) {
    case '$':
    case '&':
    case '+':
    case ',':
    case '/':
    case ':':
    case ';':
    case '=':
    case '?':
    case '@':
      if (part == Part::path) return c == '?';
      if (part == Part::user) return c == '@' || c == '/' || c == '?' || c == ':';
      return part != Part::fragment;
    default: break;
  }
  return !(part == Part::fragment && std::string_view("!()*").find(c) != std::string_view::npos);
}

std::string escape(std::string_view text, Part part) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (must_escape(c, part)) {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::string> unescape(std::string_view text, Part part) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (part == Part::host && static_cast<unsigned char>(text[i]) < 0x80 && must_escape(text[i], part))
        return Error(Code::invalid, fmt::format("invalid character {:?} in host name", text.substr(i, 1)));
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
      return Error(Code::invalid, fmt::format("invalid URL escape {:?}", text.substr(i, 3)));
    if (part == Part::host && hex_value(text[i + 1]) < 8 && text.substr(i, 3) != "%25")
      return Error(Code::invalid, fmt::format("invalid URL escape {:?}", text.substr(i, 3)));
    out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

// The scheme off the front, if there is one.
Result<std::string> take_scheme(std::string_view& rest) {
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (is_alpha(c)) continue;
    if (is_digit(c) || c == '+' || c == '-' || c == '.') {
      if (i == 0) return std::string();
      continue;
    }
    if (c != ':') return std::string();
    if (i == 0) return Error(Code::invalid, "missing protocol scheme");
    std::string scheme(rest.substr(0, i));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](char x) { return x >= 'A' && x <= 'Z' ? char(x + 32) : x; });
    rest.remove_prefix(i + 1);
    return scheme;
  }
  return std::string();
}

bool valid_userinfo(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("-._:~!$&'()*+,;=%@").find(c) != std::string_view::npos;
  });
}

Result<> check_port(std::string_view port) {
  if (port.empty() || (port[0] == ':' && std::all_of(port.begin() + 1, port.end(), is_digit))) return {};
  return Error(Code::invalid, fmt::format("invalid port {:?} after host", port));
}

Result<std::string> parse_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto close = host.rfind(']');
    if (close == std::string_view::npos) return Error(Code::invalid, "missing ']' in host");
    TRY(check_port(host.substr(close + 1)));
  } else if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    TRY(check_port(host.substr(colon)));
  }
  return unescape(host, Part::host);
}

Result<> parse_authority(std::string_view authority, Url& out) {
  const auto at = authority.rfind('@');
  ASSIGN_OR_RETURN(out.host, parse_host(authority.substr(at == std::string_view::npos ? 0 : at + 1)));
  if (at == std::string_view::npos) return {};
  const auto userinfo = authority.substr(0, at);
  if (!valid_userinfo(userinfo)) return Error(Code::invalid, "net/url: invalid userinfo");
  const auto colon = userinfo.find(':');
  out.has_user = true;
  ASSIGN_OR_RETURN(out.user, unescape(userinfo.substr(0, colon), Part::user));
  if (colon != std::string_view::npos) {
    out.has_password = true;
    ASSIGN_OR_RETURN(out.password, unescape(userinfo.substr(colon + 1), Part::user));
  }
  return {};
}

// True if `raw` is a way to write an escaped path; then it is kept as it was written.
bool valid_encoded(std::string_view raw) {
  return std::all_of(raw.begin(), raw.end(), [](char c) {
    return std::string_view("!$&'()*+,;=:@[]%").find(c) != std::string_view::npos || !must_escape(c, Part::path);
  });
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const auto whole = text;
  const auto wrap = [&](Error error) {
    error.message = fmt::format("parse {:?}: {}", whole, error.message);
    return error;
  };
  Url out;
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return wrap(Error(Code::invalid, "net/url: invalid control character in URL"));
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    auto fragment = unescape(text.substr(hash + 1), Part::fragment);
    if (!fragment.ok()) return wrap(std::move(fragment).error());
    out.fragment = std::move(*fragment);
    text = text.substr(0, hash);
  }
  if (text == "*") {
    out.path = "*";
    return out;
  }
  auto scheme = take_scheme(text);
  if (!scheme.ok()) return wrap(std::move(scheme).error());
  out.scheme = std::move(*scheme);
  if (text.ends_with('?') && std::count(text.begin(), text.end(), '?') == 1) {
    out.force_query = true;
    text.remove_suffix(1);
  } else if (const auto question = text.find('?'); question != std::string_view::npos) {
    out.query = text.substr(question + 1);
    text = text.substr(0, question);
  }
  if (!text.starts_with('/')) {
    if (!out.scheme.empty()) {
      out.opaque = text;
      return out;
    }
    if (text.substr(0, text.find('/')).find(':') != std::string_view::npos)
      return wrap(Error(Code::invalid, "first path segment in URL cannot contain colon"));
  }
  if ((!out.scheme.empty() || !text.starts_with("///")) && text.starts_with("//")) {
    const auto slash = text.find('/', 2);
    const auto authority = text.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
    if (auto done = parse_authority(authority, out); !done.ok()) return wrap(std::move(done).error());
  } else if (!out.scheme.empty() && text.starts_with('/')) {
    out.omit_host = true;
  }
  auto path = unescape(text, Part::path);
  if (!path.ok()) return wrap(std::move(path).error());
  out.path = std::move(*path);
  if (escape(out.path, Part::path) != text) out.raw_path = text;
  return out;
}

std::string escape_path(std::string_view path) { return escape(path, Part::path); }

std::string Url::userinfo() const {
  if (!has_user) return {};
  return escape(user, Part::user) + (has_password ? ":" + escape(password, Part::user) : "");
}

std::string Url::hostname() const {
  std::string_view name = host;
  if (name.starts_with('[')) {
    const auto close = name.find(']');
    return std::string(name.substr(1, close == std::string_view::npos ? close : close - 1));
  }
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && check_port(name.substr(colon)).ok()) name = name.substr(0, colon);
  return std::string(name);
}

std::string Url::text() const {
  std::string out;
  if (!scheme.empty()) out += scheme + ":";
  if (!opaque.empty()) {
    out += opaque;
  } else {
    if (!scheme.empty() || !host.empty() || has_user) {
      if (!(omit_host && host.empty() && !has_user)) {
        if (!host.empty() || !path.empty() || has_user) out += "//";
        if (has_user) out += userinfo() + "@";
        if (!host.empty()) out += escape(host, Part::host);
      }
    }
    const std::string written = !raw_path.empty() && valid_encoded(raw_path) ? raw_path
                                : path == "*"                                ? "*"
                                                                             : escape(path, Part::path);
    if (!written.empty() && written[0] != '/' && !host.empty()) out += '/';
    if (out.empty() && written.substr(0, written.find('/')).find(':') != std::string::npos) out += "./";
    out += written;
  }
  if (force_query || !query.empty()) out += "?" + query;
  if (!fragment.empty()) out += "#" + escape(fragment, Part::fragment);
  return out;
}

}  // namespace nautilus::sprig
