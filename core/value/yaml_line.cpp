#include "core/value/yaml_line.h"

#include <yaml.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace nautilus::value {

namespace {

struct Part {
  std::string key;        // of a map
  std::size_t index = 0;  // of a list
  bool is_index = false;
};

std::vector<Part> parts_of(std::string_view path) {
  std::vector<Part> parts;
  while (!path.empty() && parts.size() < kMaxPathParts) {
    if (path.front() == '[') {
      Part part;
      part.is_index = true;
      std::from_chars(path.data() + 1, path.data() + path.size(), part.index);
      parts.push_back(part);
      path.remove_prefix(std::min(path.find(']'), path.size() - 1) + 1);
    } else {
      if (path.front() == '.') path.remove_prefix(1);
      const auto end = std::min(path.find_first_of(".["), path.size());
      if (end > 0) parts.push_back({std::string(path.substr(0, end)), 0, false});
      path.remove_prefix(end);
    }
  }
  return parts;
}

// Reads events one after the other; recursion goes along the path only, so it is bounded by its parts.
class Finder {
 public:
  Finder(std::string_view text, std::vector<Part> parts) : parts_(std::move(parts)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Finder() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  int find() {
    while (next() && event_.type != YAML_STREAM_END_EVENT)
      if (event_.type == YAML_MAPPING_START_EVENT || event_.type == YAML_SEQUENCE_START_EVENT) {
        descend(0);
        break;
      }
    return line_;
  }

 private:
  bool next() {
    yaml_event_delete(&event_);
    return yaml_parser_parse(&parser_, &event_) == 1;
  }
  int here() const { return static_cast<int>(event_.start_mark.line) + 1; }

  // Past the node whose first event is the present one.
  bool skip() {
    int open = 0;
    do {
      if (event_.type == YAML_MAPPING_START_EVENT || event_.type == YAML_SEQUENCE_START_EVENT) ++open;
      if (event_.type == YAML_MAPPING_END_EVENT || event_.type == YAML_SEQUENCE_END_EVENT) --open;
    } while (open > 0 && next());
    return open == 0;
  }

  void descend(std::size_t depth) {
    if (depth == parts_.size()) return;
    const Part& part = parts_[depth];
    if (event_.type == YAML_MAPPING_START_EVENT && !part.is_index) {
      while (next() && event_.type != YAML_MAPPING_END_EVENT) {
        const bool found = event_.type == YAML_SCALAR_EVENT &&
                           std::string_view(reinterpret_cast<const char*>(event_.data.scalar.value),
                                            event_.data.scalar.length) == part.key;
        const int line = here();
        if (!skip() || !next()) return;
        if (found) {
          line_ = line;
          return descend(depth + 1);
        }
        if (!skip()) return;
      }
    } else if (event_.type == YAML_SEQUENCE_START_EVENT && part.is_index) {
      for (std::size_t i = 0; next() && event_.type != YAML_SEQUENCE_END_EVENT; ++i) {
        if (i == part.index) {
          line_ = here();
          return descend(depth + 1);
        }
        if (!skip()) return;
      }
    }
  }

  std::vector<Part> parts_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  int line_ = 0;
};

}  // namespace

int yaml_line_of(std::string_view text, std::string_view path) { return Finder(text, parts_of(path)).find(); }

}  // namespace nautilus::value
