// Reads the files of instruments and accounts. Strict: what is not known is refused, and every error says where.
#include <fmt/format.h>

#include <charconv>
#include <set>

#include "core/base/text.h"
#include "core/value/escape.h"
#include "core/value/yaml.h"
#include "engine/model/instrument.h"

namespace nautilus::engine {
namespace {

constexpr std::size_t kMaxDefinitions = 65'536;  // of one kind in one file
constexpr unsigned kMaxUnitDecimals = 12;

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

// The YAML tree has no line numbers; this finds them again in block style, which is how such files are written. In
// flow style an error has the line of the list.
class Places {
 public:
  Places(std::string_view text, std::string_view section) : lines_(base::split(text, '\n')) {
    std::size_t at = 0;
    while (at < lines_.size() && !lines_[at].starts_with(section)) ++at;
    section_ = at;
    std::size_t indent = std::string_view::npos;
    for (++at; at < lines_.size(); ++at) {
      const std::string_view body = base::trim(lines_[at]);
      if (body.empty() || body.front() == '#') continue;
      const std::size_t column = indent_of(lines_[at]);
      if (column == 0 && body.front() != '-') break;
      if (body.front() != '-') continue;
      if (indent == std::string_view::npos) indent = column;
      if (column == indent) items_.push_back(at);
    }
  }
  // 1 is the first line. An empty field: the item itself.
  std::size_t line(std::size_t item, std::string_view field) const {
    if (item >= items_.size()) return section_ + 1;
    const std::size_t end = item + 1 < items_.size() ? items_[item + 1] : lines_.size();
    for (std::size_t at = items_[item]; at < end && !field.empty(); ++at) {
      std::string_view body = base::trim(lines_[at]);
      while (!body.empty() && (body.front() == '-' || body.front() == ' ')) body.remove_prefix(1);
      if (body.starts_with(field) && base::trim(body.substr(field.size())).starts_with(':')) return at + 1;
    }
    return items_[item] + 1;
  }

 private:
  std::vector<std::string_view> lines_;
  std::vector<std::size_t> items_;
  std::size_t section_ = 0;
};

// One item of a list: takes fields out of it and remembers which, so that what is left over can be refused.
class Item {
 public:
  Item(const Json& object, std::string_view file, const Places& places, std::size_t index, std::string_view kind)
      : object_(object), file_(file), places_(places), index_(index), title_(fmt::format("{} {}", kind, index + 1)) {}

  void call(std::string_view kind, std::string_view called) {
    title_ = fmt::format("{} {}", kind, value::escape_control(called));
  }

  Error wrong(std::string_view field, Error error) const {
    error.message = field.empty() ? fmt::format("{}: {}", title_, error.message)
                                  : fmt::format("{}: {}: {}", title_, field, error.message);
    error.code = Code::invalid;
    return std::move(error).at(fmt::format("{}:{}", file_, places_.line(index_, field)));
  }
  Error wrong(std::string_view field, std::string message) const {
    return wrong(field, Error(Code::invalid, std::move(message)));
  }

  bool has(const char* field) {
    const bool there = object_.contains(field);
    if (there) taken_.insert(field);
    return there;
  }

  Result<std::string> text(const char* field) {
    if (!has(field)) return wrong("", fmt::format("{} is missing", field));
    const Json& value = object_.at(field);
    if (!value.is_string()) return wrong(field, "must be a text");
    return value.get<std::string>();
  }

  // A decimal as it was written. YAML's numbers become binary; up to 15 digits come back as they were.
  Result<std::string> decimal(const char* field) {
    if (!has(field)) return wrong("", fmt::format("{} is missing", field));
    const Json& value = object_.at(field);
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_unsigned()) return fmt::format("{}", value.get<std::uint64_t>());
    if (value.is_number_integer()) return fmt::format("{}", value.get<std::int64_t>());
    if (!value.is_number_float()) return wrong(field, "must be a decimal number");
    char buffer[400];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value.get<double>(), std::chars_format::fixed);
    std::string out(buffer, end.ptr);
    const auto first = out.find_first_not_of("-0.");
    if (first != std::string::npos && out.size() - first > 16)
      return wrong(field, Error(Code::invalid, "has too many digits for a YAML number", "put it in quotes"));
    return out;
  }

