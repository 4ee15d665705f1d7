#include "core/base/text.h"

#include <doctest/doctest.h>

#include "core/base/quantity.h"

namespace nautilus::base {

TEST_CASE("text is split at every separator") {
  CHECK_EQ(split("a,b,,c", ','), std::vector<std::string_view>{"a", "b", "", "c"});
  CHECK_EQ(split("", ','), std::vector<std::string_view>{""});
  CHECK_EQ(split(",", ','), std::vector<std::string_view>{"", ""});
}

TEST_CASE("blanks at both ends are trimmed") {
  CHECK_EQ(trim(" \t a b\r\n"), "a b");
  CHECK_EQ(trim(" \n"), "");
}

TEST_CASE("parts are joined") {
  CHECK_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  CHECK_EQ(join({}, ", "), "");
}

TEST_CASE("a near word is suggested, a far one is not") {
  struct Row {
    const char *word, *want;
  };
  const std::vector<std::string> commands = {"render",  "deploy",   "diff",    "status",
                                             "history", "rollback", "destroy", "rehearse"};
  for (const Row& row : std::vector<Row>{{"deplyo", "deploy"},
                                         {"depoly", "deploy"},
                                         {"Deploy", "deploy"},
                                         {"roolback", "rollback"},
                                         {"stats", "status"},
                                         {"dif", "diff"},
                                         {"xyz", ""},
                                         {"", ""},
                                         {"rehears", "rehearse"},
                                         {"apply", ""}})
    CHECK_EQ(did_you_mean(row.word, commands), row.want);
  CHECK_EQ(did_you_mean(std::string(100'000, 'a'), commands), "");
}

TEST_CASE("quantities compare by amount, whatever their form") {
  const auto quantity = [](const char* text) { return Quantity::parse(text).value(); };
  CHECK(quantity("1") == quantity("1000m"));
  CHECK(quantity("1Gi") == quantity("1024Mi"));
  CHECK(quantity("1G") < quantity("1Gi"));
  CHECK_EQ(quantity("0.3Ei").text(), "345876451382054092800m");  // more than 64 bits of thousandths
  CHECK(quantity("-1") < quantity("1n"));
  CHECK(quantity("1e3") == quantity("1k"));
}

}  // namespace nautilus::base
