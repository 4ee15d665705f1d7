// A snapshot in memory.
#pragma once

#include "engine/model/machine.h"

namespace nautilus::engine::judges {

struct SnapshotBuffer final : SnapshotWriter, SnapshotReader {
  std::vector<std::byte> bytes;
  std::size_t at = 0;

  void write(std::span<const std::byte> more) override { bytes.insert(bytes.end(), more.begin(), more.end()); }
  Result<> read(std::span<std::byte> out) override {
    if (bytes.size() - at < out.size()) return Error(Code::invalid, "the snapshot ends early");
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
    at += out.size();
    return {};
  }
};

}  // namespace nautilus::engine::judges
