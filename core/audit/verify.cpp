#include "core/audit/verify.h"

#include <map>

namespace nautilus::audit {

namespace {

class Checking {
 public:
  std::vector<Finding> run(const std::vector<std::string>& lines) {
    std::int64_t expected = 0;
    std::map<std::int64_t, std::string> digests;  // by index, of every readable record
    std::vector<Entry> entries;
    for (std::size_t place = 0; place < lines.size(); ++place) {
      auto entry = from_line(lines[place]);
      if (!entry.ok()) {
        add(Finding::Kind::unreadable, expected, "line {} is no record: {}", place + 1, entry.error().message);
        ++expected;
        continue;
      }
      position(*entry, expected, digests);
      if (digest_of(*entry) != entry->digest)
        add(Finding::Kind::tampered, entry->index, "record {} was changed: its digest is another one", entry->index);
      digests.emplace(entry->index, entry->digest);
      expected = std::max(expected, entry->index + 1);
      entries.push_back(std::move(*entry));
    }
    for (const Entry& entry : entries) link(entry, digests);
    return std::move(findings_);
  }

 private:
  template <class... Args>
  void add(Finding::Kind kind, std::int64_t index, fmt::format_string<Args...> text, Args&&... args) {
    if (findings_.size() < kMaxFindings)
      findings_.push_back({kind, index, fmt::format(text, std::forward<Args>(args)...)});
  }

  void position(const Entry& entry, std::int64_t expected, const std::map<std::int64_t, std::string>& seen) {
    if (entry.index == expected) return;
    if (seen.contains(entry.index))
      return add(Finding::Kind::doubled, entry.index, "record {} is there twice", entry.index);
    if (entry.index < expected)
      return add(Finding::Kind::reordered, entry.index, "record {} stands behind record {}", entry.index, expected - 1);
    if (entry.index == expected + 1)
      return add(Finding::Kind::gap, expected, "record {} is missing before record {}", expected, entry.index);
    add(Finding::Kind::gap, expected, "records {} to {} are missing", expected, entry.index - 1);
  }

  void link(const Entry& entry, const std::map<std::int64_t, std::string>& digests) {
    if (entry.index == 0) {
      if (entry.previous != first_previous())
        add(Finding::Kind::broken, 0, "record 0 follows another one: the beginning was cut off");
      return;
    }
    const auto before = digests.find(entry.index - 1);
    if (before != digests.end() && before->second != entry.previous)
      add(Finding::Kind::broken, entry.index, "record {} does not follow the record {} that is here", entry.index,
          entry.index - 1);
  }

  std::vector<Finding> findings_;
};

}  // namespace

std::string_view name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::unreadable: return "unreadable";
    case Finding::Kind::tampered: return "tampered";
    case Finding::Kind::gap: return "gap";
    case Finding::Kind::reordered: return "reordered";
    case Finding::Kind::doubled: return "doubled";
    case Finding::Kind::broken: return "broken";
    case Finding::Kind::cut: return "cut";
  }
  return "?";
}

std::vector<Finding> verify(const std::vector<std::string>& lines, const std::vector<std::string>& against) {
  auto findings = Checking().run(lines);
  for (std::size_t i = 0; i < against.size() && findings.size() < kMaxFindings; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    if (i >= lines.size()) {
      findings.push_back({Finding::Kind::cut, index,
                          fmt::format("the earlier export has {} records, here are {}: the end was cut off",
                                      against.size(), lines.size())});
      break;
    }
    if (lines[i] != against[i]) {
      findings.push_back({Finding::Kind::tampered, index,
                          fmt::format("record {} is not the one of the earlier export: the chain was rewritten from "
                                      "here on", i)});
      break;
    }
  }
  return findings;
}

}  // namespace nautilus::audit
