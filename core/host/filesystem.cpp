#include "core/host/filesystem.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace nautilus::host {
namespace {

constexpr std::size_t kReadChunk = 64u << 10;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

Error failure(int error, std::string_view doing, const std::string& path) {
  const std::string reason = std::generic_category().message(error);
  Error out(Code::io, fmt::format("cannot {} {}: {}", doing, path, reason));
  if (error == ENOENT || error == ENOTDIR) out.code = Code::not_found;
  if (error == ENOSPC || error == EDQUOT) out.hint = "Free some space on that file system and run the command again.";
  if (error == EACCES || error == EPERM || error == EROFS)
    out.hint = fmt::format("Check who may access {} (ls -l).", path);
  return out;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Result<std::string> RealFilesystem::read(const std::string& path, std::uint64_t max_bytes) const {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return failure(errno, "read", path);
  std::string out;
  struct ::stat info {};
  if (::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
    if (static_cast<std::uint64_t>(info.st_size) > max_bytes)
      return Error(Code::limit, fmt::format("{} is larger than {} bytes", path, max_bytes));
    out.reserve(static_cast<std::size_t>(info.st_size));
  }
  std::string chunk(kReadChunk, '\0');
  for (;;) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno, "read", path);
    if (got == 0) return out;
    if (out.size() + static_cast<std::uint64_t>(got) > max_bytes)
      return Error(Code::limit, fmt::format("{} is larger than {} bytes", path, max_bytes));
    out.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Result<> RealFilesystem::write(const std::string& path, std::string_view content, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  const std::string directory = directory_of(path);
  TRY(make_directories(directory));
  const std::string temporary =
      fmt::format("{}/.{}.{}.{}.tmp", directory, path.substr(path.find_last_of('/') + 1), ::getpid(), counter++);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return failure(errno, "create a file beside", path);
  int error = write_all(file.get(), content);
  if (error == 0 && ::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) error = errno;
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (file.close() != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return failure(error, "write", path);
  }
  // The rename itself must reach the disk; some file systems refuse fsync of a directory, which is no failure of ours.
  const Descriptor parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
  return {};
}

Result<port::FileInfo> RealFilesystem::stat(const std::string& path) const {
  struct ::stat info {};
  if (::lstat(path.c_str(), &info) != 0) return failure(errno, "look at", path);
  port::FileInfo out;
  using Type = port::FileInfo::Type;
  out.type = S_ISREG(info.st_mode)   ? Type::file
             : S_ISDIR(info.st_mode) ? Type::directory
             : S_ISLNK(info.st_mode) ? Type::symlink
                                     : Type::other;
  out.size = static_cast<std::uint64_t>(info.st_size);
  out.modified =
      port::WallTime(std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec));
  return out;
}

Result<std::vector<std::string>> RealFilesystem::list(const std::string& path) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return failure(errno, "list", path);
  std::vector<std::string> out;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") out.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return failure(errno, "list", path);
  std::sort(out.begin(), out.end());
  return out;
}

Result<> RealFilesystem::make_directories(const std::string& path) {
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0777) == 0 || errno == EEXIST) continue;
    const int error = errno;
    struct ::stat info {};
    if (::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;  // a read-only parent that is there
    return failure(error, "make the directory", part);
  }
  struct ::stat info {};
  if (::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode))
    return Error(Code::io, fmt::format("cannot make the directory {}: a file of that name is there", path));
  return {};
}

Result<> RealFilesystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return {};
  const int error = errno;
  if ((error == EISDIR || error == EPERM) && ::rmdir(path.c_str()) == 0) return {};
  return failure(error == EISDIR ? errno : error, "remove", path);
}

}  // namespace nautilus::host
