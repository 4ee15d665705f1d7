// Arguments of --set and its relatives, one a line, on top of one another.
#include "core/chart/set_values.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(set) {
  using namespace nautilus;
  constexpr chart::SetKind kKinds[] = {chart::SetKind::typed, chart::SetKind::text, chart::SetKind::json,
                                       chart::SetKind::file, chart::SetKind::literal};
  constexpr int kMaxLines = 8;  // each may make a list of kMaxSetIndex entries
  const chart::SetKind kind = kKinds[fuzz::choose(text, 5)];
  Json values = Json::parse(R"({"list":[1,{"a":2}],"map":{"k":"v"},"text":"x","none":null})");
  const chart::ReadFile read = [](const std::string& path) -> Result<std::string> {
    if (path.size() % 2) return Error(Code::not_found, "no such file");
    return path;
  };
  for (int line = 0; line < kMaxLines; ++line) {
    const auto end = text.find('\n');
    auto done = chart::apply_set(text.substr(0, end), kind, values, read);
    fuzz::expect(done.ok() || !done.error().message.empty(), "an error says what");
    fuzz::expect(values.is_object(), "values stay a map");
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
}
