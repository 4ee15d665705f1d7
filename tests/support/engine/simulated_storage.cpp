#include "tests/support/engine/simulated_storage.h"

#include <algorithm>
#include <memory>

namespace nautilus::engine::test {

struct SimulatedStorage::Inode {
  std::vector<std::byte> synced;   // what a power cut cannot take
  std::vector<std::byte> written;  // what a reader sees
  std::vector<bool> lost;          // bytes that a failed sync marked clean: never durable again, though readable
};

struct SimulatedStorage::Disk {
  mutable std::mutex mutex;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  Names durable, visible;
  // Each change of a name not yet synced: the file it names then, or null.
  std::vector<std::pair<std::string, std::shared_ptr<Inode>>> changes;
  Hook hook;
  std::size_t partial = 0;
  std::uint64_t operations = 0, free = UINT64_MAX;
  bool locked = false;

  Result<> operation(std::string_view what, const std::string& name) {
    ++operations;
    return hook ? hook(operations, what, name) : Result<>();
  }
  void change(const std::string& name, std::shared_ptr<Inode> inode) {
    if (inode) {
      visible[name] = inode;
    } else {
      visible.erase(name);
    }
    changes.emplace_back(name, std::move(inode));
  }
  static void sync(Inode& inode) {
    std::vector<std::byte> next = inode.written;
    for (std::size_t i = 0; i < next.size() && i < inode.lost.size(); ++i)
      if (inode.lost[i]) next[i] = i < inode.synced.size() ? inode.synced[i] : std::byte{0};
    inode.synced = std::move(next);
  }
};

class SimulatedStorage::Appender final : public AppendFile {
 public:
  Appender(std::shared_ptr<Disk> disk, std::shared_ptr<Inode> inode, std::string name)
      : disk_(std::move(disk)), inode_(std::move(inode)), name_(std::move(name)) {}
  Result<> append(std::span<const std::byte> bytes) override {
    const std::lock_guard guard(disk_->mutex);
    auto result = disk_->operation("append", name_);
    const std::size_t n = result.ok() ? bytes.size() : std::min(bytes.size(), disk_->partial);
    inode_->written.insert(inode_->written.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    return result;
  }
  Result<> sync() override {
    const std::lock_guard guard(disk_->mutex);
    auto result = disk_->operation("sync", name_);
    if (result.ok()) {
      Disk::sync(*inode_);
    } else {
      inode_->lost.resize(inode_->written.size());
      for (std::size_t i = 0; i < inode_->written.size(); ++i)
        if (i >= inode_->synced.size() || inode_->synced[i] != inode_->written[i]) inode_->lost[i] = true;
    }
    return result;
  }
  std::uint64_t size() const override {
    const std::lock_guard guard(disk_->mutex);
    return inode_->written.size();
  }
  Result<> reserve(std::uint64_t) override {
    const std::lock_guard guard(disk_->mutex);
    return disk_->operation("reserve", name_);
  }

 private:
  std::shared_ptr<Disk> disk_;
  std::shared_ptr<Inode> inode_;
  std::string name_;
};

class SimulatedStorage::Reader final : public ReadFile {
 public:
  Reader(std::shared_ptr<Disk> disk, std::shared_ptr<Inode> inode) : disk_(std::move(disk)), inode_(std::move(inode)) {}
  std::uint64_t size() const override {
    const std::lock_guard guard(disk_->mutex);
    return inode_->written.size();
  }
  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length) override {
    const std::lock_guard guard(disk_->mutex);
    const std::size_t begin = std::min<std::size_t>(offset, inode_->written.size());
    const std::size_t end = begin + std::min(length, inode_->written.size() - begin);
    buffer_.assign(inode_->written.begin() + static_cast<std::ptrdiff_t>(begin),
                   inode_->written.begin() + static_cast<std::ptrdiff_t>(end));
    return std::span<const std::byte>(buffer_);
  }

