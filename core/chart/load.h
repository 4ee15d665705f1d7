// Reading a chart from a directory or a .tgz.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/chart/chart.h"
#include "core/port/filesystem.h"

namespace nautilus::chart {

inline constexpr std::uint64_t kMaxChartBytes = 100u << 20;    // unpacked, all files and subcharts together
inline constexpr std::uint64_t kMaxFileBytes = 5u << 20;       // one file
inline constexpr std::uint64_t kMaxArchiveBytes = 100u << 20;  // a .tgz as it lies on disk
inline constexpr int kMaxChartFiles = 20'000;
inline constexpr int kMaxDirectoryDepth = 64;
inline constexpr int kMaxSubchartDepth = 32;

// `path` is a directory with a Chart.yaml or a gzipped tar archive. Symbolic links are refused: a chart must be
// readable as the same files wherever it is unpacked. Fails with not_found, invalid (what is wrong with which file),
// limit or io.
Result<std::shared_ptr<const Chart>> load(const port::Filesystem& filesystem, const std::string& path);

// The same from the bytes of a .tgz; `what` names them in errors.
Result<std::shared_ptr<const Chart>> load_archive(std::string_view bytes, const std::string& what);

}  // namespace nautilus::chart
