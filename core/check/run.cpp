#include "core/check/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/text.h"

namespace nautilus::check {

namespace {

// Whether the check may look. What keeps it from it, or narrows what it sees, is told in the outcome.
bool ready(const Snapshot& snapshot, const Check& check, Outcome& outcome) {
  bool may = true;
  for (const Need& need : check.needs) {
    const Snapshot::Entry& entry = snapshot.entry(*need.source);
    const bool required = need.how == Need::How::required;
    const std::string what = need.source->text();
    switch (entry.reach) {
      case Snapshot::Reach::everywhere: continue;
      case Snapshot::Reach::one_namespace:
        outcome.note(fmt::format("{} of the namespace {} only: listing them everywhere is not allowed", what,
                                 snapshot.own_namespace()));
        continue;
      case Snapshot::Reach::not_served:
        if (!required) continue;
        if (need.source->addon)
          outcome.not_applicable(fmt::format("the cluster serves no {}", what));
        else
          outcome.could_not(fmt::format("the cluster serves no {}", what));
        break;
      case Snapshot::Reach::not_asked:
      case Snapshot::Reach::failed: {
        const std::string why = entry.reach == Snapshot::Reach::failed ? entry.error.text() : "they were not read";
        if (required)
          outcome.could_not(fmt::format("{} could not be read: {}", what, why), entry.error.hint);
        else
          outcome.note(fmt::format("without {}: {}", what, why));
        break;
      }
    }
    may = may && !required;
  }
  return may;
}

}  // namespace

std::vector<Judged> run(const Facts& facts, const std::vector<const Check*>& checks) {
  std::vector<Judged> judged;
  judged.reserve(checks.size());
  for (const Check* check : checks) {
    Outcome outcome;
    if (ready(facts.snapshot, *check, outcome)) check->look(facts, outcome);
    judged.push_back({check->about, std::move(outcome)});
  }
  return judged;
}

Result<std::vector<const Check*>> select(const std::vector<Check>& all, const std::vector<std::string>& words) {
  const auto named = [](const Check& check, const std::string& word) {
    return check.about.id == word || check.about.flow() == word;
  };
  for (const std::string& word : words) {
    if (std::any_of(all.begin(), all.end(), [&](const Check& check) { return named(check, word); })) continue;
    std::vector<std::string> known;
    for (const Check& check : all)
      for (const std::string_view name : {check.about.id, check.about.flow()})
        if (known.empty() || std::find(known.begin(), known.end(), name) == known.end()) known.emplace_back(name);
    const std::string near = base::did_you_mean(word, known);
    return Error(Code::usage, fmt::format("there is no check {}", word),
                 near.empty() ? "`nautilusctl doctor explain` lists them" : fmt::format("did you mean {}?", near));
  }
  std::vector<const Check*> chosen;
  for (const Check& check : all)
    if (words.empty() ||
        std::any_of(words.begin(), words.end(), [&](const std::string& word) { return named(check, word); }))
      chosen.push_back(&check);
  return chosen;
}

std::vector<const Source*> sources_of(const std::vector<const Check*>& checks) {
  std::vector<const Source*> sources;
  for (const Check* check : checks)
    for (const Need& need : check->needs)
      if (std::find(sources.begin(), sources.end(), need.source) == sources.end()) sources.push_back(need.source);
  return sources;
}

Counts count(const std::vector<Judged>& judged) {
  Counts counts;
  for (const Judged& one : judged) switch (one.outcome.state()) {
      case State::ok: ++counts.ok; break;
      case State::warn: ++counts.warn; break;
      case State::fail: ++counts.fail; break;
      case State::could_not_check: ++counts.could_not_check; break;
      case State::not_applicable: ++counts.not_applicable; break;
    }
  return counts;
}

int exit_code(const Counts& counts) {
  if (counts.fail + counts.warn > 0) return base::exit_code(Code::refused);
  return counts.could_not_check > 0 ? base::exit_code(Code::partial) : 0;
}

}  // namespace nautilus::check