 private:
  std::shared_ptr<Disk> disk_;
  std::shared_ptr<Inode> inode_;
  std::vector<std::byte> buffer_;
};

SimulatedStorage::SimulatedStorage() : disk_(std::make_shared<Disk>()) {}
SimulatedStorage::~SimulatedStorage() {
  const std::lock_guard guard(disk_->mutex);
  if (locked_) disk_->locked = false;
}

std::unique_ptr<SimulatedStorage> SimulatedStorage::power_cut(Loss loss, std::uint64_t seed) const {
  constexpr std::size_t kPiece = 64;
  const std::lock_guard guard(disk_->mutex);
  Random random(seed);
  auto out = std::make_unique<SimulatedStorage>();
  Disk::Names names = disk_->durable;
  for (const auto& [name, inode] : disk_->changes) {
    if (loss == Loss::all || (loss != Loss::none && random.coin())) continue;
    if (inode) {
      names[name] = inode;
    } else {
      names.erase(name);
    }
  }
  for (const auto& [name, inode] : names) {
    auto copy = std::make_shared<Inode>();
    const auto &synced = inode->synced, &written = inode->written;
    std::vector<std::byte> result = synced;
    if (loss == Loss::none) {
      result = written;
      copy->lost = inode->lost;  // the machine lives, and so does its page cache
      copy->written = result, copy->synced = synced;
      out->disk_->durable[name] = copy;
      continue;
    }
    if (loss == Loss::prefix && written.size() > synced.size()) {
      const auto n = static_cast<std::ptrdiff_t>(random.below(written.size() - synced.size() + 1));
      const auto begin = written.begin() + static_cast<std::ptrdiff_t>(synced.size());
      result.insert(result.end(), begin, begin + n);
    }
    if (loss == Loss::scattered) {
      // The size is the old, the new or one between; then each piece that differs came or did not, or came in part.
      const std::size_t low = std::min(synced.size(), written.size()), high = std::max(synced.size(), written.size());
      result.resize(low + random.below(high - low + 1));
      for (std::size_t at = 0; at < std::min(result.size(), written.size()); at += kPiece) {
        const std::size_t end = std::min({at + kPiece, result.size(), written.size()});
        const std::size_t torn = random.below(4) ? end : at + random.below(end - at + 1);
        if (random.coin())
          std::copy(written.begin() + static_cast<std::ptrdiff_t>(at),
                    written.begin() + static_cast<std::ptrdiff_t>(torn),
                    result.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    copy->synced = copy->written = std::move(result);
    out->disk_->durable[name] = copy;
  }
  out->disk_->visible = out->disk_->durable;
  return out;
}

void SimulatedStorage::set_hook(Hook hook) {
  const std::lock_guard guard(disk_->mutex);
  disk_->hook = std::move(hook);
}
void SimulatedStorage::set_partial_append(std::size_t bytes) {
  const std::lock_guard guard(disk_->mutex);
  disk_->partial = bytes;
}
std::uint64_t SimulatedStorage::operations() const {
  const std::lock_guard guard(disk_->mutex);
  return disk_->operations;
}
void SimulatedStorage::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard guard(disk_->mutex);
  disk_->free = bytes;
}
std::vector<std::byte> SimulatedStorage::content(const std::string& name) const {
  const std::lock_guard guard(disk_->mutex);
  const auto at = disk_->visible.find(name);
  return at == disk_->visible.end() ? std::vector<std::byte>() : at->second->written;
}
void SimulatedStorage::set_content(const std::string& name, std::vector<std::byte> bytes) {
  const std::lock_guard guard(disk_->mutex);
  auto inode = std::make_shared<Inode>();
  inode->synced = inode->written = std::move(bytes);
  disk_->durable[name] = disk_->visible[name] = inode;
}
bool SimulatedStorage::exists(const std::string& name) const {
  const std::lock_guard guard(disk_->mutex);
  return disk_->visible.contains(name);
}

Result<std::vector<std::string>> SimulatedStorage::list() {
  const std::lock_guard guard(disk_->mutex);
  std::vector<std::string> out;
  for (const auto& [name, inode] : disk_->visible) out.push_back(name);
  return out;
}

Result<std::unique_ptr<AppendFile>> SimulatedStorage::create(const std::string& name) {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("create", name));
  if (disk_->visible.contains(name)) return Error(Code::io, name + ": file exists");
  auto inode = std::make_shared<Inode>();
  disk_->change(name, inode);
  return std::unique_ptr<AppendFile>(new Appender(disk_, inode, name));
}

Result<std::unique_ptr<AppendFile>> SimulatedStorage::open_append(const std::string& name, std::uint64_t truncate_to) {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("open_append", name));
  const auto at = disk_->visible.find(name);
  if (at == disk_->visible.end()) return Error(Code::not_found, name + ": no such file");
  at->second->written.resize(truncate_to);
  if (at->second->lost.size() > truncate_to) at->second->lost.resize(truncate_to);
  return std::unique_ptr<AppendFile>(new Appender(disk_, at->second, name));
}

Result<std::unique_ptr<ReadFile>> SimulatedStorage::open_read(const std::string& name) {
  const std::lock_guard guard(disk_->mutex);
  const auto at = disk_->visible.find(name);
  if (at == disk_->visible.end()) return Error(Code::not_found, name + ": no such file");
  return std::unique_ptr<ReadFile>(new Reader(disk_, at->second));
}

Result<> SimulatedStorage::rename(const std::string& from, const std::string& to) {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("rename", to));
  const auto at = disk_->visible.find(from);
  if (at == disk_->visible.end()) return Error(Code::not_found, from + ": no such file");
  const auto inode = at->second;
  disk_->change(to, inode);
  disk_->change(from, nullptr);
  return {};
}

Result<> SimulatedStorage::remove(const std::string& name) {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("remove", name));
  if (!disk_->visible.contains(name)) return Error(Code::not_found, name + ": no such file");
  disk_->change(name, nullptr);
  return {};
}

Result<> SimulatedStorage::sync_directory() {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("sync_directory", ""));
  disk_->durable = disk_->visible;
  disk_->changes.clear();
  return {};
}

Result<> SimulatedStorage::lock() {
  const std::lock_guard guard(disk_->mutex);
  if (disk_->locked) return Error(Code::locked, "the journal is in use");
  disk_->locked = locked_ = true;
  return {};
}

Result<std::uint64_t> SimulatedStorage::free_bytes() {
  const std::lock_guard guard(disk_->mutex);
  return disk_->free;
}

Result<> SimulatedStorage::settle(const std::string& name) {
  const std::lock_guard guard(disk_->mutex);
  TRY(disk_->operation("settle", name));
  const auto at = disk_->visible.find(name);
  if (at == disk_->visible.end()) return Error(Code::not_found, name + ": no such file");
  Disk::sync(*at->second);
  at->second->written = at->second->synced;
  at->second->lost.clear();
  return {};
}

}  // namespace nautilus::engine::test
