// The few things a journal needs from a disk, so that a test can cut the power after any byte and fail any call.
//
// engine/host has the real one. The simulated one (tests/support/engine) keeps what was synced apart from what
// was only written, and loses, tears or reorders the rest (ALICE, OSDI 2014): nothing here may rely on more than
// fdatasync of the file, and fsync of the directory after create, rename and remove.
// Failure: Code::io with the system's words. After a failed sync the bytes before it are in doubt: a caller never
// syncs again, it stops (fsync semantics, ATC 2020).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace nautilus::engine {

class AppendFile {
 public:
  virtual ~AppendFile() = default;
  virtual Result<> append(std::span<const std::byte> bytes) = 0;
  virtual Result<> sync() = 0;
  virtual std::uint64_t size() const = 0;
  // Sets room aside for `bytes` beyond the end without changing the size, so that a full disk is found here and not in
  // append(). Where the filesystem cannot, it does nothing. Code::limit: there is not that much room.
  virtual Result<> reserve(std::uint64_t bytes) = 0;
};

class ReadFile {
 public:
  virtual ~ReadFile() = default;
  virtual std::uint64_t size() const = 0;
  // The bytes at `offset`; fewer at the end of the file. Valid until the next call.
  virtual Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length) = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  virtual Result<std::vector<std::string>> list() = 0;  // names in the journal's directory, sorted
  virtual Result<std::unique_ptr<AppendFile>> create(const std::string& name) = 0;  // must not exist
  virtual Result<std::unique_ptr<AppendFile>> open_append(const std::string& name, std::uint64_t truncate_to) = 0;
  virtual Result<std::unique_ptr<ReadFile>> open_read(const std::string& name) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;  // replaces; atomic
  virtual Result<> remove(const std::string& name) = 0;
  virtual Result<> sync_directory() = 0;
  // One writer at a time: an exclusive lock on the directory until the Storage is destroyed; Code::locked if held.
  virtual Result<> lock() = 0;
  virtual Result<std::uint64_t> free_bytes() = 0;
  // Makes the file hold what a power cut now would leave: syncs it, and drops what the system keeps of it in memory.
  // Bytes that a dead process had written but not synced become durable; bytes that an earlier failed sync left marked
  // clean are seen as the disk has them. Before a journal is believed.
  virtual Result<> settle(const std::string& name) = 0;
};

}  // namespace nautilus::engine
