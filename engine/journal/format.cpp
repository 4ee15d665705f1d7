#include "engine/journal/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/journal/crc32c.h"

namespace nautilus::engine {
namespace {

constexpr std::string_view kSegmentPrefix = "journal-", kSegmentSuffix = ".log";
constexpr std::string_view kSnapshotPrefix = "snapshot-", kSnapshotSuffix = ".snap";
constexpr std::size_t kDigits = 20;

std::optional<Sequence> parse_name(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (name.size() != prefix.size() + kDigits + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix))
    return std::nullopt;
  Sequence value = 0;
  for (const char c : name.substr(prefix.size(), kDigits)) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<Sequence>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace

std::string JournalId::text() const {
  std::string out;
  for (const std::byte b : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(b));
  return out;
}

std::array<std::byte, kSegmentHeaderBytes> encode(const SegmentHeader& header) {
  std::array<std::byte, kSegmentHeaderBytes> out{};
  store(&out[0], kSegmentMagic);
  store(&out[8], header.version);
  store(&out[10], static_cast<std::uint16_t>(kSegmentHeaderBytes));
  std::copy(header.journal.bytes.begin(), header.journal.bytes.end(), out.begin() + 16);
  store(&out[32], header.first_sequence);
  store(&out[40], header.epoch);
  store(&out[48], header.created);
  store(&out[60], crc32c(std::span(out).first(60)));
  return out;
}

Result<SegmentHeader> decode_segment_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kSegmentHeaderBytes)
    return Error(Code::invalid,
                 fmt::format("the segment has {} bytes, its header alone {}", bytes.size(), kSegmentHeaderBytes));
  const std::byte* p = bytes.data();
  if (fetch<std::uint64_t>(p) != kSegmentMagic) return Error(Code::invalid, "not a journal segment (magic)");
  const auto expected = crc32c(bytes.first(60)), found = fetch<std::uint32_t>(p + 60);
  if (expected != found)
    return Error(Code::invalid, fmt::format("segment header: CRC {:08x} expected, {:08x} found", expected, found));
  SegmentHeader out;
  out.version = fetch<std::uint16_t>(p + 8);
  if (out.version < kOldestVersion || out.version > kFormatVersion)
    return Error(Code::invalid,
                 fmt::format("journal format version {}, this program reads {} to {}", out.version, kOldestVersion,
                             kFormatVersion),
                 out.version > kFormatVersion ? "use the program version that wrote it, or a newer one"
                                              : "read it with an older program version first");
  if (fetch<std::uint16_t>(p + 10) != kSegmentHeaderBytes)
    return Error(Code::invalid, "segment header of an unknown size");
  std::copy_n(p + 16, 16, out.journal.bytes.begin());
  out.first_sequence = fetch<Sequence>(p + 32);
  out.epoch = fetch<Epoch>(p + 40);
  out.created = fetch<Timestamp>(p + 48);
  return out;
}

std::uint32_t batch_seed(const JournalId& journal) { return crc32c(journal.bytes); }

void encode(const BatchHeader& header, std::uint32_t seed, std::span<std::byte, kBatchHeaderBytes> out) {
  store(&out[0], kBatchMagic);
  store(&out[8], header.length);
  store(&out[12], header.count);
  store(&out[16], header.first_sequence);
  store(&out[24], header.epoch);
  store(&out[4], crc32c(out.subspan(8), seed));
}

std::optional<BatchHeader> decode_batch_header(std::span<const std::byte> bytes, std::uint32_t seed) {
  if (bytes.size() < kBatchHeaderBytes) return std::nullopt;
  const std::byte* p = bytes.data();
  if (fetch<std::uint32_t>(p) != kBatchMagic) return std::nullopt;
  if (fetch<std::uint32_t>(p + 4) != crc32c(bytes.subspan(8, kBatchHeaderBytes - 8), seed)) return std::nullopt;
  BatchHeader out{fetch<std::uint32_t>(p + 8), fetch<std::uint32_t>(p + 12), fetch<Sequence>(p + 16),
                  fetch<Epoch>(p + 24)};
  if (out.length > kMaxBatchBytes || out.length % 8 || out.count > kMaxBatchRecords || out.first_sequence == 0 ||
      out.first_sequence > UINT64_MAX - kMaxBatchRecords || (out.count == 0) != (out.length == 0) ||
      out.length < std::uint64_t{out.count} * kRecordHeaderBytes)
    return std::nullopt;
  return out;
}

void note_epoch(std::vector<EpochStart>& starts, Epoch epoch, Sequence first_sequence) {
  if (!starts.empty() && starts.back().epoch == epoch) return;
  if (starts.size() == kMaxEpochStarts) starts.erase(starts.begin());
  starts.push_back({epoch, first_sequence});
}

void cut_epochs(std::vector<EpochStart>& starts, Sequence last) {
  while (!starts.empty() && starts.back().first_sequence > last) starts.pop_back();
}

std::string segment_name(Sequence first_sequence) {
  return fmt::format("{}{:020}{}", kSegmentPrefix, first_sequence, kSegmentSuffix);
}
std::string snapshot_name(Sequence sequence) {
  return fmt::format("{}{:020}{}", kSnapshotPrefix, sequence, kSnapshotSuffix);
}
std::optional<Sequence> parse_segment_name(std::string_view name) {
  return parse_name(name, kSegmentPrefix, kSegmentSuffix);
}
std::optional<Sequence> parse_snapshot_name(std::string_view name) {
  return parse_name(name, kSnapshotPrefix, kSnapshotSuffix);
}

}  // namespace nautilus::engine
