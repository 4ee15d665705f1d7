#include "core/sprig/go.h"
#include "core/sprig/toml.h"
#include "core/sprig/unicode.h"

namespace nautilus::sprig {
namespace {

bool is_bare(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  Result<Val> document() {
    root_ = Val::map();
    Val table = root_;
    while (true) {
      skip_blank_lines();
      if (at_ >= text_.size()) return root_;
      if (peek() == '[') {
        ASSIGN_OR_RETURN(table, header());
      } else {
        TRY(assignment(table));
      }
      TRY(end_of_line());
    }
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  Error error(std::string message) const {
    const auto line =
        std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n') + 1;
    return Error(Code::invalid, fmt::format("toml: line {}: {}", line, message));
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void skip_comment() {
    if (peek() == '#')
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void skip_blank_lines() {
    while (at_ < text_.size()) {
      skip_spaces();
      skip_comment();
      if (peek() != '\n' && peek() != '\r') return;
      ++at_;
    }
  }
  Result<> end_of_line() {
    skip_spaces();
    skip_comment();
    if (peek() == '\r') ++at_;
    if (at_ < text_.size() && peek() != '\n')
      return error(fmt::format("expected the end of the line, found {:?}", text_.substr(at_, 1)));
    return {};
  }

  Result<std::vector<std::string>> key() {
    std::vector<std::string> parts;
    while (true) {
      skip_spaces();
      std::string& part = parts.emplace_back();
      if (peek() == '"' || peek() == '\'') {
        ASSIGN_OR_RETURN(part, string());
      } else {
        while (at_ < text_.size() && is_bare(text_[at_])) part += text_[at_++];
        if (part.empty()) return error("a key is missing");
      }
      skip_spaces();
      if (peek() != '.') return parts;
      if (parts.size() > kMaxTomlDepth) return Error(Code::limit, "toml: nested too deep");
      ++at_;
    }
  }

  // The table at a path, made where it is missing; the last of a list of tables.
  Result<Val> descend(Val table, const std::string& part) {
    auto& items = table.as_map().items;
    auto found = items.find(part);
    if (found == items.end()) found = items.emplace(part, Val::map()).first;
    Val next = found->second;
    if (next.is_list() && !next.as_list().items.empty()) {
      Val last = next.as_list().items.back();
      next = std::move(last);
    }
    if (!next.is_map()) return error(fmt::format("key '{}' has already been defined", part));
    return next;
  }

  Result<Val> header() {
    const bool list = peek(1) == '[';
    at_ += list ? 2 : 1;
    ASSIGN_OR_RETURN(const auto path, key());
    if (peek() != ']' || (list && peek(1) != ']')) return error("a table header is not closed");
    at_ += list ? 2 : 1;
    Val table = root_;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) { ASSIGN_OR_RETURN(table, descend(table, path[i])); }
    if (!list) {
      if (!defined_.insert(fmt::format("{}", fmt::join(path, "\x1f"))).second && lists_ == 0)
        return error(fmt::format("table '{}' has already been defined", fmt::join(path, ".")));
      return descend(table, path.back());
    }
    ++lists_;
    auto& items = table.as_map().items;
    auto found = items.find(path.back());
    if (found == items.end()) found = items.emplace(path.back(), Val::list()).first;
    if (!found->second.is_list()) return error(fmt::format("key '{}' has already been defined", path.back()));
    Val added = Val::map();
    found->second.as_list().items.push_back(added);
    return added;
  }

  Result<> assignment(Val table) {
    ASSIGN_OR_RETURN(const auto path, key());
    if (peek() != '=') return error("expected '=' after a key");
    ++at_;
    for (std::size_t i = 0; i + 1 < path.size(); ++i) { ASSIGN_OR_RETURN(table, descend(table, path[i])); }
    ASSIGN_OR_RETURN(Val item, value(0));
    if (!table.as_map().items.emplace(path.back(), std::move(item)).second)
      return error(fmt::format("key '{}' has already been defined", path.back()));
    return {};
  }

  Result<Val> value(int depth) {
    if (depth > kMaxTomlDepth) return Error(Code::limit, "toml: nested too deep");
    skip_spaces();
    switch (peek()) {
      case '"':
      case '\'': {
        ASSIGN_OR_RETURN(std::string text, string());
        return Val(std::move(text));
      }
      case '[': return list(depth);
      case '{': return inline_table(depth);
      default: return scalar();
    }
  }

  Result<Val> list(int depth) {
    ++at_;
    std::vector<Val> items;
    while (true) {
      skip_blank_lines();
      if (peek() == ']') break;
      ASSIGN_OR_RETURN(Val item, value(depth + 1));
      items.push_back(std::move(item));
      skip_blank_lines();
      if (peek() == ',')
        ++at_;
      else if (peek() != ']')
        return error("expected ',' or ']' in a list");
    }
    ++at_;
    return Val::list(std::move(items));
  }

  Result<Val> inline_table(int depth) {
    ++at_;
    Val table = Val::map();
    skip_spaces();
    if (peek() == '}') {
      ++at_;
      return table;
    }
    while (true) {
      ASSIGN_OR_RETURN(const auto path, key());
      if (peek() != '=') return error("expected '=' after a key");
      ++at_;
      Val inner = table;
      for (std::size_t i = 0; i + 1 < path.size(); ++i) { ASSIGN_OR_RETURN(inner, descend(inner, path[i])); }
      ASSIGN_OR_RETURN(Val item, value(depth + 1));
      inner.as_map().items.insert_or_assign(path.back(), std::move(item));
      skip_spaces();
      const char c = peek();
      ++at_;
      if (c == '}') return table;
      if (c != ',') return error("expected ',' or '}' in an inline table");
    }
  }

  Result<Val> scalar() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_bare(text_[at_]) || std::string_view("+.:").find(text_[at_]) != std::string_view::npos))
      ++at_;
    // A date and a time may be separated by one blank.
    if (at_ - begin == 10 && text_[begin + 4] == '-' && peek() == ' ' && peek(1) >= '0' && peek(1) <= '9') {
      ++at_;
      while (at_ < text_.size() &&
             (is_bare(text_[at_]) || std::string_view("+.:").find(text_[at_]) != std::string_view::npos))
        ++at_;
    }
    const std::string_view token = text_.substr(begin, at_ - begin);
    if (token.empty()) return error("expected value but found nothing");
    if (token == "true") return Val(true);
    if (token == "false") return Val(false);
    const bool date = token.size() >= 8 && (token.find(':') != std::string_view::npos ||
                                            (token.size() >= 10 && token[4] == '-' && token[7] == '-'));
    if (date) return Val(std::string(token));
    if (const auto number = parse_go_integer(token, 0);
        number && !(token.size() > 1 && token[0] == '0' && token[1] >= '0' && token[1] <= '9'))
      return Val::int64(*number);
    std::string digits(token);
    std::erase(digits, '_');
    if (const auto number = parse_go_float(digits)) return Val(*number);
    return error(fmt::format("expected value but found {:?} instead", token));
  }

