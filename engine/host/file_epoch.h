// The epoch in a file, for engines that share a filesystem: one machine, or a test. EpochSource's contract holds.
//
// The file has the epoch, the holder, a count of renewals, and whether it was released. Every change is made under
// flock of `<path>.lock`, written aside, fsynced, renamed, the directory fsynced. A contender takes over when the count
// has not moved for time_to_live + margin on its own monotonic clock. A damaged file is an error, never epoch 0.
#pragma once

#include <memory>

#include "core/port/clock.h"
#include "engine/journal/epoch_source.h"

namespace nautilus::engine {

struct FileEpochOptions {
  std::string path;
  std::string holder;  // printable, without line breaks: host name and pod, for people
  port::Duration time_to_live = std::chrono::seconds(3);
  port::Duration margin = std::chrono::milliseconds(500);
};

class FileEpochSource final : public EpochSource {
 public:
  FileEpochSource(port::Clock& clock, FileEpochOptions options) : clock_(clock), options_(std::move(options)) {}
  Result<Lease> acquire(Epoch higher_than) override;
  Result<Lease> renew(Epoch epoch) override;
  Result<> release(Epoch epoch) override;
  Result<Epoch> observe() override;
  port::Duration time_to_live() const override { return options_.time_to_live; }

 private:
  struct Record {
    Epoch epoch = 0;
    std::uint64_t renewal = 0;
    bool released = true;
    std::string holder;
  };
  Result<Record> read() const;
  Result<> write(const Record& record) const;

  port::Clock& clock_;
  FileEpochOptions options_;
  Epoch held_ = 0;
  // What was seen of another holder, and since when it has not moved.
  Epoch seen_epoch_ = 0;
  std::uint64_t seen_renewal_ = 0;
  port::Monotonic seen_at_{};
};

}  // namespace nautilus::engine
