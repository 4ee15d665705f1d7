#include <algorithm>

#include "core/value/escape.h"
#include "core/value/utf8.h"
#include "core/value/yaml_build.h"

namespace nautilus::value {

namespace {

struct Parser {
  Parser() { created = yaml_parser_initialize(&raw) != 0; }
  ~Parser() {
    if (created) yaml_parser_delete(&raw);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  yaml_parser_t raw{};
  bool created = false;
};

struct Event {
  Event() = default;
  ~Event() { yaml_event_delete(&raw); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t raw{};
};

// Control characters and invalid UTF-8, which YAML forbids; libyaml would name them by their offset alone.
Result<> check_characters(std::string_view text, std::string_view file) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++i;
      continue;
    }
    const Utf8Char c = decode_utf8(text, i);
    const bool control = (c.code < 0x20 && c.code != '\t' && c.code != '\n' && c.code != '\r') ||
                         (c.code >= 0x7F && c.code < 0xA0 && c.code != 0x85);
    if (control || !c.valid) {
      const std::string_view before = text.substr(0, i);
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
      const std::string what = c.valid ? fmt::format("control character \\x{:02x}", static_cast<std::uint32_t>(c.code))
                                       : fmt::format("byte \\x{:02x}, which is not UTF-8,", byte);
      return Error(Code::invalid, fmt::format("{} is not allowed in YAML", what))
          .at(fmt::format("{}:{}:{}", file, line, i - begin + 1));
    }
    i += c.size;
  }
  return {};
}

// libyaml's words, and what they mean to somebody who has to correct the file.
struct Explanation {
  std::string_view problem, meaning;
  bool at_context;  // the place to look at is where the construct begins, not where the parser gave up
};
constexpr Explanation kExplanations[] = {
    {"found unexpected end of stream", "this quoted text does not end", true},
    {"could not find expected ':'", "a key needs a colon after it", true},
    {"did not find expected <document start>", "this does not belong to what is above; is the indentation right?",
     false},
    {"did not find expected key", "this does not belong to what is above; is the indentation right?", false},
    {"mapping values are not allowed in this context",
     "a second colon in one line, or a wrong indentation; put the text in quotes if it has a colon", false},
    {"found character that cannot start any token",
     "this character cannot begin a value: a tab is no indentation, and text that begins with @ ` % needs quotes",
     false},
};

Error syntax_error(const yaml_parser_t& parser, std::string_view file) {
  const std::string_view problem = parser.problem ? parser.problem : "unknown error";
  std::string message = fmt::format("not YAML: {}", escape_control(problem));
  if (parser.context && parser.context_mark.line != parser.problem_mark.line)
    message += fmt::format(", {} that begins in line {}", escape_control(parser.context), parser.context_mark.line + 1);
  for (const Explanation& known : kExplanations)
    if (problem == known.problem)
      return Error(Code::invalid, fmt::format("{} ({})", known.meaning, message))
          .at(yaml_place(file, known.at_context && parser.context ? parser.context_mark : parser.problem_mark));
  return Error(Code::invalid, std::move(message)).at(yaml_place(file, parser.problem_mark));
}

Result<> parse_events(std::string_view text, std::string_view file, YamlBuilder& builder) {
  Parser parser;
  if (!parser.created) return Error(Code::internal, "no memory for a YAML parser");
  yaml_parser_set_encoding(&parser.raw, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser.raw, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  for (;;) {
    Event event;
    if (!yaml_parser_parse(&parser.raw, &event.raw)) return syntax_error(parser.raw, file);
    if (event.raw.type == YAML_STREAM_END_EVENT) return {};
    builder.take(event.raw);
  }
}

}  // namespace

Result<std::vector<YamlDocument>> parse_yaml_documents(std::string_view text, std::string_view file,
                                                       const YamlLimits& limits) {
  if (text.empty()) return std::vector<YamlDocument>();  // libyaml asserts that there is an address
  TRY(check_characters(text, file));
  YamlBuilder builder(file, limits);
  try {
    TRY(parse_events(text, file, builder));
  } catch (YamlStop& stop) { return std::move(stop.error); }
  return std::move(builder.documents);
}

Result<std::vector<Json>> parse_yaml_all(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(auto documents, parse_yaml_documents(text, file, limits));
  std::vector<Json> values;
  values.reserve(documents.size());
  for (auto& document : documents) values.push_back(std::move(document.value));
  return values;
}

Result<Json> parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(auto documents, parse_yaml_documents(text, file, limits));
  if (documents.empty()) return Json();
  if (documents.size() > 1)
    return Error(Code::invalid, fmt::format("one document is expected, {} found", documents.size()))
        .at(fmt::format("{}:{}", file, documents[1].line));
  return std::move(documents.front().value);
}

}  // namespace nautilus::value
