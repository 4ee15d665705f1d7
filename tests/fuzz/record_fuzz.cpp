// What the cluster holds as the history of a release: read, or refused as damaged, within the bounds.
#include "core/release/gzip.h"
#include "core/release/record.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(record) {
  using namespace nautilus;
  if (fuzz::choose(text, 2) == 0) {
    constexpr std::size_t kMost = 1u << 20;
    auto plain = release::gunzip(text, kMost);
    fuzz::expect(!plain.ok() || plain->size() <= kMost, "not more than the bound");
    return;
  }
  auto json = value::parse_json(text, "fuzz");
  if (!json.ok()) return;
  std::vector<Json> maps;
  if (json->is_array())
    for (const Json& map : *json) maps.push_back(map);
  else
    maps.push_back(*json);
  for (const bool with_objects : {false, true}) {
    auto revisions = release::decode(maps, with_objects);
    fuzz::expect(revisions.ok() || !revisions.error().message.empty(), "an error says what");
  }
}
