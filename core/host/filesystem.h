// The machine's files.
//
// write() is all or nothing: a temporary file in the same directory, fsync, rename, fsync of the directory; a symlink
// at `path` is replaced, not followed. A full disk leaves what was there.
#pragma once

#include "core/port/filesystem.h"

namespace nautilus::host {

class RealFilesystem final : public port::Filesystem {
 public:
  Result<std::string> read(const std::string& path, std::uint64_t max_bytes = 64u << 20) const override;
  Result<> write(const std::string& path, std::string_view content, unsigned mode = 0644) override;
  Result<port::FileInfo> stat(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& path) const override;
  Result<> make_directories(const std::string& path) override;
  Result<> remove(const std::string& path) override;
};

}  // namespace nautilus::host
