// A primary and its followers over a network that fails: what was told is held by who takes over, and by nobody twice.
#include <doctest/doctest.h>

#include "engine/journal/divergent.h"
#include "engine/replication/frame.h"
#include "engine/replication/primary.h"
#include "engine/replication/standby.h"
#include "tests/support/engine/bad_network.h"
#include "tests/support/engine/certificates.h"
#include "tests/support/engine/collector.h"
#include "tests/support/engine/manual_clock.h"
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;
using namespace std::chrono_literals;
using Loss = SimulatedStorage::Loss;

namespace {

// Waits for another thread; the bound is only there so that a broken build ends.
template <class Predicate>
bool eventually(Predicate&& predicate) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  for (int i = 0; i < 60'000 && !predicate(); ++i) never.wait_for(lock, 1ms);
  return predicate();
}

TlsIdentity plain() {
  TlsIdentity out;
  out.plain = true;
  return out;
}

PrimaryOptions primary_options(unsigned required) {
  PrimaryOptions out;
  out.tls = plain(), out.required = required, out.heartbeat = 20ms, out.silent_heartbeats = 500;
  return out;
}

StandbyOptions standby_options(std::uint16_t port, const std::string& name = "b") {
  StandbyOptions out;
  out.port = port, out.tls = plain(), out.name = name, out.first_pause = 1ms, out.longest_pause = 5ms,
  out.silence = 30s;
  out.writer = {4096, 0};
  return out;
}

// A primary with its server, on a disk; of a recovery or of a promoted standby.
struct Primary {
  Primary(SimulatedStorage& disk, Epoch epoch, PrimaryOptions options, SequencerOptions sequencing = {})
      : Primary(disk, epoch, std::move(options), sequencing, promoted_of(disk)) {}
  Primary(SimulatedStorage& disk, Epoch epoch, PrimaryOptions options, SequencerOptions sequencing, Promoted from)
      : state(std::move(from)) {
    auto listening = ReplicationPrimary::listen(
        disk, clock, {state.recovery.journal, epoch, state.recovery.epochs, state.recovery.next}, std::move(options));
    REQUIRE_MESSAGE(listening.ok(), listening.error().text());
    server = std::move(*listening);
    sequencing.silence = std::chrono::hours(1);
    sequencer = std::make_unique<Sequencer>(
        SequencerParts{*state.recovery.machine, disk, collector, clock, server.get(), nullptr}, std::move(state.writer),
        state.recovery, epoch, sequencing);
    server->on_advance([this] { sequencer->replication_advanced(); });
    server->on_fenced([this](Epoch higher) { sequencer->fence(fmt::format("epoch {} exists", higher)); });
    REQUIRE(sequencer->start().ok());
  }
  ~Primary() {
    server->stop();
    (void)sequencer->stop(0s);
  }
  static Promoted promoted_of(SimulatedStorage& disk) {
    auto recovery = recover(disk, make_toy_machine);
    REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
    auto writer = continue_journal(disk, *recovery, test_id(), {4096, 0});
    REQUIRE(writer.ok());
    return {std::move(*recovery), std::move(*writer), 0};
  }
  void submit(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t n = from; n < to; ++n) {
      Submitted answer = Submitted::full;
      while ((answer = sequencer->submit(plain_order(n))) == Submitted::full) std::this_thread::yield();
      REQUIRE(answer == Submitted::taken);
    }
  }
  std::uint64_t hash() const { return state.recovery.machine->state_hash(); }

  ManualClock clock;
  Collector collector;
  Promoted state;
  std::unique_ptr<ReplicationPrimary> server;
  std::unique_ptr<Sequencer> sequencer;
};

std::unique_ptr<Standby> standby_on(SimulatedStorage& disk, StandbyOptions options) {
  static ManualClock clock;
  auto out = Standby::open(disk, make_toy_machine, clock, std::move(options));
  REQUIRE_MESSAGE(out.ok(), out.error().text());
  REQUIRE((*out)->start().ok());
  return std::move(*out);
}

bool reaches(const Standby& standby, Sequence sequence) {
  const bool there = eventually([&] { return standby.status().applied_sequence >= sequence; });
  if (!there) MESSAGE("standby: " << standby.status().failure() << " at " << standby.status().applied_sequence.load());
  return there;
}

std::uint64_t hash_on(SimulatedStorage& disk, Sequence expected_last) {
  RecoveryOptions options;
  auto recovery = recover(disk, make_toy_machine, options);
  REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
  REQUIRE(recovery->next - 1 == expected_last);
  return recovery->machine->state_hash();
}

}  // namespace

