// Little-endian numbers in byte buffers. Reading is bounded: past the end, ok() becomes false and zeros come out.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nautilus::engine {

static_assert(std::endian::native == std::endian::little, "journals are little-endian and copied as they are");

template <class T>
void store(std::byte* at, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(at, &value, sizeof value);
}
template <class T>
T fetch(const std::byte* at) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  template <class T>
  T take() {
    if (left() < sizeof(T)) return fail(), T{};
    const T value = fetch<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  std::span<const std::byte> take_bytes(std::size_t count) {
    if (left() < count) return fail(), std::span<const std::byte>{};
    const std::span<const std::byte> out(at_, count);
    at_ += count;
    return out;
  }
  std::string_view take_text(std::size_t count) {
    const auto bytes = take_bytes(count);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::span<const std::byte> rest() const { return {at_, left()}; }
  bool ok() const { return ok_; }

 private:
  void fail() {
    ok_ = false;
    at_ = end_;
  }
  const std::byte* at_;
  const std::byte* end_;
  bool ok_ = true;
};

// Appends to a vector.
template <class T>
void append(std::vector<std::byte>& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  store(out.data() + at, value);
}
inline void append_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace nautilus::engine