  // `field` in units of the tick or lot; the fallback if it is not there.
  Result<> units(const char* field, std::int64_t mantissa, unsigned decimals, std::int64_t& out) {
    if (!has(field)) return {};
    ASSIGN_OR_RETURN(const std::string written, decimal(field));
    auto converted = to_units(written, mantissa, decimals);
    if (!converted) return wrong(field, std::move(converted).error());
    out = *converted;
    return {};
  }

  Result<> integer(const char* field, std::int64_t low, std::int64_t high, std::int64_t& out) {
    if (!has(field)) return {};
    const Json& value = object_.at(field);
    if (!value.is_number_integer()) return wrong(field, "must be a whole number");
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
    if (huge || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
      return wrong(field, fmt::format("must be between {} and {}", low, high));
    out = value.get<std::int64_t>();
    return {};
  }

  template <class Enum>
  Result<> word(const char* field, std::initializer_list<Enum> allowed, Enum& out) {
    if (!has(field)) return {};
    ASSIGN_OR_RETURN(const std::string written, text(field));
    std::string words;
    for (const Enum one : allowed) {
      if (name(one) == written) {
        out = one;
        return {};
      }
      words += (words.empty() ? "" : ", ") + std::string(name(one));
    }
    return wrong(field, Error(Code::invalid, fmt::format("\"{}\" is not known", value::escape_control(written)),
                              "one of: " + words));
  }

  Result<> boolean(const char* field, bool& out) {
    if (!has(field)) return {};
    if (!object_.at(field).is_boolean()) return wrong(field, "must be true or false");
    out = object_.at(field).get<bool>();
    return {};
  }

  // Refuses fields that nobody asked for.
  Result<> nothing_else(const std::vector<std::string>& known) const {
    for (const auto& [key, value] : object_.items()) {
      if (taken_.count(key)) continue;
      const std::string meant = base::did_you_mean(key, known);
      return wrong(key, Error(Code::invalid, "unknown field", meant.empty() ? "" : "did you mean " + meant + "?"));
    }
    return {};
  }

 private:
  const Json& object_;
  std::string_view file_;
  const Places& places_;
  std::size_t index_;
  std::string title_;
  std::set<std::string> taken_;
};

bool plain_name(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max) return false;
  for (const char c : text) {
    const bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    std::string_view("_.:/-@").find(c) != std::string_view::npos;
    if (!ok) return false;
  }
  return true;
}

