// Any bytes as what a client sends to the gateway, through the real connection, session and engine: HTTP and, behind an
// upgrade, WebSocket frames. Whatever comes in, what goes out is well formed: HTTP answers, then frames of a server
// (not masked, whole, JSON of a known type, a close code that may be sent), nothing behind the close; and when the
// connection ends, nothing of it is left.
//
// The first byte chooses how the rest is read: as it is; as frames that are put right (so that the fuzzer need not find
// masks and lengths); or as frames of messages behind a logon. The second says in what pieces the bytes arrive.
#include <boost/beast/_experimental/test/stream.hpp>

#include "core/value/json.h"
#include "engine/gateway/connection_impl.h"
#include "engine/journal/command_codec.h"
#include "engine/matching/engine.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace nautilus;
using namespace nautilus::engine;
using nautilus::fuzz::expect;
namespace asio = boost::asio;
namespace memory = boost::beast::test;
using boost::system::error_code;

constexpr std::size_t kMaxInput = 256u << 10;
constexpr int kMaxSteps = 1'000'000;

// What StreamConnection asks of a TCP stream, over bytes in memory and without time.
class MemoryStream : public memory::stream {
 public:
  struct Socket {
    MemoryStream& stream;
    void shutdown(asio::ip::tcp::socket::shutdown_type, error_code&) {}
    void close(error_code&) { stream.close(); }
  };
  MemoryStream(asio::ip::tcp::socket, memory::stream& bytes) : memory::stream(std::move(bytes)) {}
  void expires_after(port::Duration) {}
  void expires_never() {}
  Socket socket() { return {*this}; }
};

template <class Handler>
void async_teardown(boost::beast::role_type, MemoryStream& stream, Handler&& handler) {
  stream.close();
  asio::post(stream.get_executor(), boost::beast::bind_front_handler(std::forward<Handler>(handler), error_code()));
}

class StillClock final : public port::Clock {
 public:
  port::WallTime now() const override { return port::WallTime(std::chrono::seconds(1'795'444'200)); }
  port::Monotonic monotonic() const override { return std::chrono::seconds(1); }
};

struct Ones final : port::Entropy {
  void fill(std::span<std::byte> out) override { std::fill(out.begin(), out.end(), std::byte{1}); }
};

class InstantEngine final : public Intake, public StatusProvider {
 public:
  InstantEngine() : machine_(options()) {
    Command command;
    command.type = CommandType::begin_epoch;
    command.epoch = 1;
    submit(command);
    command = {};
    command.type = CommandType::define_account;
    command.account_definition.name = AccountName::from("alice");
    submit(command);
    command = {};
    command.type = CommandType::define_instrument;
    command.instrument_definition.symbol = Symbol::from("ACME");
    submit(command);
  }
  Submitted submit(const Command& command) override {
    std::array<std::byte, kMaxRecordBytes> record;
    const std::size_t length = encode_record(command, record.data());
    Command back;
    expect(decode_record(std::span(record).first(length), back).ok(), "the journal reads what it was given to write");
    Command numbered = command;
    numbered.sequence = machine_.sequence() + 1;
    numbered.time = 1'795'444'200'000'000'000;
    std::vector<Event> events;
    machine_.apply(numbered, events);
    if (command.type == CommandType::open_session) ++sessions;
    if (command.type == CommandType::close_session) --sessions;
    if (outlet && !events.empty()) outlet->released(events);
    return Submitted::taken;
  }
  EngineStatus status() const override { return {.state = ServingState::primary}; }
  void drain() override {}
  void describe(std::vector<Event>& out) const { machine_.describe(out); }

  Outlet* outlet = nullptr;
  int sessions = 0;

 private:
  static EngineOptions options() {
    EngineOptions out;
    out.orders = out.positions = out.sessions = 16;
    out.level_pages = 2;
    out.remembered_names = 1024;
    return out;
  }
  Engine machine_;
};

// What the client gets, read as strictly as a client could.
class Answers {
 public:
  Answers(std::string_view bytes, bool head_asked) : left_(bytes), head_asked_(head_asked) {}
  void check(bool upgraded) {
    if (!upgraded) return check_http();
    const auto end = left_.find("\r\n\r\n");
    if (end == left_.npos) return expect(left_.empty(), "an answer has an end");
    if (!left_.starts_with("HTTP/1.1 101 ")) return check_http();
    left_.remove_prefix(end + 4);
    check_frames();
  }

 private:
  void check_http() {
    for (int answers = 0; !left_.empty(); ++answers) {
      expect(left_.starts_with("HTTP/1.1 "), "an answer is HTTP");
      const auto end = left_.find("\r\n\r\n");
      expect(end != left_.npos, "a head has an end");
      std::string_view head = left_.substr(0, end);
      if (head.starts_with("HTTP/1.1 101 ")) {
        left_.remove_prefix(end + 4);
        return check_frames();
      }
      const auto at = head.find("Content-Length: ");
      expect(at != head.npos, "an answer has a length");
      const auto length = std::strtoull(std::string(head.substr(at + 16, 12)).c_str(), nullptr, 10);
      left_.remove_prefix(end + 4);
      // An answer to HEAD says the length of a body that does not come.
      if (head_asked_ && (left_.empty() || left_.starts_with("HTTP/1.1 "))) continue;
      expect(length <= left_.size(), "and the bytes for it");
      const std::string_view body = left_.substr(0, length);
      expect(value::parse_json(std::string(body), "body").ok(), "a body is JSON");
      left_.remove_prefix(length);
    }
  }
  std::uint64_t number(std::size_t bytes) {
    expect(left_.size() >= bytes, "a frame has its head");
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < bytes; ++i) out = out << 8 | static_cast<unsigned char>(left_[i]);
    left_.remove_prefix(bytes);
    return out;
  }
  void check_frames() {
    while (!left_.empty()) {
      const auto head = number(2);
      const auto opcode = head >> 8 & 15;
      expect((head >> 8 & 0xf0) == 0x80, "a frame is whole, without reserved bits");
      expect((head & 0x80) == 0, "a server does not mask");
      std::uint64_t length = head & 0x7f;
      if (length == 126) length = number(2);
      if (length == 127) length = number(8);
      expect(length <= left_.size(), "a frame has its bytes");
      const std::string_view payload = left_.substr(0, length);
      left_.remove_prefix(length);
      if (opcode == 1)
        check_text(payload);
      else if (opcode == 8)
        return check_close(payload);
      else
        expect(opcode == 9 || opcode == 10, "no other frames are sent");
    }
  }
  static void check_text(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto message = value::parse_json(std::string(text.substr(at, end - at)), "message");
      expect(message.ok() && !value::string_at(*message, "type").empty(), "a message is JSON with a type");
      at = end + 1;
    }
  }
  void check_close(std::string_view payload) {
    if (!payload.empty()) {
      expect(payload.size() >= 2, "a close has a code or nothing");
      const unsigned code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
      expect(code >= 1000 && code < 5000 && code != 1004 && code != 1005 && code != 1006, "a code that may be sent");
    }
    expect(left_.empty(), "nothing comes behind a close");
  }

  std::string_view left_;
  const bool head_asked_;
};

constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

void append_frame(std::string& out, unsigned char first, std::string_view payload) {
  constexpr char kMask[4] = {0x37, 0x11, -0x21, 0x5a};
  out += static_cast<char>(first);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0xfe);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 255);
  }
  out.append(kMask, 4);
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ kMask[i % 4]);
}

