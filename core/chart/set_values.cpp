#include "core/chart/set_values.h"

#include <charconv>

namespace nautilus::chart {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool same_word(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? char(x - 'A' + 'a') : x) == y;
         });
}

Json typed(const std::string& text) {
  if (same_word(text, "true")) return true;
  if (same_word(text, "false")) return false;
  if (same_word(text, "null")) return nullptr;
  if (text == "0") return 0;
  if (!text.empty() && text.front() != '0') {
    std::int64_t number = 0;
    const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, number);
    // from_chars takes "+-5"; Go does not.
    if (error == std::errc() && stop == end && !(begin != text.data() && *begin == '-')) return number;
  }
  return text;
}

Error invalid(std::string message) { return Error(Code::invalid, std::move(message)); }

class Parser {
 public:
  Parser(std::string_view text, SetKind kind, const ReadFile& read_file)
      : text_(text), kind_(kind), read_file_(read_file) {}

  Result<> parse(Json& values) {
    while (at_ < text_.size()) TRY(key(values, 0));
    return {};
  }

 private:
  bool literal() const { return kind_ == SetKind::literal; }

  // Reads up to one of `stops` and takes it; '\0' at the end of the text.
  char until(std::string_view stops, std::string& out) {
    out.clear();
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (stops.find(c) != std::string_view::npos) return c;
      if (c == '\\' && !literal()) {
        if (at_ >= text_.size()) return '\0';
        out += text_[at_++];
        // The rest of a UTF-8 sequence follows by itself: no stop is above 0x7F.
      } else {
        out += c;
      }
    }
    return '\0';
  }

  static void set(Json& map, const std::string& name, Json value) {
    if (!name.empty()) map[name] = std::move(value);
  }

  Result<> key(Json& map, int nesting) {
    std::string name;
    switch (until(literal() ? "=[." : "=[,.", name)) {
      case '[': return list_assignment(map, name, nesting);
      case '=': return assignment(map, name);
      case ',': return invalid(fmt::format("key \"{}\" has no value (cannot end with ,)", name));
      case '.': return nested(map, name, nesting + 1);
      default: return name.empty() ? Result<>() : invalid(fmt::format("key \"{}\" has no value", name));
    }
  }

  Result<> nested(Json& map, const std::string& name, int nesting) {
    if (nesting > kMaxSetNesting)
      return Error(Code::limit, fmt::format("names may be nested {} levels deep, not more", kMaxSetNesting));
    Json inner = Json::object();
    if (auto found = map.find(name); found != map.end()) {
      if (!found->is_object())
        return invalid(fmt::format("\"{}\" is set to {} elsewhere, so nothing can be set below it", name,
                                   found->is_null() ? "null" : found->type_name()));
      inner = std::move(*found);
    }
    Result<> done = key(inner, nesting);
    if (done.ok() && inner.empty()) return invalid(fmt::format("key map \"{}\" has no value", name));
    if (!inner.empty()) set(map, name, std::move(inner));
    return done;
  }

  Result<> assignment(Json& map, const std::string& name) {
    ASSIGN_OR_RETURN(Json value, this->value());
    set(map, name, std::move(value));
    return {};
  }

  Result<> list_assignment(Json& map, const std::string& name, int nesting) {
    ASSIGN_OR_RETURN(const int index, list_index());
    Json list = Json::array();
    if (auto found = map.find(name); found != map.end()) {
      if (!found->is_array())
        return invalid(fmt::format("\"{}\" is set to {} elsewhere, not to a list", name, found->type_name()));
      list = std::move(*found);
    }
    Result<> done = list_item(list, index, nesting);
    set(map, name, std::move(list));
    return done;
  }

  Result<int> list_index() {
    std::string digits;
    if (until("]", digits) == '\0') return invalid("a list index is not closed by ]");
    int index = 0;
    const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, digits.data() + digits.size(), index);
    if (error == std::errc::result_out_of_range)
      return Error(Code::limit, fmt::format("list index {} is greater than the maximum, {}", digits, kMaxSetIndex));
    if (error != std::errc() || end != digits.data() + digits.size())
      return invalid(fmt::format("list index \"{}\" is not a number", digits));
    if (index < 0) return invalid(fmt::format("list index {} is negative", index));
    if (index > kMaxSetIndex)
      return Error(Code::limit, fmt::format("list index {} is greater than the maximum, {}", index, kMaxSetIndex));
    return index;
  }

  static Json& slot(Json& list, int index) {
    while (list.size() <= static_cast<std::size_t>(index)) list.push_back(nullptr);
    return list[static_cast<std::size_t>(index)];
  }

  // What follows "[index]".
  Result<> list_item(Json& list, int index, int nesting) {
    if (nesting > kMaxSetNesting)
      return Error(Code::limit, fmt::format("lists may be nested {} levels deep, not more", kMaxSetNesting));
    std::string between;
    const char stop = until("[.=", between);
    if (!between.empty()) return invalid(fmt::format("unexpected data at end of array index: \"{}\"", between));
    switch (stop) {
      case '=': {
        ASSIGN_OR_RETURN(Json value, this->value());
        slot(list, index) = std::move(value);
        return {};
      }
      case '[': {
        ASSIGN_OR_RETURN(const int next, list_index());
        Json inner = Json::array();
        if (static_cast<std::size_t>(index) < list.size() && !list[static_cast<std::size_t>(index)].is_null()) {
          Json& existing = list[static_cast<std::size_t>(index)];
          if (!existing.is_array()) return invalid(fmt::format("item {} is not a list", index));
          inner = std::move(existing);
        }
        TRY(list_item(inner, next, nesting + 1));
        slot(list, index) = std::move(inner);
        return {};
      }
      case '.': {
        Json inner = Json::object();
        if (static_cast<std::size_t>(index) < list.size() && list[static_cast<std::size_t>(index)].is_object())
          inner = std::move(list[static_cast<std::size_t>(index)]);
        TRY(key(inner, nesting));
        slot(list, index) = std::move(inner);
        return {};
      }
      default: return {};  // "a[0]" alone: an empty list
    }
  }

  Result<Json> value() {
    if (kind_ == SetKind::json) return json_value();
    std::string text;
    if (!literal() && at_ < text_.size() && text_[at_] == '{') return braces();
    until(literal() ? "" : ",", text);
    return converted(text);
  }

  Result<Json> converted(const std::string& text) {
    if (kind_ == SetKind::typed) return typed(text);
    if (kind_ != SetKind::file) return Json(text);
    if (!read_file_) return Error(Code::internal, "no way to read a file here");
    ASSIGN_OR_RETURN(std::string content, read_file_(text));
    return Json(std::move(content));
  }

  // {a,b,c}
  Result<Json> braces() {
    ++at_;
    Json list = Json::array();
    std::string text;
    while (true) {
      const char stop = until(",}", text);
      if (stop == '\0') return invalid("list must terminate with '}'");
      ASSIGN_OR_RETURN(Json item, converted(text));
      list.push_back(std::move(item));
      if (stop == ',') continue;
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
      return list;
    }
  }

  // Skips blanks; true (and the comma taken) if no value follows.
  bool nothing_follows() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (at_ >= text_.size()) return true;
    if (text_[at_] != ',') return false;
    ++at_;
    return true;
  }

  // One JSON value out of "key=json,key=json": its end is found first, then it is parsed.
  Result<Json> json_value() {
    if (nothing_follows()) return Json(nullptr);
    const std::size_t begin = at_;
    int depth = 0;
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted) {
        if (c == '\\')
          ++at_;
        else if (c == '"')
          quoted = false;
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth <= 0) {
        at_ += depth == 0 ? 1 : 0;
        break;
      }
      if (depth == 0 && !quoted && (c == ',' || is_space(c))) break;
    }
    at_ = std::min(at_, text_.size());
    ASSIGN_OR_RETURN(Json value, value::parse_json(text_.substr(begin, at_ - begin), "the value"));
    nothing_follows();
    numbers(value);
    return value;
  }

  static void numbers(Json& value) {
    if (value.is_number())
      value = value.get<double>();
    else if (value.is_structured())
      for (Json& item : value) numbers(item);
  }

  std::string_view text_;
  SetKind kind_;
  const ReadFile& read_file_;
  std::size_t at_ = 0;
};

}  // namespace

Result<> apply_set(std::string_view argument, SetKind kind, Json& values, const ReadFile& read_file) {
  return Parser(argument, kind, read_file).parse(values);
}

}  // namespace nautilus::chart
