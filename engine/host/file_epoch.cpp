#include "engine/host/file_epoch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "engine/host/posix_file.h"

namespace nautilus::engine {
namespace {

constexpr std::size_t kMaxFileBytes = 1024;
constexpr std::string_view kFirstLine = "nautilus-epoch 1";

// Held while it lives. Others wait: every holder of it only reads and writes one small file.
Result<Descriptor> lock_file(const std::string& path) {
  const std::string name = path + ".lock";
  Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd) return system_error(name);
  while (::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) return system_error(name);
  return fd;
}

// "word rest": the rest of the next line, if it begins with the word.
std::optional<std::string_view> line(std::string_view& text, std::string_view word) {
  const std::size_t end = text.find('\n');
  if (end == text.npos || !text.starts_with(word)) return std::nullopt;
  const auto out = text.substr(word.size(), end - word.size());
  text.remove_prefix(end + 1);
  return out;
}
bool number(std::optional<std::string_view> text, std::uint64_t& out) {
  if (!text || text->empty()) return false;
  const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  return error == std::errc() && at == text->data() + text->size();
}

}  // namespace

Result<FileEpochSource::Record> FileEpochSource::read() const {
  Descriptor fd(::open(options_.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return Record{};
  if (!fd) return system_error(options_.path);
  char buffer[kMaxFileBytes];
  std::size_t length = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer + length, sizeof buffer - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(options_.path);
    if (n == 0 || (length += static_cast<std::size_t>(n)) == sizeof buffer) break;
  }
  std::string_view text(buffer, length);
  Record out;
  std::uint64_t released = 0;
  const bool good = line(text, kFirstLine) == "" && number(line(text, "epoch "), out.epoch) &&
                    number(line(text, "renewal "), out.renewal) && number(line(text, "released "), released) &&
                    released <= 1;
  const auto holder = good ? line(text, "holder ") : std::nullopt;
  if (!holder || !text.empty())
    return Error(Code::invalid, "not an epoch file, or damaged",
                 "write the highest epoch that any journal has into it: engine inspect shows it")
        .at(options_.path);
  out.released = released == 1, out.holder = *holder;
  return out;
}

Result<> FileEpochSource::write(const Record& record) const {
  const std::string text = fmt::format("{}\nepoch {}\nrenewal {}\nreleased {}\nholder {}\n", kFirstLine, record.epoch,
                                       record.renewal, record.released ? 1 : 0, record.holder);
  if (text.size() > kMaxFileBytes || record.holder.find('\n') != std::string::npos)
    return Error(Code::invalid, "the holder's name is too long, or has a line break");
  const std::string temporary = options_.path + ".tmp";
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!fd) return system_error(temporary);
  TRY(write_all(fd.get(), text.data(), text.size(), 0, temporary));
  if (::fsync(fd.get()) != 0) return system_error(temporary);
  if (std::rename(temporary.c_str(), options_.path.c_str()) != 0) return system_error(options_.path);
  const std::size_t slash = options_.path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
  Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return system_error(directory);
  return {};
}

Result<Lease> FileEpochSource::acquire(Epoch higher_than) {
  ASSIGN_OR_RETURN(const auto guard, lock_file(options_.path));
  ASSIGN_OR_RETURN(Record record, read());
  const port::Monotonic now = clock_.monotonic();
  const bool mine = held_ != 0 && record.epoch == held_ && !record.released;
  if (!record.released && !mine) {
    if (record.epoch != seen_epoch_ || record.renewal != seen_renewal_)
      seen_epoch_ = record.epoch, seen_renewal_ = record.renewal, seen_at_ = now;
    if (now - seen_at_ < options_.time_to_live + options_.margin)
      return Error(Code::locked, fmt::format("epoch {} is held", record.epoch), "by " + record.holder);
  }
  record = {std::max(record.epoch, higher_than) + 1, 0, false, options_.holder};
  TRY(write(record));
  held_ = record.epoch;
  return Lease{record.epoch, now + options_.time_to_live};
}

Result<Lease> FileEpochSource::renew(Epoch epoch) {
  const port::Monotonic before = clock_.monotonic();
  ASSIGN_OR_RETURN(const auto guard, lock_file(options_.path));
  ASSIGN_OR_RETURN(Record record, read());
  if (epoch != held_ || record.epoch != epoch || record.released)
    return Error(Code::conflict, fmt::format("epoch {} is over: the epoch is {}", epoch, record.epoch),
                 record.released ? "" : "held by " + record.holder);
  ++record.renewal;
  TRY(write(record));
  return Lease{epoch, before + options_.time_to_live};
}

Result<> FileEpochSource::release(Epoch epoch) {
  ASSIGN_OR_RETURN(const auto guard, lock_file(options_.path));
  ASSIGN_OR_RETURN(Record record, read());
  if (epoch != held_ || record.epoch != epoch) return Error(Code::conflict, fmt::format("epoch {} is not held", epoch));
  record.released = true;
  TRY(write(record));
  held_ = 0;
  return {};
}

Result<Epoch> FileEpochSource::observe() {
  ASSIGN_OR_RETURN(const auto record, read());
  return record.epoch;
}

}  // namespace nautilus::engine