TEST_CASE("frames are read back from any cutting of the stream, and no flipped bit passes") {
  std::vector<std::byte> stream;
  append_bytes(stream, encode_frame(Hello{"b", false, test_id(), 7, 3, {{1, 1}, {3, 5}}}));
  append_bytes(stream, encode_frame(Welcome{test_id(), 4, 6, true}));
  append_bytes(stream, encode_frame(Refuse{9, "no\x1b[31m"}));
  append_bytes(stream, encode_frame(Ack{4, 123}));
  append_bytes(stream, encode_frame(Heartbeat{4, 5, 6}));
  for (std::size_t piece = 1; piece < 60; ++piece) {
    FrameBuffer in;
    std::vector<FrameType> types;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const std::size_t n = std::min(piece, stream.size() - at);
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), n, in.room().begin());
      in.received(n);
      for (;;) {
        auto frame = in.next();
        REQUIRE(frame.ok());
        if (!*frame) break;
        types.push_back((*frame)->type);
        if ((*frame)->type == FrameType::hello) {
          auto hello = decode_hello((*frame)->body);
          REQUIRE(hello.ok());
          CHECK(!hello->candidate);
          CHECK(hello->epochs == std::vector<EpochStart>{{1, 1}, {3, 5}});
        }
        if ((*frame)->type == FrameType::refuse) CHECK(decode_refuse((*frame)->body)->why == "no?[31m");
      }
    }
    REQUIRE(types == std::vector<FrameType>{FrameType::hello, FrameType::welcome, FrameType::refuse, FrameType::ack,
                                            FrameType::heartbeat});
  }
  const auto one = encode_frame(Ack{4, 123});
  for (std::size_t bit = 0; bit < one.size() * 8; ++bit) {
    auto bad = one;
    bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    FrameBuffer in;
    std::copy(bad.begin(), bad.end(), in.room().begin());
    in.received(bad.size());
    auto frame = in.next();
    REQUIRE((!frame.ok() || !frame->has_value()));  // an error, or it waits for bytes that a longer length promises
  }
}

TEST_CASE("where two journals part") {
  using Starts = std::vector<EpochStart>;
  const auto check = [](const Starts& a, Sequence last_a, const Starts& b, Sequence last_b, Sequence expected) {
    CHECK(common_prefix(a, last_a, b, last_b) == expected);
    CHECK(common_prefix(b, last_b, a, last_a) == expected);
  };
  check({}, 0, {}, 0, 0);
  check({{1, 1}}, 10, {}, 0, 0);
  check({{1, 1}}, 10, {{1, 1}}, 7, 7);
  check({{1, 1}, {2, 8}}, 10, {{1, 1}}, 9, 7);           // two records of epoch 1 that epoch 2 does not have
  check({{1, 1}, {2, 8}}, 10, {{1, 1}, {2, 8}}, 9, 9);   //
  check({{1, 1}, {3, 8}}, 10, {{1, 1}, {2, 6}}, 12, 5);  // both went on without the other
  check({{1, 1}, {2, 8}, {4, 20}}, 30, {{1, 1}, {2, 8}, {3, 15}}, 18, 14);
  check({{5, 1}}, 10, {{1, 1}}, 10, 0);
}

TEST_CASE("synchronous, with TLS: what is told is held by the follower, who takes over with it") {
  const TestAuthority authority("test");
  const auto here = authority.issue("primary.test"), there = authority.issue("standby.test");
  SimulatedStorage disk_a, disk_b;
  PrimaryOptions options = primary_options(1);
  options.tls = {authority.pem(), here.certificate_pem, here.key_pem, "standby.test", false};
  auto primary = std::make_unique<Primary>(disk_a, 1, options);
  primary->submit(0, 20);
  CHECK(primary->collector.events().empty());
  StandbyOptions follow = standby_options(primary->server->port());
  follow.tls = {authority.pem(), there.certificate_pem, there.key_pem, "primary.test", false};
  auto standby = standby_on(disk_b, follow);
  REQUIRE(primary->collector.wait_for_sequence(21));
  primary->submit(20, 400);
  REQUIRE(primary->collector.wait_for_sequence(401));
  CHECK(primary->server->followers().at(0).acknowledged >= 401);
  CHECK(hash_on(*disk_b.power_cut(Loss::all), 401) == primary->hash());
  // The primary's machine dies; the standby goes on.
  auto promoted = standby->promote();
  REQUIRE_MESSAGE(promoted.ok(), promoted.error().text());
  CHECK(promoted->recovery.machine->state_hash() == primary->hash());
  CHECK(promoted->highest_epoch == 1);
  primary.reset();
  Primary next(disk_b, 2, primary_options(0), {}, std::move(*promoted));
  next.submit(400, 500);
  REQUIRE(next.collector.wait_for_sequence(502));
  CHECK(next.collector.events().front().type == EventType::epoch_begun);
}

