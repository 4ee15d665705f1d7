// The first line is a values schema, the rest a value: checked within the bounds, or the schema is refused.
#include "core/chart/schema.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(schema) {
  using namespace nautilus;
  const auto end = text.find('\n');
  auto schema = value::parse_json(text.substr(0, end), "schema");
  auto json = value::parse_json(end == text.npos ? std::string_view("null") : text.substr(end + 1), "value");
  if (!schema.ok() || !json.ok()) return;
  auto violations = chart::validate(*schema, *json, "fuzz");
  if (!violations.ok()) return fuzz::expect(!violations.error().message.empty(), "an error says what");
  fuzz::expect(violations->size() <= chart::kMaxSchemaErrors, "not more violations than the bound");
}
