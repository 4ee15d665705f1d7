#include "core/sprig/words.h"

#include <algorithm>

#include "core/sprig/unicode.h"

namespace nautilus::sprig {
namespace {

bool is_connector(char32_t c) { return c == '-' || c == '_' || is_space(c); }

enum class Kind { none, number, upper, letters, connector, punctuation, other };
struct Word {
  Kind kind = Kind::none;
  std::string_view text;
};

// Splits a text into runs of one kind. "HTTPServer" is "HTTP" (upper) and "Server" (upper, a capitalised word).
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  bool more() const { return !rest_.empty(); }

  Word next() {
    if (rest_.empty()) return {};
    std::size_t length = 0;
    const char32_t first = decode(rest_, 0, length);
    if (is_connector(first)) return run(Kind::connector, is_connector);
    if (is_punctuation(first)) return run(Kind::punctuation, is_punctuation);
    if (is_upper(first)) return capital(length);
    if (is_letter(first)) return run(Kind::letters, lower_letter);
    if (is_digit(first)) return run(Kind::number, is_digit);
    return run(Kind::other,
               [](char32_t c) { return !is_connector(c) && !is_letter(c) && !is_digit(c) && !is_punctuation(c); });
  }

 private:
  static bool lower_letter(char32_t c) { return is_letter(c) && !is_upper(c); }

