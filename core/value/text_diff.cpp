// Unified diffs by Myers' O(ND) algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986), greedy form.
#include <unordered_map>

#include "core/value/diff.h"
#include "core/value/escape.h"
#include "core/value/yaml.h"

namespace nautilus::value {

namespace {

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// A run of the edit script: `kept` equal lines, then `removed` of the first text, then `added` of the second.
struct Run {
  std::size_t kept = 0, removed = 0, added = 0;
};

void push(std::vector<Run>& runs, std::size_t kept, std::size_t removed, std::size_t added) {
  if (kept > 0 || runs.empty()) {
    runs.push_back({kept, removed, added});
  } else {
    runs.back().removed += removed;
    runs.back().added += added;
  }
}

// The script between a[0..n) and b[0..m), whose lines are numbers now. Whole replacement if it needs too many edits.
std::vector<Run> script(const std::vector<int>& a, const std::vector<int>& b) {
  const auto n = static_cast<long>(a.size()), m = static_cast<long>(b.size());
  const long limit = std::min<long>(n + m, static_cast<long>(kMaxEdits));
  std::vector<long> reach(static_cast<std::size_t>(2 * limit + 3), 0);  // furthest x on each diagonal
  const auto at = [&](long k) -> long& { return reach[static_cast<std::size_t>(k + limit + 1)]; };
  std::vector<std::vector<long>> trace;
  long edits = -1;
  for (long d = 0; d <= limit && edits < 0; ++d) {
    for (long k = -d; k <= d; k += 2) {
      long x = k == -d || (k != d && at(k - 1) < at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
      long y = x - k;
      while (x < n && y < m && y >= 0 && a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(y)]) ++x, ++y;
      at(k) = x;
      if (x >= n && y >= m) {
        edits = d;
        break;
      }
    }
    trace.emplace_back(reach.begin() + (limit + 1 - d), reach.begin() + (limit + 2 + d));  // diagonals -d..d
  }
  if (edits < 0) return {{0, a.size(), b.size()}};
  // Walk back from the end; each step is one insertion or removal followed by a run of equal lines.
  struct Step {
    long kept_after;
    bool removal;
  };
  std::vector<Step> steps;
  long x = n, y = m;
  for (long d = edits; d > 0; --d) {
    const auto& previous = trace[static_cast<std::size_t>(d - 1)];  // diagonals -(d-1)..(d-1)
    const auto furthest = [&](long k) {
      return k < -(d - 1) || k > d - 1 ? -1L : previous[static_cast<std::size_t>(k + d - 1)];
    };
    const long k = x - y;
    const bool down = k == -d || (k != d && furthest(k - 1) < furthest(k + 1));
    const long from_x = down ? furthest(k + 1) : furthest(k - 1);
    const long after_x = down ? from_x : from_x + 1;
    steps.push_back({x - after_x, !down});
    x = from_x;
    y = x - (down ? k + 1 : k - 1);
  }
  std::vector<Run> runs;
  long kept = x;  // the equal lines before the first edit
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    push(runs, static_cast<std::size_t>(kept), step->removal ? 1 : 0, step->removal ? 0 : 1);
    kept = step->kept_after;
  }
  if (kept > 0) push(runs, static_cast<std::size_t>(kept), 0, 0);
  return runs;
}

std::vector<Run> runs_between(const Lines& before, const Lines& after) {
  std::size_t head = 0, tail = 0;
  while (head < before.size() && head < after.size() && before[head] == after[head]) ++head;
  while (tail < before.size() - head && tail < after.size() - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  std::unordered_map<std::string_view, int> numbers;
  const auto number = [&](const Lines& lines) {
    std::vector<int> out;
    for (std::size_t i = head; i < lines.size() - tail; ++i)
      out.push_back(numbers.emplace(lines[i], static_cast<int>(numbers.size())).first->second);
    return out;
  };
  const std::vector<int> a = number(before), b = number(after);
  if (a.empty() && b.empty()) return {};
  std::vector<Run> runs = script(a, b);
  if (!runs.empty()) runs.front().kept += head;
  runs.push_back({tail, 0, 0});
  return runs;
}

void write_line(std::string& out, char sign, std::string_view line) {
  out += sign;
  out += escape_control(line);
  out += '\n';
}

// "@@ -3,7 +3,8 @@"; a length of one is left out, an empty range names the line before it.
void write_range(std::string& out, char sign, std::size_t start, std::size_t length) {
  fmt::format_to(std::back_inserter(out), "{}{}", sign, length == 0 ? start : start + 1);
  if (length != 1) fmt::format_to(std::back_inserter(out), ",{}", length);
}

class Hunks {
 public:
  Hunks(const Lines& before, const Lines& after, std::size_t context)
      : before_(before), after_(after), context_(context) {}

  std::string write(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
      if (!open_) {
        const std::size_t lead = std::min(run.kept, context_);
        skip(run.kept - lead);
        if (run.removed + run.added == 0) break;
        begin();
        keep(lead);
      } else if (run.kept > 2 * context_ || run.removed + run.added == 0) {
        keep(std::min(run.kept, context_));
        end();
        const std::size_t rest = run.kept - std::min(run.kept, context_);
        if (run.removed + run.added == 0) break;
        const std::size_t lead = std::min(rest, context_);
        skip(rest - lead);
        begin();
        keep(lead);
      } else {
        keep(run.kept);
      }
      for (std::size_t i = 0; i < run.removed; ++i) write_line(body_, '-', before_[x_++]);
      for (std::size_t i = 0; i < run.added; ++i) write_line(body_, '+', after_[y_++]);
    }
    if (open_) end();
    return std::move(out_);
  }

 private:
  void skip(std::size_t lines) { x_ += lines, y_ += lines; }
  void keep(std::size_t lines) {
    for (std::size_t i = 0; i < lines; ++i) write_line(body_, ' ', before_[x_++]), ++y_;
  }
  void begin() {
    open_ = true;
    from_x_ = x_, from_y_ = y_;
    body_.clear();
  }
  void end() {
    open_ = false;
    out_ += "@@ ";
    write_range(out_, '-', from_x_, x_ - from_x_);
    out_ += ' ';
    write_range(out_, '+', from_y_, y_ - from_y_);
    out_ += " @@\n" + body_;
  }

  const Lines &before_, &after_;
  std::size_t context_, x_ = 0, y_ = 0, from_x_ = 0, from_y_ = 0;
  bool open_ = false;
  std::string out_, body_;
};

std::string shown(Json object) {
  if (object.is_null()) return "";
  if (auto metadata = object.is_object() ? object.find("metadata") : object.end();
      object.is_object() && metadata != object.end() && metadata->is_object())
    for (const char* key : {"managedFields", "resourceVersion", "generation"}) metadata->erase(key);
  return to_yaml(object);
}

}  // namespace

std::string unified_text_diff(std::string_view before, std::string_view after, std::string_view title,
                              std::size_t context) {
  if (before == after) return "";
  const Lines a = split(before), b = split(after);
  std::string hunks = Hunks(a, b, context).write(runs_between(a, b));
  if (hunks.empty()) return "";
  const std::string name = escape_control(title);
  return fmt::format("--- {0} (live)\n+++ {0} (planned)\n{1}", name, hunks);
}

std::string unified_diff(const Json& before, const Json& after, std::string_view title, std::size_t context) {
  if (before == after) return "";
  return unified_text_diff(shown(before), shown(after), title, context);
}

}  // namespace nautilus::value