TEST_CASE("a certificate of another authority, another name, or no TLS at all does not get in") {
  const TestAuthority authority("test"), other("other");
  const auto here = authority.issue("primary.test");
  SimulatedStorage disk_a, disk_b;
  PrimaryOptions options = primary_options(0);
  options.tls = {authority.pem(), here.certificate_pem, here.key_pem, "standby.test", false};
  Primary primary(disk_a, 1, options);
  primary.submit(0, 5);
  const auto good = authority.issue("standby.test"), wrong_name = authority.issue("stranger.test"),
             foreign = other.issue("standby.test");
  std::vector<TlsIdentity> bad{{authority.pem(), foreign.certificate_pem, foreign.key_pem, "", false},
                               {authority.pem(), wrong_name.certificate_pem, wrong_name.key_pem, "", false},
                               {authority.pem(), good.certificate_pem, good.key_pem, "elsewhere.test", false},
                               {other.pem(), good.certificate_pem, good.key_pem, "", false},
                               plain()};
  for (const TlsIdentity& identity : bad) {
    StandbyOptions follow = standby_options(primary.server->port());
    follow.tls = identity;
    auto standby = standby_on(disk_b, follow);
    REQUIRE(eventually([&] { return standby->status().connections >= 3; }));
    CHECK(standby->status().primary_epoch == 0);
    CHECK(standby->status().durable_sequence == 0);
  }
  StandbyOptions follow = standby_options(primary.server->port());
  follow.tls = {authority.pem(), good.certificate_pem, good.key_pem, "primary.test", false};
  CHECK(reaches(*standby_on(disk_b, follow), 6));
}

TEST_CASE("plain replication is refused anywhere but on loopback, bad TLS texts are named") {
  SimulatedStorage disk;
  ManualClock clock;
  PrimaryOptions options = primary_options(0);
  options.address = "0.0.0.0";
  auto refused = ReplicationPrimary::listen(disk, clock, {}, options);
  REQUIRE(!refused.ok());
  CHECK(refused.error().text().find("without TLS") != std::string::npos);
  options.tls = {"nonsense", "nonsense", "nonsense", "", false};
  auto bad = ReplicationPrimary::listen(disk, clock, {}, options);
  REQUIRE(!bad.ok());
  CHECK(bad.error().text().find("the authority's certificate") != std::string::npos);
}

TEST_CASE("a connection cut after any number of bytes is taken up again, and nothing is lost or doubled") {
  SimulatedStorage disk_a;
  SequencerOptions sequencing;
  sequencing.max_batch_records = 3, sequencing.checkpoint_every = 10;
  Primary primary(disk_a, 1, primary_options(0), sequencing);
  primary.submit(0, 60);
  REQUIRE(primary.collector.wait_for_sequence(60));
  const Sequence last = primary.collector.last();
  BadNetwork network(primary.server->port());
  std::size_t cuts = 0;
  SimulatedStorage disk_b;
  auto standby = standby_on(disk_b, standby_options(network.port()));
  for (std::size_t bytes = 1; bytes < 9000; bytes += 211) network.plan({bytes, SIZE_MAX, SIZE_MAX, SIZE_MAX}), ++cuts;
  network.cut();
  for (std::size_t up = 1; up < 200; up += 13) network.plan({SIZE_MAX, up, SIZE_MAX, SIZE_MAX}), ++cuts;
  primary.submit(100, 160);
  REQUIRE(eventually([&] { return primary.collector.last() >= last + 60; }));
  REQUIRE(reaches(*standby, primary.collector.last()));
  CHECK(standby->status().discarded_records == 0);
  CHECK(standby->status().failure().find("checkpoint") == std::string::npos);
  REQUIRE(standby->stop().ok());
  CHECK(hash_on(*disk_b.power_cut(Loss::all), primary.collector.last()) == primary.hash());
}

