// A filesystem in memory, for tests; any path can be made to fail.
#pragma once

#include <map>
#include <set>

#include "core/port/filesystem.h"

namespace nautilus::testing {

class MemoryFilesystem final : public port::Filesystem {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> full;  // writes to these say "no space left on device"

  Result<std::string> read(const std::string& path, std::uint64_t max_bytes) const override {
    auto found = files.find(path);
    if (found == files.end()) return Error(Code::not_found, "no such file").at(path);
    if (found->second.size() > max_bytes) return Error(Code::limit, "too large").at(path);
    return found->second;
  }
  Result<> write(const std::string& path, std::string_view content, unsigned) override {
    if (full.contains(path)) return Error(Code::io, "no space left on device").at(path);
    files[path] = std::string(content);
    return {};
  }
  Result<port::FileInfo> stat(const std::string& path) const override {
    if (auto found = files.find(path); found != files.end())
      return port::FileInfo{port::FileInfo::Type::file, found->second.size(), {}};
    auto below = files.lower_bound(path + "/");
    if (below != files.end() && below->first.starts_with(path + "/"))
      return port::FileInfo{port::FileInfo::Type::directory, 0, {}};
    return Error(Code::not_found, "no such file or directory").at(path);
  }
  Result<std::vector<std::string>> list(const std::string& path) const override {
    std::set<std::string> names;
    const std::string prefix = path + "/";
    for (auto at = files.lower_bound(prefix); at != files.end() && at->first.starts_with(prefix); ++at)
      names.insert(at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size()));
    if (names.empty()) return Error(Code::not_found, "no such directory").at(path);
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<> make_directories(const std::string&) override { return {}; }
  Result<> remove(const std::string& path) override {
    files.erase(path);
    return {};
  }
};

}  // namespace nautilus::testing
