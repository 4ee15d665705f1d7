// The Table form of kubectl get: columns per kind, custom columns by JSON path.
#include <fmt/format.h>

#include <algorithm>

#include "core/sim/api/quantity.h"
#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

struct Column {
  const char *name, *type;
  int priority = 0;
};

struct View {
  const Json& o;
  port::WallTime now;
  std::string text(std::string_view path) const {
    const Json* found = field_at(o, path);
    if (!found || found->is_null()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
  }
  std::string or_none(std::string_view path, const char* none = "<none>") const {
    std::string t = text(path);
    return t.empty() ? none : t;
  }
  std::int64_t number(std::string_view path, std::int64_t fallback = 0) const {
    const Json* found = field_at(o, path);
    return found && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
  }
  const Json* at(std::string_view path) const { return field_at(o, path); }
};

// k8s.io/apimachinery's human duration: two units at most.
std::string human(std::int64_t s) {
  if (s < 0) return "<invalid>";
  if (s < 120) return fmt::format("{}s", s);
  std::int64_t m = s / 60;
  if (m < 10) return s % 60 ? fmt::format("{}m{}s", m, s % 60) : fmt::format("{}m", m);
  if (m < 180) return fmt::format("{}m", m);
  std::int64_t h = m / 60;
  if (h < 8) return m % 60 ? fmt::format("{}h{}m", h, m % 60) : fmt::format("{}h", h);
  if (h < 48) return fmt::format("{}h", h);
  std::int64_t d = h / 24;
  if (d < 8) return h % 24 ? fmt::format("{}d{}h", d, h % 24) : fmt::format("{}d", d);
  if (d < 730) return fmt::format("{}d", d);
  return fmt::format("{}y", d / 365);
}

std::string age_of(const std::string& stamp, port::WallTime now) {
  auto time = parse_rfc3339(stamp);
  if (!time) return "<unknown>";
  return human(std::chrono::duration_cast<std::chrono::seconds>(now - *time).count());
}

std::string age(const View& v) { return age_of(v.text("metadata.creationTimestamp"), v.now); }

std::string join(const Json* list, const char* key = nullptr, const char* separator = ",") {
  std::string text;
  if (!list || !list->is_array()) return text;
  for (const Json& item : *list) {
    std::string one = key ? value::string_at(item, key) : item.is_string() ? item.get<std::string>() : item.dump();
    text += (text.empty() ? "" : separator) + one;
  }
  return text;
}

std::string none(std::string text) { return text.empty() ? "<none>" : text; }
std::string images(const View& v, const char* spec) { return join(v.at(std::string(spec) + ".containers"), "image"); }
std::string containers(const View& v, const char* spec) {
  return join(v.at(std::string(spec) + ".containers"), "name");
}
std::string selector(const View& v, const char* path) { return none(LabelSelector::of(v.at(path)).text()); }
std::string plain_map(const Json* map) {
  std::string text;
  if (map && map->is_object())
    for (const auto& [key, item] : map->items())
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", key,
                          item.is_string() ? item.get<std::string>() : item.dump());
  return none(text);
}

