#include "core/canary/threshold.h"

#include <cmath>

namespace nautilus::canary {

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::promote: return "promote";
    case Outcome::hold: return "hold";
    case Outcome::rollback: return "rollback";
  }
  return "?";
}

Json to_json(const Analysis& analysis) {
  Json readings = Json::array();
  for (const Reading& reading : analysis.readings)
    readings.push_back({{"name", reading.metric},
                        {"value", reading.value ? fmt::format("{:g}", *reading.value) : ""},
                        {"verdict", name(reading.outcome)},
                        {"text", reading.text}});
  return readings;
}

std::string filled_in(std::string query, const Subject& subject) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(subject.now - subject.since).count();
  replace_all(query, "{{namespace}}", subject.namespace_);
  replace_all(query, "{{stable}}", subject.stable);
  replace_all(query, "{{canary}}", subject.canary.empty() ? subject.stable : subject.canary);
  replace_all(query, "{{since}}", fmt::format("{}s", std::max<long long>(seconds, 1)));
  return query;
}

Reading ThresholdAnalyst::read(const Metric& metric, const Subject& subject) {
  Reading reading{metric.name, {}, Outcome::hold, ""};
  auto value = query_(filled_in(metric.query, subject), subject.now);
  if (!value.ok()) {
    reading.text = fmt::format("{}: no data: {}", metric.name, value.error().message);
  } else if (!*value || !std::isfinite(**value)) {
    reading.text = metric.name + ": no data";
  } else {
    reading.value = **value;
    const double v = *reading.value;
    reading.outcome = Outcome::promote;
    reading.text = fmt::format("{} {:g}", metric.name, v);
    if (metric.max && v > *metric.max) {
      reading.outcome = Outcome::rollback;
      reading.text += fmt::format(" > {:g}", *metric.max);
    } else if (metric.min && v < *metric.min) {
      reading.outcome = Outcome::rollback;
      reading.text += fmt::format(" < {:g}", *metric.min);
    }
  }
  return reading;
}

Analysis ThresholdAnalyst::analyse(const Criteria& criteria, const Subject& subject) {
  Analysis out{Outcome::promote, "", {}};
  bool enough = true;
  if (!criteria.samples_query.empty()) {
    Reading samples = read({"samples", criteria.samples_query, {}, {}}, subject);
    enough = samples.value && *samples.value >= criteria.min_samples;
    samples.outcome = enough ? Outcome::promote : Outcome::hold;
    if (samples.value && !enough) samples.text += fmt::format(" of {:g}", criteria.min_samples);
    out.readings.push_back(std::move(samples));
  }
  for (const Metric& metric : criteria.metrics) {
    Reading reading = read(metric, subject);
    // Too few samples prove nothing, neither way.
    if (!enough) reading.outcome = Outcome::hold;
    out.readings.push_back(std::move(reading));
  }
  for (const Outcome worst : {Outcome::rollback, Outcome::hold})
    for (const Reading& reading : out.readings)
      if (reading.outcome == worst && out.outcome == Outcome::promote) {
        out.outcome = worst;
        out.reason = reading.text;
      }
  if (out.reason.empty()) out.reason = out.readings.empty() ? "no metrics are asked for" : "every metric is in bounds";
  return out;
}

}  // namespace nautilus::canary
