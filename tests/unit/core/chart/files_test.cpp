// Globs, ignore rules, and archives that mean harm.
#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>

#include "core/chart/glob.h"
#include "core/chart/ignore.h"
#include "core/chart/load.h"
#include "tests/unit/core/chart/memory_filesystem.h"

using nautilus::Code;
using namespace nautilus::chart;

namespace {

struct Entry {
  std::string name = {}, data = {};
  int type = AE_IFREG;
  std::string link = {};
};

std::string tgz(const std::vector<Entry>& entries) {
  std::string out(64u << 20, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const Entry& one : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, one.name.c_str());
    archive_entry_set_filetype(entry, static_cast<unsigned>(one.type));
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(one.data.size()));
    if (one.type == AE_IFLNK) archive_entry_set_symlink(entry, one.link.c_str());
    if (one.type == AE_IFREG && !one.link.empty()) archive_entry_set_hardlink(entry, one.link.c_str());
    archive_write_header(writer, entry);
    archive_write_data(writer, one.data.data(), one.data.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

const Entry kChart{"c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"};

void check_archive_refused(const Entry& bad, Code code) {
  CAPTURE(bad.name);
  const auto loaded = load_archive(tgz({kChart, bad}), "c.tgz");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().code == code);
  CHECK(loaded.error().where == "c.tgz");
}

void check_glob(const char* pattern, const char* name, bool expected) {
  CAPTURE(pattern);
  CAPTURE(name);
  const auto glob = Glob::compile(pattern);
  REQUIRE(glob.ok());
  CHECK(glob->matches(name) == expected);
}

void check_ignored(const char* rules, const char* path, bool directory, bool expected) {
  CAPTURE(rules);
  CAPTURE(path);
  auto parsed = IgnoreRules::parse(rules, ".helmignore");
  REQUIRE(parsed.ok());
  parsed->add_defaults();
  CHECK(parsed->ignored(path, directory) == expected);
}

}  // namespace

TEST_CASE("globs match as the ones of .Files.Glob do") {
  check_glob("*.txt", "a.txt", true);
  check_glob("*.txt", "d/a.txt", false);
  check_glob("**.txt", "d/a.txt", true);
  check_glob("d/**", "d/e/f", true);
  check_glob("d/*", "d/e/f", false);
  check_glob("{a,b}.{x,y}", "b.x", true);
  check_glob("{a,b}.{x,y}", "b.z", false);
  check_glob("{a,{b,c}d}", "cd", true);
  check_glob("[a-c]?", "bz", true);
  check_glob("[!a-c]", "b", false);
  check_glob("\\*", "*", true);
  check_glob("\\*", "x", false);
  check_glob("?", "/", false);
  check_glob("a**b**c", "a/x/b/y/c", true);
  check_glob("", "", true);
  CHECK_FALSE(Glob::compile("[a").ok());
  CHECK_FALSE(Glob::compile("{a").ok());
  CHECK(Glob::compile("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").error().code == Code::limit);
  const std::string stars(200, '*');
  check_glob((stars + "b").c_str(), std::string(2000, 'a').c_str(), false);
}

TEST_CASE("ignore rules follow Helm, not git") {
  check_ignored("*.txt", "d/a.txt", false, true);
  check_ignored("/a.txt", "a.txt", false, true);
  check_ignored("/a.txt", "d/a.txt", false, false);
  check_ignored("d/", "d", true, true);
  check_ignored("d/", "d", false, false);
  check_ignored("d/*.tmp", "d/x.tmp", false, true);
  check_ignored("d/*.tmp", "e/d/x.tmp", false, false);
  check_ignored("a[b-d].x", "ac.x", false, true);
  check_ignored("a[^b].x", "ab.x", false, false);
  check_ignored("!keep", "other", false, true);
  check_ignored("!keep", "keep", false, false);
  check_ignored("  # comment\n\n", "# comment", false, false);
  check_ignored("", "templates/.swp", false, true);
  check_ignored("", "templates/a", false, false);
  check_ignored("a\\*b", "a*b", false, true);
  CHECK_FALSE(IgnoreRules::parse("a/**/b", "f").ok());
  CHECK_FALSE(IgnoreRules::parse("[a", "f").ok());
}

TEST_CASE("an archive cannot reach outside its chart") {
  check_archive_refused({"c/../../etc/passwd", "x"}, Code::refused);
  check_archive_refused({"c/../..", "x"}, Code::refused);
  check_archive_refused({"c//etc/passwd", "x"}, Code::refused);
  check_archive_refused({"/etc/passwd/../../..", "x"}, Code::refused);
  check_archive_refused({"c\\..\\..\\x", "x"}, Code::refused);
  check_archive_refused({"c/c:/windows", "x"}, Code::refused);
  check_archive_refused({"c\\c:\\windows", "x"}, Code::refused);
  check_archive_refused({"alone", "x"}, Code::refused);
  check_archive_refused({"Chart.yaml", "x"}, Code::invalid);
  check_archive_refused({"c/templates/link", "", AE_IFLNK, "/etc/passwd"}, Code::refused);
  check_archive_refused({"c/templates/hard", "", AE_IFREG, "/etc/passwd"}, Code::refused);
  check_archive_refused({"c/fifo", "", AE_IFIFO}, Code::refused);
}

TEST_CASE("a chart is bounded in size") {
  check_archive_refused({"c/big", std::string((5u << 20) + 1, 'x')}, Code::limit);
  std::vector<Entry> many{kChart};
  const std::string block(5u << 20, '\0');
  for (int i = 0; i < 21; ++i) many.push_back({"c/f" + std::to_string(i), block});
  const auto loaded = load_archive(tgz(many), "c.tgz");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().code == Code::limit);
}

TEST_CASE("what is no archive is refused") {
  CHECK(load_archive("apiVersion: v2\n", "values.yaml").error().message == "not a gzipped archive");
  const std::string good = tgz({kChart, {"c/templates/a.yaml", std::string(10000, 'x')}});
  CHECK(load_archive(good, "c").ok());
  for (const std::size_t cut : {std::size_t{2}, good.size() / 2, good.size() - 9}) {
    CAPTURE(cut);
    CHECK_FALSE(load_archive(std::string_view(good).substr(0, cut), "c.tgz").ok());
  }
  CHECK_FALSE(load_archive(tgz({}), "c.tgz").ok());
  CHECK(load_archive(tgz({{"c/values.yaml", ""}}), "c.tgz").error().message == "there is no Chart.yaml");
}

TEST_CASE("a directory with a link, a broken file or no Chart.yaml is refused") {
  nautilus::chart_test::MemoryFilesystem disk;
  disk.files = {{"c/Chart.yaml", kChart.data},
                {"c/templates/a.yaml", "a: 1"},
                {"c/.helmignore", "ignored\n"},
                {"c/ignored", "x"}};
  CHECK(load(disk, "c/").ok());
  disk.links = {"c/ignored"};
  CHECK(load(disk, "c").ok());
  disk.links = {"c/templates/a.yaml"};
  CHECK(load(disk, "c").error().code == Code::refused);
  disk.links.clear();
  disk.broken = {"c/templates/a.yaml"};
  CHECK(load(disk, "c").error().code == Code::io);
  disk.files.erase("c/Chart.yaml");
  disk.broken.clear();
  CHECK(load(disk, "c").error().code == Code::invalid);
  CHECK(load(disk, "nowhere").error().code == Code::not_found);
}
