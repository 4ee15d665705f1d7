#include "core/check/check.h"

#include "core/value/escape.h"
#include "core/value/redact.h"
#include "core/value/utf8.h"

namespace nautilus::check {

std::string_view word(State state) {
  switch (state) {
    case State::ok: return "ok";
    case State::warn: return "warn";
    case State::fail: return "fail";
    case State::could_not_check: return "could-not-check";
    case State::not_applicable: return "not-applicable";
  }
  return "";
}

void Outcome::found(Finding finding) {
  failed_ = failed_ || finding.severity == Severity::fail;
  if (findings_.size() == kMaxFindings) {
    ++left_out_;
    return;
  }
  finding.object = value::escape_control(finding.object);
  finding.evidence = value::escape_control(value::redact_text(finding.evidence));
  if (finding.evidence.size() > kMaxEvidenceBytes)
    finding.evidence = value::valid_utf8(finding.evidence.substr(0, kMaxEvidenceBytes)) + "...";
  finding.hint = value::escape_control(finding.hint);
  finding.command = value::escape_control(finding.command);
  findings_.push_back(std::move(finding));
}

void Outcome::could_not(std::string why, std::string hint) {
  for (const Gap& gap : gaps_)
    if (gap.why == why) return;
  gaps_.push_back({std::move(why), std::move(hint)});
}

void Outcome::not_applicable(std::string why) { not_applicable_ = std::move(why); }

void Outcome::note(std::string text) { notes_.push_back(std::move(text)); }

State Outcome::state() const {
  if (failed_) return State::fail;
  if (!findings_.empty()) return State::warn;
  if (!gaps_.empty()) return State::could_not_check;
  return not_applicable_.empty() ? State::ok : State::not_applicable;
}

std::string Outcome::reason() const {
  if (!findings_.empty()) return findings_.front().object + ": " + findings_.front().evidence;
  if (!gaps_.empty()) return gaps_.front().why;
  if (!not_applicable_.empty()) return not_applicable_;
  return notes_.empty() ? std::string() : notes_.front();
}

}  // namespace nautilus::check