Json pod_cells(const View& v) {
  std::int64_t total = 0, ready = 0, restarts = 0;
  if (const Json* list = v.at("spec.containers"); list && list->is_array())
    total = static_cast<std::int64_t>(list->size());
  std::string reason = v.text("status.phase");
  if (std::string own = v.text("status.reason"); !own.empty()) reason = own;
  std::string last_restart;
  bool initializing = false;
  if (const Json* list = v.at("spec.initContainers"); list && list->is_array())
    for (const Json& c : *list) total += value::string_at(c, "restartPolicy") == "Always";
  std::size_t init_count = v.at("spec.initContainers") ? v.at("spec.initContainers")->size() : 0;
  if (const Json* list = v.at("status.initContainerStatuses"); list && list->is_array())
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Json& s = (*list)[i];
      restarts += value::int_at(s, 0, "restartCount");
      if (const Json* done = value::find(s, "state", "terminated"); done && value::int_at(*done, 1, "exitCode") == 0)
        continue;
      if (value::bool_at(s, false, "started") && value::find(s, "state", "running")) {
        ready += value::bool_at(s, false, "ready");
        continue;
      }
      if (const Json* done = value::find(s, "state", "terminated"))
        reason = "Init:" + (value::string_at(*done, "reason").empty()
                                ? fmt::format("ExitCode:{}", value::int_at(*done, 0, "exitCode"))
                                : value::string_at(*done, "reason"));
      else if (std::string waiting = value::string_at(s, "state", "waiting", "reason");
               !waiting.empty() && waiting != "PodInitializing")
        reason = "Init:" + waiting;
      else
        reason = fmt::format("Init:{}/{}", i, init_count);
      initializing = true;
      break;
    }
  if (const Json* list = v.at("status.containerStatuses"); list && list->is_array() && !initializing) {
    bool running = false;
    restarts = 0;
    for (std::size_t i = list->size(); i-- > 0;) {
      const Json& s = (*list)[i];
      restarts += value::int_at(s, 0, "restartCount");
      if (std::string ended = value::string_at(s, "lastState", "terminated", "finishedAt"); ended > last_restart)
        last_restart = ended;
      if (std::string waiting = value::string_at(s, "state", "waiting", "reason"); !waiting.empty()) {
        reason = waiting;
      } else if (const Json* done = value::find(s, "state", "terminated")) {
        reason = !value::string_at(*done, "reason").empty() ? value::string_at(*done, "reason")
                 : value::int_at(*done, 0, "signal") ? fmt::format("Signal:{}", value::int_at(*done, 0, "signal"))
                                                     : fmt::format("ExitCode:{}", value::int_at(*done, 0, "exitCode"));
      } else if (value::bool_at(s, false, "ready") && value::find(s, "state", "running")) {
        running = true;
        ++ready;
      }
    }
    if (reason == "Completed" && running) reason = "Running";
  }
  if (v.at("metadata.deletionTimestamp")) reason = v.text("status.reason") == "NodeLost" ? "Unknown" : "Terminating";
  std::string restart_text = std::to_string(restarts);
  if (restarts && !last_restart.empty()) restart_text += fmt::format(" ({} ago)", age_of(last_restart, v.now));
  std::string gates = "<none>";
  if (const Json* list = v.at("spec.readinessGates"); list && list->is_array() && !list->empty()) {
    std::size_t good = 0;
    for (const Json& gate : *list)
      if (const Json* conditions = v.at("status.conditions"); conditions && conditions->is_array())
        for (const Json& c : *conditions)
          good += c.value("type", "") == gate.value("conditionType", "") && c.value("status", "") == "True";
    gates = fmt::format("{}/{}", good, list->size());
  }
  return Json::array({v.text("metadata.name"), fmt::format("{}/{}", ready, total), reason, restart_text, age(v),
                      v.or_none("status.podIP"), v.or_none("spec.nodeName"), v.or_none("status.nominatedNodeName"),
                      gates});
}

std::string service_ports(const View& v) {
  std::string text;
  if (const Json* list = v.at("spec.ports"); list && list->is_array())
    for (const Json& p : *list) {
      std::string node = p.contains("nodePort") ? fmt::format(":{}", value::int_at(p, 0, "nodePort")) : "";
      text += fmt::format("{}{}{}/{}", text.empty() ? "" : ",", value::int_at(p, 0, "port"), node,
                          value::string_at(p, "protocol"));
    }
  return none(text);
}

std::string ingress_addresses(const Json* list) {
  std::string text;
  if (list && list->is_array())
    for (const Json& item : *list) {
      std::string one =
          value::string_at(item, "ip").empty() ? value::string_at(item, "hostname") : value::string_at(item, "ip");
      text += (text.empty() ? "" : ",") + one;
    }
  return text;
}

std::string external_ip(const View& v) {
  std::string type = v.text("spec.type"), extra = join(v.at("spec.externalIPs"));
  if (type == "ExternalName") return v.text("spec.externalName");
  if (type == "LoadBalancer") {
    std::string found = ingress_addresses(v.at("status.loadBalancer.ingress"));
    if (!extra.empty()) found += (found.empty() ? "" : ",") + extra;
    return found.empty() ? "<pending>" : found;
  }
  return none(extra);
}

