// Files in memory for tests; any path can be made a symbolic link or fail.
#pragma once

#include <map>
#include <set>
#include <string>

#include "core/port/filesystem.h"

namespace nautilus::chart_test {

class MemoryFilesystem final : public port::Filesystem {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> links, broken;

  Result<std::string> read(const std::string& path, std::uint64_t max_bytes) const override {
    if (broken.contains(path)) return Error(Code::io, "read error").at(path);
    const auto found = files.find(path);
    if (found == files.end()) return Error(Code::not_found, "no such file").at(path);
    if (found->second.size() > max_bytes) return Error(Code::limit, "too large").at(path);
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view content, unsigned) override {
    files[path] = content;
    return {};
  }
  Result<port::FileInfo> stat(const std::string& path) const override {
    port::FileInfo info;
    if (links.contains(path)) {
      info.type = port::FileInfo::Type::symlink;
      return info;
    }
    if (const auto found = files.find(path); found != files.end()) {
      info.size = found->second.size();
      return info;
    }
    const auto below = files.lower_bound(path + "/");
    if (below == files.end() || !below->first.starts_with(path + "/"))
      return Error(Code::not_found, "no such file").at(path);
    info.type = port::FileInfo::Type::directory;
    return info;
  }
  Result<std::vector<std::string>> list(const std::string& path) const override {
    std::set<std::string> names;
    for (auto at = files.lower_bound(path + "/"); at != files.end() && at->first.starts_with(path + "/"); ++at) {
      const std::string rest = at->first.substr(path.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<> make_directories(const std::string&) override { return {}; }
  Result<> remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
};

}  // namespace nautilus::chart_test
