// Numbers. The integer functions take anything that can be made a number (spf13/cast: "3.0" is 3, "x" is 0) and wrap
// around; the float functions calculate in decimals.
#include <cmath>

#include "core/sprig/crypto.h"
#include "core/sprig/decimal.h"
#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

// Two's complement, as Go: no undefined overflow.
std::int64_t wrap_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t wrap_sub(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t wrap_mul(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

void add_whole(Functions& f) {
  f.add("add1", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val::int64(wrap_add(to_int64(args[0]), 1)); });
  f.add("add", 0, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    std::int64_t sum = 0;
    for (const Val& arg : args) sum = wrap_add(sum, to_int64(arg));
    return Val::int64(sum);
  });
  f.add("sub", 2, 2, {},
        [](Call&, Args args) -> Result<Val> { return Val::int64(wrap_sub(to_int64(args[0]), to_int64(args[1]))); });
  f.add("mul", 1, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    std::int64_t product = to_int64(args[0]);
    for (const Val& arg : args.subspan(1)) product = wrap_mul(product, to_int64(arg));
    return Val::int64(product);
  });
  f.add("div", 2, 2, {}, [](Call&, Args args) -> Result<Val> {
    const std::int64_t a = to_int64(args[0]), b = to_int64(args[1]);
    if (b == 0) return failed("runtime error: integer divide by zero");
    return Val::int64(b == -1 ? wrap_sub(0, a) : a / b);
  });
  f.add("mod", 2, 2, {}, [](Call&, Args args) -> Result<Val> {
    const std::int64_t a = to_int64(args[0]), b = to_int64(args[1]);
    if (b == 0) return failed("runtime error: integer divide by zero");
    return Val::int64(b == -1 ? 0 : a % b);
  });
  for (const char* name : {"max", "biggest", "min"}) {
    const bool smallest = std::string_view(name) == "min";
    f.add(name, 1, kVariadic, {}, [smallest](Call&, Args args) -> Result<Val> {
      std::int64_t best = to_int64(args[0]);
      for (const Val& arg : args.subspan(1))
        best = smallest ? std::min(best, to_int64(arg)) : std::max(best, to_int64(arg));
      return Val::int64(best);
    });
  }
}

void add_conversions(Functions& f) {
  f.add("int", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val::integer(to_int64(args[0])); });
  f.add("int64", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val::int64(to_int64(args[0])); });
  f.add("float64", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(to_float64(args[0])); });
  f.add("atoi", 1, 1, {Param::string}, [](Call&, Args args) -> Result<Val> {
    return Val::integer(parse_go_integer(args[0].as_string(), 10).value_or(0));
  });
  f.add("toDecimal", 1, 1, {}, [](Call&, Args args) -> Result<Val> {
    return Val::int64(parse_go_integer(gotmpl::to_string(args[0]), 8).value_or(0));
  });
}

using Operation = Result<Decimal> (Decimal::*)(const Decimal&) const;

Result<Val> in_decimals(double first, Args rest, Operation operation) {
  ASSIGN_OR_RETURN(Decimal total, Decimal::from(first));
  for (const Val& arg : rest) {
    ASSIGN_OR_RETURN(const Decimal next, Decimal::from(to_float64(arg)));
    ASSIGN_OR_RETURN(total, (total.*operation)(next));
  }
  return Val(total.value());
}

Result<Val> rounded(Call&, Args args) {
  if (args[1].kind() != Kind::integer)
    return failed(fmt::format("wrong type for value; expected int; got {}", type_of(args[1])));
  const double round_on = args.size() > 2 ? to_float64(args[2]) : 0.5;
  const double power = std::pow(10, static_cast<double>(args[1].as_int()));
  const double digit = power * to_float64(args[0]);
  double whole = 0;
  const double fraction = std::modf(digit, &whole);
  return Val((fraction >= round_on ? std::ceil(digit) : std::floor(digit)) / power);
}

