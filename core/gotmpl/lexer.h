// Tokens of Go's template language.
#pragma once

#include <string_view>

#include "core/base/error.h"

namespace nautilus::gotmpl {

enum class Token : std::uint8_t {
  text,
  left,
  right,
  eof,
  space,
  identifier,
  field,
  variable,
  dot,
  nil,
  boolean,
  number,
  character,
  string,
  raw_string,
  pipe,
  assign,
  declare,
  left_paren,
  right_paren,
  comma,
  keyword,
  other
};

struct Item {
  Token token = Token::eof;
  std::size_t pos = 0;    // byte offset in the source
  std::string_view text;  // into the source
};

// One pass over a source; next() after eof gives eof again. The source must outlive the items.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}
  // Fails with the message alone; the parser adds the place.
  Result<Item> next();

 private:
  Result<Item> text();
  Result<Item> inside();
  Result<Item> quoted(char quote, Token token, const char* what);
  Result<Item> word();
  Result<Item> number();
  Result<bool> skip_comment(std::size_t open);
  Item take(Token token, std::size_t begin, std::size_t end);
  bool at_right_delimiter(std::size_t& length) const;

  std::string_view source_;
  std::size_t pos_ = 0;
  bool inside_ = false;
  bool trim_next_ = false;  // the last action ended with -}}
  int parens_ = 0;
};

}  // namespace nautilus::gotmpl
