// Files come through here, so that a test can fail any of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/port/clock.h"

namespace nautilus::port {

struct FileInfo {
  enum class Type { file, directory, symlink, other } type = Type::file;
  std::uint64_t size = 0;
  WallTime modified{};
};

class Filesystem {
 public:
  virtual ~Filesystem() = default;
  // The whole file; Code::not_found, Code::limit (larger than max_bytes) or Code::io.
  virtual Result<std::string> read(const std::string& path, std::uint64_t max_bytes = 64u << 20) const = 0;
  // All or nothing: a temporary file beside it, fsync, rename. Parent directories are made. `mode` as in chmod(2).
  virtual Result<> write(const std::string& path, std::string_view content, unsigned mode = 0644) = 0;
  // Does not follow a final symlink.
  virtual Result<FileInfo> stat(const std::string& path) const = 0;
  // Names in a directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) const = 0;
  virtual Result<> make_directories(const std::string& path) = 0;
  virtual Result<> remove(const std::string& path) = 0;
  bool exists(const std::string& path) const { return stat(path).ok(); }
};

}  // namespace nautilus::port
