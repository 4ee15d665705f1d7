// A stand-in for Velero on the embedded cluster, no more than the unit tests need: it moves the phases of Backups and
// Restores, answers DownloadRequests, carries out DeleteBackupRequests, and keeps lists of objects in a store in
// memory. What it does not have: plugins, volumes, hooks, validation, its log. The real one is run by
// tests/cluster/velero_test.py.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "core/backup/findings.h"
#include "core/backup/restore.h"
#include "core/kube/connect.h"
#include "core/release/gzip.h"
#include "core/sim/transport.h"
#include "core/value/yaml.h"

namespace nautilus::backup::test {

using namespace std::chrono_literals;

class Chance final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(next_++ * 37);
  }

 private:
  unsigned next_ = 1;
};

// The object store: answers GETs at once.
class MemoryStore final : public port::Connector {
 public:
  std::map<std::string, std::string> files;  // "/RestoreResourceList/name" -> bytes
  int status = 0;                            // if not 0, answered to everything
  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint&) override {
    return std::unique_ptr<port::HttpTransport>(new Line(*this));
  }

 private:
  class Line final : public port::HttpTransport {
   public:
    explicit Line(MemoryStore& store) : store_(store) {}
    port::RequestId submit(port::HttpRequest request) override {
      port::HttpEvent event;
      event.id = ++last_;
      const auto found = store_.files.find(request.target.substr(0, request.target.find('?')));
      event.response.status = store_.status != 0 ? store_.status : found == store_.files.end() ? 404 : 200;
      if (event.response.status == 200) event.response.body = release::gzip(found->second);
      events_.push_back(std::move(event));
      return last_;
    }
    std::vector<port::HttpEvent> poll(port::Monotonic) override { return std::exchange(events_, {}); }
    void cancel(port::RequestId) override {}

   private:
    MemoryStore& store_;
    port::RequestId last_ = 0;
    std::vector<port::HttpEvent> events_;
  };
};

class SimClock final : public port::Clock {
 public:
  explicit SimClock(const port::Clock& clock) : clock_(clock) {}
  port::WallTime now() const override { return clock_.now(); }
  port::Monotonic monotonic() const override { return clock_.monotonic(); }

 private:
  const port::Clock& clock_;
};

class NoFiles final : public port::Filesystem {
 public:
  Result<std::string> read(const std::string&, std::uint64_t) const override {
    return Error(Code::not_found, "no files");
  }
  Result<> write(const std::string&, std::string_view, unsigned) override { return Error(Code::io, "no files"); }
  Result<port::FileInfo> stat(const std::string&) const override { return Error(Code::not_found, "no files"); }
  Result<std::vector<std::string>> list(const std::string&) const override {
    return Error(Code::not_found, "no files");
  }
  Result<> make_directories(const std::string&) override { return Error(Code::io, "no files"); }
  Result<> remove(const std::string&) override { return Error(Code::io, "no files"); }
};

class NoProcess final : public port::Process {
 public:
  Result<port::ProcessOutput> run(const port::ProcessSpec&) override { return Error(Code::io, "no processes"); }
  std::optional<std::string> environment(const std::string&) const override { return {}; }
};

struct Velero {
  static constexpr const char* kNamespace = "velero-system";
  sim::Cluster cluster;
  sim::SimConnector connector{cluster};
  SimClock clock{cluster.clock()};
  Chance entropy;
  MemoryStore objects;
  NoFiles files;
  NoProcess process;
  port::NeverInterrupted never;
  port::NullSink events;
  env::Environment env;
  bool running = true;           // the server is up
  std::string fails;             // Backups end with this phase instead
  std::vector<Json> contents;    // of every backup
  std::set<std::string> cannot;  // names that a restore fails to bring back

