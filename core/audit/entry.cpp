#include "core/audit/entry.h"

#include "core/port/wall_time.h"
#include "core/value/digest.h"

namespace nautilus::audit {

namespace {

Json content(const Entry& entry) {
  return {{"index", entry.index},          {"time", entry.time},       {"id", entry.event.id},
          {"actor", entry.event.actor},    {"data", entry.event.data}, {"action", entry.event.action},
          {"subject", entry.event.subject}, {"previous", entry.previous}};
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string first_previous() { return std::string(64, '0'); }

std::string digest_of(const Entry& entry) { return value::sha256_hex(text_of(content(entry))); }

Entry follow(std::int64_t last_index, const std::string& last_digest, Event event, port::WallTime now) {
  Entry entry{last_index + 1, port::micro_time(now), std::move(event),
              last_index < 0 ? first_previous() : last_digest, ""};
  entry.digest = digest_of(entry);
  if (const auto size = to_line(entry).size(); size > kMaxEntryBytes) {
    entry.event.data = {{"cut", fmt::format("{} bytes were more than a record holds", size)}};
    entry.digest = digest_of(entry);
  }
  return entry;
}

Json to_json(const Entry& entry) {
  Json json = content(entry);
  json["digest"] = entry.digest;
  return json;
}

std::string to_line(const Entry& entry) { return text_of(to_json(entry)); }

Result<Entry> from_line(std::string_view line) {
  ASSIGN_OR_RETURN(const Json json, value::parse_json(line, "a record"));
  const Json* index = value::find(json, "index");
  const Json* data = value::find(json, "data");
  if (!index || !index->is_number_integer()) return Error(Code::invalid, "it has no index");
  if (!data || !data->is_object()) return Error(Code::invalid, "it has no data");
  Entry entry;
  entry.index = index->get<std::int64_t>();
  entry.event.data = *data;
  struct Field {
    const char* name;
    std::string& to;
  };
  for (const Field& field : {Field{"time", entry.time}, Field{"id", entry.event.id}, Field{"actor", entry.event.actor},
                             Field{"action", entry.event.action}, Field{"subject", entry.event.subject},
                             Field{"previous", entry.previous}, Field{"digest", entry.digest}}) {
    const Json* found = value::find(json, field.name);
    if (!found || !found->is_string()) return Error(Code::invalid, fmt::format("it has no {}", field.name));
    field.to = found->get<std::string>();
  }
  if (json.size() != 9) return Error(Code::invalid, "it has fields that no record has");
  return entry;
}

}  // namespace nautilus::audit
