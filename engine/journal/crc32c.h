// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of every journal record, snapshot and replication frame.
//
// Uses the processor's instruction where it has one (SSE 4.2), else tables. Threading: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace nautilus::engine {

// crc32c(b, crc32c(a)) is the checksum of a followed by b. The checksum of nothing is 0.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0);
// The same by tables, on any processor; for the test that holds the two together.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t seed = 0);

}  // namespace nautilus::engine