  Velero() {
    env.name = "test";
    env.release = "platform";
    env.namespace_ = "trading";
    for (const char* name : {"velero-system", "trading"}) make({"", "namespaces"}, {{"metadata", {{"name", name}}}});
    for (const char* kind : {"Backup", "Restore", "Schedule", "BackupStorageLocation", "PodVolumeBackup",
                             "DownloadRequest", "DeleteBackupRequest"})
      define(kind);
    location("primary", {{"default", true}}, {{"phase", "Available"}});
    tick();
  }

  static std::string plural(const std::string& kind) {
    std::string out;
    for (char c : kind) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return out + "s";
  }

  void make(sim::GroupResource resource, const Json& object) {
    const auto done = cluster.server().create(resource, object, {"test", "test"});
    INFO(done.message());
    REQUIRE(done.ok());
  }

  void define(const std::string& kind) {
    const Json schema = {{"openAPIV3Schema", {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}}}};
    make({"apiextensions.k8s.io", "customresourcedefinitions"},
         {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", plural(kind) + ".velero.io"}}},
          {"spec",
           {{"group", "velero.io"},
            {"scope", "Namespaced"},
            {"names", {{"kind", kind}, {"plural", plural(kind)}}},
            {"versions", Json::array({{{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", schema}}})}}}});
  }

  void velero(const std::string& kind, const std::string& name, const Json& spec, const Json& status,
              const Json& labels = Json::object()) {
    make({"velero.io", plural(kind)}, {{"apiVersion", "velero.io/v1"},
                                       {"kind", kind},
                                       {"metadata", {{"name", name}, {"namespace", kNamespace}, {"labels", labels}}},
                                       {"spec", spec},
                                       {"status", status}});
  }
  void location(const std::string& name, Json spec, Json status) {
    spec["objectStorage"]["bucket"] = "bucket";
    velero("BackupStorageLocation", name, spec, status);
  }
  // A backup that is there; its list is in the store.
  void backup(const std::string& name, Json status, const Json& labels = Json::object()) {
    if (!status.contains("startTimestamp")) status["startTimestamp"] = second_text(clock.now() - 1h);
    velero("Backup", name, {{"storageLocation", "primary"}}, status, labels);
    keep_list(name);
  }
  void keep_list(const std::string& name) {
    Json list = Json::object();
    for (const auto& object : contents)
      list[type_of(object)].push_back(full_name(value::string_at(object, "metadata", "namespace"), object));
    objects.files["/BackupResourceList/" + name] = list.dump();
  }
  static std::string type_of(const Json& object) {
    return object["apiVersion"].get<std::string>() + "/" + object["kind"].get<std::string>();
  }
  static std::string full_name(const std::string& space, const Json& object) {
    const std::string name = object["metadata"]["name"];
    return space.empty() ? name : space + "/" + name;
  }

  template <class Work>
  auto with(Work work) {
    kube::Client::Wiring wiring{
        clock,   entropy, never, "http://127.0.0.1", std::make_unique<sim::SimTransport>(cluster, connector.network()),
        nullptr, {},      ""};
    kube::Client client(std::move(wiring));
    kube::Discovery discovery(client);
    apply::Cluster api(client, discovery, events);
    const release::Session session{api, env, entropy, "tester"};
    return work(Settings{session, kNamespace}, Store{{clock, files, process, entropy, never, objects}, "", false});
  }

  Json get(const std::string& kind, const std::string& name) {
    auto found = cluster.server().get({"velero.io", plural(kind)}, kNamespace, name);
    return found ? *found : Json();
  }

 private:
  void tick() {
    cluster.queue().after(500ms, [this] {
      if (running) work();
      tick();
    });
  }

  void set(const std::string& kind, const Json& object, const Json& status) {
    (void)cluster.server().patch({"velero.io", plural(kind)}, kNamespace, object["metadata"]["name"].get<std::string>(),
                                 {{"status", status}});
  }

  void work() {
    auto& server = cluster.server();
    for (const auto& object : server.list({"velero.io", "backups"}, kNamespace)) {
      const std::string phase = value::string_at(*object, "status", "phase");
      if (phase.empty())
        set("Backup", *object,
            {{"phase", "InProgress"},
             {"startTimestamp", second_text(clock.now())},
             {"progress", {{"totalItems", 4}, {"itemsBackedUp", 1}}}});
      if (phase == "InProgress" && value::int_at(*object, 0, "status", "progress", "itemsBackedUp") == 1) {
        keep_list(object->at("metadata").at("name"));
        set("Backup", *object,
            {{"phase", fails.empty() ? "Completed" : fails},
             {"completionTimestamp", second_text(clock.now())},
             {"progress", {{"itemsBackedUp", 4}}}});
      }
    }
    for (const auto& object : server.list({"velero.io", "restores"}, kNamespace))
      if (value::string_at(*object, "status", "phase").empty()) bring_back(*object);
    for (const auto& object : server.list({"velero.io", "downloadrequests"}, kNamespace))
      if (value::string_at(*object, "status", "phase").empty())
        set("DownloadRequest", *object,
            {{"phase", "Processed"},
             {"downloadURL", fmt::format("http://127.0.0.1:1/{}/{}?signature=secret",
                                         value::string_at(*object, "spec", "target", "kind"),
                                         value::string_at(*object, "spec", "target", "name"))}});
    for (const auto& object : server.list({"velero.io", "deletebackuprequests"}, kNamespace)) {
      (void)server.remove({"velero.io", "backups"}, kNamespace, value::string_at(*object, "spec", "backupName"));
      (void)server.remove({"velero.io", "deletebackuprequests"}, kNamespace,
                          value::string_at(*object, "metadata", "name"));
    }
  }

  static bool holds(const Json& list, const std::string& name) {
    return list.is_array() && std::find(list.begin(), list.end(), Json(name)) != list.end();
  }

  void bring_back(const Json& object) {
    auto& server = cluster.server();
    const Json& spec = object["spec"];
    const auto map = server.get({"", "configmaps"}, kNamespace, spec["resourceModifier"]["name"].get<std::string>());
    REQUIRE_MESSAGE(map, "a restore without the fence's modifiers");
    Json list = Json::object();
    for (Json item : contents) {
      const sim::ResourceInfo* info =
          server.find_kind(item["apiVersion"].get<std::string>(), item["kind"].get<std::string>());
      REQUIRE(info);
      const std::string resource = info->group.empty() ? info->resource : info->resource + "." + info->group;
      if (!holds(spec["includedResources"], resource)) continue;
      std::string space = value::string_at(item, "metadata", "namespace");
      modify(item, resource);
      if (auto to = value::string_at(spec, "namespaceMapping", space); !to.empty()) space = to;
      item["metadata"]["namespace"] = space;
      std::string action = "created";
      if (cannot.contains(item["metadata"]["name"].get<std::string>()))
        action = "failed";
      else if (const auto made = server.create(info->group_resource(), item, {"velero", "velero"}); !made.ok())
        action = made.already_exists() ? "skipped" : "failed";
      list[type_of(item)].push_back(full_name(space, item) + "(" + action + ")");
    }
    const std::string name = object["metadata"]["name"];
    objects.files["/RestoreResourceList/" + name] = list.dump();
    set("Restore", object, {{"phase", "Completed"}, {"completionTimestamp", second_text(clock.now())}});
  }

  // What the fence's rules do, in short.
  static void modify(Json& item, const std::string& resource) {
    if (resource == "statefulsets.apps" &&
        value::string_at(item, "metadata", "labels", "app.kubernetes.io/component") == "engine")
      item["spec"]["replicas"] = 0;
    if (resource == "secrets" && is_venue_secret(item["metadata"]["name"].get<std::string>())) item.erase("data");
    if (resource == "cronjobs.batch") item["spec"]["suspend"] = true;
  }
};

}  // namespace nautilus::backup::test
