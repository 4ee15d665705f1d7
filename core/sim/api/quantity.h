// Resource quantities: parsing, canonical text, arithmetic ("500m", "1Gi", "1e3").
//
// Held as a count of nano-units in 128 bits, which holds every quantity in practical use exactly; larger ones are
// clamped.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nautilus::sim {

class Quantity {
 public:
  __extension__ using Wide = __int128;  // not ISO C++, but in every compiler this builds with
  enum class Format { decimal_si, binary_si, decimal_exponent };
  static std::optional<Quantity> parse(std::string_view text);
  static Quantity of(std::int64_t units) { return Quantity(static_cast<Wide>(units) * kNano, Format::decimal_si); }
  Quantity() = default;

  // Kubernetes' canonical form: no fraction, the largest suffix that allows it.
  std::string text() const;
  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }
  auto operator<=>(const Quantity& other) const { return nano_ <=> other.nano_; }
  bool negative() const { return nano_ < 0; }
  bool zero() const { return nano_ == 0; }
  // Rounded up.
  std::int64_t units() const;
  std::int64_t milli() const;

 private:
  static constexpr Wide kNano = 1'000'000'000;
  Quantity(Wide nano, Format format) : nano_(nano), format_(format) {}
  Wide nano_ = 0;
  Format format_ = Format::decimal_si;
};

}  // namespace nautilus::sim
