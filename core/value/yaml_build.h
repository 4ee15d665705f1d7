// From yaml-cpp's events to Json documents. Only core/value's YAML reader includes this.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/value/yaml.h"
#include "core/value/yaml_scalar.h"
#include "core/value/yaml_source.h"

namespace nautilus::value {

// Thrown by the builder through yaml-cpp's parser; caught beside the call.
struct YamlStop {
  Error error;
};

std::string yaml_place(std::string_view file, const YAML::Mark& mark);

// Builds one Json per document. An anchored node is kept; an alias copies it, and everything copied is counted.
class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(const YamlSource& source, std::string_view file, const YamlLimits& limits)
      : source_(source), file_(file), limits_(limits) {}

  std::vector<YamlDocument> documents;

  // After the last document: does the last quoted text end?
  void finish() const;

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override;
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override;
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override;
  void OnMapEnd() override { close(); }

 private:
  // A node with what it weighs: itself and all below it.
  struct Weighed {
    Scalar node;
    std::size_t nodes = 1, bytes = 0;
    bool merge_key = false;  // an unquoted <<
  };
  struct OwnKey {
    const std::string* key;  // stays where it is: the object is a std::map
    int line;
  };
  struct Frame {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1, bytes = 0;
    bool key_next = true, merging = false, flow = false;
    std::string key;
    YAML::Mark key_mark;
    std::vector<OwnKey> own;       // the keys written here, for the line of the first of two equal ones
    std::set<std::string> merged;  // the keys that came by <<
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string message, Code code = Code::invalid) const;
  void count(const YAML::Mark& mark, std::size_t nodes, std::size_t bytes);
  Scalar typed(const YAML::Mark& mark, const std::string& tag, const std::string& text) const;
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty, YAML::EmitterStyle::value style);
  void close();
  void keep(YAML::anchor_t anchor, const YAML::Mark& mark, const Weighed& node);
  void put(const YAML::Mark& mark, Weighed node);
  void take_key(Frame& frame, const YAML::Mark& mark, const Weighed& node);
  void take_value(Frame& frame, Json value);
  void duplicate(const Frame& frame, const std::string& key) const;
  void take_merge(Frame& frame, const YAML::Mark& mark, Json value);
  std::string key_text(const YAML::Mark& mark, const Scalar& scalar) const;

  void check_null(const YAML::Mark& mark) const;

  const YamlSource& source_;
  std::string_view file_;
  YamlLimits limits_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, Weighed> anchors_;
  std::size_t nodes_ = 0, bytes_ = 0;
  Json root_;
  int root_line_ = 1;
  bool begun_ = false;                     // a document has been
  std::optional<YAML::Mark> last_quoted_;  // text, not a block
};

}  // namespace nautilus::value
