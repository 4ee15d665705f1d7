#include "engine/journal/command_codec.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/journal/crc32c.h"

namespace nautilus::engine {
namespace {

constexpr std::uint8_t kEncoding = 1;
enum Bit : std::uint32_t {
  kSide = 1u << 0,
  kOrderType = 1u << 1,
  kTimeInForce = 1u << 2,
  kSelfTrade = 1u << 3,
  kPhase = 1u << 4,
  kEngineState = 1u << 5,
  kPostOnly = 1u << 6,
  kEnabled = 1u << 7,
  kInstrument = 1u << 8,
  kAccount = 1u << 9,
  kSession = 1u << 10,
  kPrice = 1u << 11,
  kStopPrice = 1u << 12,
  kQuantity = 1u << 13,
  kDisplayQuantity = 1u << 14,
  kExpireAt = 1u << 15,
  kOrderId = 1u << 16,
  kEpoch = 1u << 17,
  kStateHash = 1u << 18,
  kClientTag = 1u << 19,
  kClientId = 1u << 20,
  kOrigClientId = 1u << 21,
  kInstrumentDefinition = 1u << 22,
  kAccountDefinition = 1u << 23,
  kKnown = (1u << 24) - 1,
};

class Out {
 public:
  explicit Out(std::byte* at) : at_(at) {}
  template <class T>
  void put(T value) {
    if constexpr (std::is_enum_v<T>) {
      store(at_, static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      store(at_, static_cast<std::uint8_t>(value));
    } else {
      store(at_, value);
    }
    at_ += sizeof(T);
  }
  void text(const char* text, std::size_t length) {
    put(static_cast<std::uint8_t>(length));
    std::memcpy(at_, text, length);
    at_ += length;
  }
  std::byte* at() const { return at_; }

 private:
  std::byte* at_;
};

template <class T>
void field(std::uint32_t& mask, Out& out, Bit bit, T value, T absent) {
  if (value == absent) return;
  mask |= bit;
  out.put(value);
}

// A u16 of the bytes that follow, filled in when they are written.
template <class Body>
void sized(Out& out, Body&& body) {
  std::byte* const size_at = out.at();
  out.put(std::uint16_t{0});
  body();
  store(size_at, static_cast<std::uint16_t>(out.at() - size_at - 2));
}

void put_instrument(Out& out, const Instrument& i) {
  sized(out, [&] {
    out.text(i.symbol.text.data(), i.symbol.view().size());
    out.put(i.tick_mantissa), out.put(i.lot_mantissa), out.put(i.tick_decimals), out.put(i.lot_decimals);
    out.put(i.opening_phase), out.put(i.min_price), out.put(i.max_price), out.put(i.reference_price);
    out.put(i.max_quantity), out.put(i.max_notional), out.put(i.collar_basis_points);
  });
}

void put_account(Out& out, const Account& a) {
  const AccountLimits& l = a.limits;
  sized(out, [&] {
    out.text(a.name.text.data(), a.name.view().size());
    out.put(l.max_order_quantity), out.put(l.max_order_notional), out.put(l.max_open_notional);
    out.put(l.max_open_orders), out.put(l.orders_per_second), out.put(l.max_position), out.put(l.self_trade);
    out.put(l.cancel_on_disconnect);
  });
}

// Reading. Enumerators and booleans are checked against the table of the type: the machine may switch over them.
bool known(CommandType v) { return v >= CommandType::new_order && v <= CommandType::set_reference_price; }
bool known(Side v) { return v <= Side::sell; }  // 0: both, of a mass_cancel only
bool known(OrderType v) { return v >= OrderType::market && v <= OrderType::stop_limit; }
bool known(TimeInForce v) { return static_cast<unsigned>(v) <= 7 && static_cast<unsigned>(v) != 5; }
bool known(SelfTradePrevention v) { return v <= SelfTradePrevention::decrement; }
bool known(Phase v) { return v <= Phase::halted; }
bool known(EngineState v) { return v <= EngineState::halted; }

class In {
 public:
  explicit In(std::span<const std::byte> bytes) : reader_(bytes) {}
  template <class T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(reader_.take<std::underlying_type_t<T>>());
      if (reader_.ok() && !known(value)) bad_value_ = true;
    } else if constexpr (std::is_same_v<T, bool>) {
      const auto raw = reader_.take<std::uint8_t>();
      if (raw > 1) bad_value_ = true;
      value = raw == 1;
    } else {
      value = reader_.take<T>();
    }
  }
  // As get, but the default stays if a definition of an older version ends here.
  template <class T>
  void get_if_there(T& value) {
    if (reader_.left()) get(value);
  }
  template <std::size_t N>
  std::size_t text(std::array<char, N>& out) {
    const std::size_t length = reader_.take<std::uint8_t>();
    if (length > N) return bad_value_ = true, 0;
    const std::string_view text = reader_.take_text(length);
    std::copy(text.begin(), text.end(), out.begin());
    return text.size();
  }
  void id(ClientOrderId& out) { out.length = static_cast<std::uint8_t>(text(out.text)); }
  In nested() { return In(reader_.take_bytes(reader_.take<std::uint16_t>())); }
  // The bits that a nested reader found wrong are this one's too.
  void absorb(const In& nested) {
    if (!nested.reader_.ok() || nested.reader_.left()) short_ = true;
    bad_value_ |= nested.bad_value_;
  }
  bool complete() const { return reader_.ok() && !short_; }
  bool bad_value() const { return bad_value_; }
  std::span<const std::byte> rest() const { return reader_.rest(); }

