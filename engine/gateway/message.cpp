#include "engine/gateway/message.h"

#include <bit>

#include "engine/gateway/time_text.h"

namespace nautilus::engine {
namespace {

constexpr std::array<std::string_view, kMessageTypes> kTypeNames = {
    "logon",         "logoff",           "ping",         "new_order",       "cancel_order",
    "replace_order", "mass_cancel",      "order_status", "subscribe",       "unsubscribe",
    "resume",        "set_engine_state", "set_phase",    "set_kill_switch", "end_of_day"};

enum class Kind : std::uint8_t { text, boolean, count };
struct FieldRule {
  std::string_view name;
  Kind kind;
  std::size_t longest;  // of a text; the largest value of a count
};
constexpr std::array<FieldRule, kFields> kRules = {{
    {"type", Kind::text, 16},
    {"request_id", Kind::text, 64},
    {"account", Kind::text, 32},
    {"symbol", Kind::text, 24},
    {"client_id", Kind::text, ClientOrderId::kMaxLength},
    {"orig_client_id", Kind::text, ClientOrderId::kMaxLength},
    {"order_id", Kind::text, 20},
    {"side", Kind::text, 4},
    {"order_type", Kind::text, 16},
    {"time_in_force", Kind::text, 24},
    {"price", Kind::text, 40},
    {"stop_price", Kind::text, 40},
    {"quantity", Kind::text, 40},
    {"display_quantity", Kind::text, 40},
    {"expire_at", Kind::text, 30},
    {"post_only", Kind::boolean, 0},
    {"self_trade", Kind::text, 16},
    {"api_key", Kind::text, 256},
    {"token", Kind::text, 6144},
    {"cancel_on_disconnect", Kind::boolean, 0},
    {"heartbeat_seconds", Kind::count, 300},
    {"batch", Kind::boolean, 0},
    {"scope", Kind::text, 8},
    {"after", Kind::count, kMaxExactInteger},
    {"traceparent", Kind::text, 55},
    {"enabled", Kind::boolean, 0},
    {"engine_state", Kind::text, 16},
    {"phase", Kind::text, 16},
}};

// A hash without collisions over the field names, checked when it is compiled: key to field in one comparison.
constexpr std::size_t kSlots = 128;
constexpr std::size_t slot(std::string_view key) {
  if (key.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(key[i])); };
  return (key.size() * 1 + byte(0) * 1 + byte(key.size() - 1) * 3 + byte(key.size() / 2)) % kSlots;
}
constexpr std::uint8_t kNoField = 0xff;
constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> table{};
  table.fill(kNoField);
  for (std::size_t i = 0; i < kFields; ++i) {
    if (table[slot(kRules[i].name)] != kNoField) throw "two field names share a slot: change slot()";
    table[slot(kRules[i].name)] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

constexpr std::uint32_t bit(Field field) { return std::uint32_t{1} << static_cast<unsigned>(field); }
template <class... Fields>
constexpr std::uint32_t bits(Fields... fields) {
  return (0u | ... | bit(fields));
}
struct TypeRule {
  std::uint32_t required, optional;
};
using F = Field;
constexpr std::uint32_t kAlways = bits(F::type, F::request_id);
constexpr std::array<TypeRule, kMessageTypes> kTypes = {{
    {0, bits(F::api_key, F::token, F::cancel_on_disconnect, F::heartbeat_seconds, F::batch)},
    {0, 0},
    {0, 0},
    {bits(F::client_id, F::symbol, F::side, F::order_type, F::quantity),
     bits(F::account, F::time_in_force, F::price, F::stop_price, F::display_quantity, F::expire_at, F::post_only,
          F::self_trade, F::traceparent)},
    {bits(F::client_id), bits(F::account, F::orig_client_id, F::order_id, F::symbol, F::traceparent)},
    {bits(F::client_id, F::quantity), bits(F::account, F::orig_client_id, F::order_id, F::symbol, F::price,
                                           F::stop_price, F::display_quantity, F::traceparent)},
    {0, bits(F::account, F::symbol, F::side, F::scope)},
    {0, bits(F::account, F::client_id, F::order_id)},
    {bits(F::symbol), 0},
    {bits(F::symbol), 0},
    {bits(F::after), bits(F::account)},
    {bits(F::engine_state), 0},
    {bits(F::phase), bits(F::symbol)},
    {bits(F::enabled), bits(F::account)},
    {0, bits(F::symbol)},
}};

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <class Enum, std::size_t N>
bool choose(std::string_view text, const std::array<Enum, N>& all, Enum& out) {
  for (const Enum one : all)
    if (name(one) == text) {
      out = one;
      return true;
    }
  return false;
}
constexpr std::array kSides = {Side::buy, Side::sell};
constexpr std::array kOrderTypes = {OrderType::market, OrderType::limit, OrderType::stop, OrderType::stop_limit};
constexpr std::array kTimes = {TimeInForce::day,
                               TimeInForce::good_till_cancel,
                               TimeInForce::at_the_opening,
                               TimeInForce::immediate_or_cancel,
                               TimeInForce::fill_or_kill,
                               TimeInForce::good_till_date,
                               TimeInForce::at_the_close};
constexpr std::array kSelfTrades = {SelfTradePrevention::none, SelfTradePrevention::cancel_newest,
                                    SelfTradePrevention::cancel_oldest, SelfTradePrevention::cancel_both,
                                    SelfTradePrevention::decrement};
constexpr std::array kPhases = {Phase::closed, Phase::opening_auction, Phase::continuous, Phase::closing_auction,
                                Phase::halted};
constexpr std::array kEngineStates = {EngineState::active, EngineState::reducing, EngineState::halted};

}  // namespace

std::string_view name(MessageType type) { return kTypeNames[static_cast<std::size_t>(type)]; }
std::string_view name(Field field) { return kRules[static_cast<std::size_t>(field)].name; }

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::none: return "none";
    case Fault::bad_json: return "bad_json";
    case Fault::unknown_type: return "unknown_type";
    case Fault::unknown_field: return "unknown_field";
    case Fault::duplicate_field: return "duplicate_field";
    case Fault::unexpected_field: return "unexpected_field";
    case Fault::missing_field: return "missing_field";
    case Fault::bad_value: return "bad_value";
    case Fault::too_large: return "too_large";
    case Fault::not_logged_on: return "not_logged_on";
    case Fault::already_logged_on: return "already_logged_on";
    case Fault::unauthorized: return "unauthorized";
    case Fault::forbidden: return "forbidden";
    case Fault::unknown_symbol: return "unknown_symbol";
    case Fault::unknown_account: return "unknown_account";
    case Fault::too_many_requests: return "too_many_requests";
    case Fault::overloaded: return "overloaded";
    case Fault::gap: return "gap";
    case Fault::unavailable: return "unavailable";
    case Fault::timeout: return "timeout";
    case Fault::not_found: return "not_found";
    case Fault::method_not_allowed: return "method_not_allowed";
  }
  return "unknown";
}

