// A disk in memory that can lose what was not synced, fail any call, and stop at any operation or byte.
//
// What the model promises is what Linux promises and no more: fdatasync makes the file's bytes and size durable; a
// directory sync makes creates, renames and removes durable. Without them each survives a power cut or not, in any
// combination and any order; of written but unsynced bytes any subset of sectors may have reached the disk, a sector
// may be torn at any byte, and the size may have grown over bytes that did not (they read as zeros).
//
// Threading: any; one mutex. The object is one disk: power_cut() gives the disk as the next start finds it.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "engine/journal/storage.h"
#include "tests/support/engine/random_command.h"

namespace nautilus::engine::test {

class SimulatedStorage final : public Storage {
 public:
  SimulatedStorage();
  ~SimulatedStorage() override;

  // How the unsynced is lost.
  enum class Loss {
    all,       // nothing that was not synced survives
    none,      // everything written survives: the process died, the machine did not
    prefix,    // unsynced appends survive up to a random byte
    scattered  // any subset of 64-byte pieces survives, torn; directory changes survive or not, each for itself
  };
  // The disk after a power cut now, as a new object. This one goes on, so one run gives every cut.
  std::unique_ptr<SimulatedStorage> power_cut(Loss loss, std::uint64_t seed = 1) const;

  // Called before each operation that changes the disk ("append", "sync", "create", "open_append", "rename", "remove",
  // "sync_directory", "reserve", "settle") with its number, counted from 1. What it returns is the operation's result.
  // An append that fails has written `partial_append` bytes of it; a sync that fails has made nothing durable, and
  // later syncs do not make those bytes durable either (the page was marked clean).
  using Hook = std::function<Result<>(std::uint64_t operation, std::string_view what, const std::string& name)>;
  void set_hook(Hook hook);
  void set_partial_append(std::size_t bytes);
  std::uint64_t operations() const;
  void set_free_bytes(std::uint64_t bytes);

  // Straight to the bytes, for damage.
  std::vector<std::byte> content(const std::string& name) const;
  void set_content(const std::string& name, std::vector<std::byte> bytes);
  bool exists(const std::string& name) const;

  Result<std::vector<std::string>> list() override;
  Result<std::unique_ptr<AppendFile>> create(const std::string& name) override;
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& name, std::uint64_t truncate_to) override;
  Result<std::unique_ptr<ReadFile>> open_read(const std::string& name) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& name) override;
  Result<> sync_directory() override;
  Result<> lock() override;
  Result<std::uint64_t> free_bytes() override;
  Result<> settle(const std::string& name) override;

 private:
  struct Inode;
  struct Disk;
  class Appender;
  class Reader;
  std::shared_ptr<Disk> disk_;
  bool locked_ = false;
};

}  // namespace nautilus::engine::test
