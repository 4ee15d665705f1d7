// Any bytes as the files of a journal, and as what a replication peer sends: an end, or an error; never more.
//
// CRCs keep a fuzzer out, so those of records and batches are put right first where the text asks for it.
#include "engine/journal/crc32c.h"
#include "engine/journal/tools.h"
#include "engine/replication/frame.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/engine/simulated_storage.h"
#include "tests/support/engine/toy_machine.h"

namespace {

using namespace nautilus::engine;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

// A segment of the right header, then the text as one record in one batch with good CRCs, then the text again.
std::vector<std::byte> sealed_segment(std::string_view text) {
  SegmentHeader head;
  head.journal.bytes[0] = std::byte{1};
  const auto header = encode(head);
  std::vector<std::byte> out(header.begin(), header.end());
  std::vector<std::byte> record(kRecordHeaderBytes);
  append_bytes(record, as_bytes(text.substr(0, kMaxRecordBytes - kRecordHeaderBytes - 8)));
  while (record.size() % 8 || record.size() < kRecordHeaderBytes + 8) record.push_back({});
  store(&record[4], static_cast<std::uint16_t>(record.size()));
  record[6] = text.empty() ? std::byte{1} : static_cast<std::byte>(text[0] & 31);
  record[7] = std::byte{1};
  store(&record[8], std::uint64_t{1});
  store(record.data(), crc32c(std::span(record).subspan(4)));
  const std::uint32_t seed = batch_seed(head.journal);
  std::vector<std::byte> batch(kBatchHeaderBytes);
  encode({static_cast<std::uint32_t>(record.size()), 1, 1, 1}, seed, std::span(batch).first<kBatchHeaderBytes>());
  append_bytes(out, batch);
  append_bytes(out, record);
  append_bytes(out, as_bytes(text));
  return out;
}

void read_journal(std::vector<std::byte> segment, std::vector<std::byte> snapshot) {
  test::SimulatedStorage storage;
  storage.set_content(segment_name(1), std::move(segment));
  storage.set_content(snapshot_name(1), std::move(snapshot));
  const auto recovery = recover(storage, test::make_toy_machine);
  nautilus::fuzz::expect(recovery.ok() || !recovery.error().message.empty(), "an error says what is wrong");
  (void)inspect(storage, {true, 0, UINT64_MAX}, [](std::string_view) -> nautilus::Result<> { return {}; });
  (void)verify_journal(storage, test::make_toy_machine);
}

void read_frames(std::string_view text) {
  FrameBuffer in;
  for (std::size_t at = 0; at < text.size();) {
    const auto room = in.room();
    const std::size_t n = std::min({room.size(), text.size() - at, std::size_t{97}});
    std::memcpy(room.data(), text.data() + at, n);
    in.received(n);
    at += n;
    for (;;) {
      auto frame = in.next();
      if (!frame.ok()) return;
      if (!*frame) break;
    }
  }
}

void read_bodies(std::string_view text) {
  const auto body = as_bytes(text);
  if (auto hello = decode_hello(body); hello.ok()) {
    const auto frame = encode_frame(*hello);
    nautilus::fuzz::expect(decode_hello(std::span(frame).subspan(kFrameHeaderBytes)).ok(), "a hello is read back");
  }
  (void)decode_welcome(body), (void)decode_refuse(body), (void)decode_snapshot_begin(body);
  (void)decode_heartbeat(body), (void)decode_ack(body), (void)decode_fenced(body);
  (void)check_batch(body, 0);
}

}  // namespace

FUZZ_TARGET(journal) {
  switch (nautilus::fuzz::choose(text, 4)) {
    case 0: read_journal(bytes_of(text), bytes_of(text)); break;
    case 1: read_journal(sealed_segment(text), bytes_of(text)); break;
    case 2: read_frames(text); break;
    default: read_bodies(text);
  }
}
