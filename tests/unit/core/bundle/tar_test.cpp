#include "core/bundle/tar.h"

#include <doctest/doctest.h>

#include <array>

using namespace nautilus;
using bundle::TarFile;

namespace {

std::string archive(const std::vector<TarFile>& files) {
  auto bytes = bundle::write_tar(files);
  REQUIRE_MESSAGE(bytes.ok(), bytes.error().text());
  return *bytes;
}

// Sets a header's checksum right again after a test changed it.
void mend(std::string& bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? 32u : static_cast<unsigned char>(bytes[i]);
  bytes.replace(148, 6, fmt::format("{:06o}", sum));
}

}  // namespace

TEST_CASE("what is written is read back, and the same files give the same bytes") {
  const std::string deep = std::string(120, 'd') + "/" + std::string(90, 'n');
  const std::vector<TarFile> files = {{"index.json", "{}"},
                                      {"a/b.yaml", std::string(512, 'x')},
                                      {"empty", ""},
                                      {"zero", std::string(3, '\0')},
                                      {deep, "deep"}};
  const std::string bytes = archive(files);
  CHECK(bytes.size() % 512 == 0);
  CHECK(bytes == archive(files));
  auto back = bundle::read_tar(bytes);
  REQUIRE_MESSAGE(back.ok(), back.error().text());
  REQUIRE(back->size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    CHECK((*back)[i].name == files[i].name);
    CHECK((*back)[i].data == files[i].data);
  }
}

TEST_CASE("names that could leave the folder they are read into are refused in both directions") {
  for (const char* name : {"/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "", ".", "a/", "a\\b", "a\nb"}) {
    CAPTURE(name);
    CHECK_FALSE(bundle::is_safe_name(name));
    CHECK_FALSE(bundle::write_tar({{name, "x"}}).ok());
  }
  std::string bytes = archive({{"aa/bb/cc", "x"}});
  bytes.replace(0, 8, "../bb/cc");
  mend(bytes);
  auto back = bundle::read_tar(bytes);
  REQUIRE_FALSE(back.ok());
  CHECK(back.error().code == Code::refused);
}

TEST_CASE("an archive that is cut, changed or of another kind is refused") {
  const std::string good = archive({{"one", std::string(600, 'a')}, {"two", "b"}});
  for (std::size_t size : std::array<std::size_t, 8>{0, 1, 511, 512, 700, 1024, 1535, 1537}) {
    CAPTURE(size);
    CHECK_FALSE(bundle::read_tar(std::string_view(good).substr(0, size)).ok());
  }
  struct Row {
    std::size_t at;
    char byte;
    bool mended;
    const char* message;
  };
  const Row rows[] = {{0, 'X', false, "damaged"},
                      {156, '2', true, "not a plain file"},  // a symbolic link
                      {156, '5', true, "not a plain file"},  // a folder
                      {257, 'X', true, "ustar"},
                      {124, '9', true, "a number in the archive is none"},
                      {124, '7', true, "ends within one"}};
  for (const Row& row : rows) {
    CAPTURE(row.at);
    std::string bytes = good;
    bytes[row.at] = row.byte;
    if (row.mended) mend(bytes);
    auto back = bundle::read_tar(bytes);
    REQUIRE_FALSE(back.ok());
    CHECK_MESSAGE(back.error().message.find(row.message) != std::string::npos, back.error().message);
  }
  CHECK_FALSE(bundle::read_tar(good + std::string(512, 'x')).ok());
  CHECK_FALSE(bundle::write_tar({{"a", ""}, {"a", ""}}).ok());
}

TEST_CASE("whatever one byte of an archive becomes, reading ends with files or an error") {
  const std::string good = archive({{"a/b", "hello"}, {"c", ""}});
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const char byte : {'\0', '/', '7', '9', '\xff'}) {
      std::string bytes = good;
      bytes[at] = byte;
      if (at < 512) mend(bytes);
      const auto back = bundle::read_tar(bytes);
      refused += back.ok() ? 0 : 1;
      if (!back.ok()) continue;
      for (const TarFile& file : *back) CHECK(bundle::is_safe_name(file.name));
    }
  CHECK(refused > 500);
}