std::string endpoints_text(const View& v) {
  std::string text;
  int count = 0;
  if (const Json* subsets = v.at("subsets"); subsets && subsets->is_array())
    for (const Json& subset : *subsets) {
      const Json *ports = value::find(subset, "ports"), *addresses = value::find(subset, "addresses");
      if (!addresses || !addresses->is_array()) continue;
      auto add = [&](const std::string& one) {
        if (++count <= 3) text += (text.empty() ? "" : ",") + one;
      };
      if (!ports || !ports->is_array() || ports->empty())
        for (const Json& a : *addresses) add(value::string_at(a, "ip"));
      else
        for (const Json& p : *ports)
          for (const Json& a : *addresses)
            add(fmt::format("{}:{}", value::string_at(a, "ip"), value::int_at(p, 0, "port")));
    }
  if (count > 3) text += fmt::format(" + {} more...", count - 3);
  return none(text);
}

std::string hpa_targets(const View& v) {
  std::string text;
  const Json *metrics = v.at("spec.metrics"), *current = v.at("status.currentMetrics");
  if (!metrics || !metrics->is_array() || metrics->empty()) return "<none>";
  int shown = 0;
  for (const Json& m : *metrics) {
    std::string name = value::string_at(m, "resource", "name"), now = "<unknown>", target;
    if (const Json* u = value::find(m, "resource", "target", "averageUtilization"))
      target = u->dump() + "%";
    else
      target = value::string_at(m, "resource", "target", "averageValue");
    if (current && current->is_array())
      for (const Json& c : *current)
        if (value::string_at(c, "resource", "name") == name && !name.empty()) {
          if (const Json* u = value::find(c, "resource", "current", "averageUtilization"); u && target.ends_with("%"))
            now = u->dump() + "%";
          else if (std::string q = value::string_at(c, "resource", "current", "averageValue"); !q.empty())
            now = q;
        }
    if (++shown <= 2)
      text += fmt::format("{}{}: {}/{}", text.empty() ? "" : ", ", name.empty() ? value::string_at(m, "type") : name,
                          now, target);
  }
  if (shown > 2) text += fmt::format(" + {} more...", shown - 2);
  return text;
}

std::string duration_of(const View& v, const char* from, const char* to) {
  auto a = parse_rfc3339(v.text(from));
  if (!a) return "";
  auto b = parse_rfc3339(v.text(to));
  return human(std::chrono::duration_cast<std::chrono::seconds>((b ? *b : v.now) - *a).count());
}

std::string node_status(const View& v) {
  std::string text = "Unknown";
  if (const Json* list = v.at("status.conditions"); list && list->is_array())
    for (const Json& c : *list)
      if (value::string_at(c, "type") == "Ready") text = value::string_at(c, "status") == "True" ? "Ready" : "NotReady";
  if (v.text("spec.unschedulable") == "true") text += ",SchedulingDisabled";
  return text;
}

std::string node_roles(const View& v) {
  std::string text;
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  if (const Json* labels = v.at("metadata.labels"); labels && labels->is_object())
    for (const auto& [key, item] : labels->items())
      if (key.starts_with(kPrefix)) text += (text.empty() ? "" : ",") + key.substr(kPrefix.size());
  return none(text);
}

std::string node_address(const View& v, const char* type) {
  if (const Json* list = v.at("status.addresses"); list && list->is_array())
    for (const Json& a : *list)
      if (value::string_at(a, "type") == type) return value::string_at(a, "address");
  return "<none>";
}

std::string quota_text(const View& v, bool limits) {
  std::string text;
  const Json *hard = v.at("status.hard"), *used = v.at("status.used");
  if (!hard || !hard->is_object()) return text;
  for (const auto& [key, item] : hard->items()) {
    if (key.starts_with("limits.") != limits) continue;
    std::string now = used ? value::string_at(*used, key) : "";
    text += fmt::format("{}{}: {}/{}", text.empty() ? "" : ", ", key, now,
                        item.is_string() ? item.get<std::string>() : item.dump());
  }
  return text;
}

std::string modes(const Json* list) {
  std::string text;
  if (list && list->is_array())
    for (const Json& m : *list) {
      std::string mode = m.is_string() ? m.get<std::string>() : "";
      std::string abbreviation = mode == "ReadWriteOnce"      ? "RWO"
                                 : mode == "ReadOnlyMany"     ? "ROX"
                                 : mode == "ReadWriteMany"    ? "RWX"
                                 : mode == "ReadWriteOncePod" ? "RWOP"
                                                              : mode;
      text += (text.empty() ? "" : ",") + abbreviation;
    }
  return text;
}

