// Any bytes as what a replication peer sends: the frames that went in come out, however the network cut them, or an
// error; a frame with a bit changed never comes out.
#include <algorithm>
#include <cstring>

#include "engine/journal/crc32c.h"
#include "engine/replication/frame.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace nautilus::engine;
using nautilus::fuzz::expect;

constexpr std::size_t kMaxFrames = 64;

struct Taken {
  std::vector<std::pair<FrameType, std::vector<std::byte>>> frames;
  std::string error;
  bool operator==(const Taken&) const = default;
};

Taken take(std::span<const std::byte> bytes, std::size_t piece) {
  Taken out;
  FrameBuffer in;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto room = in.room();
    expect(!room.empty(), "there is always room for more");
    const std::size_t n = std::min({room.size(), bytes.size() - at, piece});
    std::memcpy(room.data(), bytes.data() + at, n);
    in.received(n);
    at += n;
    for (;;) {
      const auto frame = in.next();
      if (!frame.ok()) {
        expect(frame.error().code == nautilus::Code::invalid, "a bad frame is invalid");
        out.error = frame.error().message;
        return out;
      }
      if (!*frame) break;
      out.frames.push_back({(*frame)->type, {(*frame)->body.begin(), (*frame)->body.end()}});
    }
  }
  return out;
}

template <class T>
void back(const nautilus::Result<T>& decoded, nautilus::Result<T> (*decode)(std::span<const std::byte>)) {
  if (!decoded.ok()) return expect(!decoded.error().message.empty(), "an error says what is wrong");
  const auto frame = encode_frame(*decoded);
  const auto again = decode(std::span(frame).subspan(kFrameHeaderBytes));
  expect(again.ok(), "what was read can be written and read");
  expect(encode_frame(*again) == frame, "and is the same");
}

void read_body(FrameType type, std::span<const std::byte> body) {
  switch (type) {
    case FrameType::hello: return back(decode_hello(body), decode_hello);
    case FrameType::welcome: return back(decode_welcome(body), decode_welcome);
    case FrameType::refuse: return back(decode_refuse(body), decode_refuse);
    case FrameType::snapshot_begin: return back(decode_snapshot_begin(body), decode_snapshot_begin);
    case FrameType::heartbeat: return back(decode_heartbeat(body), decode_heartbeat);
    case FrameType::ack: return back(decode_ack(body), decode_ack);
    case FrameType::fenced: return back(decode_fenced(body), decode_fenced);
    default: (void)check_batch(body, 0);
  }
}

// Type, length, body; again and again: a stream of frames with good CRCs.
void sealed(std::string_view text) {
  const std::size_t piece = 1 + nautilus::fuzz::choose(text, 255);
  const unsigned flip = nautilus::fuzz::choose(text, 256);
  std::vector<std::byte> stream;
  Taken expected;
  while (text.size() >= 2 && expected.frames.size() < kMaxFrames) {
    const auto type = static_cast<FrameType>(nautilus::fuzz::choose(text, 12));
    const std::size_t length = std::min<std::size_t>(nautilus::fuzz::choose(text, 256), text.size());
    const auto bytes = as_bytes(text.substr(0, length));
    text.remove_prefix(length);
    expected.frames.push_back({type, {bytes.begin(), bytes.end()}});
    const auto frame = encode_frame(type, bytes);
    append_bytes(stream, frame);
    read_body(type, bytes);
  }
  expect(take(stream, piece) == expected, "the frames come out as they went in");
  if (stream.empty()) return;
  const std::size_t at = flip * stream.size() / 256;
  stream[at] ^= std::byte{1};
  const Taken damaged = take(stream, piece);
  expect(damaged.frames.size() < expected.frames.size(), "a damaged frame does not come out");
  for (std::size_t i = 0; i < damaged.frames.size(); ++i)
    expect(damaged.frames[i] == expected.frames[i], "those before it do");
}

}  // namespace

FUZZ_TARGET(replication) {
  if (nautilus::fuzz::choose(text, 2) == 1) return sealed(text);
  const std::size_t piece = 1 + nautilus::fuzz::choose(text, 255);
  const Taken whole = take(as_bytes(text), text.size() + 1);
  expect(take(as_bytes(text), piece) == whole, "it does not matter how the network cut the bytes");
  for (const auto& [type, body] : whole.frames) read_body(type, body);
}
