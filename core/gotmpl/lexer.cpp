#include "core/gotmpl/lexer.h"

#include <algorithm>

namespace nautilus::gotmpl {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kKeywords[] = {"block", "break", "continue", "define",   "else",
                                          "end",   "if",    "range",    "template", "with"};

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }
// Letters of any alphabet are allowed in names; bytes of multi-byte runes are taken as such.
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string quoted_char(char c) { return fmt::format("U+{:04X} '{}'", static_cast<unsigned char>(c), c); }

}  // namespace

Item Lexer::take(Token token, std::size_t begin, std::size_t end) {
  pos_ = end;
  return {token, begin, source_.substr(begin, end - begin)};
}

Result<Item> Lexer::next() { return inside_ ? inside() : text(); }

// A comment at `open` (just behind "{{" and its trim marker). False if there is none there.
Result<bool> Lexer::skip_comment(std::size_t open) {
  if (source_.substr(open, 2) != "/*") return false;
  const auto close = source_.find("*/", open + 2);
  if (close == std::string_view::npos) return Error(Code::invalid, "unclosed comment");
  std::size_t after = close + 2;
  bool trim = false;
  if (after + 1 < source_.size() && is_space(source_[after]) && source_[after + 1] == '-') {
    trim = true;
    after += 2;
  }
  if (source_.substr(after, 2) != "}}") return Error(Code::invalid, "comment ends before closing delimiter");
  pos_ = after + 2;
  trim_next_ = trim;
  return true;
}

Result<Item> Lexer::text() {
  std::size_t begin = pos_;
  if (trim_next_) {
    trim_next_ = false;
    begin = std::min(source_.find_first_not_of(kSpace, pos_), source_.size());
  }
  const auto open = source_.find("{{", begin);
  if (open == std::string_view::npos) {
    if (begin < source_.size()) return take(Token::text, begin, source_.size());
    pos_ = source_.size();
    return Item{Token::eof, source_.size(), {}};
  }
  std::size_t end = open, action = open + 2;
  if (action + 1 < source_.size() && source_[action] == '-' && is_space(source_[action + 1])) {
    action += 2;
    while (end > begin && is_space(source_[end - 1])) --end;
  }
  if (end > begin) {
    // Come back to the delimiter with the text taken: the trim on its left finds nothing more.
    Item item = take(Token::text, begin, end);
    pos_ = open;
    return item;
  }
  pos_ = action;
  ASSIGN_OR_RETURN(const bool comment, skip_comment(action));
  if (comment) return text();
  inside_ = true;
  parens_ = 0;
  return Item{Token::left, open, source_.substr(open, 2)};
}

bool Lexer::at_right_delimiter(std::size_t& length) const {
  if (source_.substr(pos_, 2) == "}}") {
    length = 2;
    return true;
  }
  if (pos_ < source_.size() && is_space(source_[pos_]) && source_.substr(pos_ + 1, 3) == "-}}") {
    length = 4;
    return true;
  }
  return false;
}

Result<Item> Lexer::inside() {
  std::size_t length = 0;
  if (at_right_delimiter(length)) {
    if (parens_ > 0) return Error(Code::invalid, "unclosed left paren");
    trim_next_ = length == 4;
    inside_ = false;
    return take(Token::right, pos_, pos_ + length);
  }
  if (pos_ >= source_.size()) return Error(Code::invalid, "unclosed action");
  const std::size_t begin = pos_;
  const char c = source_[pos_];
  const char following = pos_ + 1 < source_.size() ? source_[pos_ + 1] : '\0';
  if (is_space(c)) {
    std::size_t end = begin;
    // A space that belongs to a right delimiter with a trim marker stays.
    while (end < source_.size() && is_space(source_[end]) && !(end > begin && source_.substr(end + 1, 3) == "-}}"))
      ++end;
    return take(Token::space, begin, end);
  }
  switch (c) {
    case '=': return take(Token::assign, begin, begin + 1);
    case ':':
      if (following != '=') return Error(Code::invalid, "expected :=");
      return take(Token::declare, begin, begin + 2);
    case '|': return take(Token::pipe, begin, begin + 1);
    case ',': return take(Token::comma, begin, begin + 1);
    case '"': return quoted('"', Token::string, "unterminated quoted string");
    case '`': return quoted('`', Token::raw_string, "unterminated raw quoted string");
    case '\'': return quoted('\'', Token::character, "unterminated character constant");
    case '(': ++parens_; return take(Token::left_paren, begin, begin + 1);
    case ')':
      if (--parens_ < 0) return Error(Code::invalid, "unexpected right paren");
      return take(Token::right_paren, begin, begin + 1);
    default: break;
  }
  if (c == '+' || c == '-' || (c >= '0' && c <= '9') || (c == '.' && following >= '0' && following <= '9'))
    return number();
  if (c == '.' || c == '$' || is_word(c)) return word();
  if (c > ' ' && c < 0x7f) return take(Token::other, begin, begin + 1);
  return Error(Code::invalid, "unrecognized character in action: " + quoted_char(c));
}

Result<Item> Lexer::quoted(char quote, Token token, const char* what) {
  std::size_t at = pos_ + 1;
  for (; at < source_.size() && source_[at] != quote; ++at) {
    if (quote == '`') continue;
    if (source_[at] == '\n') return Error(Code::invalid, what);
    if (source_[at] == '\\') ++at;
  }
  if (at >= source_.size()) return Error(Code::invalid, what);
  return take(token, pos_, at + 1);
}

Result<Item> Lexer::word() {
  const std::size_t begin = pos_;
  const char first = source_[begin];
  std::size_t end = begin + 1;
  if (first != '.' && first != '$') end = begin;
  while (end < source_.size() && is_word(source_[end])) ++end;
  const std::string_view text = source_.substr(begin, end - begin);
  // What may follow a name; anything else would run two tokens together.
  if (end < source_.size() && !is_space(source_[end]) &&
      std::string_view(".,|:)=(").find(source_[end]) == std::string_view::npos && source_.substr(end, 2) != "}}")
    return Error(Code::invalid, "bad character " + quoted_char(source_[end]));
  if (first == '.') return take(text.size() == 1 ? Token::dot : Token::field, begin, end);
  if (first == '$') return take(Token::variable, begin, end);
  if (std::find(std::begin(kKeywords), std::end(kKeywords), text) != std::end(kKeywords))
    return take(Token::keyword, begin, end);
  if (text == "true" || text == "false") return take(Token::boolean, begin, end);
  if (text == "nil") return take(Token::nil, begin, end);
  return take(Token::identifier, begin, end);
}

Result<Item> Lexer::number() {
  const std::size_t begin = pos_;
  std::size_t end = begin + (source_[begin] == '+' || source_[begin] == '-' ? 1 : 0);
  const bool hex = source_.substr(end, 2) == "0x" || source_.substr(end, 2) == "0X";
  while (end < source_.size()) {
    const char c = source_[end];
    const bool sign_of_exponent =
        (c == '+' || c == '-') && end > begin && !hex && (source_[end - 1] == 'e' || source_[end - 1] == 'E');
    if (!is_word(c) && c != '.' && !sign_of_exponent) break;
    ++end;
  }
  return take(Token::number, begin, end);
}

}  // namespace nautilus::gotmpl