class MessageReader {
 public:
  MessageReader(std::span<char> message, Request& request) : text_(message), out_(request) {}

  Refusal read(std::optional<MessageType> implied) {
    if (text_.size() > kMaxMessage) return {Fault::too_large, {}, kMaxMessage};
    if (auto bad = members(); bad.fault != Fault::none) return bad;
    return judge(implied);
  }

 private:
  Refusal members() {
    skip();
    if (!take('{')) return fail(Fault::bad_json);
    skip();
    if (!take('}')) {
      do {
        if (auto bad = member(); bad.fault != Fault::none) return bad;
        skip();
      } while (take(','));
      if (!take('}')) return fail(Fault::bad_json);
    }
    skip();
    return at_ == text_.size() ? Refusal{} : fail(Fault::bad_json);
  }

  Refusal member() {
    skip();
    const std::size_t start = at_;
    std::string_view key;
    if (auto bad = string(key); bad != Fault::none) return fail(Fault::bad_json);
    const std::uint8_t index = kTable[slot(key)];
    if (index == kNoField || kRules[index].name != key) return {Fault::unknown_field, key, start};
    const FieldRule& rule = kRules[index];
    if (out_.present_ >> index & 1) return {Fault::duplicate_field, rule.name, start};
    skip();
    if (!take(':')) return fail(Fault::bad_json);
    skip();
    const std::size_t begin = at_;
    const Fault fault = value(index, rule);
    if (fault != Fault::none) return {fault, rule.name, fault == Fault::bad_json ? at_ : begin};
    out_.present_ |= std::uint32_t{1} << index;
    return {};
  }

