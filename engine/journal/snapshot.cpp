#include "engine/journal/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/journal/crc32c.h"
#include "engine/journal/reader.h"

namespace nautilus::engine {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint32_t kStandsAlone = 1;
constexpr std::size_t kPieceBytes = 1u << 20;

class ToMemory final : public SnapshotWriter {
 public:
  explicit ToMemory(std::vector<std::byte>& out) : out_(out) {}
  void write(std::span<const std::byte> bytes) override { append_bytes(out_, bytes); }

 private:
  std::vector<std::byte>& out_;
};

// The body of a snapshot file, a window at a time.
class FromFile final : public SnapshotReader {
 public:
  FromFile(ReadFile& file, std::uint64_t begin, std::uint64_t length) : file_(file), at_(begin), end_(begin + length) {}
  Result<> read(std::span<std::byte> out) override {
    while (!out.empty()) {
      if (window_.empty()) {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, end_ - at_));
        if (want == 0) return Error(Code::invalid, "the snapshot ends early");
        ASSIGN_OR_RETURN(window_, file_.read(at_, want));
        if (window_.empty()) return Error(Code::invalid, "the snapshot ends early");
        at_ += window_.size();
      }
      const std::size_t n = std::min(out.size(), window_.size());
      std::copy_n(window_.begin(), n, out.begin());
      out = out.subspan(n), window_ = window_.subspan(n);
    }
    return {};
  }
  bool at_end() const { return at_ == end_ && window_.empty(); }

 private:
  ReadFile& file_;
  std::uint64_t at_, end_;
  std::span<const std::byte> window_;
};

std::vector<std::byte> encode_epochs(const SnapshotInfo& info) {
  std::vector<std::byte> out;
  for (const EpochStart& start : info.epochs) append(out, start.epoch), append(out, start.first_sequence);
  return out;
}

std::vector<std::byte> encode_head(const SnapshotInfo& info, std::uint32_t content_crc) {
  std::vector<std::byte> out(kSnapshotHeaderBytes);
  store(&out[0], kSnapshotMagic);
  store(&out[8], kVersion);
  store(&out[10], static_cast<std::uint16_t>(kSnapshotHeaderBytes));
  store(&out[12], info.stands_alone ? kStandsAlone : 0u);
  std::copy(info.journal.bytes.begin(), info.journal.bytes.end(), out.begin() + 16);
  store(&out[32], info.sequence), store(&out[40], info.epoch), store(&out[48], info.time);
  store(&out[56], info.state_hash), store(&out[64], info.body_bytes);
  store(&out[72], static_cast<std::uint32_t>(info.epochs.size())), store(&out[76], content_crc);
  store(&out[92], crc32c(std::span(out).first(92)));
  return out;
}

struct Head {
  SnapshotInfo info;
  std::uint32_t epoch_count = 0, content_crc = 0;
  std::uint64_t body_at() const { return kSnapshotHeaderBytes + std::uint64_t{epoch_count} * 16; }
};

Result<Head> decode_head(std::span<const std::byte> bytes) {
  if (bytes.size() < kSnapshotHeaderBytes) return Error(Code::invalid, "the snapshot is shorter than its header");
  const std::byte* p = bytes.data();
  if (fetch<std::uint64_t>(p) != kSnapshotMagic) return Error(Code::invalid, "not a snapshot (magic)");
  const auto expected = crc32c(bytes.first(92)), found = fetch<std::uint32_t>(p + 92);
  if (expected != found)
    return Error(Code::invalid, fmt::format("snapshot header: CRC {:08x} expected, {:08x} found", expected, found));
  if (fetch<std::uint16_t>(p + 8) != kVersion || fetch<std::uint16_t>(p + 10) != kSnapshotHeaderBytes)
    return Error(Code::invalid,
                 fmt::format("snapshot version {}, this program reads {}", fetch<std::uint16_t>(p + 8), kVersion),
                 "use the program version that wrote it, or a newer one");
  Head out;
  out.info.stands_alone = fetch<std::uint32_t>(p + 12) & kStandsAlone;
  std::copy_n(p + 16, 16, out.info.journal.bytes.begin());
  out.info.sequence = fetch<Sequence>(p + 32), out.info.epoch = fetch<Epoch>(p + 40);
  out.info.time = fetch<Timestamp>(p + 48), out.info.state_hash = fetch<std::uint64_t>(p + 56);
  out.info.body_bytes = fetch<std::uint64_t>(p + 64);
  out.epoch_count = fetch<std::uint32_t>(p + 72), out.content_crc = fetch<std::uint32_t>(p + 76);
  if (out.epoch_count > kMaxEpochStarts || out.info.body_bytes > kMaxSnapshotBytes)
    return Error(Code::limit, "the snapshot is larger than any this program writes");
  return out;
}

