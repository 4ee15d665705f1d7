#include "core/audit/log.h"

#include "core/kube/reader.h"
#include "core/kube/writer.h"

namespace nautilus::audit {

namespace {

constexpr std::string_view kPrefix = "nautilusctl-audit-";
constexpr const char* kManager = "nautilusctl-audit";

std::string chunk_name(std::int64_t number) { return fmt::format("{}{:06}", kPrefix, number); }

std::int64_t chunk_number(const std::string& name) {
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + 6) return -1;
  std::int64_t number = 0;
  for (char c : name.substr(kPrefix.size())) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

Result<std::vector<Log::Chunk>> Log::chunks() {
  ASSIGN_OR_RETURN(const auto* resource, cluster_.resource(value::GroupVersion{"", "v1"}, "ConfigMap"));
  kube::ListOptions options;
  options.namespace_ = kNamespace;
  options.label_selector = fmt::format("{}=chain", kLabel);
  ASSIGN_OR_RETURN(const auto list, kube::Reader(cluster_.client()).list(*resource, options));
  std::vector<Chunk> out;
  for (const Json& item : list.items) {
    Chunk chunk{chunk_number(value::string_at(item, "metadata", "name")),
                value::string_at(item, "metadata", "resourceVersion"),
                {}};
    if (chunk.number < 0) continue;
    if (const Json* data = value::find(item, "data"); data && data->is_object())
      for (const auto& [key, line] : data->items())
        if (line.is_string()) chunk.lines.push_back(line.get<std::string>());
    out.push_back(std::move(chunk));
  }
  std::sort(out.begin(), out.end(), [](const Chunk& a, const Chunk& b) { return a.number < b.number; });
  return out;
}

// True if it was written, false if somebody else wrote in between.
Result<bool> Log::write(const std::vector<Chunk>& chunks, const Entry& entry) {
  ASSIGN_OR_RETURN(const auto* resource, cluster_.resource(value::GroupVersion{"", "v1"}, "ConfigMap"));
  const std::int64_t number = entry.index / kPerChunk;
  const Json data = {{fmt::format("{:08}", entry.index), to_line(entry)}};
  kube::WriteOptions options;
  options.field_manager = kManager;
  kube::Request request;
  const bool exists = !chunks.empty() && chunks.back().number == number;
  if (exists) {
    request = kube::merge_patch_request(
        *resource, std::string(kNamespace), chunk_name(number),
        {{"metadata", {{"resourceVersion", chunks.back().resource_version}}}, {"data", data}}, options);
  } else {
    request = kube::create_request(
        *resource,
        {{"apiVersion", "v1"},
         {"kind", "ConfigMap"},
         {"metadata",
          {{"name", chunk_name(number)},
           {"namespace", kNamespace},
           {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}, {std::string(kLabel), "chain"}}}}},
         {"data", data}},
        options);
  }
  auto response = cluster_.client().call(std::move(request));
  if (response.ok()) return true;
  if (response.status == 409 || response.outcome_unknown) return false;
  return std::move(response.error);
}

Result<Entry> Log::append(const Event& event) {
  for (int attempt = 0; attempt < kAppendAttempts; ++attempt) {
    auto found = chunks();
    if (!found.ok()) return std::move(found).error().within("reading the audit record");
    std::int64_t last = -1;
    std::string digest;
    for (const Chunk& chunk : *found)
      for (const std::string& line : chunk.lines) {
        auto entry = from_line(line);
        if (!entry.ok())
          return Error(Code::refused, fmt::format("the audit record is damaged behind record {}", last),
                       "nothing was done; see `nautilusctl audit verify`");
        if (!event.id.empty() && entry->event.id == event.id) return std::move(*entry);
        last = entry->index;
        digest = entry->digest;
      }
    const Entry entry = follow(last, digest, event, cluster_.client().clock().now());
    auto written = write(*found, entry);
    if (!written.ok()) return std::move(written).error().within("recording " + event.action);
    if (*written) return entry;
  }
  return Error(Code::conflict, fmt::format("the audit record was written to by others {} times", kAppendAttempts),
               "run it again");
}

Result<std::vector<std::string>> Log::lines() {
  auto found = chunks();
  if (!found.ok()) return std::move(found).error().within("reading the audit record");
  std::vector<std::string> out;
  for (Chunk& chunk : *found)
    for (std::string& line : chunk.lines) out.push_back(std::move(line));
  return out;
}

}  // namespace nautilus::audit
