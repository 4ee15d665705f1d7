#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <map>
#include <streambuf>

#include "core/value/yaml.h"
#include "core/value/yaml_scalar.h"

namespace nautilus::value {

namespace {

// Thrown through yaml-cpp's parser by our handler, caught in this file.
struct Stop {
  Error error;
};

std::string place(std::string_view file, const YAML::Mark& mark) {
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

// Builds one Json per document. An anchored node is kept; an alias copies it, and every copied node counts.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view file, const YamlLimits& limits) : file_(file), limits_(limits) {}

  std::vector<Json> documents;

  void OnDocumentStart(const YAML::Mark&) override {
    stack_.clear();
    anchors_.clear();
    root_ = Json();
    any_ = false;
  }
  void OnDocumentEnd() override {
    if (any_) documents.push_back(std::move(root_));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, anchor, Json(), ""); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(mark, "an alias to a node that is not complete");
    count(mark, found->second.nodes);
    place_value(mark, found->second.value, found->second.value.is_string() ? found->second.value.get<std::string>() : "");
    // What an alias brought is part of any anchor around it.
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    scalar(mark, anchor, typed(mark, tag, text), text);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::size_t nodes_before = 0;
    bool key_next = true;
    std::string key;
    Json merge;                      // what `<<` brought; own keys win
    std::map<std::string, int> line_of;  // where each key was, for duplicates
  };
  struct Anchored {
    Json value;
    std::size_t nodes = 1;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string message, Code code = Code::invalid) {
    throw Stop{Error(code, std::move(message)).at(place(file_, mark))};
  }

  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > limits_.max_nodes)
      fail(mark, fmt::format("more than {} nodes after aliases are expanded", limits_.max_nodes), Code::limit);
  }

  Json typed(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "tag:yaml.org,2002:binary") return text;  // quoted, !!str
    auto value = plain_scalar(text);
    if (!value) fail(mark, fmt::format("\"{}\" has no form in JSON", text));
    return std::move(*value);
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, const std::string& text) {
    count(mark, 1);
    if (anchor) anchors_[anchor] = {value, 1};
    place_value(mark, std::move(value), text);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    count(mark, 1);
    if (static_cast<int>(stack_.size()) >= limits_.max_depth)
      fail(mark, fmt::format("nested deeper than {} levels", limits_.max_depth), Code::limit);
    Frame frame;
    frame.value = std::move(empty);
    frame.mark = mark;
    frame.anchor = anchor;
    frame.nodes_before = nodes_ - 1;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (!frame.merge.is_null())
      for (auto& [key, child] : frame.merge.items())
        if (!frame.value.contains(key)) frame.value[key] = child;
    if (frame.anchor) anchors_[frame.anchor] = {frame.value, nodes_ - frame.nodes_before};
    place_value(frame.mark, std::move(frame.value), "");
  }

  void place_value(const YAML::Mark& mark, Json value, const std::string& text) {
    any_ = true;
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
    } else if (frame.key_next) {
      take_key(frame, mark, value, text);
    } else {
      take_value(frame, mark, std::move(value));
    }
  }

  void take_key(Frame& frame, const YAML::Mark& mark, const Json& value, const std::string& text) {
    if (value.is_structured()) fail(mark, "a map or list cannot be a key");
    frame.key = value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : value.is_null() ? "null" : text;
    if (value.is_boolean()) frame.key = value.get<bool>() ? "true" : "false";
    frame.key_next = false;
    if (frame.key == "<<") return;
    auto [first, fresh] = frame.line_of.emplace(frame.key, mark.line + 1);
    if (!fresh) fail(mark, fmt::format("key \"{}\" is given twice, first in line {}", frame.key, first->second));
  }

  void take_value(Frame& frame, const YAML::Mark& mark, Json value) {
    frame.key_next = true;
    if (frame.key != "<<") {
      frame.value[frame.key] = std::move(value);
      return;
    }
    Json sources = value.is_array() ? std::move(value) : Json::array({std::move(value)});
    if (frame.merge.is_null()) frame.merge = Json::object();
    for (const auto& source : sources) {
      if (!source.is_object()) fail(mark, "a merge key needs a map or a list of maps");
      for (const auto& [key, child] : source.items())
        if (!frame.merge.contains(key)) frame.merge[key] = child;
    }
  }

  std::string_view file_;
  YamlLimits limits_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  Json root_;
  bool any_ = false;
};

class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

Result<std::vector<Json>> parse_yaml_all(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  Builder builder(file, limits);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (Stop& stop) {
    return std::move(stop.error);
  } catch (const YAML::Exception& e) {
    return Error(Code::invalid, "not YAML: " + e.msg).at(place(file, e.mark));
  }
  return std::move(builder.documents);
}

Result<Json> parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits) {
  ASSIGN_OR_RETURN(auto documents, parse_yaml_all(text, file, limits));
  if (documents.empty()) return Json();
  if (documents.size() > 1)
    return Error(Code::invalid, fmt::format("one document is expected, {} found", documents.size())).at(std::string(file));
  return std::move(documents.front());
}

}  // namespace nautilus::value