TEST_CASE("from nothing, with every cut of the first connection, damage and reordering included") {
  SimulatedStorage disk_a;
  SequencerOptions sequencing;
  sequencing.max_batch_records = 3;
  Primary primary(disk_a, 1, primary_options(0), sequencing);
  primary.submit(0, 30);
  REQUIRE(eventually([&] { return primary.collector.last() == 31; }));
  BadNetwork network(primary.server->port());
  for (std::size_t at = 0; at < 3200; at += 67) {
    SimulatedStorage disk_b;
    network.plan({at, SIZE_MAX, SIZE_MAX, SIZE_MAX});
    network.plan({SIZE_MAX, SIZE_MAX, at, SIZE_MAX});
    network.plan({SIZE_MAX, SIZE_MAX, SIZE_MAX, at});
    auto standby = standby_on(disk_b, standby_options(network.port()));
    REQUIRE(reaches(*standby, 31));
    standby.reset();
    CHECK(hash_on(*disk_b.power_cut(Loss::all), 31) == primary.hash());
    while (network.plans_left()) {  // a follower that had all before the later plans leaves them to the next
      SimulatedStorage again;
      CHECK(reaches(*standby_on(again, standby_options(network.port())), 31));
    }
  }
}

TEST_CASE("the follower dies at any operation of its disk and comes back with what it acknowledged") {
  SimulatedStorage disk_a;
  SequencerOptions sequencing;
  sequencing.max_batch_records = 4;
  Primary primary(disk_a, 1, primary_options(0), sequencing);
  primary.submit(0, 40);
  REQUIRE(eventually([&] { return primary.collector.last() == 41; }));
  std::uint64_t total = 1000;
  for (std::uint64_t stop = 1; stop <= total; ++stop) {
    SimulatedStorage disk_b;
    disk_b.set_partial_append(stop * 31 % 200);
    disk_b.set_hook([stop](std::uint64_t operation, std::string_view, const std::string&) -> Result<> {
      if (operation >= stop) return Error(Code::io, "the power is gone");
      return {};
    });
    static ManualClock clock;
    auto opened = Standby::open(disk_b, make_toy_machine, clock, standby_options(primary.server->port()));
    Sequence acknowledged = 0;
    if (opened.ok()) {
      REQUIRE((*opened)->start().ok());
      REQUIRE(eventually([&] {
        return (*opened)->status().state == StandbyState::failed || (*opened)->status().applied_sequence == 41;
      }));
      acknowledged = (*opened)->status().durable_sequence;
      const bool done = (*opened)->status().state != StandbyState::failed;
      CHECK((done || !(*opened)->promote().ok()));
      opened->reset();
      if (done) total = stop;
    }
    for (const Loss loss : {Loss::all, Loss::none, Loss::scattered}) {
      auto after = disk_b.power_cut(loss, stop);
      auto recovery = recover(*after, make_toy_machine);
      REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
      REQUIRE(recovery->next - 1 >= acknowledged);
      if (stop % 5) continue;
      auto again = standby_on(*after, standby_options(primary.server->port()));
      REQUIRE(reaches(*again, 41));
      again.reset();
      CHECK(hash_on(*after, 41) == primary.hash());
    }
  }
  CHECK(total < 1000);
}

TEST_CASE("a follower that is too far behind gets a snapshot, then the rest") {
  SimulatedStorage disk_a, disk_b;
  SequencerOptions sequencing;
  sequencing.snapshot_every = 50, sequencing.keep_snapshots = 2, sequencing.max_batch_records = 10;
  PrimaryOptions options = primary_options(0);
  options.recent_bytes = 1000;
  Primary primary(disk_a, 1, options, sequencing);
  // A little first, so that it has a journal of its own that the snapshot replaces.
  primary.submit(0, 10);
  {
    auto standby = standby_on(disk_b, standby_options(primary.server->port()));
    REQUIRE(reaches(*standby, 11));
  }
  Sequence last = 11;
  for (std::uint64_t round = 1; !disk_a.exists(segment_name(1)) == false; ++round) {
    primary.submit(round * 100, round * 100 + 100);
    last += 100;
    REQUIRE(primary.collector.wait_for_sequence(last));
    REQUIRE(round < 200);
  }
  auto standby = standby_on(disk_b, standby_options(primary.server->port()));
  REQUIRE(reaches(*standby, last));
  CHECK(standby->status().snapshots_received == 1);
  primary.submit(50'000, 50'100);
  REQUIRE(reaches(*standby, last + 100));
  standby.reset();
  CHECK(hash_on(*disk_b.power_cut(Loss::all), last + 100) == primary.hash());
}

