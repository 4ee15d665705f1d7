// What the gateway says: JSON text, appended to a string without a tree in between.
//
// Numbers that count are JSON numbers below 2^53; prices, quantities, order and trade ids are strings, so that no
// client's floating point can change them.
#pragma once

#include <string>
#include <string_view>

#include "engine/gateway/message.h"
#include "engine/model/event.h"

namespace nautilus::engine {

// One flat-or-nested JSON object, comma by comma. Texts are escaped; keys are ours and are not.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}
  JsonText& begin(char bracket = '{');
  JsonText& end(char bracket = '}');
  JsonText& key(std::string_view name);
  JsonText& text(std::string_view value);
  JsonText& number(std::uint64_t value);
  JsonText& signed_number(std::int64_t value);
  JsonText& boolean(bool value);
  JsonText& time(Timestamp value);
  JsonText& identifier(std::uint64_t value);  // a string of digits
  JsonText& decimal(std::int64_t units, std::int64_t mantissa, unsigned decimals);
  JsonText& raw(std::string_view value);
  JsonText& text(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonText& number(std::string_view name, std::uint64_t value) { return key(name).number(value); }
  JsonText& boolean(std::string_view name, bool value) { return key(name).boolean(value); }

 private:
  void comma();
  std::string& out_;
  bool first_ = true;
};

// The words of a report: what happened, and what the order is now (FIX ExecType and OrdStatus, spelled out).
std::string_view execution_word(EventType type);
std::string_view order_state(const Event& report);  // "" for those that say nothing of an order
bool is_report(EventType type);
bool is_market_data(EventType type);

// {"type":"execution_report",...}. `instrument` may be null: an order whose instrument nobody knows.
void append_report(std::string& out, const Event& report, const Instrument* instrument, std::string_view account);

// {"type":"error",...}; `code` is a word of Fault or Reason.
struct ErrorText {
  std::string_view code, message, request_id, client_id, field;
};
void append_error(std::string& out, const ErrorText& error);
// Says in English what the fault is; for people, not for programs.
std::string_view explain(Fault fault);

}  // namespace nautilus::engine
