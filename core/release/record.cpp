#include "core/release/record.h"

#include <map>

#include "core/release/gzip.h"

namespace nautilus::release {

namespace {

Json object_json(const RecordedObject& object) {
  return {{"group", object.id.group},      {"kind", object.id.kind},           {"namespace", object.id.namespace_},
          {"name", object.id.name},        {"apiVersion", object.api_version}, {"source", object.source},
          {"generated", object.generated}, {"manifest", object.manifest}};
}

RecordedObject object_from(const Json& json) {
  RecordedObject object;
  object.id = {value::string_at(json, "group"), value::string_at(json, "kind"), value::string_at(json, "namespace"),
               value::string_at(json, "name")};
  object.api_version = value::string_at(json, "apiVersion");
  object.source = value::string_at(json, "source");
  object.generated = value::bool_at(json, false, "generated");
  if (const Json* manifest = value::find(json, "manifest")) object.manifest = *manifest;
  return object;
}

Json without_secret_content(Json manifest) {
  if (apply::holds_secret_content(manifest)) {
    manifest.erase("data");
    manifest.erase("stringData");
  }
  return manifest;
}

Json config_map(const Revision& revision, const std::string& release, const std::string& namespace_, int part) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", record_name(release, revision.number, part)},
            {"namespace", namespace_},
            {"labels",
             {{"app.kubernetes.io/managed-by", "nautilusctl"},
              {std::string(kReleaseLabel), release},
              {std::string(kRevisionLabel), std::to_string(revision.number)},
              {std::string(kPartLabel), std::to_string(part)}}}}}};
}

int label_number(const Json& object, std::string_view label) {
  const std::string text = value::string_at(object, "metadata", "labels", std::string(label));
  int number = 0;
  for (char c : text) {
    if (c < '0' || c > '9' || number > 100'000'000) return -1;
    number = number * 10 + (c - '0');
  }
  return text.empty() ? -1 : number;
}

Result<Revision> decode_one(int number, const std::map<int, const Json*>& parts, bool with_objects) {
  auto first = parts.find(0);
  if (first == parts.end()) return Error(Code::invalid, fmt::format("revision {} has no first part", number));
  ASSIGN_OR_RETURN(const Json head,
                   value::parse_json(value::string_at(*first->second, "data", "revision"), "data.revision"));
  Revision revision;
  revision.number = number;
  revision.status = value::string_at(head, "status");
  revision.operation = value::string_at(head, "operation");
  revision.description = value::string_at(head, "description");
  revision.chart = value::string_at(head, "chart");
  revision.environment = value::string_at(head, "environment");
  revision.plan_digest = value::string_at(head, "planDigest");
  revision.who = value::string_at(head, "who");
  revision.started = value::string_at(head, "started");
  revision.finished = value::string_at(head, "finished");
  revision.message = value::string_at(head, "message");
  if (!with_objects) return revision;
  const auto total = value::int_at(head, 1, "parts");
  std::string packed;
  for (int part = 0; part < total; ++part) {
    auto found = parts.find(part);
    if (found == parts.end()) return Error(Code::invalid, fmt::format("part {} of {} is missing", part, total));
    ASSIGN_OR_RETURN(const std::string bytes, from_base64(value::string_at(*found->second, "binaryData", "objects")));
    packed += bytes;
  }
  ASSIGN_OR_RETURN(const std::string plain, gunzip(packed, kMaxObjectBytes));
  ASSIGN_OR_RETURN(const Json list, value::parse_json(plain, "binaryData.objects"));
  for (const auto& entry : list) revision.objects.push_back(object_from(entry));
  return revision;
}

}  // namespace

std::string record_name(const std::string& release, int revision, int part) {
  const std::string head = fmt::format("nautilusctl.{}.v{}", release, revision);
  return part == 0 ? head : fmt::format("{}.p{}", head, part);
}

std::vector<RecordedObject> objects_of(const apply::Plan& plan) {
  std::vector<RecordedObject> objects;
  for (const auto& item : plan.items)
    if (item.action != apply::Action::remove)
      objects.push_back(
          {item.id, item.api_version, item.source, item.generated, without_secret_content(item.manifest)});
  return objects;
}

Json head_data(const Revision& revision) {
  return {{"status", revision.status},  {"operation", revision.operation},     {"description", revision.description},
          {"chart", revision.chart},    {"environment", revision.environment}, {"planDigest", revision.plan_digest},
          {"who", revision.who},        {"started", revision.started},         {"finished", revision.finished},
          {"message", revision.message}};
}

Result<std::vector<Json>> encode(const Revision& revision, const std::string& release, const std::string& namespace_) {
  Json list = Json::array();
  for (const auto& object : revision.objects) list.push_back(object_json(object));
  const std::string plain = list.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (plain.size() > kMaxObjectBytes)
    return Error(Code::limit, fmt::format("the record of the release has {} MiB, at most {} are kept",
                                          plain.size() >> 20, kMaxObjectBytes >> 20));
  const std::string packed = gzip(plain);
  const std::size_t parts = std::max<std::size_t>(1, (packed.size() + kPartBytes - 1) / kPartBytes);
  std::vector<Json> maps;
  for (std::size_t part = 0; part < parts; ++part) {
    Json map = config_map(revision, release, namespace_, static_cast<int>(part));
    map["binaryData"]["objects"] = base64(std::string_view(packed).substr(part * kPartBytes, kPartBytes));
    if (part == 0) {
      Json head = head_data(revision);
      head["parts"] = parts;
      map["data"]["revision"] = head.dump();
    }
    maps.push_back(std::move(map));
  }
  return maps;
}

Result<std::vector<Revision>> decode(const std::vector<Json>& config_maps, bool with_objects) {
  std::map<int, std::map<int, const Json*>> by_revision;
  for (const auto& map : config_maps) {
    const int number = label_number(map, kRevisionLabel), part = label_number(map, kPartLabel);
    if (number > 0 && part >= 0) by_revision[number][part] = &map;
  }
  std::vector<Revision> revisions;
  for (const auto& [number, parts] : by_revision) {
    auto revision = decode_one(number, parts, with_objects);
    if (!revision.ok())
      return std::move(revision)
          .error()
          .within(fmt::format("reading revision {} of the history", number))
          .with_hint(
              "the ConfigMap was edited or half written; delete the ConfigMaps of this revision to go on without it");
    revisions.push_back(std::move(revision).value());
  }
  return revisions;
}

}  // namespace nautilus::release
