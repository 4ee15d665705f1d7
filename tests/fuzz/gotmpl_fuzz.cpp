// Any text as a template: it parses and runs, or is refused, within its bounds; nothing else may happen.
#include "core/gotmpl/template.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(gotmpl) {
  using namespace nautilus::gotmpl;
  static const auto functions = std::make_shared<const Functions>(Functions::predefined());
  static const Val dot = from_json(nautilus::Json::parse(R"({"s":"x","n":1,"l":[1,"a",null],"m":{"k":{"d":true}}})"));
  Options options;
  options.limits.steps = 20'000;
  options.limits.loop_rounds = 10'000;
  options.limits.output_bytes = 1 << 20;
  options.limits.call_depth = 50;
  options.limits.parse_depth = 100;
  TemplateSet set(functions);
  if (set.parse("fuzz", text, options.limits).ok()) (void)set.execute("fuzz", dot, options);
}
