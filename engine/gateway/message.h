// What a client says: one flat JSON object a message, read in one pass without allocating.
//
// Stricter than JSON needs to be, so that nothing is guessed about an order: no unknown field, no duplicate, no field
// that its message type does not use, no null, no nesting, numbers only where they are counts. Prices and quantities
// are strings with decimals. Strings are printable ASCII; escapes are undone in place, so the caller's buffer changes
// and the views of a Request point into it. The messages are documented in docs/engine/protocol.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/model/types.h"

namespace nautilus::engine {

enum class MessageType : std::uint8_t {
  logon,
  logoff,
  ping,
  new_order,
  cancel_order,
  replace_order,
  mass_cancel,
  order_status,
  subscribe,
  unsubscribe,
  resume,
  // For the permission `admin`.
  set_engine_state,
  set_phase,
  set_kill_switch,
  end_of_day,
};
inline constexpr std::size_t kMessageTypes = 15;
std::string_view name(MessageType);

enum class Field : std::uint8_t {
  type,
  request_id,
  account,
  symbol,
  client_id,
  orig_client_id,
  order_id,
  side,
  order_type,
  time_in_force,
  price,
  stop_price,
  quantity,
  display_quantity,
  expire_at,
  post_only,
  self_trade,
  api_key,
  token,
  cancel_on_disconnect,
  heartbeat_seconds,
  batch,
  scope,
  after,
  traceparent,
  enabled,
  engine_state,
  phase,
};
inline constexpr std::size_t kFields = 28;
std::string_view name(Field);

// Stable words for what is wrong with a request. Where the engine has a Reason for it, the reason's word is used
// instead (off_tick, unknown_order, not_primary ...).
enum class Fault : std::uint8_t {
  none,
  bad_json,
  unknown_type,
  unknown_field,
  duplicate_field,
  unexpected_field,  // the message type has no such field
  missing_field,
  bad_value,
  too_large,
  not_logged_on,
  already_logged_on,
  unauthorized,
  forbidden,
  unknown_symbol,
  unknown_account,
  too_many_requests,
  overloaded,   // the engine's queue is full: nothing was taken, send it again later
  gap,          // the reports asked for are not kept any more: query
  unavailable,  // not now: starting, standby
  timeout,      // no answer in time: what became of it is not known, ask for the order's status
  not_found,
  method_not_allowed,
};
std::string_view name(Fault);

struct Refusal {
  Fault fault = Fault::none;
  std::string_view field;  // the field's name, or the unknown key; may point into the message
  std::size_t offset = 0;  // byte in the message
};

class Request {
 public:
  MessageType type = MessageType::ping;
  Side side = Side::buy;
  OrderType order_type = OrderType::limit;
  TimeInForce time_in_force = TimeInForce::day;
  SelfTradePrevention self_trade = SelfTradePrevention::none;
  bool post_only = false;
  bool cancel_on_disconnect = true;
  bool batch = false;
  bool enabled = false;
  Phase phase = Phase::closed;
  EngineState engine_state = EngineState::active;
  bool whole_account = true;  // mass_cancel: scope "account", else only this session's orders
  Timestamp expire_at = 0;
  OrderId order_id = 0;
  std::uint64_t after = 0;
  std::uint32_t heartbeat_seconds = 0;

  bool has(Field field) const { return present_ >> static_cast<unsigned>(field) & 1; }
  // "" if absent.
  std::string_view text(Field field) const { return texts_[static_cast<std::size_t>(field)]; }

 private:
  friend class MessageReader;
  std::uint32_t present_ = 0;
  std::array<std::string_view, kFields> texts_{};
};

inline constexpr std::size_t kMaxMessage = 8192;  // a logon with a token is the longest
inline constexpr std::uint64_t kMaxExactInteger = std::uint64_t{1} << 53;

// Reads one message. On a refusal `request` has what was read until then; its request_id may be echoed.
// `implied`: the type where the transport says it already (REST); a `type` field is then refused.
Refusal parse_message(std::span<char> message, Request& request, std::optional<MessageType> implied = std::nullopt);

}  // namespace nautilus::engine
