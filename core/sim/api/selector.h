// Label and field selectors of list and watch requests, and LabelSelector objects.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/value/json.h"

namespace nautilus::sim {

struct Requirement {
  enum class Op { in, not_in, exists, absent, greater, less } op = Op::exists;
  std::string key;
  std::vector<std::string> values;
};

class LabelSelector {
 public:
  // "a=b,c!=d,e in (x,y),f notin (z),g,!h"; throws Refused if it is malformed.
  static LabelSelector parse(std::string_view text);
  // matchLabels and matchExpressions. An empty selector matches everything, null matches nothing.
  static LabelSelector of(const Json* selector);
  bool matches(const Json* labels) const;
  bool everything() const { return requirements_.empty() && !nothing_; }
  std::string text() const;  // as status.selector of a Scale shows it

 private:
  std::vector<Requirement> requirements_;
  bool nothing_ = false;
};

class FieldSelector {
 public:
  // "metadata.name=x,status.phase!=Running". Throws Refused if it is malformed or names a field that `kind` does not
  // offer.
  static FieldSelector parse(std::string_view text, std::string_view kind, const std::vector<std::string>& extra);
  bool matches(const Json& object) const;
  bool everything() const { return terms_.empty(); }

 private:
  struct Term {
    std::string field, value;
    bool equal = true;
  };
  std::vector<Term> terms_;
};

}  // namespace nautilus::sim
