// A check of a live platform, as data: what it looks at, what it means, what to do, and one pure function.
//
// Used by `doctor` (core/check/doctor) and by whoever has to know that all is well before it acts: a check that needs
// more than Facts captures it in its function. Checks never talk to the cluster: they see one Snapshot, so that each
// can be tried on a few objects. Threading: plain values and pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/check/facts.h"

namespace nautilus::check {

enum class Severity { warn, fail };

// What came out. Told apart, because "nothing was found" and "nobody could look" are not the same.
enum class State { ok, warn, fail, could_not_check, not_applicable };
std::string_view word(State state);  // "ok", "warn", "fail", "could-not-check", "not-applicable"

struct Finding {
  Severity severity = Severity::fail;
  std::string object;    // "Deployment nautilus-trading/nautilus-backend"
  std::string evidence;  // what the cluster says, in its own words
  std::string hint;      // what to do
  std::string command;   // where to look further: "kubectl -n nautilus-trading describe pod x"; may be empty
};

inline constexpr std::size_t kMaxFindings = 50;        // of one check; more are counted
inline constexpr std::size_t kMaxEvidenceBytes = 400;  // of one finding; longer is cut

class Outcome {
 public:
  // Evidence is redacted, made safe for a terminal and cut; the rest is ours.
  void found(Finding finding);
  void fail(std::string object, std::string evidence, std::string hint, std::string command = {}) {
    found({Severity::fail, std::move(object), std::move(evidence), std::move(hint), std::move(command)});
  }
  void warn(std::string object, std::string evidence, std::string hint, std::string command = {}) {
    found({Severity::warn, std::move(object), std::move(evidence), std::move(hint), std::move(command)});
  }
  // Something could not be looked at, and the answer would need it. Never turns into ok.
  void could_not(std::string why, std::string hint = {});
  // The platform has nothing of what the check speaks of.
  void not_applicable(std::string why);
  // What was looked at, or left out without harm: "214 pods", "events are not readable: the reason is left out".
  void note(std::string text);

  State state() const;
  const std::vector<Finding>& findings() const { return findings_; }
  std::size_t left_out() const { return left_out_; }
  struct Gap {
    std::string why, hint;
  };
  const std::vector<Gap>& gaps() const { return gaps_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // One sentence for a list: the first finding, gap or reason.
  std::string reason() const;

 private:
  std::vector<Finding> findings_;
  std::vector<Gap> gaps_;
  std::vector<std::string> notes_;
  std::string not_applicable_;
  std::size_t left_out_ = 0;
  bool failed_ = false;
};

// All views are of literals.
struct About {
  std::string_view id;       // "pods.image-pull": flow, then what; never changes its meaning
  std::string_view title;    // what holds where nothing is found: "Every image can be pulled."
  std::string_view looks_at;  // what is read, and what of it counts as a finding
  std::string_view todo;      // what to do about a finding
  std::string_view runbook;   // "NautilusPodNotReady" is docs/runbooks/NautilusPodNotReady.md
  std::string_view flow() const { return id.substr(0, id.find('.')); }
};

// What of the snapshot a check reads.
struct Need {
  const Source* source;
  // evidence: it only makes findings clearer; that it cannot be read is noted and the check goes on.
  enum class How { required, evidence } how = How::required;
};

struct Check {
  About about;
  std::vector<Need> needs;
  std::function<void(const Facts&, Outcome&)> look;
};

}  // namespace nautilus::check