  template <class Belongs>
  std::size_t extent(std::size_t from, Belongs belongs, std::size_t* last = nullptr) const {
    std::size_t length = 0;
    while (from < rest_.size() && belongs(decode(rest_, from, length))) {
      if (last) *last = length;
      from += length;
    }
    return from;
  }
  Word take(Kind kind, std::size_t size) {
    const Word word{kind, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return word;
  }
  template <class Belongs>
  Word run(Kind kind, Belongs belongs) {
    std::size_t first = 0;
    decode(rest_, 0, first);
    return take(kind, extent(first, belongs));
  }
  Word capital(std::size_t first) {
    std::size_t last = 0;
    std::size_t end = extent(first, is_upper, &last);
    if (end == first) return take(Kind::upper, extent(first, lower_letter));
    std::size_t length = 0;
    // The last capital belongs to the word behind it.
    if (end < rest_.size() && is_letter(decode(rest_, end, length))) end -= last;
    return take(Kind::upper, end);
  }

  std::string_view rest_;
};

void write_lower(std::string& out, const Word& word, char connector) {
  if (word.kind != Kind::upper && word.kind != Kind::connector) {
    out += word.text;
    return;
  }
  for (std::size_t at = 0, length = 0; at < word.text.size(); at += length) {
    const char32_t c = decode(word.text, at, length);
    append(out, is_connector(c) ? static_cast<char32_t>(connector) : to_lower(c));
  }
}

bool joins(Kind kind) { return kind == Kind::letters || kind == Kind::number; }

}  // namespace

std::string snake_case(std::string_view text, char connector) {
  std::string out;
  Words words(text);
  Word word = words.next();
  const auto swallow = [&] {
    while (joins(word.kind)) {
      write_lower(out, word, connector);
      word = words.next();
    }
  };
  const auto separate_unless = [&](bool at_end) {
    if (at_end || word.kind == Kind::punctuation || word.kind == Kind::connector) return;
    out += connector;
  };
  while (words.more()) {
    const Word previous = word;
    if (previous.kind != Kind::connector) write_lower(out, previous, connector);
    word = words.next();
    if (previous.kind == Kind::number) {
      swallow();
      separate_unless(word.kind == Kind::none);
    } else if (previous.kind == Kind::connector) {
      write_lower(out, previous, connector);
    } else if (previous.kind != Kind::punctuation) {
      if (word.kind != Kind::number) {
        separate_unless(false);
        continue;
      }
      if (!words.more()) continue;
      const Word number = word;
      word = words.next();
      if (word.kind != Kind::letters) {  // "Bld4Floor": the number belongs to the word before it
        write_lower(out, number, connector);
        separate_unless(false);
        continue;
      }
      out += connector;  // "http2xx": to the one behind it
      write_lower(out, number, connector);
      swallow();
      separate_unless(word.kind == Kind::none);
    }
  }
  write_lower(out, word, connector);
  return out;
}

std::string pascal_case(std::string_view text) {
  std::string out;
  const std::vector<char32_t> all = points(text);
  std::size_t i = 0;
  while (i < all.size() && is_connector(all[i])) append(out, all[i++]);  // leading connectors stay
  if (i == all.size()) return out;
  bool shouting = is_upper(all[i]);  // the word began upper case: its capitals are lowered
  char32_t current = to_upper(all[i]);
  while (++i < all.size()) {
    const char32_t before = current;
    current = all[i];
    if (is_connector(current) && is_connector(before)) {
      append(out, before);
      continue;
    }
    if (is_connector(before)) {
      shouting = is_upper(current);
      current = to_upper(current);
    } else {
      if (shouting && is_upper(current))
        current = to_lower(current);
      else
        shouting = false;
      append(out, before);
    }
  }
  append(out, current);
  return out;
}

// Go's strings.Title: a letter behind anything that is not a letter, digit, underscore or (ASCII) quote mark.
std::string title(std::string_view text) {
  std::string out;
  char32_t before = ' ';
  for (const char32_t c : points(text)) {
    const bool separates = before < 0x80 ? !(is_letter(before) || is_digit(before) || before == '_')
                                         : !is_letter(before) && is_space(before);
    append(out, separates ? to_upper(c) : c);
    before = c;
  }
  return out;
}

std::string untitle(std::string_view text) {
  std::string out;
  bool next = true;
  for (const char32_t c : points(text)) {
    if (is_space(c)) {
      next = true;
      append(out, c);
    } else {
      append(out, next ? to_lower(c) : c);
      next = false;
    }
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (const char32_t c : points(text)) append(out, is_upper(c) ? to_lower(c) : is_lower(c) ? to_upper(c) : c);
  return out;
}

std::string initials(std::string_view text) {
  std::string out;
  bool gap = true;
  for (const char c : text) {  // bytes, as the original
    const auto byte = static_cast<unsigned char>(c);
    if (is_space(byte)) {
      gap = true;
    } else if (gap) {
      append(out, byte);
      gap = false;
    }
  }
  return out;
}

std::string delete_white_space(std::string_view text) {
  std::string out;
  std::size_t kept = 0;
  for (const char c : text) {  // bytes, as the original: other scripts come out garbled if anything is deleted
    const auto byte = static_cast<unsigned char>(c);
    if (is_space(byte)) continue;
    append(out, byte);
    ++kept;
  }
  return kept == text.size() ? std::string(text) : out;
}

std::string wrap(std::string_view text, long width, std::string_view new_line, bool break_long_words) {
  if (text.empty()) return {};
  if (new_line.empty()) new_line = "\n";
  const auto limit = static_cast<std::size_t>(std::max(1L, width));
  std::string out;
  std::size_t at = 0;
  const auto line = [&](std::size_t end, std::size_t next) {
    out += text.substr(at, end - at);
    out += new_line;
    at = next;
  };
  while (text.size() - at > limit) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const auto space = text.substr(at, limit + 1).rfind(' ');
    if (space != std::string_view::npos) {
      line(at + space, at + space + 1);
    } else if (break_long_words) {
      line(at + limit, at + limit);
    } else {
      const auto later = text.find(' ', at + limit);
      if (later == std::string_view::npos) {
        out += text.substr(at);
        at = text.size();
      } else {
        line(later, later + 1);
      }
    }
  }
  out += text.substr(at);
  return out;
}

std::string abbreviate(std::string_view text, long offset, long width) {
  const auto size = static_cast<long>(text.size());
  if (text.empty() || width < 4) return {};
  if (size <= width) return std::string(text);
  offset = std::min(offset, size);
  if (size - offset < width - 3) offset = size - (width - 3);
  const auto cut = [&](long from, long count) {
    return text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(count));
  };
  if (offset <= 4) return std::string(cut(0, width - 3)) + "...";
  if (width < 7) return {};
  if (offset + width - 3 < size) return "..." + abbreviate(text.substr(static_cast<std::size_t>(offset)), 0, width - 3);
  return "..." + std::string(cut(size - (width - 3), width - 3));
}

}  // namespace nautilus::sprig
