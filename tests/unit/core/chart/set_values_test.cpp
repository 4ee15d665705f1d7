#include "core/chart/set_values.h"

#include <doctest/doctest.h>

using nautilus::Code;
using nautilus::Json;
using nautilus::Result;
using nautilus::chart::apply_set;
using nautilus::chart::SetKind;

namespace {

void check(const char* argument, const char* expected, SetKind kind = SetKind::typed, const char* before = "{}") {
  CAPTURE(argument);
  Json values = Json::parse(before);
  const auto read = [](const std::string& path) -> Result<std::string> { return "content of " + path; };
  const auto done = apply_set(argument, kind, values, read);
  if (!done.ok()) FAIL(done.error().text());
  CHECK(values == Json::parse(expected));
}

void check_fails(const std::string& argument, Code code, SetKind kind = SetKind::typed, const char* before = "{}") {
  CAPTURE(argument);
  Json values = Json::parse(before);
  const auto done = apply_set(argument, kind, values);
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().code == code);
  CHECK_FALSE(done.error().message.empty());
}

}  // namespace

TEST_CASE("--set types its values") {
  check("a=1,b=-5,c=true,d=FALSE,e=null,f=text,g=1.5,h=012,i=0,j=,k=+7",
        R"({"a":1,"b":-5,"c":true,"d":false,"e":null,"f":"text","g":"1.5","h":"012","i":0,"j":"","k":7})");
  check("big=9223372036854775807,bigger=9223372036854775808",
        R"({"big":9223372036854775807,"bigger":"9223372036854775808"})");
  check("odd=+-5", R"({"odd":"+-5"})");
}

TEST_CASE("names are nested and listed") {
  check("a.b.c=1,a.b.d=2", R"({"a":{"b":{"c":1,"d":2}}})");
  check("a[1]=x", R"({"a":[null,"x"]})");
  check("a[0].b=1,a[0].c=2,a[1][0]=z", R"({"a":[{"b":1,"c":2},["z"]]})");
  check("a[1]=z", R"({"a":[1,"z",3]})", SetKind::typed, R"({"a":[1,2,3]})");
  check("a={x,2,true}", R"({"a":["x",2,true]})");
  check("a={x},b=1", R"({"a":["x"],"b":1})");
  check("a={}", R"({"a":[""]})");
}

TEST_CASE("a backslash takes the next character as it is") {
  check(R"(a\.b=1)", R"({"a.b":1})");
  check(R"(a=1\,2,b=3)", R"({"a":"1,2","b":3})");
  check(R"(a=\{x\})", R"({"a":"{x}"})");
  check(R"(a\[0\]=x)", R"({"a[0]":"x"})");
}

TEST_CASE("the other flags read their values their own way") {
  check("a=1,b=true", R"({"a":"1","b":"true"})", SetKind::text);
  check(R"(a={"x":[1,{"y":null}]},b="s,t",c=)", R"({"a":{"x":[1.0,{"y":null}]},"b":"s,t","c":null})", SetKind::json);
  check(R"(a[0]=[1,2] , b=true)", R"({"a":[[1,2]]," b":true})", SetKind::json);
  check("a=path.txt", R"({"a":"content of path.txt"})", SetKind::file);
  check(R"(a.b=x,y={z}\n=1)", R"({"a":{"b":"x,y={z}\\n=1"}})", SetKind::literal);
}

TEST_CASE("what is not an assignment is refused") {
  check_fails("a", Code::invalid);
  check_fails("a,b=1", Code::invalid);
  check_fails("a={x", Code::invalid);
  check_fails("a[x]=1", Code::invalid);
  check_fails("a[0=1", Code::invalid);
  check_fails("a[-1]=1", Code::invalid);
  check_fails("a[0]x=1", Code::invalid);
  check_fails("a.b=1", Code::invalid, SetKind::typed, R"({"a":5})");
  check_fails("a[0]=1", Code::invalid, SetKind::typed, R"({"a":{}})");
  check_fails("a={bad json", Code::invalid, SetKind::json);
  check_fails("a=b", Code::internal, SetKind::file);
}

TEST_CASE("sizes are bounded as in Helm") {
  check_fails("a[65537]=1", Code::limit);
  check_fails("a[99999999999999]=1", Code::limit);
  std::string deep;
  for (int i = 0; i < 31; ++i) deep += "a.";
  check_fails(deep + "a=1", Code::limit);
  check_fails("a" +
                  std::string(31 * 3, 'x')
                      .replace(0, 93,
                               [] {
                                 std::string brackets;
                                 for (int i = 0; i < 31; ++i) brackets += "[0]";
                                 return brackets;
                               }()) +
                  "[0]=1",
              Code::limit);
  Json values = Json::object();
  CHECK(apply_set("a[65536]=1", SetKind::typed, values).ok());
  CHECK(values["a"].size() == 65'537);
}