// "0.25" is 25 of 10^-2.
Result<> read_unit(Item& item, const char* field, std::int64_t& mantissa, std::uint8_t& decimals) {
  ASSIGN_OR_RETURN(std::string written, item.decimal(field));
  const auto point = written.find('.');
  if (point != std::string::npos)
    while (written.ends_with('0')) written.pop_back();
  if (written.ends_with('.')) written.pop_back();
  const std::size_t places = point == std::string::npos || point >= written.size() ? 0 : written.size() - point - 1;
  if (places > kMaxUnitDecimals) return item.wrong(field, fmt::format("at most {} decimals", kMaxUnitDecimals));
  auto units = to_units(written, 1, static_cast<unsigned>(places));
  if (!units) return item.wrong(field, std::move(units).error());
  if (*units <= 0 || *units > 1'000'000'000) return item.wrong(field, "must be above 0 and have at most 9 digits");
  mantissa = *units;
  decimals = static_cast<std::uint8_t>(places);
  return {};
}

const char* field_of(Reason reason) {
  switch (reason) {
    case Reason::bad_quantity: return "max_quantity";
    case Reason::max_notional: return "max_notional";
    case Reason::price_collar: return "collar_basis_points";
    case Reason::bad_stop_price: return "reference_price";
    default: return "max_price";
  }
}
const char* told(Reason reason) {
  switch (reason) {
    case Reason::bad_quantity: return "must be at least one lot and at most 2^38 lots";
    case Reason::max_notional: return "must be above 0";
    case Reason::price_collar: return "must be between 0 and 1000000";
    case Reason::bad_stop_price: return "must be between min_price and max_price";
    case Reason::capacity: return "the range from min_price to max_price has more than 2^24 ticks";
    default: return "must not be below min_price, nor further than 2^53 ticks from 0";
  }
}

Result<Instrument> read_instrument(Item& item) {
  Instrument out;
  ASSIGN_OR_RETURN(const std::string symbol, item.text("symbol"));
  if (!plain_name(symbol, 24)) return item.wrong("symbol", "must be 1 to 24 letters, digits or any of _ . : / - @");
  out.symbol = Symbol::from(symbol);
  item.call("instrument", symbol);
  TRY(read_unit(item, "tick_size", out.tick_mantissa, out.tick_decimals));
  if (item.has("lot_size")) TRY(read_unit(item, "lot_size", out.lot_mantissa, out.lot_decimals));
  for (const char* required : {"min_price", "max_price"})
    if (!item.has(required)) return item.wrong("", fmt::format("{} is missing", required));
  TRY(item.units("min_price", out.tick_mantissa, out.tick_decimals, out.min_price));
  TRY(item.units("max_price", out.tick_mantissa, out.tick_decimals, out.max_price));
  TRY(item.units("reference_price", out.tick_mantissa, out.tick_decimals, out.reference_price));
  TRY(item.units("max_quantity", out.lot_mantissa, out.lot_decimals, out.max_quantity));
  TRY(item.units(
      "max_notional", out.tick_mantissa * out.lot_mantissa,
      unsigned{out.tick_decimals} + out.lot_decimals > 18 ? 18u : unsigned{out.tick_decimals} + out.lot_decimals,
      out.max_notional));
  std::int64_t collar = 0;
  TRY(item.integer("collar_basis_points", 0, kMaxCollar, collar));
  out.collar_basis_points = static_cast<std::int32_t>(collar);
  TRY(item.word("opening_phase",
                {Phase::closed, Phase::opening_auction, Phase::continuous, Phase::closing_auction, Phase::halted},
                out.opening_phase));
  TRY(item.nothing_else({"symbol", "tick_size", "lot_size", "min_price", "max_price", "reference_price", "max_quantity",
                         "max_notional", "collar_basis_points", "opening_phase"}));
  if (const Reason reason = check(out); reason != Reason::none) return item.wrong(field_of(reason), told(reason));
  return out;
}

Result<Account> read_account(Item& item) {
  Account out;
  ASSIGN_OR_RETURN(const std::string called, item.text("name"));
  if (!plain_name(called, 32)) return item.wrong("name", "must be 1 to 32 letters, digits or any of _ . : / - @");
  out.name = AccountName::from(called);
  item.call("account", called);
  AccountLimits& limits = out.limits;
  std::int64_t orders = 0, rate = 0;
  TRY(item.integer("max_order_quantity", 0, kMaxLots, limits.max_order_quantity));
  TRY(item.integer("max_order_notional", 0, INT64_MAX, limits.max_order_notional));
  TRY(item.integer("max_open_notional", 0, INT64_MAX, limits.max_open_notional));
  TRY(item.integer("max_open_orders", 0, UINT32_MAX, orders));
  TRY(item.integer("orders_per_second", 0, UINT32_MAX, rate));
  TRY(item.integer("max_position", 0, INT64_MAX / 4, limits.max_position));
  limits.max_open_orders = static_cast<std::uint32_t>(orders);
  limits.orders_per_second = static_cast<std::uint32_t>(rate);
  using enum SelfTradePrevention;
  TRY(item.word("self_trade", {none, cancel_newest, cancel_oldest, cancel_both, decrement}, limits.self_trade));
  TRY(item.boolean("cancel_on_disconnect", limits.cancel_on_disconnect));
  TRY(item.nothing_else({"name", "max_order_quantity", "max_order_notional", "max_open_notional", "max_open_orders",
                         "orders_per_second", "max_position", "self_trade", "cancel_on_disconnect"}));
  return out;
}

template <class T, class Read>
Result<std::vector<T>> read_list(const Json& root, std::string_view text, std::string_view file, const char* section,
                                 std::string_view kind, Read read) {
  std::vector<T> out;
  const Json* list = value::find(root, section);
  if (!list || list->is_null()) return out;
  const Places places(text, section);
  const auto here = [&](std::string message) {
    return Error(Code::invalid, std::move(message)).at(fmt::format("{}:{}", file, places.line(SIZE_MAX, "")));
  };
  if (!list->is_array()) return here(fmt::format("{} must be a list", section));
  if (list->size() > kMaxDefinitions) return here(fmt::format("more than {} {}", kMaxDefinitions, section));
  std::set<std::string, std::less<>> names;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Item item((*list)[i], file, places, i, kind);
    if (!(*list)[i].is_object()) return item.wrong("", "must be a map of fields");
    ASSIGN_OR_RETURN(T one, read(item));
    std::string_view called;
    if constexpr (std::is_same_v<T, Instrument>)
      called = one.symbol.view();
    else
      called = one.name.view();
    if (!names.emplace(called).second) return item.wrong("", "is defined twice");
    out.push_back(one);
  }
  return out;
}

}  // namespace