Result<> publish(Storage& storage, Sequence sequence, std::initializer_list<std::span<const std::byte>> parts) {
  const std::string name = snapshot_name(sequence), temporary = name + ".tmp";
  const auto write = [&]() -> Result<> {
    ASSIGN_OR_RETURN(const auto names, storage.list());
    if (std::find(names.begin(), names.end(), temporary) != names.end()) TRY(storage.remove(temporary));
    ASSIGN_OR_RETURN(auto file, storage.create(temporary));
    for (auto part : parts)
      for (; !part.empty(); part = part.subspan(std::min(part.size(), kPieceBytes)))
        TRY(file->append(part.first(std::min(part.size(), kPieceBytes))));
    TRY(file->sync());
    TRY(storage.rename(temporary, name));
    return storage.sync_directory();
  };
  return write().within(fmt::format("writing {}", name));
}

// The header, and the CRC over all the rest.
Result<Head> verify(ReadFile& file, SnapshotInfo& info) {
  ASSIGN_OR_RETURN(const auto bytes, file.read(0, kSnapshotHeaderBytes));
  ASSIGN_OR_RETURN(auto head, decode_head(bytes));
  const std::uint64_t expected_size = head.body_at() + head.info.body_bytes;
  if (file.size() != expected_size)
    return Error(Code::invalid,
                 fmt::format("the snapshot has {} bytes, its header says {}", file.size(), expected_size));
  std::uint32_t crc = 0;
  for (std::uint64_t at = kSnapshotHeaderBytes; at < expected_size;) {
    ASSIGN_OR_RETURN(const auto piece, file.read(at, kPieceBytes));
    if (piece.empty()) return Error(Code::io, "the snapshot became shorter while it was read");
    crc = crc32c(piece, crc);
    at += piece.size();
  }
  if (crc != head.content_crc)
    return Error(Code::invalid,
                 fmt::format("snapshot: CRC {:08x} in the header, {:08x} from its bytes", head.content_crc, crc));
  ASSIGN_OR_RETURN(const auto starts, file.read(kSnapshotHeaderBytes, head.epoch_count * std::size_t{16}));
  ByteReader in(starts);
  for (std::uint32_t i = 0; i < head.epoch_count; ++i) {
    const auto epoch = in.take<Epoch>();
    head.info.epochs.push_back({epoch, in.take<Sequence>()});
  }
  info = head.info;
  return head;
}

}  // namespace

SnapshotImage take_snapshot(const Machine& machine, const JournalId& journal, Timestamp time,
                            const std::vector<EpochStart>& epochs) {
  SnapshotImage image;
  ToMemory out(image.body);
  machine.save(out);
  image.info = {journal, machine.sequence(), machine.epoch(), time, machine.state_hash(), image.body.size(), false,
                epochs};
  return image;
}

Result<> publish_snapshot(Storage& storage, const SnapshotImage& image) {
  const auto epochs = encode_epochs(image.info);
  const auto head = encode_head(image.info, crc32c(image.body, crc32c(epochs)));
  return publish(storage, image.info.sequence, {head, epochs, image.body});
}

