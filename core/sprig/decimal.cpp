#include "core/sprig/decimal.h"

#include <openssl/bn.h>

#include <charconv>
#include <cmath>

namespace nautilus::sprig {

struct Decimal::Digits {
  BIGNUM* number = BN_new();
  Digits() = default;
  Digits(const Digits& other) : number(BN_dup(other.number)) {}
  Digits& operator=(const Digits& other) {
    BN_copy(number, other.number);
    return *this;
  }
  ~Digits() { BN_free(number); }
  void scale(int places) {  // times 10^places
    BIGNUM* ten = BN_new();
    BN_set_word(ten, 10);
    BIGNUM* power = BN_new();
    BIGNUM* exponent = BN_new();
    BN_CTX* context = BN_CTX_new();
    BN_set_word(exponent, static_cast<BN_ULONG>(places));
    BN_exp(power, ten, exponent, context);
    BN_mul(number, number, power, context);
    BN_CTX_free(context);
    BN_free(exponent);
    BN_free(power);
    BN_free(ten);
  }
};

Decimal::Decimal() : digits_(std::make_shared<Digits>()) {}
Decimal::Decimal(std::shared_ptr<const Digits> digits, int exponent)
    : digits_(std::move(digits)), exponent_(exponent) {}

Result<Decimal> Decimal::from(double value) {
  if (!std::isfinite(value)) return Error(Code::invalid, "cannot create a Decimal from an infinity or NaN");
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  const auto e = text.find('e');
  int exponent = std::stoi(text.substr(e + 1));
  text.resize(e);
  if (const auto dot = text.find('.'); dot != std::string::npos) {
    exponent -= static_cast<int>(text.size() - dot - 1);
    text.erase(dot, 1);
  }
  auto digits = std::make_shared<Digits>();
  BN_dec2bn(&digits->number, text.c_str());
  return Decimal(std::move(digits), exponent);
}

Result<> Decimal::align(const Decimal& a, const Decimal& b, Digits& digits_a, Digits& digits_b, int& exponent) {
  exponent = std::min(a.exponent_, b.exponent_);
  if (a.exponent_ - exponent > kMaxExponent || b.exponent_ - exponent > kMaxExponent)
    return Error(Code::limit, "the numbers are too far apart");
  digits_a = *a.digits_;
  digits_b = *b.digits_;
  digits_a.scale(a.exponent_ - exponent);
  digits_b.scale(b.exponent_ - exponent);
  return {};
}

Result<Decimal> Decimal::add(const Decimal& other) const {
  auto a = std::make_shared<Digits>();
  Digits b;
  int exponent = 0;
  TRY(align(*this, other, *a, b, exponent));
  BN_add(a->number, a->number, b.number);
  return Decimal(std::move(a), exponent);
}

Result<Decimal> Decimal::subtract(const Decimal& other) const {
  auto a = std::make_shared<Digits>();
  Digits b;
  int exponent = 0;
  TRY(align(*this, other, *a, b, exponent));
  BN_sub(a->number, a->number, b.number);
  return Decimal(std::move(a), exponent);
}

Result<Decimal> Decimal::multiply(const Decimal& other) const {
  if (std::abs(exponent_ + other.exponent_) > kMaxExponent)
    return Error(Code::limit, "the product is too large or too small");
  auto out = std::make_shared<Digits>();
  BN_CTX* context = BN_CTX_new();
  BN_mul(out->number, digits_->number, other.digits_->number, context);
  BN_CTX_free(context);
  return Decimal(std::move(out), exponent_ + other.exponent_);
}

Result<Decimal> Decimal::divide(const Decimal& other) const {
  constexpr int kPlaces = 16;
  if (BN_is_zero(other.digits_->number)) return Error(Code::invalid, "decimal division by 0");
  // this / other = quotient * 10^-16, with the rest rounded half away from zero.
  const int shift = exponent_ - other.exponent_ + kPlaces;
  if (std::abs(shift) > kMaxExponent) return Error(Code::limit, "the numbers are too far apart");
  Digits a = *digits_, b = *other.digits_;
  (shift >= 0 ? a : b).scale(std::abs(shift));
  auto quotient = std::make_shared<Digits>();
  Digits rest;
  BN_CTX* context = BN_CTX_new();
  BN_div(quotient->number, rest.number, a.number, b.number, context);
  BN_CTX_free(context);
  BN_lshift1(rest.number, rest.number);
  if (BN_ucmp(rest.number, b.number) >= 0) {
    const bool negative = BN_is_negative(a.number) != BN_is_negative(b.number);
    if (negative)
      BN_sub_word(quotient->number, 1);
    else
      BN_add_word(quotient->number, 1);
  }
  return Decimal(std::move(quotient), -kPlaces);
}

double Decimal::value() const {
  char* text = BN_bn2dec(digits_->number);
  const std::string number = fmt::format("{}e{}", text, exponent_);
  OPENSSL_free(text);
  double out = 0;
  std::from_chars(number.data(), number.data() + number.size(), out);
  return out;
}

}  // namespace nautilus::sprig
