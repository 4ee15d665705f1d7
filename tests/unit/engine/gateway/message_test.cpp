#include "engine/gateway/message.h"

#include <doctest/doctest.h>

#include <string>

using namespace nautilus::engine;

namespace {

struct Case {
  std::string text;
  Fault fault = Fault::none;
  std::string field = {};
};

void check(const Case& test) {
  CAPTURE(test.text);
  std::string buffer = test.text;
  Request request;
  const Refusal refusal = parse_message(buffer, request);
  CHECK(name(refusal.fault) == name(test.fault));
  CHECK(std::string(refusal.field) == test.field);
}

const std::string kOrder =
    R"({"type":"new_order","client_id":"c1","symbol":"ACME","side":"buy","order_type":"limit","quantity":"10",)"
    R"("price":"100.25"})";

}  // namespace

TEST_CASE("an order is read whole") {
  std::string buffer =
      R"( { "type" : "new_order" , "request_id":"r\"1", "account":"A\u0031","client_id":"c.1:2-3_4","symbol":"EUR\/USD",)"
      R"("side":"sell","order_type":"stop_limit","time_in_force":"good_till_date","price":"-1.25","stop_price":"1",)"
      R"("quantity":"10","display_quantity":"5","expire_at":"2026-11-23T14:30:00.5Z","post_only":true,)"
      R"("self_trade":"decrement","traceparent":"00-1-2-01"} )";
  Request request;
  const auto refusal = parse_message(buffer, request);
  REQUIRE(refusal.fault == Fault::none);
  CHECK(request.type == MessageType::new_order);
  CHECK(request.text(Field::request_id) == "r\"1");
  CHECK(request.text(Field::account) == "A1");
  CHECK(request.text(Field::symbol) == "EUR/USD");
  CHECK(request.text(Field::price) == "-1.25");
  CHECK(request.side == Side::sell);
  CHECK(request.order_type == OrderType::stop_limit);
  CHECK(request.time_in_force == TimeInForce::good_till_date);
  CHECK(request.self_trade == SelfTradePrevention::decrement);
  CHECK(request.post_only);
  CHECK(request.expire_at == 1795444200'500000000);
  CHECK_FALSE(request.has(Field::order_id));
}

TEST_CASE("JSON that is not an object is refused") {
  for (const char* text : {"",
                           " ",
                           "[]",
                           "null",
                           "1",
                           "\"a\"",
                           "{",
                           "}",
                           "{\"type\"",
                           "{\"type\":",
                           "{\"type\":\"ping\"",
                           "{\"type\":\"ping\"}}",
                           "{\"type\":\"ping\"} x",
                           "{\"type\":\"ping\",}",
                           "{,}",
                           "{type:\"ping\"}",
                           "{'type':'ping'}",
                           "{\"type\" \"ping\"}",
                           "{\"ty\npe\":\"ping\"}",
                           "{\"type\":\"ping\"/**/}"}) {
    CAPTURE(text);
    std::string buffer = text;
    Request request;
    CHECK(parse_message(buffer, request).fault == Fault::bad_json);
  }
}

TEST_CASE("what a message must not have is named") {
  check({R"({"type":"ping"})"});
  check({R"({"type":"ping","request_id":"1"})"});
  check({R"({})", Fault::missing_field, "type"});
  check({R"({"type":"pong"})", Fault::unknown_type, "type"});
  check({R"({"type":1})", Fault::bad_value, "type"});
  check({R"({"type":null})", Fault::bad_value, "type"});
  check({R"({"type":{}})", Fault::bad_value, "type"});
  check({R"({"type":"ping","type":"ping"})", Fault::duplicate_field, "type"});
  check({R"({"type":"ping","t\u0079pe":"ping"})", Fault::duplicate_field, "type"});
  check({R"({"type":"ping","Type":"ping"})", Fault::unknown_field, "Type"});
  check({R"({"type":"ping","":"x"})", Fault::unknown_field, ""});
  check({R"({"type":"ping","symbol":"A"})", Fault::unexpected_field, "symbol"});
  check({R"({"type":"subscribe"})", Fault::missing_field, "symbol"});
  check({R"({"type":"subscribe","symbol":""})", Fault::bad_value, "symbol"});
  check({R"({"type":"subscribe","symbol":"A\n"})", Fault::bad_value, "symbol"});
  check({R"({"type":"subscribe","symbol":"\u00e9"})", Fault::bad_value, "symbol"});
  check({R"({"type":"subscribe","symbol":"\u0000"})", Fault::bad_value, "symbol"});
  check({"{\"type\":\"subscribe\",\"symbol\":\"\xc3\xa9\"}", Fault::bad_value, "symbol"});
  check({R"({"type":"subscribe","symbol":"\x41"})", Fault::bad_json, "symbol"});
  check({R"({"type":"subscribe","symbol":"\u00g1"})", Fault::bad_json, "symbol"});
  check({R"({"type":"subscribe","symbol":"ABCDEFGHIJKLMNOPQRSTUVWXY"})", Fault::bad_value, "symbol"});
}