TEST_CASE(
    "the old primary lives on: it tells nothing, hears of the new one, and comes back as a follower without its tail") {
  SimulatedStorage disk_a, disk_b;
  auto a = std::make_unique<Primary>(disk_a, 1, primary_options(1));
  BadNetwork network(a->server->port());
  auto b = standby_on(disk_b, standby_options(network.port()));
  a->submit(0, 50);
  REQUIRE(a->collector.wait_for_sequence(51));
  network.cut(true);
  a->submit(50, 80);  // durable on its own disk, never told
  REQUIRE(eventually([&] { return a->sequencer->status().durable_sequence == 81; }));
  auto promoted = b->promote();
  REQUIRE(promoted.ok());
  b.reset();
  Primary second(disk_b, 2, primary_options(0), {}, std::move(*promoted));
  second.submit(1000, 1040);
  REQUIRE(second.collector.wait_for_sequence(92));
  CHECK(a->collector.last() == 51);
  // Somebody who knows epoch 2 comes to the old primary.
  SimulatedStorage disk_c;
  {
    auto c = standby_on(disk_c, standby_options(second.server->port(), "c"));
    REQUIRE(reaches(*c, 92));
  }
  {
    auto c = standby_on(disk_c, standby_options(a->server->port(), "c"));
    REQUIRE(eventually([&] { return a->sequencer->status().state == SequencerState::fenced; }));
    CHECK(a->sequencer->submit(plain_order(1)) == Submitted::not_primary);
  }
  CHECK(a->collector.last() == 51);
  a.reset();
  auto old = standby_on(disk_a, standby_options(second.server->port(), "a"));
  REQUIRE(reaches(*old, 92));
  CHECK(old->status().discarded_records == 30);
  second.submit(2000, 2010);
  REQUIRE(reaches(*old, 102));
  old.reset();
  CHECK(hash_on(*disk_a.power_cut(Loss::all), 102) == second.hash());
  bool kept = false;
  const auto names = *disk_a.list();
  for (const auto& name : names)
    kept |= name.starts_with("discarded-00000000000000000052-00000000000000000001");
  CHECK(kept);
}

TEST_CASE("cutting back survives a crash at any operation") {
  RunOptions options;
  options.commands = 100, options.snapshot_every = 30, options.writer.segment_bytes = 2048;
  const auto hashes = reference_hashes(100);
  for (std::uint64_t stop = 1;; ++stop) {
    SimulatedStorage disk;
    Sequence acknowledged = 0, keep = 0;
    REQUIRE(run_journal(disk, options, acknowledged).ok());
    auto reader = JournalReader::open(disk);
    while (keep < 40) keep = (*reader->next())->header.last_sequence();
    keep -= stop % 2;  // at the end of a batch, and inside one
    const std::uint64_t base = disk.operations();
    disk.set_hook([=](std::uint64_t operation, std::string_view, const std::string&) -> Result<> {
      if (operation >= base + stop) return Error(Code::io, "the power is gone");
      return {};
    });
    const bool done = cut_back(disk, keep).ok();
    for (const Loss loss : {Loss::all, Loss::none, Loss::scattered}) {
      auto after = disk.power_cut(loss, stop);
      auto recovery = recover(*after, make_toy_machine);
      REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
      REQUIRE(recovery->next - 1 >= keep);
      REQUIRE(recovery->machine->state_hash() == hashes[recovery->next - 1]);
      REQUIRE(cut_back(*after, keep).ok());
      REQUIRE(hash_on(*after, keep) == hashes[keep]);
    }
    if (done) break;
    REQUIRE(stop < 200);
  }
}

TEST_CASE("a follower of another journal is refused and says so") {
  SimulatedStorage disk_a, disk_b;
  Primary primary(disk_a, 1, primary_options(0));
  {
    auto recovery = recover(disk_b, make_toy_machine);
    JournalId id = test_id();
    id.bytes[3] = std::byte{77};
    auto writer = continue_journal(disk_b, *recovery, id);
    BatchBuilder builder;
    builder.begin(1);
    builder.add(nth_command(1));
    const auto bytes = builder.finish(writer->seed());
    REQUIRE(writer->write(builder.header(), bytes).ok());
    REQUIRE(writer->sync().ok());
  }
  auto standby = standby_on(disk_b, standby_options(primary.server->port()));
  REQUIRE(eventually([&] { return standby->status().failure().find("another journal") != std::string::npos; }));
}