std::string subject_names(const View& v, const char* kind) {
  std::string text;
  if (const Json* list = v.at("subjects"); list && list->is_array())
    for (const Json& s : *list)
      if (value::string_at(s, "kind") == kind) {
        std::string ns = value::string_at(s, "namespace");
        text += (text.empty() ? "" : ", ") + (ns.empty() ? "" : ns + "/") + value::string_at(s, "name");
      }
  return text;
}

std::size_t entries(const View& v, const char* path) {
  const Json* map = v.at(path);
  return map && map->is_object() ? map->size() : 0;
}

using Cells = Json (*)(const View&);
struct Printer {
  std::string_view kind;
  std::vector<Column> columns;
  Cells cells;
};

constexpr Column kName{"Name", "string"}, kAge{"Age", "string"};

const std::vector<Printer>& printers() {
  static const std::vector<Printer> table = {
      {"Pod",
       {kName,
        {"Ready", "string"},
        {"Status", "string"},
        {"Restarts", "string"},
        kAge,
        {"IP", "string", 1},
        {"Node", "string", 1},
        {"Nominated Node", "string", 1},
        {"Readiness Gates", "string", 1}},
       pod_cells},
      {"Deployment",
       {kName,
        {"Ready", "string"},
        {"Up-to-date", "string"},
        {"Available", "string"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"),
                             fmt::format("{}/{}", v.number("status.readyReplicas"), v.number("spec.replicas")),
                             v.number("status.updatedReplicas"), v.number("status.availableReplicas"), age(v),
                             containers(v, "spec.template.spec"), images(v, "spec.template.spec"),
                             selector(v, "spec.selector")});
       }},
      {"ReplicaSet",
       {kName,
        {"Desired", "integer"},
        {"Current", "integer"},
        {"Ready", "integer"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.number("spec.replicas"), v.number("status.replicas"),
                             v.number("status.readyReplicas"), age(v), containers(v, "spec.template.spec"),
                             images(v, "spec.template.spec"), selector(v, "spec.selector")});
       }},
      {"ReplicationController",
       {kName,
        {"Desired", "integer"},
        {"Current", "integer"},
        {"Ready", "integer"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.number("spec.replicas"), v.number("status.replicas"),
                             v.number("status.readyReplicas"), age(v), containers(v, "spec.template.spec"),
                             images(v, "spec.template.spec"), plain_map(v.at("spec.selector"))});
       }},
      {"StatefulSet",
       {kName, {"Ready", "string"}, kAge, {"Containers", "string", 1}, {"Images", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"),
                             fmt::format("{}/{}", v.number("status.readyReplicas"), v.number("spec.replicas")), age(v),
                             containers(v, "spec.template.spec"), images(v, "spec.template.spec")});
       }},
      {"DaemonSet",
       {kName,
        {"Desired", "integer"},
        {"Current", "integer"},
        {"Ready", "integer"},
        {"Up-to-date", "integer"},
        {"Available", "integer"},
        {"Node Selector", "string"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.number("status.desiredNumberScheduled"),
                             v.number("status.currentNumberScheduled"), v.number("status.numberReady"),
                             v.number("status.updatedNumberScheduled"), v.number("status.numberAvailable"),
                             plain_map(v.at("spec.template.spec.nodeSelector")), age(v),
                             containers(v, "spec.template.spec"), images(v, "spec.template.spec"),
                             selector(v, "spec.selector")});
       }},
      {"Job",
       {kName,
        {"Status", "string"},
        {"Completions", "string"},
        {"Duration", "string"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         std::string status = "Running";
         if (v.text("spec.suspend") == "true") status = "Suspended";
         if (const Json* list = v.at("status.conditions"); list && list->is_array())
           for (const Json& c : *list)
             if (value::string_at(c, "status") == "True") {
               std::string type = value::string_at(c, "type");
               if (type == "Complete" || type == "Failed") status = type;
             }
         std::string completions =
             v.at("spec.completions")
                 ? fmt::format("{}/{}", v.number("status.succeeded"), v.number("spec.completions"))
                 : fmt::format("{}/1 of {}", v.number("status.succeeded"), v.number("spec.parallelism", 1));
         return Json::array({v.text("metadata.name"), status, completions,
                             duration_of(v, "status.startTime", "status.completionTime"), age(v),
                             containers(v, "spec.template.spec"), images(v, "spec.template.spec"),
                             selector(v, "spec.selector")});
       }},
      {"CronJob",
       {kName,
        {"Schedule", "string"},
        {"Timezone", "string"},
        {"Suspend", "boolean"},
        {"Active", "integer"},
        {"Last Schedule", "string"},
        kAge,
        {"Containers", "string", 1},
        {"Images", "string", 1},
        {"Selector", "string", 1}},
       [](const View& v) {
         const Json* active = v.at("status.active");
         std::string last = v.text("status.lastScheduleTime");
         return Json::array(
             {v.text("metadata.name"), v.text("spec.schedule"), v.or_none("spec.timeZone"),
              v.text("spec.suspend") == "true" ? "True" : "False", active && active->is_array() ? active->size() : 0,
              last.empty() ? "<none>" : age_of(last, v.now), age(v),
              containers(v, "spec.jobTemplate.spec.template.spec"), images(v, "spec.jobTemplate.spec.template.spec"),
              selector(v, "spec.jobTemplate.spec.selector")});
       }},
      {"Service",
       {kName,
        {"Type", "string"},
        {"Cluster-IP", "string"},
        {"External-IP", "string"},
        {"Port(s)", "string"},
        kAge,
        {"Selector", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("spec.type"), v.or_none("spec.clusterIP"), external_ip(v),
                             service_ports(v), age(v), plain_map(v.at("spec.selector"))});
       }},
      {"Endpoints",
       {kName, {"Endpoints", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), endpoints_text(v), age(v)});
       }},
      {"EndpointSlice",
       {kName, {"AddressType", "string"}, {"Ports", "string"}, {"Endpoints", "string"}, kAge},
       [](const View& v) {
         std::string ports, addresses;
         if (const Json* list = v.at("ports"); list && list->is_array())
           for (const Json& p : *list)
             ports += fmt::format("{}{}", ports.empty() ? "" : ",", value::int_at(p, 0, "port"));
         int count = 0;
         if (const Json* list = v.at("endpoints"); list && list->is_array())
           for (const Json& e : *list)
             if (const Json* own = value::find(e, "addresses"); own && own->is_array())
               for (const Json& a : *own)
                 if (++count <= 3 && a.is_string()) addresses += (addresses.empty() ? "" : ",") + a.get<std::string>();
         if (count > 3) addresses += fmt::format(" + {} more...", count - 3);
         return Json::array({v.text("metadata.name"), v.text("addressType"), ports.empty() ? "<unset>" : ports,
                             addresses.empty() ? "<unset>" : addresses, age(v)});
       }},
      {"Ingress",
       {kName, {"Class", "string"}, {"Hosts", "string"}, {"Address", "string"}, {"Ports", "string"}, kAge},
       [](const View& v) {
         std::string hosts;
         if (const Json* list = v.at("spec.rules"); list && list->is_array())
           for (const Json& r : *list)
             if (std::string h = value::string_at(r, "host"); !h.empty()) hosts += (hosts.empty() ? "" : ",") + h;
         const Json* tls = v.at("spec.tls");
         return Json::array({v.text("metadata.name"), v.or_none("spec.ingressClassName"), hosts.empty() ? "*" : hosts,
                             ingress_addresses(v.at("status.loadBalancer.ingress")),
                             tls && !tls->empty() ? "80, 443" : "80", age(v)});
       }},
      {"IngressClass",
       {kName, {"Controller", "string"}, {"Parameters", "string"}, kAge},
       [](const View& v) {
         return Json::array(
             {v.text("metadata.name"), v.text("spec.controller"), v.or_none("spec.parameters.name"), age(v)});
       }},
      {"NetworkPolicy",
       {kName, {"Pod-Selector", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), selector(v, "spec.podSelector"), age(v)});
       }},
      {"ConfigMap",
       {kName, {"Data", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), entries(v, "data") + entries(v, "binaryData"), age(v)});
       }},
      {"Secret",
       {kName, {"Type", "string"}, {"Data", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("type"), entries(v, "data"), age(v)});
       }},
      {"ServiceAccount",
       {kName, {"Secrets", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.at("secrets") ? v.at("secrets")->size() : 0, age(v)});
       }},
      {"Namespace",
       {kName, {"Status", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("status.phase"), age(v)});
       }},
      {"Node",
       {kName,
        {"Status", "string"},
        {"Roles", "string"},
        kAge,
        {"Version", "string"},
        {"Internal-IP", "string", 1},
        {"External-IP", "string", 1},
        {"OS-Image", "string", 1},
        {"Kernel-Version", "string", 1},
        {"Container-Runtime", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), node_status(v), node_roles(v), age(v),
                             v.text("status.nodeInfo.kubeletVersion"), node_address(v, "InternalIP"),
                             node_address(v, "ExternalIP"), v.or_none("status.nodeInfo.osImage", "<unknown>"),
                             v.or_none("status.nodeInfo.kernelVersion", "<unknown>"),
                             v.or_none("status.nodeInfo.containerRuntimeVersion", "<unknown>")});
       }},
      {"PersistentVolumeClaim",
       {kName,
        {"Status", "string"},
        {"Volume", "string"},
        {"Capacity", "string"},
        {"Access Modes", "string"},
        {"StorageClass", "string"},
        {"VolumeAttributesClass", "string"},
        kAge,
        {"VolumeMode", "string", 1}},
       [](const View& v) {
         return Json::array(
             {v.text("metadata.name"), v.at("metadata.deletionTimestamp") ? "Terminating" : v.text("status.phase"),
              v.text("spec.volumeName"), v.text("status.capacity.storage"), modes(v.at("status.accessModes")),
              v.text("spec.storageClassName"), v.or_none("spec.volumeAttributesClassName", "<unset>"), age(v),
              v.or_none("spec.volumeMode", "<unset>")});
       }},
      {"PersistentVolume",
       {kName,
        {"Capacity", "string"},
        {"Access Modes", "string"},
        {"Reclaim Policy", "string"},
        {"Status", "string"},
        {"Claim", "string"},
        {"StorageClass", "string"},
        {"VolumeAttributesClass", "string"},
        {"Reason", "string"},
        kAge,
        {"VolumeMode", "string", 1}},
       [](const View& v) {
         std::string claim =
             v.at("spec.claimRef") ? v.text("spec.claimRef.namespace") + "/" + v.text("spec.claimRef.name") : "";
         return Json::array({v.text("metadata.name"), v.text("spec.capacity.storage"), modes(v.at("spec.accessModes")),
                             v.text("spec.persistentVolumeReclaimPolicy"),
                             v.at("metadata.deletionTimestamp") ? "Terminating" : v.text("status.phase"), claim,
                             v.text("spec.storageClassName"), v.or_none("spec.volumeAttributesClassName", "<unset>"),
                             v.text("status.reason"), age(v), v.or_none("spec.volumeMode", "<unset>")});
       }},
      {"StorageClass",
       {kName,
        {"Provisioner", "string"},
        {"ReclaimPolicy", "string"},
        {"VolumeBindingMode", "string"},
        {"AllowVolumeExpansion", "string"},
        kAge},
       [](const View& v) {
         const Json* marks = v.at("metadata.annotations");
         bool chosen = marks && value::string_at(*marks, "storageclass.kubernetes.io/is-default-class") == "true";
         return Json::array({v.text("metadata.name") + (chosen ? " (default)" : ""), v.text("provisioner"),
                             v.text("reclaimPolicy"), v.text("volumeBindingMode"),
                             v.text("allowVolumeExpansion") == "true", age(v)});
       }},
      {"HorizontalPodAutoscaler",
       {kName,
        {"Reference", "string"},
        {"Targets", "string"},
        {"MinPods", "string"},
        {"MaxPods", "string"},
        {"Replicas", "integer"},
        kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"),
                             v.text("spec.scaleTargetRef.kind") + "/" + v.text("spec.scaleTargetRef.name"),
                             hpa_targets(v), v.or_none("spec.minReplicas", "<unset>"), v.number("spec.maxReplicas"),
                             v.number("status.currentReplicas"), age(v)});
       }},
      {"PodDisruptionBudget",
       {kName, {"Min Available", "string"}, {"Max Unavailable", "string"}, {"Allowed Disruptions", "integer"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.or_none("spec.minAvailable", "N/A"),
                             v.or_none("spec.maxUnavailable", "N/A"), v.number("status.disruptionsAllowed"), age(v)});
       }},
      {"ResourceQuota",
       {kName, {"Request", "string"}, {"Limit", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), quota_text(v, false), quota_text(v, true), age(v)});
       }},
      {"Event",
       {{"Last Seen", "string"},
        {"Type", "string"},
        {"Reason", "string"},
        {"Object", "string"},
        {"Subobject", "string", 1},
        {"Source", "string", 1},
        {"Message", "string"},
        {"First Seen", "string", 1},
        {"Count", "integer", 1},
        {"Name", "string", 1}},
       [](const View& v) {
         auto ago = [&](std::initializer_list<const char*> paths) {
           for (const char* p : paths)
             if (std::string t = v.text(p); !t.empty()) return age_of(t, v.now);
           return std::string("<unknown>");
         };
         return Json::array(
             {ago({"series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"}),
              v.text("type"), v.text("reason"),
              lower(v.text("involvedObject.kind")) + "/" + v.text("involvedObject.name"),
              v.text("involvedObject.fieldPath"),
              v.text("source.component").empty() ? v.text("reportingComponent") : v.text("source.component"),
              v.text("message"), ago({"firstTimestamp", "eventTime", "metadata.creationTimestamp"}),
              v.number("count", 1), v.text("metadata.name")});
       }},
      {"Role",
       {kName, {"Created At", "date"}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("metadata.creationTimestamp")});
       }},
      {"ClusterRole",
       {kName, {"Created At", "date"}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("metadata.creationTimestamp")});
       }},
      {"RoleBinding",
       {kName,
        {"Role", "string"},
        kAge,
        {"Users", "string", 1},
        {"Groups", "string", 1},
        {"ServiceAccounts", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("roleRef.kind") + "/" + v.text("roleRef.name"), age(v),
                             subject_names(v, "User"), subject_names(v, "Group"), subject_names(v, "ServiceAccount")});
       }},
      {"ClusterRoleBinding",
       {kName,
        {"Role", "string"},
        kAge,
        {"Users", "string", 1},
        {"Groups", "string", 1},
        {"ServiceAccounts", "string", 1}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("roleRef.kind") + "/" + v.text("roleRef.name"), age(v),
                             subject_names(v, "User"), subject_names(v, "Group"), subject_names(v, "ServiceAccount")});
       }},
      {"Lease",
       {kName, {"Holder", "string"}, kAge},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("spec.holderIdentity"), age(v)});
       }},
      {"PriorityClass",
       {kName, {"Value", "string"}, {"Global-Default", "boolean"}, kAge, {"PreemptionPolicy", "string"}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.number("value"), v.text("globalDefault") == "true", age(v),
                             v.text("preemptionPolicy")});
       }},
      {"ControllerRevision",
       {kName, {"Controller", "string"}, {"Revision", "string"}, kAge},
       [](const View& v) {
         std::string owner = "<none>";
         if (const Json* list = v.at("metadata.ownerReferences"); list && list->is_array())
           for (const Json& o : *list)
             if (value::bool_at(o, false, "controller")) {
               auto api = value::string_at(o, "apiVersion");
               auto group = api.substr(0, api.find('/'));
               owner = lower(value::string_at(o, "kind")) + (api.find('/') == std::string::npos ? "" : "." + group) +
                       "/" + value::string_at(o, "name");
             }
         return Json::array({v.text("metadata.name"), owner, v.number("revision"), age(v)});
       }},
      {"CustomResourceDefinition",
       {kName, {"Created At", "date"}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("metadata.creationTimestamp")});
       }},
      {"LimitRange",
       {kName, {"Created At", "date"}},
       [](const View& v) {
         return Json::array({v.text("metadata.name"), v.text("metadata.creationTimestamp")});
       }},
  };
  return table;
}

