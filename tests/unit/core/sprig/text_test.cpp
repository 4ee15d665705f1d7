// Regular expressions, words, times, durations and URLs: expectations recorded from Go and from Helm 4.3.1.
#include <doctest/doctest.h>

#include "core/sprig/go_time.h"
#include "core/sprig/regex.h"
#include "core/sprig/unicode.h"
#include "core/sprig/url.h"
#include "core/sprig/words.h"

using namespace nautilus::sprig;
using Strings = std::vector<std::string>;

TEST_CASE("regular expressions behave as Go's") {
  const auto re = [](const char* pattern) { return *Regex::compile(pattern); };
  CHECK(re("[2,4,6,8]").find_all("123456789", -1) == Strings{"2", "4", "6", "8"});
  CHECK(re("a*").find_all("baac", -1) == Strings{"", "aa", ""});
  CHECK(re("a(x*)b").replace_all("-ab-axxb-", "${1}W") == "-W-xxW-");
  CHECK(re("a(x*)b").replace_all("-ab-axxb-", "$1W") == "---");
  CHECK(re("a(x*)b").replace_all("-ab-", "$$x") == "-$x-");
  CHECK(re("(?P<k>a)").replace_all("a", "<$k>") == "<a>");
  CHECK(re("(?<k>a)").replace_all("a", "<$k>") == "<a>");
  CHECK(re("a(x*)b").replace_all_literal("-ab-axxb-", "${1}") == "-${1}-${1}-");
  CHECK(re("z+").split("pizza", -1) == Strings{"pi", "a"});
  CHECK(re("").split("abc", -1) == Strings{"a", "b", "c"});
  CHECK(re("z").split("pizza", 2) == Strings{"pi", "za"});
  CHECK(re("x*").replace_all("abc", "-") == "-a-b-c-");
  CHECK_FALSE(Regex::compile("a(").ok());
  CHECK_FALSE(Regex::compile("(?=a)").ok());
  CHECK(Regex::quote("1.2.3[x]") == "1\\.2\\.3\\[x\\]");
}

TEST_CASE("words are split as sprig splits them") {
  CHECK(snake_case("FirstName", '_') == "first_name");
  CHECK(snake_case("HTTPServer", '_') == "http_server");
  CHECK(snake_case("NoHTTPS", '_') == "no_https");
  CHECK(snake_case("GO PATH", '_') == "go_path");
  CHECK(snake_case("http2xx", '_') == "http_2xx");
  CHECK(snake_case("HTTP20xOK", '_') == "http_20x_ok");
  CHECK(snake_case("Duration2m3s", '_') == "duration_2m3s");
  CHECK(snake_case("Bld4Floor3rd", '_') == "bld4_floor_3rd");
  CHECK(snake_case("FirstName", '-') == "first-name");
  CHECK(pascal_case("http_server") == "HttpServer");
  CHECK(pascal_case("_complex__case_") == "_Complex_Case_");
  CHECK(pascal_case("GOLANG_IS_GREAT") == "GolangIsGreat");
  CHECK(title("hello wORLD foo_bar a-b") == "Hello WORLD Foo_bar A-B");
  CHECK(untitle("Hello World") == "hello world");
  CHECK(swap_case("This Is A.Test") == "tHIS iS a.tEST");
  CHECK(initials("First Try") == "FT");
  CHECK(wrap("Hello World and more", 5, "", false) == "Hello\nWorld\nand\nmore");
  CHECK(wrap("Averylongword x", 5, "|", true) == "Avery|longw|ord x");
  CHECK(abbreviate("hello world", 0, 5) == "he...");
  CHECK(abbreviate("1234 5678 9123", 5, 10) == "...5678...");
  CHECK(upper("stra\xC3\x9F\x65 \xC3\xA9") == "STRA\xC3\x9F\x45 \xC3\x89");
}

TEST_CASE("times are printed and read with Go's layouts") {
  const GoTime time{
      nautilus::port::WallTime(std::chrono::seconds(1136239445) + std::chrono::nanoseconds(123456789)), {}, false};
  CHECK(format_time(time, "2006-01-02T15:04:05Z07:00") == "2006-01-02T22:04:05Z");
  CHECK(format_time(time, "Mon Jan _2 3:04:05PM 06 MST -0700 .000 .999999") ==
        "Mon Jan  2 10:04:05PM 06 UTC +0000 .123 .123456");
  CHECK(format_time(time, "Monday, January 2 002 __2") == "Monday, January 2 002   2");
  CHECK(time_text(time) == "2006-01-02 22:04:05.123456789 +0000 UTC");
  CHECK(time_text(GoTime{{}, {}, true}) == "0001-01-01 00:00:00 +0000 UTC");
  const auto parsed = parse_time("2006-01-02 15:04:05 -0700", "2020-02-29 12:30:00 +0200");
  REQUIRE(parsed.ok());
  CHECK(unix_seconds(*parsed) == 1582972200);
  CHECK(format_time(*parsed, "15:04 -07:00") == "12:30 +02:00");
  CHECK_FALSE(parse_time("2006-01-02", "2021-02-29").ok());
  CHECK_FALSE(parse_time("2006-01-02", "2021-02-28x").ok());
}

TEST_CASE("durations are read and printed as Go's") {
  CHECK(parse_duration("1h2m3.5s") == 3'723'500'000'000);
  CHECK(parse_duration("-1.5h") == -5'400'000'000'000);
  CHECK(parse_duration("1h15m30.918273645s") == 4'530'918'273'645);
  for (const char* bad : {"", "3", "h", "1x", "-", ".s", "9999999999h"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad).has_value());
  }
  CHECK(duration_text(3'600'000'000'000) == "1h0m0s");
  CHECK(duration_text(95'000'000'000) == "1m35s");
  CHECK(duration_text(1'500'000) == "1.5ms");
  CHECK(duration_text(0) == "0s");
}

TEST_CASE("URLs are taken apart and put together") {
  const auto url = Url::parse("http://admin:se%20cret@server.com:8080/api/a%2Fb?list=false#anchor");
  REQUIRE(url.ok());
  CHECK(url->scheme == "http");
  CHECK(url->host == "server.com:8080");
  CHECK(url->hostname() == "server.com");
  CHECK(url->path == "/api/a/b");
  CHECK(url->query == "list=false");
  CHECK(url->fragment == "anchor");
  CHECK(url->userinfo() == "admin:se%20cret");
  CHECK(url->text() == "http://admin:se%20cret@server.com:8080/api/a%2Fb?list=false#anchor");
  CHECK(Url::parse("mailto:a@b")->opaque == "a@b");
  CHECK(Url::parse("http://[::1]:80/")->hostname() == "::1");
  for (const char* bad : {"http://a b/", "http://h:port/", "%zz", ":x", "http://[::1"}) {
    CAPTURE(bad);
    CHECK_FALSE(Url::parse(bad).ok());
  }
}
