// Runs every file of the corpora through its target once: what the fuzzers have found stays found.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace nautilus::fuzz {

namespace {
const Registered*& first() {
  static const Registered* head = nullptr;
  return head;
}
}  // namespace

Registered::Registered(const char* target_name, Target target_run) : name(target_name), run(target_run), next(first()) {
  first() = this;
}

namespace {

int run_corpus(const Registered& target, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(folder))
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::printf("%s/%s\n", target.name, file.filename().c_str());  // the last one said is the one that ended it
    std::fflush(stdout);
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    target.run(text.view());
  }
  target.run({});
  return static_cast<int>(files.size());
}

}  // namespace
}  // namespace nautilus::fuzz

int main() {
  using namespace nautilus::fuzz;
  int passed = 0, failed = 0;
  for (const Registered* target = first(); target; target = target->next) {
    const int files = run_corpus(*target, std::filesystem::path(NAUTILUS_CORPORA) / target->name);
    if (files == 0) std::printf("%s has no corpus\n", target->name);
    (files ? passed : failed) += 1;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed ? 1 : 0;
}
