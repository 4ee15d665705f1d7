// From libyaml's events to Json documents. Only core/value's YAML reader includes this.
#pragma once

#include <yaml.h>

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/value/yaml.h"
#include "core/value/yaml_scalar.h"

namespace nautilus::value {

// Thrown by the builder, caught beside the loop over the events.
struct YamlStop {
  Error error;
};

std::string yaml_place(std::string_view file, const yaml_mark_t& mark);

// Builds one Json per document. An anchored node is kept; an alias copies it, and everything copied is counted.
class YamlBuilder {
 public:
  YamlBuilder(std::string_view file, const YamlLimits& limits) : file_(file), limits_(limits) {}

  std::vector<YamlDocument> documents;

  void take(const yaml_event_t& event);

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
    yaml_mark_t mark{};
    std::string anchor;  // empty: none
    std::size_t nodes = 1, bytes = 0;
    bool key_next = true, merging = false;
    std::string key;
    yaml_mark_t key_mark{};
    std::vector<OwnKey> own;       // the keys written here, for the line of the first of two equal ones
    std::set<std::string> merged;  // the keys that came by <<
  };

  void alias(const yaml_mark_t& mark, const std::string& anchor);
  void scalar(const yaml_event_t& event);
  [[noreturn]] void fail(const yaml_mark_t& mark, std::string message, Code code = Code::invalid) const;
  void count(const yaml_mark_t& mark, std::size_t nodes, std::size_t bytes);
  Scalar typed(const yaml_mark_t& mark, std::string_view tag, bool plain, std::string_view text) const;
  void open(const yaml_mark_t& mark, const yaml_char_t* anchor, Json empty);
  void close();
  void keep(const std::string& anchor, const yaml_mark_t& mark, const Weighed& node);
  void put(const yaml_mark_t& mark, Weighed node);
  void take_key(Frame& frame, const yaml_mark_t& mark, const Weighed& node);
  void take_value(Frame& frame, Json value);
  void duplicate(const Frame& frame, const std::string& key) const;
  void take_merge(Frame& frame, const yaml_mark_t& mark, Json value);
  std::string key_text(const yaml_mark_t& mark, const Scalar& scalar) const;

  std::string_view file_;
  YamlLimits limits_;
  std::vector<Frame> stack_;
  std::unordered_map<std::string, Weighed> anchors_;
  std::size_t nodes_ = 0, bytes_ = 0;
  Json root_;
  int root_line_ = 1;
};

}  // namespace nautilus::value