 private:
  ByteReader reader_;
  bool bad_value_ = false, short_ = false;
};

void get_instrument(In& outer, Instrument& i) {
  In in = outer.nested();
  in.text(i.symbol.text);
  in.get_if_there(i.tick_mantissa), in.get_if_there(i.lot_mantissa), in.get_if_there(i.tick_decimals);
  in.get_if_there(i.lot_decimals), in.get_if_there(i.opening_phase), in.get_if_there(i.min_price);
  in.get_if_there(i.max_price), in.get_if_there(i.reference_price), in.get_if_there(i.max_quantity);
  in.get_if_there(i.max_notional), in.get_if_there(i.collar_basis_points);
  outer.absorb(in);
}

void get_account(In& outer, Account& a) {
  AccountLimits& l = a.limits;
  In in = outer.nested();
  in.text(a.name.text);
  in.get_if_there(l.max_order_quantity), in.get_if_there(l.max_order_notional), in.get_if_there(l.max_open_notional);
  in.get_if_there(l.max_open_orders), in.get_if_there(l.orders_per_second), in.get_if_there(l.max_position);
  in.get_if_there(l.self_trade), in.get_if_there(l.cancel_on_disconnect);
  outer.absorb(in);
}

std::uint32_t put_fields(const Command& c, Out& out) {
  static const Command absent;
  std::uint32_t mask = (c.post_only ? kPostOnly : 0u) | (c.enabled ? kEnabled : 0u);
  field(mask, out, kSide, c.side, absent.side);
  field(mask, out, kOrderType, c.order_type, absent.order_type);
  field(mask, out, kTimeInForce, c.time_in_force, absent.time_in_force);
  field(mask, out, kSelfTrade, c.self_trade, absent.self_trade);
  field(mask, out, kPhase, c.phase, absent.phase);
  field(mask, out, kEngineState, c.engine_state, absent.engine_state);
  field(mask, out, kInstrument, c.instrument, kNoInstrument);
  field(mask, out, kAccount, c.account, kNoAccount);
  field(mask, out, kSession, c.session, SessionId{0});
  field(mask, out, kPrice, c.price, kNoPrice);
  field(mask, out, kStopPrice, c.stop_price, kNoPrice);
  field(mask, out, kQuantity, c.quantity, Quantity{0});
  field(mask, out, kDisplayQuantity, c.display_quantity, Quantity{0});
  field(mask, out, kExpireAt, c.expire_at, Timestamp{0});
  field(mask, out, kOrderId, c.order_id, OrderId{0});
  field(mask, out, kEpoch, c.epoch, Epoch{0});
  field(mask, out, kStateHash, c.state_hash, std::uint64_t{0});
  field(mask, out, kClientTag, c.client_tag, std::uint64_t{0});
  if (c.client_id.length) mask |= kClientId, out.text(c.client_id.text.data(), c.client_id.length);
  if (c.orig_client_id.length) mask |= kOrigClientId, out.text(c.orig_client_id.text.data(), c.orig_client_id.length);
  if (c.type == CommandType::define_instrument)
    mask |= kInstrumentDefinition, put_instrument(out, c.instrument_definition);
  if (c.type == CommandType::define_account) mask |= kAccountDefinition, put_account(out, c.account_definition);
  return mask;
}

void get_fields(In& in, std::uint32_t mask, Command& c) {
  if (mask & kSide) in.get(c.side);
  if (mask & kOrderType) in.get(c.order_type);
  if (mask & kTimeInForce) in.get(c.time_in_force);
  if (mask & kSelfTrade) in.get(c.self_trade);
  if (mask & kPhase) in.get(c.phase);
  if (mask & kEngineState) in.get(c.engine_state);
  c.post_only = mask & kPostOnly;
  c.enabled = mask & kEnabled;
  if (mask & kInstrument) in.get(c.instrument);
  if (mask & kAccount) in.get(c.account);
  if (mask & kSession) in.get(c.session);
  if (mask & kPrice) in.get(c.price);
  if (mask & kStopPrice) in.get(c.stop_price);
  if (mask & kQuantity) in.get(c.quantity);
  if (mask & kDisplayQuantity) in.get(c.display_quantity);
  if (mask & kExpireAt) in.get(c.expire_at);
  if (mask & kOrderId) in.get(c.order_id);
  if (mask & kEpoch) in.get(c.epoch);
  if (mask & kStateHash) in.get(c.state_hash);
  if (mask & kClientTag) in.get(c.client_tag);
  if (mask & kClientId) in.id(c.client_id);
  if (mask & kOrigClientId) in.id(c.orig_client_id);
  if (mask & kInstrumentDefinition) get_instrument(in, c.instrument_definition);
  if (mask & kAccountDefinition) get_account(in, c.account_definition);
}

// Everything but the definitions is a third of the struct: resetting only what the last record dirtied is measurable
// over ten million records.
void reset(Command& c) {
  static const Command absent;
  const bool had_definition = c.type == CommandType::define_instrument || c.type == CommandType::define_account;
  if (had_definition) {
    c = absent;
    return;
  }
  static_assert(std::is_trivially_copyable_v<Command>);
  std::memcpy(static_cast<void*>(&c), &absent, offsetof(Command, instrument_definition));
}

}  // namespace

