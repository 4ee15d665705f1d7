// What a primary and its followers say to each other; docs/engine/replication.md has the whole conversation.
//
// Frame: a header of 16 bytes, then the body. Little-endian.
//    0  u32  bytes of the body, at most kMaxFrameBody
//    4  u32  CRC-32C of bytes 8..15 and the body
//    8  u8   type         9  u8   protocol version: 1       10  6  0
// The CRC is there besides TLS because a frame becomes journal on another disk: it says where a damage came in.
#pragma once

#include <string>

#include "engine/journal/batch.h"

namespace nautilus::engine {

inline constexpr std::uint8_t kProtocolVersion = 1;
inline constexpr std::size_t kFrameHeaderBytes = 16;
inline constexpr std::size_t kMaxFrameBody = kMaxBatchBytes + 256;
inline constexpr std::size_t kSnapshotPieceBytes = 256u << 10;
inline constexpr std::size_t kMaxNameBytes = 128;
inline constexpr std::size_t kMaxHelloEpochs = 256;  // the newest; older ones cannot be where two journals part

enum class FrameType : std::uint8_t {
  hello = 1,           // follower: who I am and what I have
  welcome = 2,         // primary: from where we go on
  refuse = 3,          // primary: why not; then it closes
  snapshot_begin = 4,  // primary: a snapshot file of so many bytes follows
  snapshot_data = 5,
  batch = 6,      // primary: a journal batch as it is on its disk
  heartbeat = 7,  // primary: when there is nothing else to say
  ack = 8,        // follower: durable here up to this sequence; also the answer to a heartbeat
  fenced = 9,     // follower: I know a higher epoch than yours
};

struct Hello {
  std::string name;
  bool candidate = true;  // may take over: what it acknowledges counts in synchronous mode. Others only keep a copy
  JournalId journal;      // empty: I have nothing
  Sequence last_sequence = 0;
  Epoch highest_epoch = 0;  // that I ever heard of
  std::vector<EpochStart> epochs;
};
struct Welcome {
  JournalId journal;
  Epoch epoch = 0;
  Sequence resume_after = 0;  // cut what you have behind this
  bool snapshot = false;      // then a snapshot comes first
};
struct Refuse {
  Epoch epoch = 0;
  std::string why;
};
struct SnapshotBegin {
  std::uint64_t bytes = 0;
  Sequence sequence = 0;
};
struct Heartbeat {
  Epoch epoch = 0;
  Sequence last_sequence = 0;  // shipped
  Timestamp time = 0;          // of the primary's clock, for the lag shown
};
struct Ack {
  Epoch epoch = 0;
  Sequence durable = 0;
};
struct Fenced {
  Epoch epoch = 0;
};

std::vector<std::byte> encode_frame(FrameType type, std::span<const std::byte> body);
std::vector<std::byte> encode_frame(const Hello&);
std::vector<std::byte> encode_frame(const Welcome&);
std::vector<std::byte> encode_frame(const Refuse&);
std::vector<std::byte> encode_frame(const SnapshotBegin&);
std::vector<std::byte> encode_frame(const Heartbeat&);
std::vector<std::byte> encode_frame(const Ack&);
std::vector<std::byte> encode_frame(const Fenced&);

// Bytes from a connection, cut into frames.
class FrameBuffer {
 public:
  struct Frame {
    FrameType type{};
    std::span<const std::byte> body;  // valid until room() is called
  };
  // Where the next bytes go; then received(how many).
  std::span<std::byte> room();
  void received(std::size_t bytes) { end_ += bytes; }
  // The next whole frame; nothing if more bytes are needed. Code::invalid: not our protocol, a bad CRC, too long.
  Result<std::optional<Frame>> next();

 private:
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

// Code::invalid if the body is not one of these.
Result<Hello> decode_hello(std::span<const std::byte> body);
Result<Welcome> decode_welcome(std::span<const std::byte> body);
Result<Refuse> decode_refuse(std::span<const std::byte> body);
Result<SnapshotBegin> decode_snapshot_begin(std::span<const std::byte> body);
Result<Heartbeat> decode_heartbeat(std::span<const std::byte> body);
Result<Ack> decode_ack(std::span<const std::byte> body);
Result<Fenced> decode_fenced(std::span<const std::byte> body);

}  // namespace nautilus::engine
