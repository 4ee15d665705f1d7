#include "core/value/yaml_build.h"

#include <algorithm>
#include <cmath>

#include "core/value/base64.h"
#include "core/value/escape.h"
#include "core/value/utf8.h"

namespace nautilus::value {

namespace {

constexpr std::size_t kShownText = 60;  // of a text in a message

// The source is valid UTF-8, so a broken byte comes from yaml-cpp's reading of the escapes \N and \_.
std::string repaired(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    if (c.valid)
      out.append(text, i, c.size);
    else
      append_utf8(out, static_cast<unsigned char>(text[i]));
    i += c.size;
  }
  return out;
}

std::string shown(std::string_view text) {
  return escape_control(text.substr(0, kShownText)) + (text.size() > kShownText ? "..." : "");
}

}  // namespace

std::string yaml_place(std::string_view file, const YAML::Mark& mark) {
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

void YamlBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (begun_ && !source_.document_may_begin(mark))
    fail(mark, "this does not belong to what is above; is the indentation right?");
  begun_ = true;
  stack_.clear();
  anchors_.clear();
  root_ = Json();
}

void YamlBuilder::OnDocumentEnd() {
  if (!root_.is_null()) documents.push_back({std::move(root_), root_line_});
  root_ = Json();
}

void YamlBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  count(mark, 1, 0);
  check_null(mark);
  Weighed node{{ScalarKind::null, Json(), 0}, 1, 0, false};
  keep(anchor, mark, node);
  put(mark, std::move(node));
}

// "a: 1\nb\n": yaml-cpp takes b for a key without a value.
void YamlBuilder::check_null(const YAML::Mark& mark) const {
  if (stack_.empty() || stack_.back().key_next || stack_.back().flow || !stack_.back().value.is_object()) return;
  const YAML::Mark& key = stack_.back().key_mark;
  if (source_.from(key).find(':') != std::string_view::npos || source_.before(key).find('?') != std::string_view::npos)
    return;
  if (mark.line == key.line || source_.before(key).find_first_not_of(" \t-") == std::string_view::npos)
    fail(key, "a key needs a colon after it");
}

void YamlBuilder::finish() const {
  if (!last_quoted_) return;
  const std::string_view from = source_.from(*last_quoted_);
  const auto first = from.find_first_of("'\"|>");
  if (first == std::string_view::npos || from[first] == '|' || from[first] == '>') return;
  if (!quote_ends(source_.rest(*last_quoted_))) fail(*last_quoted_, "this quoted text does not end");
}

void YamlBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  auto found = anchors_.find(anchor);
  if (found == anchors_.end()) fail(mark, "this alias names a node that contains it");
  count(mark, found->second.nodes, found->second.bytes);
  put(mark, found->second);
}

void YamlBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& text) {
  count(mark, 1, text.size());
  if (tag != "?") last_quoted_ = mark;
  Weighed node{typed(mark, tag, text), 1, text.size(), false};
  node.merge_key = text == "<<" && (tag == "?" || tag.empty() || tag == "tag:yaml.org,2002:merge");
  keep(anchor, mark, node);
  put(mark, std::move(node));
}

void YamlBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value style) {
  open(mark, anchor, Json::array(), style);
}

void YamlBuilder::OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value style) {
  open(mark, anchor, Json::object(), style);
}

void YamlBuilder::fail(const YAML::Mark& mark, std::string message, Code code) const {
  throw YamlStop{Error(code, std::move(message)).at(yaml_place(file_, mark))};
}

void YamlBuilder::count(const YAML::Mark& mark, std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits_.max_nodes)
    fail(mark, fmt::format("more than {} nodes after aliases are expanded", limits_.max_nodes), Code::limit);
  if (bytes_ > limits_.max_bytes)
    fail(mark, fmt::format("more than {} bytes after aliases are expanded", limits_.max_bytes), Code::limit);
}

Scalar YamlBuilder::typed(const YAML::Mark& mark, const std::string& tag, const std::string& text) const {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const auto string = [&] { return Scalar{ScalarKind::string, Json(repaired(text)), 0}; };
  if (tag == "!") {  // quoted, or a block
    const std::string_view here = source_.from(mark);
    // yaml-cpp 0.7 loses line breaks of a folded text that keeps its trailing ones; a wrong value is worse than none.
    if (here.starts_with(">+") || (here.starts_with(">") && here.substr(0, 3).ends_with("+")))
      fail(mark, "\">+\" is not supported; write \"|+\" or \">\"");
    return string();
  }
  if (tag.empty() || tag == "?") {
    Scalar scalar = resolve_plain(text);
    if (scalar.kind == ScalarKind::string || scalar.kind == ScalarKind::timestamp) return string();
    return scalar;
  }
  if (!tag.starts_with(kCore)) return string();  // an application's own tag
  const std::string_view kind = std::string_view(tag).substr(kCore.size());
  if (kind == "binary") {
    auto bytes = decode_base64(text);
    if (!bytes) fail(mark, "!!binary needs base64");
    return {ScalarKind::string, Json(valid_utf8(*bytes)), 0};
  }
  if (kind != "bool" && kind != "int" && kind != "float" && kind != "null" && kind != "timestamp") return string();
  Scalar scalar = resolve_plain(text);
  const bool fits = (kind == "bool" && scalar.kind == ScalarKind::boolean) ||
                    (kind == "int" && scalar.kind == ScalarKind::integer) ||
                    (kind == "float" && (scalar.kind == ScalarKind::real || scalar.kind == ScalarKind::not_finite ||
                                         scalar.kind == ScalarKind::integer)) ||
                    (kind == "null" && scalar.kind == ScalarKind::null) ||
                    (kind == "timestamp" && scalar.kind == ScalarKind::timestamp);
  if (!fits) fail(mark, fmt::format("\"{}\" is not a !!{}", shown(text), kind));
  return scalar;
}

