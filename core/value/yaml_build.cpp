#include "core/value/yaml_build.h"

#include <algorithm>
#include <cmath>

#include "core/value/base64.h"
#include "core/value/escape.h"
#include "core/value/utf8.h"

namespace nautilus::value {

namespace {

constexpr std::size_t kShownText = 60;  // of a text in a message

std::string text_of(const yaml_char_t* text) { return text ? reinterpret_cast<const char*>(text) : ""; }

std::string shown(std::string_view text) {
  return escape_control(text.substr(0, kShownText)) + (text.size() > kShownText ? "..." : "");
}

}  // namespace

std::string yaml_place(std::string_view file, const yaml_mark_t& mark) {
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

void YamlBuilder::take(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_DOCUMENT_START_EVENT:
      stack_.clear();
      anchors_.clear();
      root_ = Json();
      break;
    case YAML_DOCUMENT_END_EVENT:
      if (!root_.is_null()) documents.push_back({std::move(root_), root_line_});
      root_ = Json();
      break;
    case YAML_ALIAS_EVENT: alias(event.start_mark, text_of(event.data.alias.anchor)); break;
    case YAML_SCALAR_EVENT: scalar(event); break;
    case YAML_SEQUENCE_START_EVENT: open(event.start_mark, event.data.sequence_start.anchor, Json::array()); break;
    case YAML_MAPPING_START_EVENT: open(event.start_mark, event.data.mapping_start.anchor, Json::object()); break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: close(); break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT: break;
  }
}

void YamlBuilder::alias(const yaml_mark_t& mark, const std::string& anchor) {
  for (const Frame& frame : stack_)
    if (frame.anchor == anchor) fail(mark, "this alias names a node that contains it");
  auto found = anchors_.find(anchor);
  if (found == anchors_.end()) fail(mark, fmt::format("there is no anchor \"{}\" above", shown(anchor)));
  count(mark, found->second.nodes, found->second.bytes);
  put(mark, found->second);
}

void YamlBuilder::scalar(const yaml_event_t& event) {
  const auto& data = event.data.scalar;
  const std::string_view text(reinterpret_cast<const char*>(data.value), data.length);
  const std::string tag = text_of(data.tag);
  const bool plain = data.plain_implicit != 0;
  count(event.start_mark, 1, text.size());
  Weighed node{typed(event.start_mark, tag, plain, text), 1, text.size(), false};
  node.merge_key = text == "<<" && ((tag.empty() && plain) || tag == "tag:yaml.org,2002:merge");
  keep(text_of(data.anchor), event.start_mark, node);
  put(event.start_mark, std::move(node));
}

void YamlBuilder::fail(const yaml_mark_t& mark, std::string message, Code code) const {
  throw YamlStop{Error(code, std::move(message)).at(yaml_place(file_, mark))};
}

void YamlBuilder::count(const yaml_mark_t& mark, std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits_.max_nodes)
    fail(mark, fmt::format("more than {} nodes after aliases are expanded", limits_.max_nodes), Code::limit);
  if (bytes_ > limits_.max_bytes)
    fail(mark, fmt::format("more than {} bytes after aliases are expanded", limits_.max_bytes), Code::limit);
}

Scalar YamlBuilder::typed(const yaml_mark_t& mark, std::string_view tag, bool plain, std::string_view text) const {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const auto string = [&] { return Scalar{ScalarKind::string, Json(text), 0}; };
  if (tag.empty()) {
    if (!plain) return string();  // quoted, or a block
    Scalar scalar = resolve_plain(text);
    if (scalar.kind == ScalarKind::string || scalar.kind == ScalarKind::timestamp) return string();
    return scalar;
  }
  if (!tag.starts_with(kCore)) return string();  // an application's own tag
  const std::string_view kind = tag.substr(kCore.size());
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

void YamlBuilder::keep(const std::string& anchor, const yaml_mark_t& mark, const Weighed& node) {
  if (anchor.empty()) return;
  count(mark, node.nodes, node.bytes);  // the copy that is kept: anchors nested in anchors would be quadratic
  anchors_[anchor] = node;
}

void YamlBuilder::open(const yaml_mark_t& mark, const yaml_char_t* anchor, Json empty) {
  count(mark, 1, 0);
  if (static_cast<int>(stack_.size()) >= limits_.max_depth)
    fail(mark, fmt::format("nested deeper than {} levels", limits_.max_depth), Code::limit);
  Frame& frame = stack_.emplace_back();
  frame.value = std::move(empty);
  frame.mark = mark;
  frame.anchor = text_of(anchor);
}

void YamlBuilder::close() {
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  Weighed node{{ScalarKind::string, std::move(frame.value), 0}, frame.nodes, frame.bytes, false};
  keep(frame.anchor, frame.mark, node);
  put(frame.mark, std::move(node));
}

void YamlBuilder::put(const yaml_mark_t& mark, Weighed node) {
  if (stack_.empty()) {
    if (node.node.kind == ScalarKind::not_finite) fail(mark, "infinity and NaN have no form in JSON");
    root_ = std::move(node.node.value);
    root_line_ = static_cast<int>(mark.line) + 1;
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

std::string YamlBuilder::key_text(const yaml_mark_t& mark, const Scalar& scalar) const {
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

void YamlBuilder::take_key(Frame& frame, const yaml_mark_t& mark, const Weighed& node) {
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
    frame.own.push_back({&member->first, static_cast<int>(frame.key_mark.line) + 1});
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
void YamlBuilder::take_merge(Frame& frame, const yaml_mark_t& mark, Json value) {
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