TEST_CASE("orders need their fields, and words are exact") {
  check({kOrder});
  const auto with = [](std::string member) { return kOrder.substr(0, kOrder.size() - 1) + "," + member + "}"; };
  check({with(R"("side":"sell")"), Fault::duplicate_field, "side"});
  check({with(R"("post_only":1)"), Fault::bad_value, "post_only"});
  check({with(R"("post_only":"true")"), Fault::bad_value, "post_only"});
  check({with(R"("post_only":truey)"), Fault::bad_json, ""});
  check({with(R"("time_in_force":"DAY")"), Fault::bad_value, "time_in_force"});
  check({with(R"("expire_at":"2026-02-30T00:00:00Z")"), Fault::bad_value, "expire_at"});
  check({with(R"("expire_at":"2026-02-03T00:00:00+01:00")"), Fault::bad_value, "expire_at"});
  check({with(R"("stop_price":1.5)"), Fault::bad_value, "stop_price"});
  check({with(R"("order_id":"1")"), Fault::unexpected_field, "order_id"});
  check({R"({"type":"new_order","client_id":"c 1","symbol":"A","side":"buy","order_type":"limit","quantity":"1"})",
         Fault::bad_value, "client_id"});
  check({R"({"type":"new_order","client_id":"c1","symbol":"A","side":"Buy","order_type":"limit","quantity":"1"})",
         Fault::bad_value, "side"});
  check({R"({"type":"new_order","symbol":"A","side":"buy","order_type":"limit","quantity":"1"})", Fault::missing_field,
         "client_id"});
  check({R"({"type":"cancel_order","client_id":"c2"})", Fault::missing_field, "orig_client_id"});
  check({R"({"type":"cancel_order","client_id":"c2","order_id":"7"})"});
  check({R"({"type":"cancel_order","client_id":"c2","order_id":"0"})", Fault::bad_value, "order_id"});
  check(
      {R"({"type":"cancel_order","client_id":"c2","order_id":"18446744073709551616"})", Fault::bad_value, "order_id"});
  check({R"({"type":"cancel_order","client_id":"c2","order_id":"18446744073709551615"})"});
  check({R"({"type":"mass_cancel","scope":"all"})", Fault::bad_value, "scope"});
  check({R"({"type":"mass_cancel","scope":"session","side":"buy"})"});
}

TEST_CASE("counts are whole, without sign, exponent or leading zero") {
  check({R"({"type":"resume","after":0})"});
  check({R"({"type":"resume","after":9007199254740992})"});
  check({R"({"type":"resume","after":9007199254740993})", Fault::bad_value, "after"});
  check({R"({"type":"resume","after":99999999999999999999999999})", Fault::bad_value, "after"});
  for (const char* number : {"-1", "01", "1.0", "1e3", "+1", "0x1", "\"1\"", "NaN", "true"}) {
    check({std::string(R"({"type":"resume","after":)") + number + "}",
           std::string(number) == "0x1" ? Fault::bad_json : Fault::bad_value,
           std::string(number) == "0x1" ? "" : "after"});
  }
  check({R"({"type":"logon","heartbeat_seconds":0})", Fault::bad_value, "heartbeat_seconds"});
  check({R"({"type":"logon","heartbeat_seconds":301})", Fault::bad_value, "heartbeat_seconds"});
  check({R"({"type":"logon","api_key":"a","token":"b"})", Fault::unexpected_field, "token"});
}

TEST_CASE("a message is bounded, and cut short anywhere it is refused, never read beyond") {
  std::string large(kMaxMessage + 1, ' ');
  Request request;
  CHECK(parse_message(large, request).fault == Fault::too_large);
  for (std::size_t length = 0; length < kOrder.size(); ++length) {
    // An exact heap block, so that the address sanitizer sees a read past it.
    std::vector<char> cut(kOrder.begin(), kOrder.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK(parse_message(cut, request).fault == Fault::bad_json);
  }
}

TEST_CASE("a transport that knows the type takes no other") {
  std::string with_type = kOrder;
  Request request;
  CHECK(parse_message(with_type, request, MessageType::new_order).fault == Fault::unexpected_field);
  std::string without = R"({"client_id":"c1","symbol":"A","side":"buy","order_type":"market","quantity":"1"})";
  CHECK(parse_message(without, request, MessageType::new_order).fault == Fault::none);
  CHECK(request.order_type == OrderType::market);
}
