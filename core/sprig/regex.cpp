#include "core/sprig/regex.h"

#include <re2/re2.h>

namespace nautilus::sprig {
namespace {

// Go also takes (?<name>...); this version of the library only knows (?P<name>...).
std::string with_named_groups(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      out += pattern[i++];
      out += pattern[i];
    } else if (pattern.substr(i).starts_with("(?<") && i + 3 < pattern.size() && pattern[i + 3] != '=' &&
               pattern[i + 3] != '!') {
      out += "(?P<";
      i += 2;
    } else {
      out += pattern[i];
    }
  }
  return out;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

bool is_word(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPatternLength)
    return Error(Code::limit, fmt::format("a regular expression may have {} bytes, not more", kMaxPatternLength));
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemory);
  Regex out;
  auto compiled = std::make_shared<re2::RE2>(piece(with_named_groups(pattern)), options);
  if (!compiled->ok())
    return Error(Code::invalid,
                 fmt::format("error parsing regexp: {}: `{}`", compiled->error(), compiled->error_arg()));
  out.re_ = std::move(compiled);
  return out;
}

bool Regex::matches(std::string_view text) const {
  return re_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

// Calls visit(groups) for successive matches until it returns false. As in Go, an empty match right behind the one
// before does not count, and the search goes on one code point later.
template <class Visit>
void Regex::each_match(std::string_view text, int groups, const Visit& visit) const {
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(groups));
  std::vector<std::string_view> views(found.size());
  std::size_t at = 0;
  std::size_t last_end = std::string_view::npos;
  while (at <= text.size()) {
    if (!re_->Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, found.data(), groups)) return;
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    const std::size_t end = begin + found[0].size();
    const bool accept = !(begin == end && begin == last_end);
    if (end > at) {
      at = end;
    } else {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
    last_end = end;
    if (!accept) continue;
    for (std::size_t i = 0; i < found.size(); ++i) views[i] = {found[i].data(), found[i].size()};
    if (!visit(views)) return;
  }
}

std::string Regex::find(std::string_view text) const {
  re2::StringPiece found;
  if (!re_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, &found, 1)) return {};
  return {found.data(), found.size()};
}

std::vector<std::string> Regex::find_all(std::string_view text, long limit) const {
  std::vector<std::string> out;
  if (limit == 0) return out;
  each_match(text, 1, [&](const auto& groups) {
    out.emplace_back(groups[0]);
    return limit < 0 || out.size() < static_cast<std::size_t>(limit);
  });
  return out;
}

std::string Regex::expand(std::string_view replacement, std::string_view, const std::string_view* groups,
                          int count) const {
  std::string out;
  while (!replacement.empty()) {
    const auto dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    const bool braces = replacement.starts_with('{');
    std::size_t end = braces ? 1 : 0;
    while (end < replacement.size() && is_word(replacement[end])) ++end;
    const std::string_view name = replacement.substr(braces ? 1 : 0, end - (braces ? 1 : 0));
    if (name.empty() || (braces && (end >= replacement.size() || replacement[end] != '}'))) {
      out += '$';  // malformed: taken as it is
      continue;
    }
    replacement.remove_prefix(end + (braces ? 1 : 0));
    int index = -1;
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      if (name.size() < 9) index = std::stoi(std::string(name));
    } else if (const auto named = re_->NamedCapturingGroups().find(std::string(name));
               named != re_->NamedCapturingGroups().end()) {
      index = named->second;
    }
    if (index >= 0 && index < count && groups[index].data()) out += groups[index];
  }
  return out;
}

std::string Regex::replace_all(std::string_view text, std::string_view replacement) const {
  if (replacement.find('$') == std::string_view::npos) return replace_all_literal(text, replacement);
  std::string out;
  std::size_t at = 0;
  const int groups = re_->NumberOfCapturingGroups() + 1;
  each_match(text, groups, [&](const std::vector<std::string_view>& found) {
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    out += text.substr(at, begin - at);
    out += expand(replacement, text, found.data(), groups);
    at = begin + found[0].size();
    return true;
  });
  out += text.substr(at);
  return out;
}

std::string Regex::replace_all_literal(std::string_view text, std::string_view replacement) const {
  std::string out;
  std::size_t at = 0;
  each_match(text, 1, [&](const std::vector<std::string_view>& found) {
    const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
    out += text.substr(at, begin - at);
    out += replacement;
    at = begin + found[0].size();
    return true;
  });
  out += text.substr(at);
  return out;
}

std::vector<std::string> Regex::split(std::string_view text, long limit) const {
  std::vector<std::string> out;
  if (limit == 0) return out;
  if (!re_->pattern().empty() && text.empty()) return {""};
  std::size_t begin = 0, end = 0;
  each_match(text, 1, [&](const std::vector<std::string_view>& found) {
    if (limit > 0 && out.size() == static_cast<std::size_t>(limit) - 1) return false;
    const auto at = static_cast<std::size_t>(found[0].data() - text.data());
    end = at;
    if (at + found[0].size() != 0) out.emplace_back(text.substr(begin, end - begin));
    begin = at + found[0].size();
    return true;
  });
  if (end != text.size()) out.emplace_back(text.substr(begin));
  return out;
}

std::string Regex::quote(std::string_view text) {
  static constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace nautilus::sprig
