#include "engine/replication/frame.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/journal/crc32c.h"

namespace nautilus::engine {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kReadBytes = 256u << 10;

// Names and reasons come from another machine and go into logs: printable ASCII only.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxNameBytes));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}
void put_text(Bytes& out, const std::string& text) {
  const std::string cut = printable(text);
  append(out, static_cast<std::uint8_t>(cut.size()));
  append_bytes(out, as_bytes(cut));
}
std::string take_text(ByteReader& in) {
  const auto length = in.take<std::uint8_t>();
  return printable(in.take_text(length));
}
JournalId take_id(ByteReader& in) {
  JournalId id;
  const auto bytes = in.take_bytes(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}
template <class T>
Result<T> whole(const ByteReader& in, T value, std::string_view what) {
  if (!in.ok() || in.left()) return Error(Code::invalid, fmt::format("a {} frame of the wrong length", what));
  return value;
}

}  // namespace

Bytes encode_frame(FrameType type, std::span<const std::byte> body) {
  Bytes out(kFrameHeaderBytes);
  out.reserve(kFrameHeaderBytes + body.size());
  store(&out[0], static_cast<std::uint32_t>(body.size()));
  out[8] = static_cast<std::byte>(type), out[9] = std::byte{kProtocolVersion};
  append_bytes(out, body);
  store(&out[4], crc32c(std::span(out).subspan(8)));
  return out;
}
Bytes encode_frame(const Hello& hello) {
  Bytes body;
  put_text(body, hello.name);
  append_bytes(body, hello.journal.bytes);
  append(body, hello.last_sequence), append(body, hello.highest_epoch);
  const std::size_t count = std::min(hello.epochs.size(), kMaxHelloEpochs);
  append(body, static_cast<std::uint8_t>(hello.candidate));
  append(body, static_cast<std::uint32_t>(count));
  for (std::size_t i = hello.epochs.size() - count; i < hello.epochs.size(); ++i)
    append(body, hello.epochs[i].epoch), append(body, hello.epochs[i].first_sequence);
  return encode_frame(FrameType::hello, body);
}
Bytes encode_frame(const Welcome& welcome) {
  Bytes body;
  append_bytes(body, welcome.journal.bytes);
  append(body, welcome.epoch), append(body, welcome.resume_after);
  append(body, static_cast<std::uint8_t>(welcome.snapshot));
  return encode_frame(FrameType::welcome, body);
}
Bytes encode_frame(const Refuse& refuse) {
  Bytes body;
  append(body, refuse.epoch);
  put_text(body, refuse.why);
  return encode_frame(FrameType::refuse, body);
}
Bytes encode_frame(const SnapshotBegin& begin) {
  Bytes body;
  append(body, begin.bytes), append(body, begin.sequence);
  return encode_frame(FrameType::snapshot_begin, body);
}
Bytes encode_frame(const Heartbeat& heartbeat) {
  Bytes body;
  append(body, heartbeat.epoch), append(body, heartbeat.last_sequence), append(body, heartbeat.time);
  return encode_frame(FrameType::heartbeat, body);
}
Bytes encode_frame(const Ack& ack) {
  Bytes body;
  append(body, ack.epoch), append(body, ack.durable);
  return encode_frame(FrameType::ack, body);
}
Bytes encode_frame(const Fenced& fenced) {
  Bytes body;
  append(body, fenced.epoch);
  return encode_frame(FrameType::fenced, body);
}

std::span<std::byte> FrameBuffer::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > kReadBytes) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_, begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadBytes) buffer_.resize(end_ + kReadBytes);
  return std::span(buffer_).subspan(end_, kReadBytes);
}

Result<std::optional<FrameBuffer::Frame>> FrameBuffer::next() {
  const auto have = std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
  if (have.size() < kFrameHeaderBytes) return std::optional<Frame>();
  const auto length = fetch<std::uint32_t>(have.data());
  if (length > kMaxFrameBody)
    return Error(Code::invalid, fmt::format("a frame of {} bytes, at most {}", length, kMaxFrameBody));
  if (const auto version = fetch<std::uint8_t>(have.data() + 9); version != kProtocolVersion)
    return Error(Code::invalid,
                 fmt::format("replication protocol {}, this program speaks {}", version, kProtocolVersion));
  if (have.size() < kFrameHeaderBytes + length) return std::optional<Frame>();
  const auto checked = have.subspan(8, 8 + length);
  const auto expected = fetch<std::uint32_t>(have.data() + 4);
  if (const auto found = crc32c(checked); found != expected)
    return Error(Code::invalid, fmt::format("a frame with CRC {:08x}, its bytes have {:08x}", expected, found));
  begin_ += kFrameHeaderBytes + length;
  return std::optional<Frame>(Frame{static_cast<FrameType>(have[8]), have.subspan(kFrameHeaderBytes, length)});
}

Result<Hello> decode_hello(std::span<const std::byte> body) {
  ByteReader in(body);
  Hello out;
  out.name = take_text(in);
  out.journal = take_id(in);
  out.last_sequence = in.take<Sequence>();
  out.highest_epoch = in.take<Epoch>();
  out.candidate = in.take<std::uint8_t>() != 0;
  const auto count = in.take<std::uint32_t>();
  if (count > kMaxHelloEpochs) return Error(Code::invalid, "a hello with too many epochs");
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const auto epoch = in.take<Epoch>();
    out.epochs.push_back({epoch, in.take<Sequence>()});
  }
  return whole(in, std::move(out), "hello");
}
Result<Welcome> decode_welcome(std::span<const std::byte> body) {
  ByteReader in(body);
  Welcome out;
  out.journal = take_id(in);
  out.epoch = in.take<Epoch>();
  out.resume_after = in.take<Sequence>();
  out.snapshot = in.take<std::uint8_t>() != 0;
  return whole(in, out, "welcome");
}
Result<Refuse> decode_refuse(std::span<const std::byte> body) {
  ByteReader in(body);
  Refuse out;
  out.epoch = in.take<Epoch>();
  out.why = take_text(in);
  return whole(in, std::move(out), "refuse");
}
Result<SnapshotBegin> decode_snapshot_begin(std::span<const std::byte> body) {
  ByteReader in(body);
  SnapshotBegin out;
  out.bytes = in.take<std::uint64_t>();
  out.sequence = in.take<Sequence>();
  return whole(in, out, "snapshot");
}
Result<Heartbeat> decode_heartbeat(std::span<const std::byte> body) {
  ByteReader in(body);
  Heartbeat out;
  out.epoch = in.take<Epoch>();
  out.last_sequence = in.take<Sequence>();
  out.time = in.take<Timestamp>();
  return whole(in, out, "heartbeat");
}
Result<Ack> decode_ack(std::span<const std::byte> body) {
  ByteReader in(body);
  Ack out;
  out.epoch = in.take<Epoch>();
  out.durable = in.take<Sequence>();
  return whole(in, out, "ack");
}
Result<Fenced> decode_fenced(std::span<const std::byte> body) {
  ByteReader in(body);
  Fenced out;
  out.epoch = in.take<Epoch>();
  return whole(in, out, "fenced");
}

}  // namespace nautilus::engine
