// The real directory, the real lock, the real epoch file, in a folder of their own.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/file_epoch.h"
#include "engine/host/posix_storage.h"
#include "tests/support/engine/manual_clock.h"
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;
using namespace std::chrono_literals;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/nautilus-engine-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() {
    if (auto storage = open_posix_storage(path); storage.ok()) {
      auto names = (*storage)->list();
      if (names.ok())
        for (const auto& name : *names) (void)(*storage)->remove(name);
      (void)(*storage)->remove(".lock");
    }
    ::rmdir(path.c_str());
  }
  std::string path;
};

std::unique_ptr<Storage> opened(const Folder& folder) {
  auto storage = open_posix_storage(folder.path);
  REQUIRE_MESSAGE(storage.ok(), storage.error().text());
  return std::move(*storage);
}

}  // namespace

TEST_CASE("a file is appended to, read in pieces, cut and renamed") {
  Folder folder;
  auto storage = opened(folder);
  auto file = storage->create("a");
  REQUIRE(file.ok());
  REQUIRE((*file)->reserve(1 << 20).ok());
  REQUIRE((*file)->append(as_bytes("hello ")).ok());
  REQUIRE((*file)->append(as_bytes("world")).ok());
  REQUIRE((*file)->sync().ok());
  CHECK((*file)->size() == 11);
  CHECK(!storage->create("a").ok());
  auto reader = storage->open_read("a");
  REQUIRE(reader.ok());
  CHECK((*reader)->size() == 11);  // what is set aside is not part of the file
  const auto piece = (*reader)->read(6, 100);
  REQUIRE(piece.ok());
  CHECK(std::string(reinterpret_cast<const char*>(piece->data()), piece->size()) == "world");
  CHECK((*reader)->read(11, 5)->empty());
  auto again = storage->open_append("a", 6);
  REQUIRE(again.ok());
  REQUIRE((*again)->append(as_bytes("you")).ok());
  REQUIRE(storage->settle("a").ok());
  CHECK((*reader)->read(0, 100)->size() == 9);
  REQUIRE(storage->rename("a", "b").ok());
  REQUIRE(storage->sync_directory().ok());
  CHECK(*storage->list() == std::vector<std::string>{"b"});
  REQUIRE(storage->remove("b").ok());
  CHECK(storage->list()->empty());
  auto missing = storage->open_read("b");
  REQUIRE(!missing.ok());
  CHECK(missing.error().text().find("No such file") != std::string::npos);
  CHECK(*storage->free_bytes() > 0);
}

TEST_CASE("one process writes a journal, and the lock goes with it") {
  Folder folder;
  auto first = opened(folder);
  auto second = opened(folder);
  REQUIRE(first->lock().ok());
  auto refused = second->lock();
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == Code::locked);
  first.reset();
  CHECK(second->lock().ok());
  CHECK(second->list()->empty());  // the lock is not a file of the journal
}

TEST_CASE("a directory that cannot be is named") {
  auto storage = open_posix_storage("/dev/null/journal");
  REQUIRE(!storage.ok());
  CHECK(storage.error().text().find("/dev/null/journal") != std::string::npos);
}

TEST_CASE("a journal on the real disk is recovered, also with a torn tail") {
  Folder folder;
  auto storage = opened(folder);
  const auto hashes = reference_hashes(100);
  {
    auto recovery = recover(*storage, make_toy_machine);
    REQUIRE(recovery.ok());
    auto writer = continue_journal(*storage, *recovery, test_id(), {8192, 0});
    REQUIRE(writer.ok());
    BatchBuilder builder;
    for (Sequence n = 1; n <= 100;) {
      builder.begin(1);
      for (int i = 0; i < 7 && n <= 100; ++i, ++n) builder.add(nth_command(n));
      const auto bytes = builder.finish(writer->seed());
      REQUIRE(writer->write(builder.header(), bytes).ok());
      REQUIRE(writer->sync().ok());
    }
  }
  auto whole = recover(*storage, make_toy_machine);
  REQUIRE(whole.ok());
  CHECK(whole->machine->state_hash() == hashes[100]);
  auto torn = storage->open_append(whole->end.segment, whole->end.offset - 8);
  REQUIRE(torn.ok());
  auto after = recover(*storage, make_toy_machine);
  REQUIRE(after.ok());
  CHECK(after->end.cut_bytes > 0);
  CHECK(after->machine->state_hash() == hashes[after->next - 1]);
  auto writer = continue_journal(*storage, *after, test_id());
  REQUIRE(writer.ok());
  CHECK(recover(*storage, make_toy_machine)->end.cut_bytes == 0);
}

TEST_CASE("the epoch only grows, and is held by one") {
  Folder folder;
  ManualClock clock;
  const std::string path = folder.path + "/epoch";
  FileEpochSource a(clock, {path, "a", 3s, 500ms}), b(clock, {path, "b", 3s, 500ms});
  CHECK(*a.observe() == 0);
  auto first = a.acquire(4);
  REQUIRE_MESSAGE(first.ok(), first.error().text());
  CHECK(first->epoch == 5);
  CHECK(first->deadline == 3s);
  auto refused = b.acquire(0);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == Code::locked);
  CHECK(refused.error().hint == "by a");
  clock.advance(2s);
  auto renewed = a.renew(5);
  REQUIRE(renewed.ok());
  CHECK(renewed->deadline == 5s);
  clock.advance(2s);  // 4 s after b first looked, but only 2 s after the renewal it sees now
  CHECK(b.acquire(0).error().code == Code::locked);
  clock.advance(3499ms);
  CHECK(b.acquire(0).error().code == Code::locked);
  CHECK(clock.monotonic() > renewed->deadline);  // a stopped before b may begin
  clock.advance(1ms);
  auto taken = b.acquire(0);
  REQUIRE(taken.ok());
  CHECK(taken->epoch == 6);
  auto over = a.renew(5);
  REQUIRE(!over.ok());
  CHECK(over.error().code == Code::conflict);
  CHECK(a.release(5).error().code == Code::conflict);
  REQUIRE(b.release(6).ok());
  CHECK(b.renew(6).error().code == Code::conflict);
  auto back = a.acquire(100);
  REQUIRE(back.ok());
  CHECK(back->epoch == 101);
}

TEST_CASE("a damaged epoch file is an error, not epoch 0") {
  Folder folder;
  ManualClock clock;
  const std::string path = folder.path + "/epoch";
  FileEpochSource source(clock, {path, "a", 3s, 500ms});
  REQUIRE(source.acquire(0).ok());
  auto storage = opened(folder);
  auto file = storage->open_append("epoch", 20);
  REQUIRE(file.ok());
  for (auto result : {source.renew(1), source.acquire(0)}) {
    REQUIRE(!result.ok());
    CHECK(result.error().code == Code::invalid);
    CHECK(result.error().where == path);
  }
  CHECK(!source.observe().ok());
}
