// Versions and version constraints, in the grammar Helm uses everywhere (kubeVersion, dependency versions,
// semverCompare): that of Masterminds/semver v3.
//
// A version may lack its minor and patch parts and may begin with "v". A constraint is OR groups separated by "||" of
// AND terms separated by blanks or commas; a term is an operator (= != > < >= => <= =< ~ ~> ^ or none) and a version in
// which parts may be x, X or * or missing; "a - b" is a range. Pre-releases only satisfy an AND group that names one.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::sprig {

inline constexpr std::size_t kMaxVersionLength = 256;
inline constexpr std::size_t kMaxConstraintLength = 512;
inline constexpr std::size_t kMaxConstraintGroups = 32;

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::string prerelease, metadata, original;

  static Result<Version> parse(std::string_view text);
  std::string text() const;  // "1.2.3-rc.1+build"
  // Precedence: metadata does not count.
  int compare(const Version& other) const;
};

class Constraint {
 public:
  static Result<Constraint> parse(std::string_view text);
  bool check(const Version& version) const;

 private:
  enum class Op { equal, not_equal, greater, less, greater_equal, less_equal, tilde, caret };
  struct Term {
    Op op = Op::equal;
    Version version;
    // Parts that were x, * or missing: `dirty` any of them, then which is the first.
    bool dirty = false, minor_dirty = false, patch_dirty = false;
  };
  struct Group {
    std::vector<Term> terms;
    bool prerelease = false;
  };
  class Parser;
  static bool matches(const Term& term, const Version& version, bool allow_prerelease);
  static bool not_equal(const Term& term, const Version& version);
  static bool greater(const Term& term, const Version& version);
  static bool less_equal(const Term& term, const Version& version);
  static bool tilde(const Term& term, const Version& version);
  static bool caret(const Term& term, const Version& version);
  std::vector<Group> groups_;
};

// True if both parse and the version satisfies the constraint.
bool is_compatible(std::string_view constraint, std::string_view version);

}  // namespace nautilus::sprig
