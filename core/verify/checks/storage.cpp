// capacity.metrics-storage: Prometheus keeps what it promises to keep.
#include <fmt/format.h>

#include "core/base/text.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr double kHeadroom = 1.10;      // blocks are compacted beside the old ones
constexpr double kDefaultSample = 1.7;  // bytes; finding 28

void metrics(const Input& input, Answer& answer) {
  const auto promised = input.env.promises.metrics_days;
  const auto& all = input.platform.of_kind("Prometheus");
  if (!promised || all.empty()) return;
  answer.read(input.env.file + ": spec.promises.metricsDays", *promised, "promised");
  const auto series = input.env.capacity.series;
  if (!series) return answer.missing("spec.capacity.metrics.series is not declared", input.env.file);
  answer.read(input.env.file + ": spec.capacity.metrics.series", *series, "declared");
  double sample = kDefaultSample;
  if (input.env.capacity.bytes_per_sample) {
    sample = input.env.capacity.bytes_per_sample->approximate();
    answer.read(input.env.file + ": spec.capacity.metrics.bytesPerSample", fmt::format("{:.2f}", sample), "declared");
  } else {
    answer.note(fmt::format("bytesPerSample is not declared: {:.1f}", kDefaultSample));
  }
  for (const Json* object : all) {
    const std::string retention = value::string_at(*object, "spec", "retention");
    const std::string interval = value::string_at(*object, "spec", "scrapeInterval");
    answer.read(where(*object, "spec.retention"), retention.empty() ? "24h by default" : retention);
    answer.read(where(*object, "spec.scrapeInterval"), interval.empty() ? "30s by default" : interval);
    const auto kept = seconds(retention.empty() ? "24h" : retention);
    const auto every = seconds(interval.empty() ? "30s" : interval);
    if (!kept || !every || *every == 0) {
      answer.missing("retention or interval cannot be read", id_of(*object));
      continue;
    }
    answer.judge(*kept >= *promised * 86'400,
                 fmt::format("retention of {} days {} {} promised", *kept / 86'400,
                             *kept >= *promised * 86'400 ? ">=" : "<", *promised),
                 id_of(*object));
    const double bytes = static_cast<double>(*series) *
                         (static_cast<double>(*promised) * 86'400.0 / static_cast<double>(*every)) * sample;
    answer.step(fmt::format("{} series x {} days x 86400 s / {} s x {:.1f} B = {}", *series, *promised, *every, sample,
                            bytes_text(bytes)));
    const std::string volume =
        value::string_at(*object, "spec", "storage", "volumeClaimTemplate", "spec", "resources", "requests", "storage");
    if (volume.empty()) {
      answer.fails("no volume: metrics are gone with the pod", where(*object, "spec.storage"));
      continue;
    }
    answer.read(where(*object, "spec.storage.volumeClaimTemplate.spec.resources.requests.storage"), volume);
    const auto size = base::Quantity::parse(volume);
    if (!size.ok()) {
      answer.missing("is not a quantity", where(*object, "spec.storage"));
      continue;
    }
    const double wanted = bytes * kHeadroom;
    answer.judge(size->approximate() >= wanted,
                 fmt::format("{} with a tenth for compaction = {} {} {}", bytes_text(bytes), bytes_text(wanted),
                             size->approximate() >= wanted ? "<=" : ">", bytes_text(size->approximate())),
                 id_of(*object));
    if (const std::string bound = value::string_at(*object, "spec", "retentionSize"); !bound.empty()) {
      answer.read(where(*object, "spec.retentionSize"), bound, "older days go first when it is reached");
      std::string text = bound;
      if (text.size() > 3 && text.ends_with("iB"))
        text.pop_back();
      else if (text.ends_with("B") && text.size() > 2)
        text.insert(text.size() - 1, "i"), text.pop_back();
      if (const auto limit = base::Quantity::parse(text); limit.ok())
        answer.judge(limit->approximate() >= bytes,
                     fmt::format("retentionSize {} {} {}", bytes_text(limit->approximate()),
                                 limit->approximate() >= bytes ? ">=" : "<", bytes_text(bytes)),
                     id_of(*object));
    }
  }
}

constexpr Check kChecks[] = {
    {"capacity.metrics-storage", "Metrics are there for as long as promised.",
     "Declared series x samples of the promised days x bytes a sample, with a tenth for compaction, against the volume "
     "of one replica; retention and retentionSize against the same.",
     "300,000 series every 15 seconds for 90 days are 264 GB for Prometheus alone; the guide asks for 50 GB in all.",
     "Raise monitoring's volume, lower the number of series, or promise fewer days.", "28", metrics},
};

}  // namespace

std::span<const Check> storage_checks() { return kChecks; }

}  // namespace nautilus::verify
