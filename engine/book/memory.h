// Arrays of plain values that never allocate once they are warm, and count it when they do.
//
// Large ones are aligned to huge pages and touched in advance, so that neither a page fault nor a TLB miss waits in the
// matching path. Threading: one thread at a time. Failure: out of memory ends the process, as `new` without a handler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace nautilus::engine {

// How often something had to grow; the tests and a metric read it.
struct MemoryStats {
  std::uint64_t growths = 0;
  std::uint64_t bytes = 0;
};

// Zeroed, aligned to 64 bytes at least. Never null.
void* allocate_zeroed(std::size_t bytes);
void release(void* memory) noexcept;

inline void prefetch(const void* address) { __builtin_prefetch(address, 1, 3); }

// A growing array of plain values. Elements beyond size() up to capacity() are zero bytes until used.
template <class T>
class PlainArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit PlainArray(MemoryStats& stats) : stats_(&stats) {}
  PlainArray(const PlainArray&) = delete;
  PlainArray& operator=(const PlainArray&) = delete;
  PlainArray(PlainArray&& other) noexcept
      : stats_(other.stats_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  ~PlainArray() { release(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& back() { return data_[size_ - 1]; }

  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  void reserve(std::size_t n) {
    if (n > capacity_) grow(n);
  }
  void resize(std::size_t n) {
    reserve(n);
    size_ = n;
  }
  void push_back(const T& value) {
    if (size_ == capacity_) grow(capacity_ < 16 ? 16 : capacity_ * 2);
    data_[size_++] = value;
  }
  // One more, with whatever bytes are there.
  T& extend() {
    if (size_ == capacity_) grow(capacity_ < 16 ? 16 : capacity_ * 2);
    return data_[size_++];
  }

 private:
  [[gnu::noinline]] void grow(std::size_t n) {
    T* wider = static_cast<T*>(allocate_zeroed(n * sizeof(T)));
    if (size_) std::memcpy(static_cast<void*>(wider), data_, size_ * sizeof(T));
    release(data_);
    stats_->bytes += (n - capacity_) * sizeof(T);
    ++stats_->growths;
    data_ = wider;
    capacity_ = n;
  }

  MemoryStats* stats_;
  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace nautilus::engine
