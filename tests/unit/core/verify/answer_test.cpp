#include "core/verify/answer.h"

#include "core/verify/checks/cron.h"
#include "core/verify/report.h"
#include "core/verify/settings.h"
#include "tests/unit/core/verify/judge.h"

using namespace nautilus;
using namespace nautilus::verify;

TEST_CASE("one failure refutes, one missing fact makes unknown, one thing that holds proves, nothing does not apply") {
  Answer answer;
  CHECK(answer.verdict() == Verdict::not_applicable);
  answer.read("Pod a/b: spec", "1");
  answer.step("1 + 1 = 2");
  CHECK(answer.verdict() == Verdict::not_applicable);
  answer.holds("good");
  CHECK(answer.verdict() == Verdict::proved);
  answer.missing("not declared", "environment x");
  CHECK(answer.verdict() == Verdict::unknown);
  CHECK(answer.reason() == "environment x: not declared");
  answer.fails("bad");
  answer.fails("worse");
  CHECK(answer.verdict() == Verdict::refuted);
  CHECK(answer.reason() == "bad (and 1 more)");
}

TEST_CASE("lines beyond the bound are counted, long values cut, control characters escaped") {
  Answer answer;
  for (int i = 0; i < 100; ++i) answer.fails("no");
  CHECK(answer.lines().size() == kMaxLines);
  CHECK(answer.left_out() == 100 - kMaxLines);
  answer.read("where", std::string(1000, 'x'), "\x1b[31mred");
  CHECK(answer.lines().back().value.size() == kMaxValueBytes);
  CHECK(answer.lines().back().text == "\\x1b[31mred");
}

TEST_CASE("the longest gap between two runs of a cron expression") {
  const struct {
    const char* text;
    std::int64_t gap;
  } rows[] = {
      {"*/15 * * * *", 15 * 60},
      {"0 * * * *", 3600},
      {"0 2 * * *", 86'400},
      {"0 4 * * 0", 7 * 86'400},
      {"0 4 * * 7", 7 * 86'400},
      {"0 4 * * sun", 7 * 86'400},
      {"10,40 13-21 * * 1-5", 228'600},
      {"@daily", 86'400},
      {"@every 90s", 90},
      {"CRON_TZ=UTC 0 2 * * *", 86'400},
      {"0 0 1 * *", 31 * 86'400},
      {"0 0 29 2 *", 1461 * 86'400ll},
      {"0 0 30 2 *", 8 * 366 * 86'400ll},
      {"0 0 13 * 5", 7 * 86'400},  // either day is enough, as cron has always had it
      {"5-59/20 0 * * *", 86'400 - 40 * 60},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.text));
    const auto cron = Cron::parse(row.text);
    REQUIRE_MESSAGE(cron.ok(), cron.error().message);
    CHECK(cron->longest_gap() == row.gap);
  }
  for (const char* text :
       {"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *", "5-1 * * * *",
        "*/0 * * * *", "@every", "@every soon", "CRON_TZ=UTC", "1,,2 * * * *", "99999999999 * * * *"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(Cron::parse(text).ok());
  }
}

TEST_CASE("settings are read as their daemons read them") {
  CHECK(directive("maxmemory 1gb\n# maxmemory 2gb\nmaxmemory-policy x\nmaxmemory \"3mb\"\n", "maxmemory") == "3mb");
  CHECK_FALSE(directive("maxmemory-policy x\n", "maxmemory"));
  CHECK(redis_bytes("2560mb") == 2560ll << 20);
  CHECK(redis_bytes("1k") == 1000);
  CHECK(redis_bytes("1KB") == 1024);
  CHECK_FALSE(redis_bytes("many"));
  CHECK(postgres_bytes("4GB", 8192) == 4ll << 30);
  CHECK(postgres_bytes("100", 8192) == 819'200);
  CHECK_FALSE(postgres_bytes("4gb", 8192));
  CHECK_FALSE(postgres_bytes("9223372036854775807kB", 1));
  CHECK(seconds("15min") == 900);
  CHECK(seconds("1500ms") == 2);
  CHECK(seconds("90d") == 90 * 86'400);
  CHECK_FALSE(seconds("soon"));
  CHECK(ini_value("a = 1\n[s]\na = 2 ; x\n[t]\na=3\n", "t", "a") == "3");
  CHECK(ini_section("[d]\nx = host=a pool_size=3\n", "d")[0].value == "host=a pool_size=3");
  CHECK(word_value("host=a pool_size=3", "pool_size") == "3");
  CHECK_FALSE(word_value("host=a", "pool_size"));
  CHECK(bytes_text(5.0 * (1 << 20)) == "5.0 MiB");
}

TEST_CASE("every check has an id of its own, in its area, and says what it promises") {
  std::set<std::string_view> seen;
  std::vector<std::string_view> areas;
  for (const Check* check : checks()) {
    CHECK_MESSAGE(seen.insert(check->id).second, std::string(check->id));
    CHECK(check->id.find('.') != std::string_view::npos);
    CHECK(check->promise.size() > 20);
    CHECK(check->decided.size() > 20);
    CHECK(check->why.size() > 20);
    CHECK(check->todo.size() > 10);
    if (areas.empty() || areas.back() != check->area()) areas.push_back(check->area());
  }
  // Areas are printed once each, so their checks stand together.
  CHECK(std::set<std::string_view>(areas.begin(), areas.end()).size() == areas.size());
}

TEST_CASE("words choose checks, and a word that chooses nothing is a usage error") {
  CHECK(select_checks({})->size() == checks().size());
  CHECK(select_checks({"database.memory"})->size() == 1);
  CHECK(select_checks({"redis", "redis.memory"})->size() == 4);
  for (const char* word : {"", "databas", "database.", "nothing"}) {
    const auto chosen = select_checks({word});
    REQUIRE_FALSE(chosen.ok());
    CHECK(chosen.error().code == Code::usage);
  }
}

TEST_CASE("JUnit stays XML whatever the facts are") {
  std::vector<Judged> judged;
  judged.push_back({find_check("database.memory"), {}});
  judged.back().answer.fails("<&\"> \x01");
  judged.push_back({find_check("redis.memory"), {}});
  judged.back().answer.missing("?");
  const std::string text = report_junit({"a&b", "2026-11-24", false}, judged);
  CHECK(text.find("&lt;&amp;&quot;&gt;") != std::string::npos);
  CHECK(text.find('\x01') == std::string::npos);
  CHECK(text.find("a&amp;b") != std::string::npos);
  CHECK(text.find("failures=\"1\"") != std::string::npos);
  CHECK(report_junit({"a", "d", true}, judged).find("failures=\"2\"") != std::string::npos);
  CHECK(refuses(count(judged), false));
}
