#include "engine/host/posix_storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "engine/host/posix_file.h"

namespace nautilus::engine {

Error system_error(const std::string& what) {
  return Error(Code::io, what + ": " + std::generic_category().message(errno));
}

Result<> write_all(int fd, const void* data, std::size_t length, std::uint64_t offset, const std::string& what) {
  const char* at = static_cast<const char*>(data);
  while (length) {
    const ssize_t n = ::pwrite(fd, at, length, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(what);
    if (n == 0) return Error(Code::io, what + ": the system takes no more bytes");
    at += n, offset += static_cast<std::uint64_t>(n), length -= static_cast<std::size_t>(n);
  }
  return {};
}

namespace {

class PosixAppend final : public AppendFile {
 public:
  PosixAppend(Descriptor fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}
  Result<> append(std::span<const std::byte> bytes) override {
    TRY(write_all(fd_.get(), bytes.data(), bytes.size(), size_, path_));
    size_ += bytes.size();
    return {};
  }
  Result<> sync() override {
    if (::fdatasync(fd_.get()) != 0) return system_error(path_);
    return {};
  }
  std::uint64_t size() const override { return size_; }
  Result<> reserve(std::uint64_t bytes) override {
    const int done = ::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_), static_cast<off_t>(bytes));
    if (done != 0 && errno == ENOSPC) return Error(Code::limit, path_ + ": no room for a whole segment");
    return {};  // a filesystem without fallocate finds a full disk later
  }

 private:
  Descriptor fd_;
  std::string path_;
  std::uint64_t size_;
};

class PosixRead final : public ReadFile {
 public:
  PosixRead(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  std::uint64_t size() const override {
    struct stat info {};
    return ::fstat(fd_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  }
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length) override {
    if (buffer_.size() < length) buffer_.resize(length);
    std::size_t got = 0;
    while (got < length) {
      const ssize_t n = ::pread(fd_.get(), buffer_.data() + got, length - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error(path_);
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return std::span<const std::byte>(buffer_.data(), got);
  }

 private:
  Descriptor fd_;
  std::string path_;
  std::vector<std::byte> buffer_;
};

class PosixStorage final : public Storage {
 public:
  PosixStorage(Descriptor directory, std::string path) : directory_(std::move(directory)), path_(std::move(path)) {}

  Result<std::vector<std::string>> list() override {
    Descriptor copy(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy) return system_error(path_);
    DIR* const stream = ::fdopendir(copy.get());
    if (!stream) return system_error(path_);
    (void)copy.release();  // the stream closes it
    std::vector<std::string> out;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
      const std::string name = entry->d_name;
      if (name != "." && name != ".." && name != kLockName && (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN))
        out.push_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(stream);
    errno = error;
    if (error) return system_error(path_);
    std::sort(out.begin(), out.end());
    return out;
  }

  Result<std::unique_ptr<AppendFile>> create(const std::string& name) override {
    Descriptor fd(::openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!fd) return system_error(full(name));
    return std::unique_ptr<AppendFile>(new PosixAppend(std::move(fd), full(name), 0));
  }

  Result<std::unique_ptr<AppendFile>> open_append(const std::string& name, std::uint64_t truncate_to) override {
    Descriptor fd(::openat(directory_.get(), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return system_error(full(name));
    if (::ftruncate(fd.get(), static_cast<off_t>(truncate_to)) != 0) return system_error(full(name));
    return std::unique_ptr<AppendFile>(new PosixAppend(std::move(fd), full(name), truncate_to));
  }

  Result<std::unique_ptr<ReadFile>> open_read(const std::string& name) override {
    Descriptor fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return system_error(full(name));
    (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<ReadFile>(new PosixRead(std::move(fd), full(name)));
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0) return system_error(full(from));
    return {};
  }

  Result<> remove(const std::string& name) override {
    if (::unlinkat(directory_.get(), name.c_str(), 0) != 0) return system_error(full(name));
    return {};
  }

  Result<> sync_directory() override {
    if (::fsync(directory_.get()) != 0) return system_error(path_);
    return {};
  }

  Result<> lock() override {
    Descriptor fd(::openat(directory_.get(), kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!fd) return system_error(full(kLockName));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return system_error(full(kLockName));
      return Error(Code::locked, path_ + ": another process writes this journal", "stop it, or use another directory");
    }
    lock_ = std::move(fd);
    return {};
  }

  Result<std::uint64_t> free_bytes() override {
    struct statvfs info {};
    if (::fstatvfs(directory_.get(), &info) != 0) return system_error(path_);
    return std::uint64_t{info.f_bavail} * info.f_frsize;
  }

  Result<> settle(const std::string& name) override {
    Descriptor fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return system_error(full(name));
    if (::fdatasync(fd.get()) != 0) return system_error(full(name));
    (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
    return {};
  }

 private:
  static constexpr const char* kLockName = ".lock";
  std::string full(const std::string& name) const { return path_ + "/" + name; }
  Descriptor directory_, lock_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<Storage>> open_posix_storage(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) return system_error(directory);
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error(directory);
  return std::unique_ptr<Storage>(new PosixStorage(std::move(fd), directory));
}

}  // namespace nautilus::engine