// The subset of JSON path that printer columns use: .a.b, ['a.b'], [0], [*], [?(@.type=="Ready")].
std::vector<const Json*> path_values(const Json& object, std::string_view path) {
  std::vector<const Json*> at{&object};
  while (!path.empty() && !at.empty()) {
    std::vector<const Json*> next;
    if (path[0] == '.') {
      path.remove_prefix(1);
      std::string name;
      while (!path.empty() && path[0] != '.' && path[0] != '[') {
        if (path[0] == '\\' && path.size() > 1) path.remove_prefix(1);
        name += path[0];
        path.remove_prefix(1);
      }
      if (name.empty()) continue;
      for (const Json* v : at)
        if (const Json* found = value::find(*v, name)) next.push_back(found);
    } else if (path[0] == '[') {
      auto close = path.starts_with("[?(") ? path.find(")]") : path.find(']');
      if (close == std::string_view::npos) return {};
      std::string_view inside = path.substr(1, close - 1);
      bool filter = inside.starts_with("?(");
      path.remove_prefix(close + (filter ? 2 : 1));
      for (const Json* v : at) {
        if (filter) {
          auto equal = inside.find("==");
          if (equal == std::string_view::npos || !v->is_array()) continue;
          std::string_view field = inside.substr(2, equal - 2), wanted = inside.substr(equal + 2);
          auto strip = [](std::string_view t) {
            while (!t.empty() &&
                   (t.front() == ' ' || t.front() == '"' || t.front() == '\'' || t.front() == '@' || t.front() == '.'))
              t.remove_prefix(1);
            while (!t.empty() && (t.back() == ' ' || t.back() == '"' || t.back() == '\'')) t.remove_suffix(1);
            return t;
          };
          for (const Json& item : *v)
            if (const Json* found = field_at(item, strip(field));
                found && found->is_string() && found->get_ref<const std::string&>() == strip(wanted))
              next.push_back(&item);
        } else if (inside == "*") {
          if (v->is_structured())
            for (const Json& item : *v) next.push_back(&item);
        } else if (!inside.empty() && (inside[0] == '\'' || inside[0] == '"')) {
          if (const Json* found = value::find(*v, inside.substr(1, inside.size() - 2))) next.push_back(found);
        } else {
          std::size_t index = 0;
          for (char c : inside)
            if (c >= '0' && c <= '9' && index < 1000000) index = index * 10 + static_cast<std::size_t>(c - '0');
          if (v->is_array() && index < v->size()) next.push_back(&(*v)[index]);
        }
      }
    } else {
      return {};
    }
    at = std::move(next);
  }
  return at;
}

