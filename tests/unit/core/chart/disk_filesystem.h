// Reads real files for tests, without the real ports.
#pragma once

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/port/filesystem.h"

namespace nautilus::chart_test {

class DiskFilesystem final : public port::Filesystem {
 public:
  Result<std::string> read(const std::string& path, std::uint64_t max_bytes) const override {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return Error(Code::not_found, "no such file").at(path);
    std::string out;
    char block[1 << 16];
    for (std::size_t count = 0; (count = std::fread(block, 1, sizeof block, file)) > 0;) out.append(block, count);
    std::fclose(file);
    if (out.size() > max_bytes) return Error(Code::limit, "too large").at(path);
    return out;
  }
  Result<> write(const std::string&, std::string_view, unsigned) override { return Error(Code::io, "read only"); }
  Result<port::FileInfo> stat(const std::string& path) const override {
    std::error_code error;
    const auto status = std::filesystem::symlink_status(path, error);
    if (error || !std::filesystem::exists(status)) return Error(Code::not_found, "no such file").at(path);
    port::FileInfo info;
    info.type = std::filesystem::is_directory(status) ? port::FileInfo::Type::directory
                : std::filesystem::is_symlink(status) ? port::FileInfo::Type::symlink
                                                      : port::FileInfo::Type::file;
    if (info.type == port::FileInfo::Type::file) info.size = std::filesystem::file_size(path, error);
    return info;
  }
  Result<std::vector<std::string>> list(const std::string& path) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path, error))
      names.push_back(entry.path().filename().string());
    if (error) return Error(Code::io, error.message()).at(path);
    std::sort(names.begin(), names.end());
    return names;
  }
  Result<> make_directories(const std::string&) override { return Error(Code::io, "read only"); }
  Result<> remove(const std::string&) override { return Error(Code::io, "read only"); }
};

}  // namespace nautilus::chart_test
