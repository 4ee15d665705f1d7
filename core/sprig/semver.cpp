#include "core/sprig/semver.h"

#include <charconv>

namespace nautilus::sprig {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_identifier(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Dot-separated identifiers ("rc.1"); empty if there is none at `at`.
std::string_view identifiers(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && is_identifier(text[at])) {
    while (at < text.size() && is_identifier(text[at])) ++at;
    if (at + 1 < text.size() && text[at] == '.' && is_identifier(text[at + 1])) ++at;
  }
  return text.substr(begin, at - begin);
}

// "-pre" and "+metadata" behind the numbers.
bool suffixes(std::string_view text, std::size_t& at, std::string_view& pre, std::string_view& metadata) {
  for (const char lead : {'-', '+'}) {
    if (at >= text.size() || text[at] != lead) continue;
    ++at;
    std::string_view found = identifiers(text, at);
    if (found.empty()) return false;
    (lead == '-' ? pre : metadata) = found;
  }
  return true;
}

bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

bool parse_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool valid_prerelease(std::string_view pre) {
  while (!pre.empty()) {
    const auto dot = pre.find('.');
    const auto part = pre.substr(0, dot);
    if (part.size() > 1 && part[0] == '0' && all_digits(part)) return false;
    if (dot == std::string_view::npos) break;
    pre.remove_prefix(dot + 1);
  }
  return true;
}

int compare_part(std::string_view a, std::string_view b) {
  const bool numeric_a = all_digits(a), numeric_b = all_digits(b);
  if (numeric_a != numeric_b) return numeric_a ? -1 : 1;
  if (numeric_a && a.size() != b.size()) return a.size() < b.size() ? -1 : 1;  // no leading zeros
  return a < b ? -1 : a > b ? 1 : 0;
}

int compare_prerelease(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  if (a.empty()) return 1;
  if (b.empty()) return -1;
  while (true) {
    const auto dot_a = a.find('.'), dot_b = b.find('.');
    if (const int order = compare_part(a.substr(0, dot_a), b.substr(0, dot_b))) return order;
    if (dot_a == std::string_view::npos || dot_b == std::string_view::npos)
      return dot_a == dot_b ? 0 : dot_a == std::string_view::npos ? -1 : 1;
    a.remove_prefix(dot_a + 1);
    b.remove_prefix(dot_b + 1);
  }
}

}  // namespace

Result<Version> Version::parse(std::string_view text) {
  if (text.size() > kMaxVersionLength)
    return Error(Code::limit, fmt::format("version string is too long (max {} bytes)", kMaxVersionLength));
  const auto invalid = [&] { return Error(Code::invalid, "invalid semantic version"); };
  Version version;
  version.original = text;
  std::size_t at = text.starts_with('v') ? 1 : 0;
  for (std::uint64_t* part : {&version.major, &version.minor, &version.patch}) {
    if (part != &version.major) {
      if (at + 1 >= text.size() || text[at] != '.' || !is_digit(text[at + 1])) break;
      ++at;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == begin || !parse_number(text.substr(begin, at - begin), *part)) return invalid();
  }
  std::string_view pre, metadata;
  if (!suffixes(text, at, pre, metadata) || at != text.size()) return invalid();
  if (!valid_prerelease(pre)) return Error(Code::invalid, "version segment starts with 0");
  version.prerelease = pre;
  version.metadata = metadata;
  return version;
}

std::string Version::text() const {
  std::string out = fmt::format("{}.{}.{}", major, minor, patch);
  if (!prerelease.empty()) out += "-" + prerelease;
  if (!metadata.empty()) out += "+" + metadata;
  return out;
}

int Version::compare(const Version& other) const {
  for (const auto& [a, b] : {std::pair(major, other.major), {minor, other.minor}, {patch, other.patch}})
    if (a != b) return a < b ? -1 : 1;
  return compare_prerelease(prerelease, other.prerelease);
}

