#include "core/verify/answer.h"

#include <fmt/format.h>

#include "core/value/escape.h"

namespace nautilus::verify {

namespace {

std::string shortened(std::string text, std::size_t most) {
  text = value::escape_control(text);
  if (text.size() <= most) return text;
  std::size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return text.substr(0, end) + "...";
}

}  // namespace

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::proved: return "proved";
    case Verdict::refuted: return "refuted";
    case Verdict::unknown: return "unknown";
    case Verdict::not_applicable: return "not-applicable";
  }
  return "unknown";
}

std::string_view word(Line::Kind kind) {
  switch (kind) {
    case Line::Kind::read: return "read";
    case Line::Kind::step: return "step";
    case Line::Kind::holds: return "holds";
    case Line::Kind::fails: return "fails";
    case Line::Kind::missing: return "missing";
    case Line::Kind::note: return "note";
  }
  return "note";
}

void Answer::add(Line line) {
  if (++counts_[static_cast<int>(line.kind)] > kMaxLines) {
    ++left_out_;
    return;
  }
  line.where = shortened(std::move(line.where), kMaxTextBytes);
  line.value = shortened(std::move(line.value), kMaxValueBytes);
  line.text = shortened(std::move(line.text), kMaxTextBytes);
  lines_.push_back(std::move(line));
}

void Answer::read(std::string where, std::string value, std::string text) {
  add({Line::Kind::read, std::move(where), std::move(value), std::move(text)});
}
void Answer::read(std::string where, std::int64_t value, std::string text) {
  read(std::move(where), std::to_string(value), std::move(text));
}
void Answer::step(std::string text) { add({Line::Kind::step, {}, {}, std::move(text)}); }
void Answer::note(std::string text) { add({Line::Kind::note, {}, {}, std::move(text)}); }
void Answer::holds(std::string text, std::string where) {
  add({Line::Kind::holds, std::move(where), {}, std::move(text)});
}
void Answer::fails(std::string text, std::string where) {
  add({Line::Kind::fails, std::move(where), {}, std::move(text)});
}
void Answer::missing(std::string text, std::string where) {
  add({Line::Kind::missing, std::move(where), {}, std::move(text)});
}
void Answer::judge(bool good, std::string text, std::string where) {
  add({good ? Line::Kind::holds : Line::Kind::fails, std::move(where), {}, std::move(text)});
}

Verdict Answer::verdict() const {
  if (counts_[static_cast<int>(Line::Kind::fails)] > 0) return Verdict::refuted;
  if (counts_[static_cast<int>(Line::Kind::missing)] > 0) return Verdict::unknown;
  if (counts_[static_cast<int>(Line::Kind::holds)] > 0) return Verdict::proved;
  return Verdict::not_applicable;
}

std::string Answer::reason() const {
  Line::Kind wanted = Line::Kind::note;
  switch (verdict()) {
    case Verdict::refuted: wanted = Line::Kind::fails; break;
    case Verdict::unknown: wanted = Line::Kind::missing; break;
    case Verdict::proved: wanted = Line::Kind::holds; break;
    case Verdict::not_applicable: break;
  }
  for (const Line& line : lines_) {
    if (line.kind != wanted) continue;
    std::string text = line.where.empty() ? line.text : line.where + ": " + line.text;
    const std::size_t more = counts_[static_cast<int>(wanted)] - 1;
    if (more > 0 && wanted != Line::Kind::holds && wanted != Line::Kind::note)
      text += fmt::format(" (and {} more)", more);
    return text;
  }
  return "nothing here that the promise speaks of";
}

}  // namespace nautilus::verify
