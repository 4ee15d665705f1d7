// A chart directory as a flat list of files, in the order of a sorted walk.
#include "core/chart/ignore.h"
#include "core/chart/load_internal.h"

namespace nautilus::chart::internal {
namespace {

class Walk {
 public:
  Walk(const port::Filesystem& filesystem, const std::string& root, IgnoreRules rules, Budget& budget)
      : filesystem_(filesystem), root_(root), rules_(std::move(rules)), budget_(budget) {}

  Result<> directory(const std::string& relative, int depth) {
    if (depth > kMaxDirectoryDepth)
      return Error(Code::limit, fmt::format("directories are nested deeper than {} levels", kMaxDirectoryDepth))
          .at(relative);
    ASSIGN_OR_RETURN(auto names, filesystem_.list(relative.empty() ? root_ : root_ + "/" + relative));
    for (const std::string& name : names) TRY(entry(relative.empty() ? name : relative + "/" + name, depth));
    return {};
  }

  Files files;

 private:
  Result<> entry(const std::string& relative, int depth) {
    const std::string path = root_ + "/" + relative;
    ASSIGN_OR_RETURN(const port::FileInfo info, filesystem_.stat(path));
    const bool is_directory = info.type == port::FileInfo::Type::directory;
    if (rules_.ignored(relative, is_directory)) return {};
    if (is_directory) return directory(relative, depth + 1);
    if (info.type == port::FileInfo::Type::symlink)
      return Error(Code::refused, "symbolic links are not followed inside a chart",
                   "replace the link by the file, or list it in .helmignore")
          .at(path);
    if (info.type != port::FileInfo::Type::file)
      return Error(Code::invalid, "not a regular file", "list it in .helmignore").at(path);
    TRY(budget_.take(info.size, relative));
    ASSIGN_OR_RETURN(std::string data, filesystem_.read(path, kMaxFileBytes));
    strip_byte_order_mark(data);
    files.push_back({relative, std::move(data)});
    return {};
  }

  const port::Filesystem& filesystem_;
  const std::string& root_;
  IgnoreRules rules_;
  Budget& budget_;
};

}  // namespace

Result<Files> read_directory(const port::Filesystem& filesystem, const std::string& root, Budget& budget) {
  IgnoreRules rules;
  const std::string ignore_file = root + "/.helmignore";
  if (filesystem.exists(ignore_file)) {
    ASSIGN_OR_RETURN(const std::string text, filesystem.read(ignore_file, kMaxFileBytes));
    ASSIGN_OR_RETURN(rules, IgnoreRules::parse(text, ignore_file));
  }
  rules.add_defaults();
  Walk walk(filesystem, root, std::move(rules), budget);
  TRY(walk.directory("", 0));
  return std::move(walk.files);
}

}  // namespace nautilus::chart::internal