Json custom_cell(const Json& column, const View& v) {
  auto found = path_values(v.o, value::string_at(column, "jsonPath"));
  if (found.empty() || found[0]->is_null()) return nullptr;
  std::string type = value::string_at(column, "type");
  if (type == "date") return found[0]->is_string() ? age_of(found[0]->get<std::string>(), v.now) : "<unknown>";
  if (type == "string" && found.size() > 1) {
    std::string text;
    for (const Json* f : found)
      text += (text.empty() ? "" : ",") + (f->is_string() ? f->get<std::string>() : f->dump());
    return text;
  }
  if (type == "string" && !found[0]->is_string()) return found[0]->dump();
  return *found[0];
}

}  // namespace

Json make_table(const Served& kind, const std::vector<Object>& items, port::WallTime now, std::string_view include,
                bool headers) {
  Json definitions = Json::array(), rows = Json::array();
  auto define = [&](std::string_view name, std::string_view type, int priority, std::string_view format = {}) {
    definitions.push_back({{"name", name},
                           {"type", type},
                           {"format", name == "Name" && format.empty() ? "name" : format},
                           {"description", ""},
                           {"priority", priority}});
  };
  const Printer* printer = nullptr;
  if (!kind.custom)
    for (const auto& p : printers())
      if (p.kind == kind.info.kind) printer = &p;
  const Json& columns = kind.custom ? kind.custom->columns : Json();
  bool own = columns.is_array() && !columns.empty();
  if (headers) {
    if (printer) {
      for (const Column& c : printer->columns) define(c.name, c.type, c.priority);
    } else {
      define("Name", "string", 0);
      if (own)
        for (const Json& c : columns)
          define(value::string_at(c, "name"), value::string_at(c, "type"),
                 static_cast<int>(value::int_at(c, 0, "priority")), value::string_at(c, "format"));
      else
        define(kind.custom ? "Age" : "Created At", "date", 0);
    }
  }
  for (const Object& object : items) {
    View v{*object, now};
    Json cells;
    if (printer) {
      cells = printer->cells(v);
    } else {
      cells = Json::array({v.text("metadata.name")});
      if (own)
        for (const Json& c : columns) cells.push_back(custom_cell(c, v));
      else
        cells.push_back(kind.custom ? age(v) : v.text("metadata.creationTimestamp"));
    }
    Json row = {{"cells", std::move(cells)}};
    if (include == "Object")
      row["object"] = *object;
    else if (include != "None")
      row["object"] = partial_metadata(*object);
    rows.push_back(std::move(row));
  }
  Json table = {
      {"kind", "Table"}, {"apiVersion", "meta.k8s.io/v1"}, {"metadata", Json::object()}, {"rows", std::move(rows)}};
  table["columnDefinitions"] = headers ? std::move(definitions) : Json();
  return table;
}

}  // namespace nautilus::sim