void YamlBuilder::keep(YAML::anchor_t anchor, const YAML::Mark& mark, const Weighed& node) {
  if (!anchor) return;
  count(mark, node.nodes, node.bytes);  // the copy that is kept: anchors nested in anchors would be quadratic
  anchors_[anchor] = node;
}

void YamlBuilder::open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty, YAML::EmitterStyle::value style) {
  count(mark, 1, 0);
  if (static_cast<int>(stack_.size()) >= limits_.max_depth)
    fail(mark, fmt::format("nested deeper than {} levels", limits_.max_depth), Code::limit);
  Frame& frame = stack_.emplace_back();
  frame.value = std::move(empty);
  frame.mark = mark;
  frame.anchor = anchor;
  frame.flow = style == YAML::EmitterStyle::Flow;
}

void YamlBuilder::close() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  Weighed node{{ScalarKind::string, std::move(frame.value), 0}, frame.nodes, frame.bytes, false};
  keep(frame.anchor, frame.mark, node);
  put(frame.mark, std::move(node));
}

void YamlBuilder::put(const YAML::Mark& mark, Weighed node) {
  if (stack_.empty()) {
    if (node.node.kind == ScalarKind::not_finite) fail(mark, "infinity and NaN have no form in JSON");
    root_ = std::move(node.node.value);
    root_line_ = mark.line + 1;
    return;
  }
  Frame& frame = stack_.back();
  frame.nodes += node.nodes;
  frame.bytes += node.bytes;
  const bool is_key = frame.value.is_object() && frame.key_next;
  if (is_key) return take_key(frame, mark, node);
  if (node.node.kind == ScalarKind::not_finite) fail(mark, "infinity and NaN have no form in JSON");
  if (frame.value.is_array())
    frame.value.push_back(std::move(node.node.value));
  else if (frame.merging)
    take_merge(frame, mark, std::move(node.node.value));
  else
    take_value(frame, std::move(node.node.value));
}

std::string YamlBuilder::key_text(const YAML::Mark& mark, const Scalar& scalar) const {
  if (scalar.value.is_structured()) fail(mark, "a map or a list cannot be a key", Code::invalid);
  switch (scalar.kind) {
    case ScalarKind::boolean: return scalar.value.get<bool>() ? "true" : "false";
    case ScalarKind::integer:
      if (!scalar.value.is_number_unsigned()) return scalar.value.dump();
      fail(mark, fmt::format("{} is too large for a key; put it in quotes", scalar.value.dump()));
    case ScalarKind::real:
    case ScalarKind::not_finite: return go_float(scalar.real, 32);  // single precision, as sigs.k8s.io/yaml does
    case ScalarKind::null: fail(mark, "null cannot be a key; put it in quotes");
    case ScalarKind::timestamp:
    case ScalarKind::string: break;
  }
  return scalar.value.get<std::string>();
}

void YamlBuilder::take_key(Frame& frame, const YAML::Mark& mark, const Weighed& node) {
  frame.merging = node.merge_key;
  frame.key_next = false;
  frame.key_mark = mark;
  if (!frame.merging) frame.key = key_text(mark, node.node);
}

void YamlBuilder::take_value(Frame& frame, Json value) {
  frame.key_next = true;
  auto [member, fresh] = frame.value.get_ref<Json::object_t&>().try_emplace(std::move(frame.key), Json());
  if (!fresh && frame.merged.erase(member->first) == 0)
    duplicate(frame, member->first);
  else
    frame.own.push_back({&member->first, frame.key_mark.line + 1});
  member->second = std::move(value);
}

void YamlBuilder::duplicate(const Frame& frame, const std::string& key) const {
  const bool refuse = limits_.duplicate_keys == YamlLimits::DuplicateKeys::refuse;
  // The first line is searched for, so only as often as it is shown.
  if (!refuse && (!limits_.warnings || limits_.warnings->size() >= kMaxYamlWarnings)) return;
  const auto first =
      std::find_if(frame.own.begin(), frame.own.end(), [&](const OwnKey& own) { return *own.key == key; });
  std::string message = fmt::format("key \"{}\" is given twice: here and in line {}", shown(key),
                                    first == frame.own.end() ? 0 : first->line);
  if (refuse) fail(frame.key_mark, std::move(message));
  limits_.warnings->push_back({yaml_place(file_, frame.key_mark), message + "; this one counts"});
}

// yaml.v2 applies << where it stands: it wins over keys above it and loses to keys below.
void YamlBuilder::take_merge(Frame& frame, const YAML::Mark& mark, Json value) {
  frame.key_next = true;
  frame.merging = false;
  Json sources = value.is_array() ? std::move(value) : Json::array({std::move(value)});
  auto& target = frame.value.get_ref<Json::object_t&>();
  for (auto source = sources.rbegin(); source != sources.rend(); ++source) {  // the first in the list wins
    if (!source->is_object()) fail(mark, "<< needs a map or a list of maps");
    for (auto& [key, child] : source->get_ref<Json::object_t&>()) {
      auto [member, fresh] = target.insert_or_assign(key, std::move(child));
      if (fresh) frame.merged.insert(member->first);
    }
  }
}

}  // namespace nautilus::value