// A field that is added to these structs must be added to the codec (and its test) too.
static_assert(sizeof(Instrument) == 96 && sizeof(Account) == 80 && sizeof(Command) == 376);

std::size_t encode_record(const Command& command, std::byte* out) {
  Out body(out + kRecordHeaderBytes + sizeof(std::uint32_t));
  const std::uint32_t mask = put_fields(command, body);
  store(out + kRecordHeaderBytes, mask);
  std::byte* end = body.at();
  while ((end - out) % 8) *end++ = std::byte{0};
  const auto length = static_cast<std::size_t>(end - out);
  store(out + 4, static_cast<std::uint16_t>(length));
  store(out + 6, static_cast<std::uint8_t>(command.type));
  store(out + 7, kEncoding);
  store(out + 8, command.sequence);
  store(out + 16, command.time);
  store(out, crc32c({out + 4, length - 4}));
  return length;
}

bool can_be_read_back(const Command& c) {
  if (!known(c.type) || !known(c.order_type) || !known(c.time_in_force) || !known(c.self_trade) || !known(c.phase) ||
      !known(c.engine_state) || !known(c.side) || (c.side == Side{} && c.type != CommandType::mass_cancel))
    return false;
  if (c.client_id.length > c.client_id.text.size() || c.orig_client_id.length > c.orig_client_id.text.size())
    return false;
  if (c.type == CommandType::define_instrument) return known(c.instrument_definition.opening_phase);
  return c.type != CommandType::define_account || known(c.account_definition.limits.self_trade);
}

std::optional<RecordHeader> peek_record(std::span<const std::byte> bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  const std::byte* p = bytes.data();
  RecordHeader out{fetch<std::uint32_t>(p), fetch<std::uint16_t>(p + 4), fetch<std::uint8_t>(p + 6),
                   fetch<Sequence>(p + 8), fetch<Timestamp>(p + 16)};
  if (out.length < kRecordHeaderBytes + 4 || out.length % 8 || out.length > kMaxRecordBytes ||
      out.length > bytes.size())
    return std::nullopt;
  return out;
}

Result<std::size_t> decode_record(std::span<const std::byte> bytes, Command& out) {
  const auto header = peek_record(bytes);
  if (!header) return Error(Code::invalid, "record of an impossible length, or cut short");
  bytes = bytes.first(header->length);
  const std::uint32_t expected = crc32c(bytes.subspan(4));
  if (expected != header->crc)
    return Error(Code::invalid,
                 fmt::format("record CRC: {:08x} in the file, {:08x} from its bytes", header->crc, expected));
  const auto encoding = fetch<std::uint8_t>(bytes.data() + 7);
  if (encoding != kEncoding)
    return Error(Code::invalid, fmt::format("record encoding {}, this program reads {}", encoding, kEncoding),
                 "a newer program version wrote it");
  if (!known(static_cast<CommandType>(header->type)))
    return Error(Code::invalid, fmt::format("command type {} is not known", header->type),
                 "a newer program version wrote it");
  reset(out);
  out.type = static_cast<CommandType>(header->type);
  out.sequence = header->sequence;
  out.time = header->time;
  const auto mask = fetch<std::uint32_t>(bytes.data() + kRecordHeaderBytes);
  if (mask & ~kKnown)
    return Error(Code::invalid, fmt::format("fields {:08x} of the command are not known", mask & ~kKnown),
                 "a newer program version wrote it");
  if (((mask & kInstrumentDefinition) != 0) != (out.type == CommandType::define_instrument) ||
      ((mask & kAccountDefinition) != 0) != (out.type == CommandType::define_account))
    return Error(Code::invalid, "a definition that does not belong to the command's type");
  In in(bytes.subspan(kRecordHeaderBytes + 4));
  get_fields(in, mask, out);
  if (!in.complete()) return Error(Code::invalid, "the fields of the command end early");
  if (in.bad_value() || (out.side == Side{} && out.type != CommandType::mass_cancel))
    return Error(Code::invalid, "a field of the command has a value that does not exist");
  if (in.rest().size() >= 8 ||
      std::any_of(in.rest().begin(), in.rest().end(), [](std::byte b) { return b != std::byte{0}; }))
    return Error(Code::invalid, "bytes behind the fields of the command");
  return std::size_t{header->length};
}

}  // namespace nautilus::engine
