// A tar archive (POSIX.1-1988 ustar) of plain files: the same files give the same bytes.
//
// Every entry is a regular file, mode 0644, owner 0, time 0, in the order given. Reading takes exactly that and refuses
// everything else: links, devices, absolute names, "..", a wrong checksum, a name twice, data after the end.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::bundle {

inline constexpr std::size_t kMaxTarEntries = 20'000;
inline constexpr std::size_t kMaxTarName = 255;  // 155 bytes of folders, '/', 100 bytes of the rest

struct TarFile {
  std::string name, data;
};

Result<std::string> write_tar(const std::vector<TarFile>& files);
Result<std::vector<TarFile>> read_tar(std::string_view bytes);

// Relative, without empty, "." and ".." parts, without control characters.
bool is_safe_name(std::string_view name);

}  // namespace nautilus::bundle