Result<Definitions> parse_definitions(std::string_view yaml, std::string_view what) {
  ASSIGN_OR_RETURN(const Json root, value::parse_yaml(yaml, what));
  if (!root.is_object())
    return Error(Code::invalid, "must be a map with instruments, accounts or both").at(fmt::format("{}:1", what));
  for (const auto& [key, value] : root.items()) {
    if (key == "instruments" || key == "accounts") continue;
    const std::string meant = base::did_you_mean(key, {"instruments", "accounts"});
    return Error(Code::invalid, fmt::format("unknown field {}", value::escape_control(key)),
                 meant.empty() ? "instruments and accounts are known" : "did you mean " + meant + "?")
        .at(fmt::format("{}:{}", what, Places(yaml, key).line(SIZE_MAX, "")));
  }
  Definitions out;
  ASSIGN_OR_RETURN(out.instruments,
                   read_list<Instrument>(root, yaml, what, "instruments", "instrument", read_instrument));
  ASSIGN_OR_RETURN(out.accounts, read_list<Account>(root, yaml, what, "accounts", "account", read_account));
  return out;
}

Reason check(const Instrument& instrument) {
  if (instrument.symbol.view().empty()) return Reason::unknown_instrument;
  if (instrument.tick_mantissa <= 0 || instrument.tick_decimals > kMaxUnitDecimals) return Reason::off_tick;
  if (instrument.lot_mantissa <= 0 || instrument.lot_decimals > kMaxUnitDecimals) return Reason::off_lot;
  if (instrument.min_price > instrument.max_price || instrument.min_price < -kMaxPrice ||
      instrument.max_price > kMaxPrice)
    return Reason::bad_price;
  if (instrument.max_price - instrument.min_price >= kMaxLadder) return Reason::capacity;
  if (instrument.reference_price != kNoPrice &&
      (instrument.reference_price < instrument.min_price || instrument.reference_price > instrument.max_price))
    return Reason::bad_stop_price;
  if (instrument.max_quantity <= 0 || instrument.max_quantity > kMaxLots) return Reason::bad_quantity;
  if (instrument.max_notional <= 0) return Reason::max_notional;
  if (instrument.collar_basis_points < 0 || instrument.collar_basis_points > kMaxCollar) return Reason::price_collar;
  if (static_cast<unsigned>(instrument.opening_phase) > static_cast<unsigned>(Phase::halted))
    return Reason::not_allowed_in_phase;
  return Reason::none;
}

Reason check(const Account& account) {
  const AccountLimits& limits = account.limits;
  if (account.name.view().empty()) return Reason::unknown_account;
  if (limits.max_order_quantity < 0 || limits.max_position < 0 || limits.max_position > INT64_MAX / 4)
    return Reason::bad_quantity;
  if (limits.max_order_notional < 0 || limits.max_open_notional < 0) return Reason::max_notional;
  if (static_cast<unsigned>(limits.self_trade) > static_cast<unsigned>(SelfTradePrevention::decrement))
    return Reason::bad_type;
  return Reason::none;
}

}  // namespace nautilus::engine
