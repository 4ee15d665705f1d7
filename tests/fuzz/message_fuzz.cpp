// Any bytes as a client's message, a token and a time: read, or refused, within the bytes given.
#include "engine/gateway/jwt.h"
#include "engine/gateway/message.h"
#include "engine/gateway/time_text.h"
#include "engine/gateway/trace.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(message) {
  using namespace nautilus::engine;
  std::vector<char> bytes(text.begin(), text.end());
  Request request;
  const Refusal refusal = parse_message(bytes, request);
  // What was taken is printable and within the message.
  for (std::size_t i = 0; i < kFields; ++i) {
    const auto field = request.text(static_cast<Field>(i));
    if (field.empty()) continue;
    if (field.data() < bytes.data() || field.data() + field.size() > bytes.data() + bytes.size()) std::abort();
    for (const char c : field)
      if (c < 0x20 || c > 0x7e) std::abort();
  }
  if (refusal.fault == Fault::none && bytes.size() > kMaxMessage) std::abort();
  if (const auto time = parse_time(text); time && parse_time(time_text(*time)) != *time / 1000 * 1000) std::abort();
  (void)parse_traceparent(text);
  static const TokenRules rules = [] {
    TokenRules made;
    made.issuer = "i";
    made.audience = "a";
    made.keys.emplace("k", TokenKey::read(TokenAlgorithm::hs256, std::string(32, 'k'), "key").value());
    return made;
  }();
  if (verify_token(text, rules, 1'700'000'000'000'000'000).ok()) std::abort();
}