void add_floats(Functions& f) {
  f.add("add1f", 1, 1, {}, [](Call&, Args args) {
    Val one = Val::integer(1);
    return in_decimals(to_float64(args[0]), Args(&one, 1), &Decimal::add);
  });
  f.add("addf", 0, kVariadic, {}, [](Call&, Args args) { return in_decimals(0, args, &Decimal::add); });
  f.add("subf", 1, kVariadic, {},
        [](Call&, Args args) { return in_decimals(to_float64(args[0]), args.subspan(1), &Decimal::subtract); });
  f.add("mulf", 1, kVariadic, {},
        [](Call&, Args args) { return in_decimals(to_float64(args[0]), args.subspan(1), &Decimal::multiply); });
  f.add("divf", 1, kVariadic, {},
        [](Call&, Args args) { return in_decimals(to_float64(args[0]), args.subspan(1), &Decimal::divide); });
  f.add("maxf", 1, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    double best = to_float64(args[0]);
    for (const Val& arg : args.subspan(1)) best = std::max(best, to_float64(arg));
    return Val(best);
  });
  f.add("minf", 1, kVariadic, {}, [](Call&, Args args) -> Result<Val> {
    double best = to_float64(args[0]);
    for (const Val& arg : args.subspan(1)) best = std::min(best, to_float64(arg));
    return Val(best);
  });
  f.add("floor", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(std::floor(to_float64(args[0]))); });
  f.add("ceil", 1, 1, {}, [](Call&, Args args) -> Result<Val> { return Val(std::ceil(to_float64(args[0]))); });
  f.add("round", 2, 3, {Param::any, Param::integer, Param::float64}, rounded);
}

// start, start + step, ... before stop; empty if the step leads away from it.
Result<std::vector<std::int64_t>> steps(std::int64_t start, std::int64_t stop, std::int64_t step) {
  std::vector<std::int64_t> out;
  const bool down = stop < start;
  if (down ? step >= 0 : step <= 0) return out;
  for (std::int64_t i = start; down ? i > stop : i < stop;) {
    if (out.size() >= kMaxItems) return too_large("the list");
    out.push_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return out;
}

Result<Val> list_of_steps(std::int64_t start, std::int64_t stop, std::int64_t step) {
  ASSIGN_OR_RETURN(const auto numbers, steps(start, stop, step));
  std::vector<Val> out;
  out.reserve(numbers.size());
  for (const std::int64_t number : numbers) out.push_back(Val::integer(number));
  return Val::list(std::move(out));
}

Result<Val> sequence(Call&, Args args) {
  if (args.empty() || args.size() > 3) return Val("");
  const std::int64_t start = args.size() == 1 ? 1 : args[0].as_int();
  const std::int64_t end = args.back().as_int();
  const std::int64_t direction = end < start ? -1 : 1;
  const std::int64_t step = args.size() == 3 ? args[1].as_int() : direction;
  if (args.size() == 3 && end < start && step > 0) return Val("");
  ASSIGN_OR_RETURN(const auto numbers, steps(start, wrap_add(end, direction), step));
  return Val(fmt::format("{}", fmt::join(numbers, " ")));
}

void add_ranges(Functions& f) {
  f.add("until", 1, 1, {Param::integer},
        [](Call&, Args args) { return list_of_steps(0, args[0].as_int(), args[0].as_int() < 0 ? -1 : 1); });
  f.add("untilStep", 3, 3, {Param::integer},
        [](Call&, Args args) { return list_of_steps(args[0].as_int(), args[1].as_int(), args[2].as_int()); });
  f.add("seq", 0, kVariadic, {Param::integer}, sequence);
  f.add("randInt", 2, 2, {Param::integer}, [](Call& call, Args args) -> Result<Val> {
    const std::int64_t low = args[0].as_int(), high = args[1].as_int();
    if (high <= low) return failed("invalid argument to Intn");
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    const auto span = static_cast<std::uint64_t>(wrap_sub(high, low));
    return Val::integer(wrap_add(low, static_cast<std::int64_t>(crypto::random_below(*source, span))));
  });
}

}  // namespace

void add_math(Functions& functions) {
  add_whole(functions);
  add_conversions(functions);
  add_floats(functions);
  add_ranges(functions);
}

}  // namespace nautilus::sprig
