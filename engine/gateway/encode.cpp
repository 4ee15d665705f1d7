#include "engine/gateway/encode.h"

#include <charconv>

#include "engine/gateway/time_text.h"

namespace nautilus::engine {

void JsonText::comma() {
  if (!first_) out_ += ',';
  first_ = false;
}
JsonText& JsonText::begin(char bracket) {
  comma();
  out_ += bracket;
  first_ = true;
  return *this;
}
JsonText& JsonText::end(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}
JsonText& JsonText::key(std::string_view name) {
  comma();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  first_ = true;  // the value follows without a comma
  return *this;
}
JsonText& JsonText::text(std::string_view value) {
  comma();
  static constexpr char kHex[] = "0123456789abcdef";
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out_ += "\\u00";
      out_ += kHex[c >> 4 & 15];
      out_ += kHex[c & 15];
    } else {
      out_ += c;
    }
  }
  out_ += '"';
  return *this;
}
JsonText& JsonText::number(std::uint64_t value) {
  comma();
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}
JsonText& JsonText::signed_number(std::int64_t value) {
  comma();
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}
JsonText& JsonText::boolean(bool value) {
  comma();
  out_ += value ? "true" : "false";
  return *this;
}
JsonText& JsonText::time(Timestamp value) {
  comma();
  out_ += '"';
  append_time(out_, value);
  out_ += '"';
  return *this;
}
JsonText& JsonText::identifier(std::uint64_t value) {
  comma();
  char digits[20];
  out_ += '"';
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  out_ += '"';
  return *this;
}
JsonText& JsonText::decimal(std::int64_t units, std::int64_t mantissa, unsigned decimals) {
  comma();
  out_ += '"';
  out_ += to_decimal(units, mantissa, decimals);
  out_ += '"';
  return *this;
}
JsonText& JsonText::raw(std::string_view value) {
  comma();
  out_ += value;
  return *this;
}

std::string_view execution_word(EventType type) {
  switch (type) {
    case EventType::order_accepted: return "accepted";
    case EventType::order_rejected: return "rejected";
    case EventType::order_filled: return "filled";
    case EventType::order_cancelled: return "cancelled";
    case EventType::order_replaced: return "replaced";
    case EventType::order_triggered: return "triggered";
    case EventType::cancel_rejected: return "cancel_rejected";
    case EventType::order_status: return "status";
    case EventType::order_decremented: return "decremented";
    default: return "";
  }
}

bool is_report(EventType type) { return type >= EventType::order_accepted && type <= EventType::order_decremented; }
bool is_market_data(EventType type) { return type >= EventType::level_changed && type <= EventType::phase_changed; }

std::string_view order_state(const Event& report) {
  switch (report.type) {
    case EventType::cancel_rejected: return "";
    case EventType::order_rejected: return "rejected";
    case EventType::order_cancelled:
      switch (report.reason) {
        case Reason::day_over:
        case Reason::date_passed:
        case Reason::auction_over:
        case Reason::immediate_rest: return "expired";
        default: return "cancelled";
      }
    default: break;
  }
  if (report.leaves == 0 && report.filled > 0) return "filled";
  return report.filled > 0 ? "partially_filled" : "new";
}

namespace {

// The fields that depend on the instrument's ticks and lots.
void append_amounts(JsonText& json, const Event& report, const Instrument& instrument) {
  const auto price = [&](std::string_view key, Price ticks) {
    if (ticks != kNoPrice) json.key(key).decimal(ticks, instrument.tick_mantissa, instrument.tick_decimals);
  };
  const auto lots = [&](std::string_view key, Quantity quantity) {
    json.key(key).decimal(quantity, instrument.lot_mantissa, instrument.lot_decimals);
  };
  json.text("symbol", instrument.symbol.view());
  if (report.type == EventType::cancel_rejected) return;
  json.text("side", name(report.side)).text("order_type", name(report.order_type));
  json.text("time_in_force", name(report.time_in_force));
  price("price", report.price);
  price("stop_price", report.stop_price);
  lots("quantity", report.quantity);
  lots("leaves", report.leaves);
  lots("filled", report.filled);
  if (report.display_quantity > 0) lots("display_quantity", report.display_quantity);
  if (report.post_only) json.boolean("post_only", true);
  if (report.type == EventType::order_filled) {
    price("last_price", report.last_price);
    lots("last_quantity", report.last_quantity);
    json.key("trade_id").identifier(report.trade_id).boolean("aggressor", report.aggressor);
  } else if (report.type == EventType::order_decremented) {
    lots("last_quantity", report.last_quantity);
  }
}

}  // namespace

void append_report(std::string& out, const Event& report, const Instrument* instrument, std::string_view account) {
  JsonText json(out);
  json.begin().text("type", "execution_report").text("execution", execution_word(report.type));
  if (const auto state = order_state(report); !state.empty()) json.text("state", state);
  json.text("account", account);
  if (report.account_sequence > 0 && report.type != EventType::order_status)
    json.number("account_sequence", report.account_sequence);
  json.number("sequence", report.sequence).key("time").time(report.time);
  if (report.order_id != 0) json.key("order_id").identifier(report.order_id);
  if (!report.client_id.empty()) json.text("client_id", report.client_id.view());
  if (!report.orig_client_id.empty()) json.text("orig_client_id", report.orig_client_id.view());
  if (instrument) append_amounts(json, report, *instrument);
  if (report.expire_at != 0) json.key("expire_at").time(report.expire_at);
  if (report.reason != Reason::none) json.text("reason", name(report.reason));
  if (report.type == EventType::order_replaced) json.boolean("kept_priority", report.kept_priority);
  json.end();
}

void append_error(std::string& out, const ErrorText& error) {
  JsonText json(out);
  json.begin().text("type", "error").text("code", error.code);
  if (!error.message.empty()) json.text("message", error.message);
  if (!error.field.empty()) json.text("field", error.field);
  if (!error.request_id.empty()) json.text("request_id", error.request_id);
  if (!error.client_id.empty()) json.text("client_id", error.client_id);
  json.end();
}

std::string_view explain(Fault fault) {
  switch (fault) {
    case Fault::none: return "";
    case Fault::bad_json: return "the message is not a JSON object";
    case Fault::unknown_type: return "there is no such message type";
    case Fault::unknown_field: return "no message has this field";
    case Fault::duplicate_field: return "the field is there twice";
    case Fault::unexpected_field: return "this message has no such field";
    case Fault::missing_field: return "the field is required";
    case Fault::bad_value: return "the value is not one the field can have";
    case Fault::too_large: return "the message is too large";
    case Fault::not_logged_on: return "log on first";
    case Fault::already_logged_on: return "the session is logged on";
    case Fault::unauthorized: return "the credentials are missing or not accepted";
    case Fault::forbidden: return "the principal may not do this";
    case Fault::unknown_symbol: return "there is no such instrument";
    case Fault::unknown_account: return "the account is missing, unknown, or not the principal's";
    case Fault::too_many_requests: return "too many messages: slow down";
    case Fault::overloaded: return "the engine's queue is full: nothing was taken, send it again later";
    case Fault::gap: return "the reports asked for are not kept any more: query the orders";
    case Fault::unavailable: return "not available now";
    case Fault::timeout: return "no answer in time: ask for the order's status";
    case Fault::not_found: return "there is no such resource";
    case Fault::method_not_allowed: return "the resource has no such method";
  }
  return "";
}

}  // namespace nautilus::engine
