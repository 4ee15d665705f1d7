#include "core/value/yaml_key_order.h"

#include "core/value/utf8.h"

namespace nautilus::value {

namespace {

bool digit(char32_t c) { return c >= '0' && c <= '9'; }

// Unicode's letters, exact for Latin-1 and by block beyond: keys of Kubernetes objects are ASCII nearly always.
bool letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c < 0x100) return c == 0xAA || c == 0xB5 || c == 0xBA || (c >= 0xC0 && c != 0xD7 && c != 0xF7);
  const bool sign = (c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x3030 && c != 0x3005 && c != 0x3006) ||
                    (c >= 0xD7FC && c <= 0xF8FF) || c == 0xFEFF || (c >= 0xFE00 && c <= 0xFE6F) ||
                    (c >= 0xFF00 && c <= 0xFF20) || (c >= 0xFFE0 && c <= 0xFFFF) || (c >= 0x1F000 && c <= 0x1FBFF);
  return !sign;
}

// The number that starts at `at`; `after` is where it ends. Wraps around on absurd lengths, as the original does.
std::uint64_t number_at(std::string_view text, std::size_t at, std::uint64_t start, std::size_t& after) {
  std::uint64_t value = start;
  for (after = at; after < text.size() && digit(static_cast<unsigned char>(text[after])); ++after)
    value = value * 10 + static_cast<std::uint64_t>(text[after] - '0');
  return value;
}

}  // namespace

bool key_before(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  const std::size_t shorter = std::min(a.size(), b.size());
  while (i < shorter && a[i] == b[i]) ++i;
  while (i > 0 && i < a.size() && (static_cast<unsigned char>(a[i]) & 0xC0) == 0x80) --i;  // back to a whole character
  if (i >= shorter) return a.size() < b.size();
  const char32_t ca = decode_utf8(a, i).code, cb = decode_utf8(b, i).code;
  const bool la = letter(ca), lb = letter(cb);
  if (la && lb) return ca < cb;
  if (la || lb) return lb;
  std::uint64_t start = 0;
  if (ca == '0' || cb == '0')  // a zero inside a number counts by its place; a leading one does not
    for (std::size_t j = i; j > 0 && digit(static_cast<unsigned char>(a[j - 1])); --j)
      if (a[j - 1] != '0') {
        start = 1;
        break;
      }
  std::size_t end_a = 0, end_b = 0;
  const auto na = static_cast<std::int64_t>(number_at(a, i, start, end_a));
  const auto nb = static_cast<std::int64_t>(number_at(b, i, start, end_b));
  if (na != nb) return na < nb;
  if (end_a != end_b) return end_a < end_b;
  return ca < cb;
}

std::vector<Json::const_iterator> in_key_order(const Json& object) {
  std::vector<Json::const_iterator> members;
  members.reserve(object.size());
  bool sorted = true;
  for (auto member = object.begin(); member != object.end(); ++member) {
    if (!members.empty() && !key_before(members.back().key(), member.key())) sorted = false;
    members.push_back(member);
  }
  // A merge sort stays inside its range even where this order is not transitive ("a1" against numbers that overflow).
  if (!sorted)
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& x, const auto& y) { return key_before(x.key(), y.key()); });
  return members;
}

}  // namespace nautilus::value
