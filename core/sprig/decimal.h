// Exact decimal arithmetic for addf, subf, mulf and divf: 0.1 * 3 is 0.3.
#pragma once

#include <memory>
#include <string>

#include "core/base/error.h"

namespace nautilus::sprig {

// digits * 10^exponent, as shopspring/decimal has it.
class Decimal {
 public:
  static constexpr int kMaxExponent = 2000;  // of results: more is refused

  Decimal();
  static Result<Decimal> from(double value);  // its shortest text, exactly; not for infinities
  Result<Decimal> add(const Decimal& other) const;
  Result<Decimal> subtract(const Decimal& other) const;
  Result<Decimal> multiply(const Decimal& other) const;
  Result<Decimal> divide(const Decimal& other) const;  // to 16 places, half away from zero
  double value() const;

 private:
  struct Digits;
  std::shared_ptr<const Digits> digits_;
  int exponent_ = 0;
  Decimal(std::shared_ptr<const Digits> digits, int exponent);
  static Result<> align(const Decimal& a, const Decimal& b, Digits& digits_a, Digits& digits_b, int& exponent);
};

}  // namespace nautilus::sprig