Result<SnapshotInfo> publish_received_snapshot(Storage& storage, std::vector<std::byte> file) {
  ASSIGN_OR_RETURN(const auto head, decode_head(file));
  const auto content = std::span(file).subspan(kSnapshotHeaderBytes);
  if (file.size() != head.body_at() + head.info.body_bytes || crc32c(content) != head.content_crc)
    return Error(Code::invalid, "the received snapshot is damaged or not whole");
  SnapshotInfo info = head.info;
  info.stands_alone = true;
  ByteReader in(content);
  for (std::uint32_t i = 0; i < head.epoch_count; ++i) {
    const auto epoch = in.take<Epoch>();
    info.epochs.push_back({epoch, in.take<Sequence>()});
  }
  const auto header = encode_head(info, head.content_crc);
  TRY(publish(storage, info.sequence, {header, content}));
  return info;
}

Result<SnapshotInfo> verify_snapshot(Storage& storage, const std::string& name) {
  ASSIGN_OR_RETURN(auto file, storage.open_read(name));
  SnapshotInfo info;
  if (auto head = verify(*file, info); !head.ok()) return std::move(head).error().at(name);
  if (snapshot_name(info.sequence) != name)
    return Error(Code::invalid, fmt::format("the snapshot is of sequence {}", info.sequence)).at(name);
  return info;
}

Result<SnapshotInfo> load_snapshot(Storage& storage, const std::string& name, Machine& machine) {
  ASSIGN_OR_RETURN(auto file, storage.open_read(name));
  SnapshotInfo info;
  auto head = verify(*file, info);
  if (!head.ok()) return std::move(head).error().at(name);
  if (snapshot_name(info.sequence) != name)
    return Error(Code::invalid, fmt::format("the snapshot is of sequence {}", info.sequence)).at(name);
  FromFile body(*file, head->body_at(), info.body_bytes);
  if (auto loaded = machine.load(body); !loaded.ok())
    return std::move(loaded).error().within("loading the state").at(name);
  if (!body.at_end()) return Error(Code::invalid, "bytes behind the state in the snapshot").at(name);
  if (machine.state_hash() != info.state_hash || machine.sequence() != info.sequence || machine.epoch() != info.epoch)
    return Error(Code::invalid,
                 fmt::format("the loaded state is sequence {} epoch {} hash {:016x}, the snapshot says {} {} {:016x}",
                             machine.sequence(), machine.epoch(), machine.state_hash(), info.sequence, info.epoch,
                             info.state_hash),
                 "this program makes another state of it than the one that wrote it")
        .at(name);
  return info;
}

Result<std::vector<std::string>> list_snapshots(Storage& storage) {
  ASSIGN_OR_RETURN(const auto names, storage.list());
  std::vector<std::string> out;
  for (const std::string& name : names)
    if (parse_snapshot_name(name)) out.push_back(name);
  std::sort(out.begin(), out.end(), std::greater<>());
  return out;
}

Result<Pruned> prune(Storage& storage, std::size_t keep) {
  keep = std::max<std::size_t>(keep, 1);
  ASSIGN_OR_RETURN(const auto snapshots, list_snapshots(storage));
  Pruned out;
  std::size_t good = 0, at = 0;
  for (; at < snapshots.size() && good < keep; ++at)
    if (auto info = verify_snapshot(storage, snapshots[at]); info.ok()) ++good, out.oldest_kept = info->sequence;
  if (good < keep) {
    out.oldest_kept = 0;
    return out;
  }
  // Oldest first: what is left after a crash in between is a journal without holes.
  ASSIGN_OR_RETURN(const auto segments, list_segments(storage));
  for (std::size_t i = 0; i + 1 < segments.size() && segments[i + 1].first_sequence <= out.oldest_kept + 1; ++i) {
    TRY(storage.remove(segments[i].name));
    out.removed.push_back(segments[i].name);
  }
  for (std::size_t i = snapshots.size(); i-- > at;) {
    TRY(storage.remove(snapshots[i]));
    out.removed.push_back(snapshots[i]);
  }
  if (!out.removed.empty()) TRY(storage.sync_directory());
  return out;
}

}  // namespace nautilus::engine
