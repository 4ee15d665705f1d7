// Semantic versions and regular expressions.
#include "core/sprig/go.h"
#include "core/sprig/semver.h"

namespace nautilus::sprig {
namespace {

class VersionValue final : public GoObject {
 public:
  explicit VersionValue(Version version, bool pointer = true) : version_(std::move(version)), pointer_(pointer) {}
  const Version& version() const { return version_; }
  std::string type_name() const override { return pointer_ ? "*semver.Version" : "semver.Version"; }
  std::string kind_name() const override { return pointer_ ? "ptr" : "struct"; }
  std::string to_string() const override { return version_.text(); }

  std::optional<Result<Val>> call(std::string_view name, Call&, Args args) const override {
    if (name == "Major") return Val::uint64(version_.major);
    if (name == "Minor") return Val::uint64(version_.minor);
    if (name == "Patch") return Val::uint64(version_.patch);
    if (name == "Prerelease") return Val(version_.prerelease);
    if (name == "Metadata") return Val(version_.metadata);
    if (name == "Original") return Val(version_.original);
    if (name == "String") return Val(version_.text());
    if (name == "IncMajor") return next({version_.major + 1, 0, 0, "", "", ""});
    if (name == "IncMinor") return next({version_.major, version_.minor + 1, 0, "", "", ""});
    // The release of a pre-release is its next patch.
    if (name == "IncPatch")
      return next({version_.major, version_.minor, version_.patch + (version_.prerelease.empty() ? 1 : 0), "", "", ""});
    const VersionValue* other = args.size() == 1 ? object_as<VersionValue>(args[0]) : nullptr;
    if (!other) return std::nullopt;
    const int order = version_.compare(other->version_);
    if (name == "Compare") return Val::integer(order);
    if (name == "Equal") return Val(order == 0);
    if (name == "LessThan") return Val(order < 0);
    if (name == "GreaterThan") return Val(order > 0);
    if (name == "LessThanEqual") return Val(order <= 0);
    if (name == "GreaterThanEqual") return Val(order >= 0);
    return std::nullopt;
  }

 private:
  Result<Val> next(Version version) const {
    version.original = (version_.original.starts_with('v') ? "v" : "") + version.text();
    return Val(std::shared_ptr<const Object>(std::make_shared<VersionValue>(std::move(version), false)));
  }
  Version version_;
  bool pointer_;
};

void add_semver(Functions& f) {
  f.add("semver", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(Version version, Version::parse(args[0].as_string()));
    return Val(std::shared_ptr<const Object>(std::make_shared<VersionValue>(std::move(version))));
  });
  f.add("semverCompare", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Constraint constraint, Constraint::parse(args[0].as_string()));
    ASSIGN_OR_RETURN(const Version version, Version::parse(args[1].as_string()));
    return Val(constraint.check(version));
  });
}

// Under its name and under must + Name: a panic and an error are the same to a template.
void twice(Functions& f, std::string name, int count, std::vector<Param> params, const gotmpl::Function& function) {
  f.add(name, count, count, params, function);
  name[0] = 'R';
  f.add("must" + name, count, count, params, function);
}

void add_regex(Functions& f) {
  // regexMatch alone swallows a pattern that is not valid.
  f.add("regexMatch", 2, 2, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    const auto re = regex(call, args[0].as_string());
    return Val(re.ok() && (*re)->matches(args[1].as_string()));
  });
  f.add("mustRegexMatch", 2, 2, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    return Val(re->matches(args[1].as_string()));
  });
  twice(f, "regexFind", 2, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    return Val(re->find(args[1].as_string()));
  });
  twice(f, "regexFindAll", 3, {Param::string, Param::string, Param::integer}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    auto found = re->find_all(args[1].as_string(), args[2].as_int());
    if (found.empty()) return Val(nullptr);  // a nil slice
    return Val::strings(std::move(found));
  });
  twice(f, "regexReplaceAll", 3, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    return Val(re->replace_all(args[1].as_string(), args[2].as_string()));
  });
  twice(f, "regexReplaceAllLiteral", 3, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    return Val(re->replace_all_literal(args[1].as_string(), args[2].as_string()));
  });
  twice(f, "regexSplit", 3, {Param::string, Param::string, Param::integer}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(const Regex* const re, regex(call, args[0].as_string()));
    if (args[2].as_int() == 0) return Val(nullptr);
    return Val::strings(re->split(args[1].as_string(), args[2].as_int()));
  });
  f.add("regexQuoteMeta", 1, 1, {Param::string},
        [](Call&, Args args) -> Result<Val> { return Val(Regex::quote(args[0].as_string())); });
}

}  // namespace

void add_versions(Functions& functions) {
  add_semver(functions);
  add_regex(functions);
}

}  // namespace nautilus::sprig