  Result<std::string> string() {
    const char quote = peek();
    const bool multi = peek(1) == quote && peek(2) == quote;
    at_ += multi ? 3 : 1;
    if (multi && peek() == '\r' && peek(1) == '\n') ++at_;
    if (multi && peek() == '\n') ++at_;
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == quote && (!multi || (peek(1) == quote && peek(2) == quote))) {
        at_ += multi ? 3 : 1;
        // Up to two quotes may stand before the closing three.
        while (multi && peek() == quote) {
          out += quote;
          ++at_;
        }
        return out;
      }
      if (c == '\n' && !multi) return error("a string contains a line break");
      ++at_;
      if (c != '\\' || quote == '\'') {
        out += c;
        continue;
      }
      TRY(escape(out, multi));
    }
    return error("a string is not closed");
  }

  Result<> escape(std::string& out, bool multi) {
    const char c = peek();
    ++at_;
    switch (c) {
      case 'b': out += '\b'; return {};
      case 't': out += '\t'; return {};
      case 'n': out += '\n'; return {};
      case 'f': out += '\f'; return {};
      case 'r': out += '\r'; return {};
      case 'e': out += '\x1b'; return {};
      case '"': out += '"'; return {};
      case '\\': out += '\\'; return {};
      case 'u':
      case 'U': {
        const std::size_t digits = c == 'u' ? 4 : 8;
        const auto point =
            at_ + digits <= text_.size() ? parse_go_integer(text_.substr(at_, digits), 16) : std::nullopt;
        if (!point || *point < 0 || *point > 0x10FFFF) return error("invalid unicode escape");
        append(out, static_cast<char32_t>(*point));
        at_ += digits;
        return {};
      }
      default: break;
    }
    if (multi && (c == '\n' || c == ' ' || c == '\t' || c == '\r')) {
      while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
      return {};
    }
    return error("invalid escape character");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Val root_;
  std::set<std::string> defined_;
  int lists_ = 0;  // below a list of tables a header may come again
};

}  // namespace

Result<Val> from_toml(std::string_view text) { return Decoder(text).document(); }

}  // namespace nautilus::sprig