// One pass over the text; `at_` is where it stands.
class Constraint::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Constraint> parse() {
    Constraint out;
    while (true) {
      if (out.groups_.size() == kMaxConstraintGroups)
        return Error(Code::limit, fmt::format("too many constraint groups (max {})", kMaxConstraintGroups));
      TRY(group(out.groups_.emplace_back()));
      if (at_ >= text_.size()) return out;
      at_ += 2;  // group() stops at the end or before "||"
    }
  }

 private:
  Error improper() const { return Error(Code::invalid, fmt::format("improper constraint: {:?}", text_)); }
  bool at_or() const { return text_.substr(at_).starts_with("||"); }
  bool skip_space() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ != begin;
  }

  Result<> group(Group& out) {
    skip_space();
    do {
      TRY(term(out));
      const bool space = skip_space();
      if (at_ >= text_.size() || at_or()) break;
      if (text_[at_] == ',') {
        ++at_;
        skip_space();
      } else if (!space) {
        return improper();
      }
    } while (true);
    for (const Term& one : out.terms) out.prerelease = out.prerelease || !one.version.prerelease.empty();
    return {};
  }

  Result<> term(Group& out) {
    Term first;
    const bool plain = !op(first.op);
    skip_space();
    TRY(version(first));
    const std::size_t after = at_;
    if (plain && skip_space() && at_ + 1 < text_.size() && text_[at_] == '-' && is_space(text_[at_ + 1])) {
      ++at_;
      skip_space();
      Term last;
      TRY(version(last));
      first.op = Op::greater_equal;
      last.op = Op::less_equal;
      out.terms.push_back(std::move(first));
      out.terms.push_back(std::move(last));
      return {};
    }
    at_ = after;
    out.terms.push_back(std::move(first));
    return {};
  }

  bool op(Op& out) {
    static constexpr std::pair<std::string_view, Op> kOps[] = {
        {"!=", Op::not_equal},  {">=", Op::greater_equal}, {"=>", Op::greater_equal}, {"<=", Op::less_equal},
        {"=<", Op::less_equal}, {"~>", Op::tilde},         {"=", Op::equal},          {">", Op::greater},
        {"<", Op::less},        {"~", Op::tilde},          {"^", Op::caret}};
    for (const auto& [name, value] : kOps) {
      if (!text_.substr(at_).starts_with(name)) continue;
      at_ += name.size();
      out = value;
      return true;
    }
    return false;
  }

  // One of up to three parts; false if it is not there. `any` if it is x, X or *.
  bool part(bool first, bool& any, std::string_view& out) {
    const auto fits = [](char c) { return is_digit(c) || c == 'x' || c == 'X' || c == '*'; };
    std::size_t begin = at_;
    if (!first) {
      if (at_ >= text_.size() || text_[at_] != '.') return false;
      ++begin;
    }
    std::size_t end = begin;
    while (end < text_.size() && fits(text_[end])) ++end;
    if (end == begin) return false;
    at_ = end;
    out = text_.substr(begin, end - begin);
    any = out == "x" || out == "X" || out == "*";
    return true;
  }

  Result<> version(Term& out) {
    if (at_ < text_.size() && text_[at_] == 'v') ++at_;
    std::string_view texts[3];
    bool any[3] = {};
    int count = 0;
    while (count < 3 && part(count == 0, any[count], texts[count])) ++count;
    if (count == 0) return improper();
    std::string_view pre, metadata;
    if (!suffixes(text_, at_, pre, metadata)) return improper();
    out.version.prerelease = pre;
    if (!valid_prerelease(pre)) return improper();
    std::uint64_t* numbers[] = {&out.version.major, &out.version.minor, &out.version.patch};
    for (int i = 0; i < 3; ++i) {
      if (i >= count || any[i]) {
        out.dirty = true;
        out.minor_dirty = i == 1;
        out.patch_dirty = i == 2;
        return {};
      }
      if (!all_digits(texts[i]) || !parse_number(texts[i], *numbers[i])) return improper();
    }
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Constraint> Constraint::parse(std::string_view text) {
  if (text.size() > kMaxConstraintLength)
    return Error(Code::limit, fmt::format("constraint string is too long (max {} bytes)", kMaxConstraintLength));
  return Parser(text).parse();
}

bool Constraint::check(const Version& version) const {
  for (const Group& group : groups_) {
    const bool all = std::all_of(group.terms.begin(), group.terms.end(),
                                 [&](const Term& term) { return matches(term, version, group.prerelease); });
    if (all) return true;
  }
  return false;
}

bool Constraint::matches(const Term& term, const Version& version, bool allow_prerelease) {
  if (!version.prerelease.empty() && !allow_prerelease) return false;
  const int order = version.compare(term.version);
  switch (term.op) {
    case Op::equal: return term.dirty ? tilde(term, version) : order == 0;
    case Op::not_equal: return not_equal(term, version);
    case Op::greater: return greater(term, version);
    case Op::less: return order < 0;
    case Op::greater_equal: return order >= 0;
    case Op::less_equal: return less_equal(term, version);
    case Op::tilde: return tilde(term, version);
    case Op::caret: return caret(term, version);
  }
  return false;
}

bool Constraint::not_equal(const Term& term, const Version& version) {
  if (term.dirty) {
    if (term.version.major != version.major) return true;
    if (term.minor_dirty) return false;
    if (term.version.minor != version.minor) return true;
    if (term.patch_dirty) return compare_prerelease(version.prerelease, term.version.prerelease) != 0;
    if (term.version.patch != version.patch) return true;
  }
  return version.compare(term.version) != 0;
}

// ">1" is from 2.0.0 on, ">1.1" from 1.2.0 on.
bool Constraint::greater(const Term& term, const Version& version) {
  if (!term.dirty) return version.compare(term.version) > 0;
  if (version.major != term.version.major) return version.major > term.version.major;
  if (term.minor_dirty) return false;
  if (term.patch_dirty) return version.minor > term.version.minor;
  return version.compare(term.version) > 0;
}

bool Constraint::less_equal(const Term& term, const Version& version) {
  if (!term.dirty) return version.compare(term.version) <= 0;
  if (version.major > term.version.major) return false;
  return !(version.major == term.version.major && version.minor > term.version.minor && !term.minor_dirty);
}

// ~1.2.3 and ~1.2 are >= it and < 1.3.0; ~1 is < 2.0.0; ~0.0.0 (and *) is anything.
bool Constraint::tilde(const Term& term, const Version& version) {
  const Version& low = term.version;
  if (version.compare(low) < 0) return false;
  if (low.major == 0 && low.minor == 0 && low.patch == 0 && !term.minor_dirty && !term.patch_dirty) return true;
  return version.major == low.major && (version.minor == low.minor || term.minor_dirty);
}

// Up to the next change of the leftmost part that is not zero.
bool Constraint::caret(const Term& term, const Version& version) {
  const Version& low = term.version;
  if (version.compare(low) < 0) return false;
  if (low.major > 0 || term.minor_dirty) return version.major == low.major;
  if (version.major > 0) return false;
  if (low.minor > 0 || term.patch_dirty) return version.minor == low.minor;
  if (version.minor > 0) return false;
  return version.patch == low.patch;
}

bool is_compatible(std::string_view constraint, std::string_view version) {
  const auto parsed = Version::parse(version);
  if (!parsed.ok()) return false;
  const auto wanted = Constraint::parse(constraint);
  return wanted.ok() && wanted->check(*parsed);
}

}  // namespace nautilus::sprig