// First byte of the frame, length / 4 of its payload, payload; again and again.
std::string frames(std::string_view text) {
  std::string out(kUpgrade);
  while (text.size() >= 2) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(text[1]) * 4u, text.size() - 2);
    append_frame(out, first, text.substr(2, length));
    text.remove_prefix(2 + length);
  }
  return out;
}

// Each line is one message, after a logon.
std::string messages(std::string_view text) {
  std::string out(kUpgrade);
  append_frame(out, 0x81, R"({"type":"logon","batch":true})");
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    append_frame(out, 0x81, text.substr(0, std::min<std::size_t>(end, 60'000)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void serve(std::string_view input, std::size_t piece, bool upgraded) {
  StillClock clock;
  Ones entropy;
  InstantEngine engine;
  Log log(clock, [](std::string_view) {});
  Metrics metrics;
  GatewayOptions options;
  options.session.failure_time = {};  // refusals at once
  const auto auth = Authenticator::open_to_all(clock);
  GatewayCore core(engine, clock, entropy, *auth, engine, log, metrics, nullptr, 0, options.hub, options.session);
  std::vector<Event> known;
  engine.describe(known);
  core.hub.describe(known);
  engine.outlet = &core.hub;
  const int system_sessions = engine.sessions;
  std::string answers;
  {
    ConnectionShared shared{core, options, {}, {1}};
    Worker worker;
    memory::stream client(worker.io), server(worker.io);
    client.connect(server);
    auto connection = std::make_shared<StreamConnection<MemoryStream>>(shared, worker, asio::ip::tcp::socket(worker.io),
                                                                       "192.0.2.1", nullptr, server);
    connection->start();
    const auto run = [&] {
      for (int step = 0; step < kMaxSteps; ++step)
        if (worker.io.poll() == 0) return;
      expect(false, "it comes to rest");
    };
    for (std::size_t at = 0; at < input.size(); at += piece) {
      error_code failed;
      const auto bytes = input.substr(at, piece);
      client.write_some(asio::buffer(bytes.data(), bytes.size()), failed);
      if (failed) break;
      run();
    }
    run();
    connection->tick();
    run();
    answers = std::string(client.str());
    client.close();
    run();
    connection->cut();
    connection.reset();
    run();
    expect(worker.connections.empty(), "a connection that ended is forgotten");
    expect(shared.count.load() == 0, "and gone");
  }
  expect(metrics.websocket_connections == 0 && metrics.http_connections == 0 && metrics.sessions == 0,
         "it is counted no more");
  expect(engine.sessions == system_sessions, "its sessions are closed in the engine");
  Answers(answers, input.find("HEAD ") != input.npos).check(upgraded);
}

}  // namespace

FUZZ_TARGET(gateway) {
  if (text.size() > kMaxInput) return;
  const unsigned how = nautilus::fuzz::choose(text, 4);
  const unsigned size = nautilus::fuzz::choose(text, 256);
  const std::size_t piece = size == 0 ? kMaxInput * 2 : size;
  switch (how) {
    case 0: return serve(text, piece, false);
    case 1: return serve(std::string(kUpgrade) + std::string(text), piece, true);
    case 2: return serve(frames(text), piece, true);
    default: return serve(messages(text), piece, true);
  }
}
