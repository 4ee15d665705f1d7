// The answer to one promise: proved, refuted or unknown, and the chain of facts that leads there.
//
// A chain is a list of lines in the order of thought: what was read (where, and the value), each step of arithmetic,
// and what follows. One `fails` refutes; else one `missing` makes it unknown; else one `holds` proves it; with none of
// these the promise does not apply here. Lines beyond kMaxLines of a kind are counted, not kept. Values of Secrets
// never enter. Threading: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nautilus::verify {

enum class Verdict { proved, refuted, unknown, not_applicable };
std::string_view word(Verdict verdict);  // "proved", "refuted", "unknown", "not-applicable"

struct Line {
  enum class Kind { read, step, holds, fails, missing, note } kind = Kind::note;
  std::string where;  // "Deployment nautilus-trading/pgbouncer: spec.replicas"; empty for a step
  std::string value;  // what stands there
  std::string text;   // what it means, or the step: "5 x 30 = 150"
};
std::string_view word(Line::Kind kind);

inline constexpr std::size_t kMaxLines = 60;         // of each kind, in one answer
inline constexpr std::size_t kMaxValueBytes = 200;   // of what was read; longer is cut
inline constexpr std::size_t kMaxTextBytes = 1'000;  // of one line

class Answer {
 public:
  void read(std::string where, std::string value, std::string text = {});
  void read(std::string where, std::int64_t value, std::string text = {});
  void step(std::string text);
  void note(std::string text);
  void holds(std::string text, std::string where = {});
  void fails(std::string text, std::string where = {});
  void missing(std::string text, std::string where = {});
  // One of the two, by a condition: the same words for both.
  void judge(bool good, std::string text, std::string where = {});

  Verdict verdict() const;
  // The first line that decided, as one sentence.
  std::string reason() const;
  const std::vector<Line>& lines() const { return lines_; }
  std::size_t left_out() const { return left_out_; }

 private:
  void add(Line line);

  std::vector<Line> lines_;
  std::size_t counts_[6] = {};
  std::size_t left_out_ = 0;
};

}  // namespace nautilus::verify