  Fault value(std::uint8_t index, const FieldRule& rule) {
    if (at_ >= text_.size()) return Fault::bad_json;
    if (rule.kind == Kind::text) {
      if (text_[at_] != '"') return Fault::bad_value;
      std::string_view found;
      if (const Fault fault = string(found); fault != Fault::none) return fault;
      if (found.empty() || found.size() > rule.longest) return Fault::bad_value;
      out_.texts_[index] = found;
      return Fault::none;
    }
    if (rule.kind == Kind::boolean) {
      const std::string_view rest(text_.data() + at_, text_.size() - at_);
      const bool yes = rest.starts_with("true");
      if (!yes && !rest.starts_with("false")) return Fault::bad_value;
      at_ += yes ? 4 : 5;
      flag(static_cast<Field>(index), yes);
      return Fault::none;
    }
    return count(static_cast<Field>(index), rule.longest);
  }

  void flag(Field field, bool yes) {
    if (field == Field::post_only) out_.post_only = yes;
    if (field == Field::cancel_on_disconnect) out_.cancel_on_disconnect = yes;
    if (field == Field::batch) out_.batch = yes;
    if (field == Field::enabled) out_.enabled = yes;
  }

  // A JSON number that is a whole one: no sign, no leading zero, no fraction, no exponent.
  Fault count(Field field, std::uint64_t largest) {
    std::uint64_t number = 0;
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
      if (number > largest) return Fault::bad_value;
      ++at_;
    }
    if (at_ == begin || (text_[begin] == '0' && at_ - begin > 1)) return Fault::bad_value;
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) return Fault::bad_value;
    if (field == Field::after) out_.after = number;
    if (field == Field::heartbeat_seconds) out_.heartbeat_seconds = static_cast<std::uint32_t>(number);
    return Fault::none;
  }

  // Undoes escapes in place: what is written is never ahead of what is read.
  Fault string(std::string_view& out) {
    if (!take('"')) return Fault::bad_json;
    const std::size_t begin = at_;
    std::size_t end = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        out = {text_.data() + begin, end - begin};
        return Fault::none;
      }
      if (c == '\\') {
        if (const Fault fault = escape(end); fault != Fault::none) return fault;
        continue;
      }
      if (c < 0x20 || c > 0x7e) return static_cast<unsigned char>(c) < 0x20 ? Fault::bad_json : Fault::bad_value;
      text_[end++] = c;
    }
    return Fault::bad_json;
  }

  Fault escape(std::size_t& end) {
    if (at_ >= text_.size()) return Fault::bad_json;
    const char c = text_[at_++];
    if (c == '"' || c == '\\' || c == '/') {
      text_[end++] = c;
      return Fault::none;
    }
    if (c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't') return Fault::bad_value;
    if (c != 'u' || text_.size() - at_ < 4) return Fault::bad_json;
    int code = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex(text_[at_++]);
      if (digit < 0) return Fault::bad_json;
      code = code * 16 + digit;
    }
    if (code < 0x20 || code > 0x7e) return Fault::bad_value;
    text_[end++] = static_cast<char>(code);
    return Fault::none;
  }

  // All fields are there: which message is it, and does it have what it needs?
  Refusal judge(std::optional<MessageType> implied) {
    if (implied) {
      if (out_.has(F::type)) return {Fault::unexpected_field, name(F::type), 0};
      out_.type = *implied;
    } else {
      if (!out_.has(F::type)) return {Fault::missing_field, name(F::type), 0};
      std::size_t i = 0;
      while (i < kMessageTypes && kTypeNames[i] != out_.text(F::type)) ++i;
      if (i == kMessageTypes) return {Fault::unknown_type, name(F::type), 0};
      out_.type = static_cast<MessageType>(i);
    }
    const TypeRule& rule = kTypes[static_cast<std::size_t>(out_.type)];
    if (const std::uint32_t extra = out_.present_ & ~(rule.required | rule.optional | kAlways))
      return {Fault::unexpected_field, kRules[static_cast<std::size_t>(std::countr_zero(extra))].name, 0};
    if (const std::uint32_t missing = rule.required & ~out_.present_)
      return {Fault::missing_field, kRules[static_cast<std::size_t>(std::countr_zero(missing))].name, 0};
    return words();
  }

  Refusal words() {
    const auto bad = [](Field field) { return Refusal{Fault::bad_value, name(field), 0}; };
    if (out_.has(F::side) && !choose(out_.text(F::side), kSides, out_.side)) return bad(F::side);
    if (out_.has(F::order_type) && !choose(out_.text(F::order_type), kOrderTypes, out_.order_type))
      return bad(F::order_type);
    if (out_.has(F::time_in_force) && !choose(out_.text(F::time_in_force), kTimes, out_.time_in_force))
      return bad(F::time_in_force);
    if (out_.has(F::self_trade) && !choose(out_.text(F::self_trade), kSelfTrades, out_.self_trade))
      return bad(F::self_trade);
    if (out_.has(F::phase) && !choose(out_.text(F::phase), kPhases, out_.phase)) return bad(F::phase);
    if (out_.has(F::engine_state) && !choose(out_.text(F::engine_state), kEngineStates, out_.engine_state))
      return bad(F::engine_state);
    if (out_.has(F::scope)) {
      out_.whole_account = out_.text(F::scope) == "account";
      if (!out_.whole_account && out_.text(F::scope) != "session") return bad(F::scope);
    }
    if (out_.has(F::expire_at)) {
      const auto time = parse_time(out_.text(F::expire_at));
      if (!time) return bad(F::expire_at);
      out_.expire_at = *time;
    }
    if (out_.has(F::order_id)) {
      for (const char c : out_.text(F::order_id)) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (c < '0' || c > '9' || out_.order_id > (UINT64_MAX - digit) / 10) return bad(F::order_id);
        out_.order_id = out_.order_id * 10 + digit;
      }
      if (out_.order_id == 0) return bad(F::order_id);
    }
    for (const Field id : {F::client_id, F::orig_client_id})
      if (out_.has(id) && ClientOrderId::from(out_.text(id)).empty()) return bad(id);
    return either();
  }

  // What a table of required fields cannot say.
  Refusal either() {
    const bool names_order = out_.has(F::orig_client_id) || out_.has(F::order_id);
    if ((out_.type == MessageType::cancel_order || out_.type == MessageType::replace_order) && !names_order)
      return {Fault::missing_field, name(F::orig_client_id), 0};
    if (out_.type == MessageType::logon && out_.has(F::api_key) && out_.has(F::token))
      return {Fault::unexpected_field, name(F::token), 0};
    if (out_.type == MessageType::logon && out_.has(F::heartbeat_seconds) && out_.heartbeat_seconds < 1)
      return {Fault::bad_value, name(F::heartbeat_seconds), 0};
    return {};
  }

  void skip() {
    while (at_ < text_.size() && blank(text_[at_])) ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Refusal fail(Fault fault) const { return {fault, {}, at_}; }

  std::span<char> text_;
  Request& out_;
  std::size_t at_ = 0;
};

Refusal parse_message(std::span<char> message, Request& request, std::optional<MessageType> implied) {
  request = Request{};
  return MessageReader(message, request).read(implied);
}

}  // namespace nautilus::engine
