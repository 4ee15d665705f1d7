// Resource quantities: "500m", "4Gi", "1e3".
//
// Source followed: apimachinery's resource.Quantity, in exact nano-units within +-2^63 units; what is beyond that is
// refused rather than approximated, except that binary forms are capped at 2^63-1 as Kubernetes does.
// Threading: plain values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::base {

__extension__ typedef __int128 NanoAmount;

class Quantity {
 public:
  enum class Format { decimal, binary, exponent };  // 5k, 5Ki, 5e3

  Quantity() = default;
  Quantity(NanoAmount nano, Format format) : nano_(nano), format_(format) {}
  // Code::invalid. Fractions below a nano-unit are rounded away from zero.
  static Result<Quantity> parse(std::string_view text);

  // The one text Kubernetes writes for it: "1500m" for "1.5", "1Gi" for "1024Mi".
  std::string text() const;
  Format format() const { return format_; }
  NanoAmount nano() const { return nano_; }
  // Rounded up, as requests and limits are; saturated at the int64 range.
  std::int64_t milli() const;
  std::int64_t value() const;
  double approximate() const { return static_cast<double>(nano_) / 1e9; }

  // By amount; the format does not count: "1" equals "1000m".
  std::strong_ordering operator<=>(const Quantity& other) const { return nano_ <=> other.nano_; }
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }

 private:
  NanoAmount nano_ = 0;
  Format format_ = Format::decimal;
};

}  // namespace nautilus::base
