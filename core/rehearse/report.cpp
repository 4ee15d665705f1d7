#include "core/rehearse/report.h"

#include <fmt/format.h>

namespace nautilus::rehearse {

namespace {

constexpr int kWidth = 1080, kLabel = 430, kRow = 16, kAxis = 28;

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

double seconds(port::Duration d) { return std::chrono::duration<double>(d).count(); }

// 1, 2, 5, 10, 15, 30 s, 1, 2, 5, 10 min ...: the first that gives at most ten marks.
double tick_step(double total) {
  for (double step : {0.1, 0.2, 0.5, 1., 2., 5., 10., 15., 30., 60., 120., 300., 600., 1800., 3600.})
    if (total / step <= 10) return step;
  return total / 10;
}

std::string_view colour(const Span& span) {
  if (span.end == "failed") return "#c0392b";
  if (span.end == "deleted") return "#7f8c8d";
  if (span.end == "ready") return "#2a7f9e";
  return "#b9770e";
}

std::string clock_text(double s) {
  if (s < 60) return fmt::format("{:g}s", s);
  return fmt::format("{}m{:02}s", static_cast<int>(s) / 60, static_cast<int>(s) % 60);
}

// A line of the chart: one object that took its time, or all of a wave that were there at once.
struct Row {
  Span span;
  std::size_t objects = 1;
  std::string label() const { return objects == 1 ? span.object : fmt::format("{} objects at once", objects); }
};

std::vector<Row> rows_of(const std::vector<Span>& spans, double total) {
  constexpr double kAtOnce = 1.0 / 200;  // of the whole: about the width of a bar that can just be seen
  std::vector<Row> out;
  Row* folded = nullptr;  // the line of this wave that takes what was ready at once
  for (const auto& span : spans) {
    if (!out.empty() && out.back().span.phase != span.phase) folded = nullptr;
    const bool quick = span.end == "ready" && seconds(span.ended - span.begun) < total * kAtOnce;
    if (!quick || !folded) {
      out.push_back({span});
      folded = quick ? &out.back() : nullptr;
    } else {
      ++folded->objects;
      folded->span.ended = std::max(folded->span.ended, span.ended);
    }
  }
  return out;
}

std::string object_table(const std::vector<Span>& spans) {
  std::string out = fmt::format(
      "<details><summary>all {} objects</summary>\n<table class=\"objects\"><tr><th>object</th><th>wave</th>"
      "<th>applied</th><th>done</th><th>state</th></tr>\n",
      spans.size());
  for (const auto& span : spans)
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", escaped(span.object),
                       escaped(span.phase), clock_text(seconds(span.begun)), clock_text(seconds(span.ended)),
                       escaped(span.end));
  return out + "</table></details>\n";
}

std::string chart(const std::vector<Span>& spans) {
  double total = 0.1;
  for (const auto& span : spans) total = std::max(total, seconds(span.ended));
  const std::vector<Row> rows = rows_of(spans, total);
  const double scale = (kWidth - kLabel - 20) / total;
  const int height = kAxis + static_cast<int>(rows.size()) * kRow + 8;
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"timeline\">\n",
                  kWidth, height, kWidth, height);
  for (double t = 0; t <= total; t += tick_step(total)) {
    const double x = kLabel + t * scale;
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"18\" x2=\"{0:.1f}\" y2=\"{1}\" class=\"tick\"/>"
        "<text x=\"{0:.1f}\" y=\"12\" class=\"time\">{2}</text>\n",
        x, height, clock_text(t));
  }
  int y = kAxis;
  std::string phase;
  for (const auto& row : rows) {
    if (row.span.phase != phase) {
      if (!phase.empty())
        svg += fmt::format("<line x1=\"0\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\" class=\"wave\"/>\n", y - 2, kWidth);
      svg += fmt::format("<text x=\"0\" y=\"{}\" class=\"phase\">{}</text>", y + 10, escaped(row.span.phase));
    }
    phase = row.span.phase;
    const double x = kLabel + seconds(row.span.begun) * scale;
    const double width = std::max(2.0, seconds(row.span.ended - row.span.begun) * scale);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"label\">{}</text>", kLabel - 8, y + 10, escaped(row.label()));
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\" fill=\"{}\"><title>{}: {} to "
        "{}{}{}</title></rect>\n",
        x, y, width, kRow - 4, colour(row.span), escaped(row.label()), clock_text(seconds(row.span.begun)),
        clock_text(seconds(row.span.ended)), row.span.last_message.empty() ? "" : ", ", escaped(row.span.last_message));
    y += kRow;
  }
  return svg + "</svg>\n";
}

}  // namespace

std::string html_report(const ReportHead& head, const std::vector<Span>& spans) {
  std::string facts;
  for (const auto& [name, value] : head.facts)
    facts += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n<style>\n"
      "body{{font:14px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1120px;color:#1c2833}}\n"
      "h1{{font-size:20px;margin:0 0 4px}} .verdict{{font-size:16px;font-weight:600;color:{1}}}\n"
      "table{{border-collapse:collapse;margin:12px 0 20px}} th{{text-align:left;font-weight:500;color:#566573;"
      "padding:2px 18px 2px 0}} td{{padding:2px 0;font-variant-numeric:tabular-nums}}\n"
      ".tick{{stroke:#e5e8e8}} .wave{{stroke:#abb2b9;stroke-dasharray:3 3}} .time{{font-size:10px;fill:#566573;"
      "text-anchor:middle}} .label{{font-size:11px;fill:#1c2833;text-anchor:end}} "
      ".phase{{font-size:11px;fill:#566573}}\n"
      ".objects td,.objects th{{padding-right:18px;font-size:12px}} summary{{cursor:pointer}}\n"
      ".key span{{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 14px}}\n"
      "</style></head><body>\n<h1>{0}</h1>\n<p class=\"verdict\">{2}</p>\n<table>\n{3}</table>\n"
      "<p class=\"key\">from applied to healthy:<span style=\"background:#2a7f9e\"></span>ready"
      "<span style=\"background:#b9770e\"></span>under way<span style=\"background:#c0392b\"></span>failed"
      "<span style=\"background:#7f8c8d\"></span>deleted</p>\n{4}{5}</body></html>\n",
      escaped(head.title), head.good ? "#1e8449" : "#c0392b", escaped(head.verdict), facts, chart(spans),
      object_table(spans));
}

}  // namespace nautilus::rehearse
