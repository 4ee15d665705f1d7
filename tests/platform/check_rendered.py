#!/usr/bin/env python3
"""Holds the rendered objects of one environment to what no API server checks: that they fit together.

    check_rendered.py ENVIRONMENT_FILE RENDERED_YAML

RENDERED_YAML is the output of `helm template` or `nautilusctl render`. Prints one line for each fault and ends with 1
if there is any. Needs python3-yaml.
"""
import re
import sys
from pathlib import Path

import yaml

import check_mesh

NAME = "app.kubernetes.io/name"
ROLE = "nautilus.trading.com/postgresql-role"  # written on pods by Patroni, so in no template
SUFFIX = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
MAX_SHARDS = 25
# What talks to the API server: Patroni, and what finds targets or asks who is calling.
TOKENS = ("postgresql-primary", "postgresql-replica", "kube-state-metrics", "prometheus-adapter", "vault")
# Secrets that other controllers of the cluster make from objects rendered here.
MADE_BY_CONTROLLERS = {"Elasticsearch": ("nautilus-es-elastic-user", "nautilus-es-http-certs-public"), "Certificate": ("prometheus-adapter-tls",)}
# Pods that an operator makes from a custom object: name label, and the ports it opens.
OPERATED = {"Prometheus": ("prometheus", {"web": 9090}), "Alertmanager": ("alertmanager", {"web": 9093, "mesh": 9094}),
            "Elasticsearch": ("elasticsearch", {"https": 9200, "transport": 9300}), "Kibana": ("kibana", {"https": 5601})}

# What the platform guide's commands address.
GUIDE = [
    ("Namespace", "nautilus-trading"), ("Namespace", "upgrade-system"), ("Deployment", "nautilus-backend"),
    ("Deployment", "nautilus-frontend"), ("Deployment", "pgbouncer"), ("Service", "nautilus-websocket"),
    ("Service", "pgbouncer"), ("StatefulSet", "postgresql-primary"), ("StatefulSet", "redis-cluster"),
    ("StatefulSet", "redis-sentinel"), ("StatefulSet", "nautilus-engine"),
]
GUIDE_PRODUCTION = [("HorizontalPodAutoscaler", "nautilus-backend-hpa"), ("HorizontalPodAutoscaler", "nautilus-frontend-hpa")]
PRODUCTION_REPLICAS = {"pgbouncer": (5, 5), "redis-cluster": (6, 6), "postgresql-primary": (1, 1), "postgresql-replica": (3, 3),
                       "nautilus-backend": (10, 100), "nautilus-frontend": (8, 40), "nautilus-engine": (5, 5)}


def quantity(text):
    number, suffix = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text)).groups()
    return float(number) * SUFFIX[suffix]


RUNTIME_LABELS = ("apps.kubernetes.io/pod-index", "nautilusctl.io/engine-role")


class Check:
    def __init__(self, environment, objects):
        self.environment = environment
        self.objects = objects
        self.faults = []
        self.workloads = [o for o in objects if o["kind"] in ("Deployment", "StatefulSet", "DaemonSet")]
        self.targets = self.workloads + [operated(o) for o in objects if o["kind"] in OPERATED]
        self.scalers = {o["spec"]["scaleTargetRef"]["name"]: o["spec"] for o in self.kind("HorizontalPodAutoscaler")}
        self.index = {}
        for o in objects:
            key = (o["kind"], o["metadata"]["name"], o["metadata"].get("namespace"))
            if key in self.index:
                self.fault(f"{key} is rendered twice")
            self.index[key] = o

    def fault(self, text):
        self.faults.append(text)

    def kind(self, kind):
        return [o for o in self.objects if o["kind"] == kind]

    def has(self, kind, name):
        return any(k[0] == kind and k[1] == name for k in self.index)

    def selected(self, selector):
        wanted = {k: v for k, v in selector.items() if k != ROLE}
        return [w for w in self.targets
                if wanted.items() <= w["spec"]["template"]["metadata"]["labels"].items()]

    # ------------------------------------------------------------------------------------------------ checks

    def names(self):
        production = self.environment["metadata"]["name"] == "prod"
        for kind, name in GUIDE + (GUIDE_PRODUCTION if production else []):
            if not self.has(kind, name):
                self.fault(f"the guide addresses {kind} {name}, which is not rendered")
        if production:
            for name, wanted in PRODUCTION_REPLICAS.items():
                found = [self.bounds(w) for w in self.workloads if w["metadata"]["name"] == name]
                if found != [wanted]:
                    self.fault(f"{name}: the guide says {wanted} replicas, rendered {found}")

    def bounds(self, workload):
        scaler = self.scalers.get(workload["metadata"]["name"])
        if scaler:
            return scaler["minReplicas"], scaler["maxReplicas"]
        return (workload["spec"]["replicas"],) * 2

    def pods(self):
        for w in self.workloads:
            name, spec = w["metadata"]["name"], w["spec"]
            pod = spec["template"]["spec"]
            if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
                self.fault(f"{name}: the selector does not match its own pods")
            if name in self.scalers and "replicas" in spec:
                self.fault(f"{name}: replicas rendered under an autoscaler")
            if not self.has("ServiceAccount", pod["serviceAccountName"]):
                self.fault(f"{name}: no ServiceAccount {pod['serviceAccountName']}")
            if not self.has("PriorityClass", pod["priorityClassName"]):
                self.fault(f"{name}: no PriorityClass {pod['priorityClassName']}")
            paired = name.startswith("nautilus-engine") and self.has("StatefulSet", "nautilus-engine-standby")
            if pod.get("automountServiceAccountToken") is not (name in TOKENS or paired):
                self.fault(f"{name}: has an API server's token and no need of it, or the other way round")
            if w["kind"] == "StatefulSet" and not self.has("Service", spec["serviceName"]):
                self.fault(f"{name}: no governing Service {spec['serviceName']}")
            volumes = {v["name"] for v in pod.get("volumes", [])} | {c["metadata"]["name"] for c in spec.get("volumeClaimTemplates", [])}
            for c in pod["containers"] + pod.get("initContainers", []):
                for mount in c.get("volumeMounts", []):
                    if mount["name"] not in volumes:
                        self.fault(f"{name}: no volume {mount['name']}")
                if "requests" not in c["resources"] or "limits" not in c["resources"]:
                    self.fault(f"{name}/{c['name']}: requests or limits missing")
                sleep = c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                if sleep >= pod["terminationGracePeriodSeconds"]:
                    self.fault(f"{name}: preStop outlasts the grace period")
            for volume in pod.get("volumes", []):
                sources = [volume] + volume.get("projected", {}).get("sources", [])
                for config in [s["configMap"]["name"] for s in sources if "configMap" in s]:
                    if ("ConfigMap", config, w["metadata"]["namespace"]) not in self.index:
                        self.fault(f"{name}: no ConfigMap {config}")

    def secrets(self):
        used = set()
        pods = [(w["metadata"]["namespace"], w["spec"]["template"]["spec"]) for w in self.workloads]
        pods += [(o["metadata"]["namespace"], o["spec"]["jobTemplate"]["spec"]["template"]["spec"]) for o in self.kind("CronJob")]
        for place, pod in pods:
            for volume in pod.get("volumes", []):
                sources = [volume["secret"]] if "secret" in volume else []
                sources += [s["secret"] for s in volume.get("projected", {}).get("sources", []) if "secret" in s]
                for s in sources:
                    used |= {(place, s.get("secretName", s.get("name")), i["key"]) for i in s.get("items", [{"key": "*"}])}
        for config in self.kind("AlertmanagerConfig"):
            used |= {(config["metadata"]["namespace"], *pair) for pair in secret_keys(config["spec"])}
        made = {name for kind, names in MADE_BY_CONTROLLERS.items() if self.kind(kind) for name in names}
        used = {entry for entry in used if entry[1] not in made}
        for ingress in self.kind("Ingress"):
            used |= {(ingress["metadata"]["namespace"], t["secretName"], "*") for t in ingress["spec"]["tls"]}
        used |= {(place, name, "*") for place, name in check_mesh.certificates(self.objects)}
        spec = self.environment["spec"]
        generated = {(s["namespace"], s["name"], key) for s in spec["generatedSecrets"] for key in s["keys"]}
        external = {(s["namespace"], s["name"]) for s in spec["externalSecrets"]}
        external |= {(c["metadata"]["namespace"], c["spec"]["secretName"]) for c in self.kind("Certificate")
                     if c["spec"]["secretName"] not in made}
        for place, name, key in sorted(used - generated):
            if (place, name) not in external:
                self.fault(f"Secret {place}/{name} key {key} is used, but the environment neither generates nor expects it")
        for place, name, key in sorted(generated - used):
            self.fault(f"Secret {place}/{name} key {key} is generated, but nothing uses it")
        for place, name in sorted(external - {(p, n) for p, n, _ in used}):
            self.fault(f"Secret {place}/{name} is expected from outside, but nothing uses it")
        if self.kind("Secret"):
            self.fault("a Secret is rendered")

    def services(self):
        for s in self.kind("Service"):
            # What the pods only have once they run: their ordinal, and the role that an engine gives its own pod.
            fixed = {k: v for k, v in s["spec"]["selector"].items() if k not in RUNTIME_LABELS}
            name, pods = s["metadata"]["name"], self.selected(fixed)
            if not pods and s["spec"]["selector"].get(check_mesh.TRACK) != "canary":  # which comes and goes
                self.fault(f"Service {name} selects no workload")
            for w in pods:
                ports = {p["name"] for c in w["spec"]["template"]["spec"]["containers"] for p in c.get("ports", [])}
                for p in s["spec"]["ports"]:
                    if p["targetPort"] not in ports:
                        self.fault(f"Service {name}: {w['metadata']['name']} has no port {p['targetPort']}")
        for i in self.kind("Ingress"):
            for rule in i["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    backend = path["backend"]["service"]
                    ports = [p["name"] for s in self.kind("Service") if s["metadata"]["name"] == backend["name"]
                             for p in s["spec"]["ports"]]
                    if backend["port"]["name"] not in ports:
                        self.fault(f"Ingress {i['metadata']['name']}: no Service {backend['name']} with port {backend['port']['name']}")
        for b in self.kind("PodDisruptionBudget"):
            if not self.selected(b["spec"]["selector"]["matchLabels"]):
                self.fault(f"PodDisruptionBudget {b['metadata']['name']} selects no workload")

    def flows(self):
        """Both ends of every flow inside the platform must allow it, on a port that is open."""
        sent, received, anywhere, home = set(), set(), set(), {}
        for p in self.kind("NetworkPolicy"):
            home[p["spec"]["podSelector"].get("matchLabels", {}).get(NAME)] = p["metadata"]["namespace"]
        # Gateways are the mesh's own business (check_mesh.py).
        ours = set(home.values()) - {n["metadata"]["name"] for n in self.kind("Namespace")
                                     if n["metadata"]["labels"].get("app.kubernetes.io/component") == "mesh-gateway"}
        for p in self.kind("NetworkPolicy"):
            me = p["spec"]["podSelector"].get("matchLabels", {}).get(NAME)
            if not me or home[me] not in ours:
                continue
            for direction, key in (("egress", "to"), ("ingress", "from")):
                for rule in p["spec"].get(direction, []):
                    for peer in rule.get(key, []):
                        place = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", home[me])
                        other = peer.get("podSelector", {}).get("matchLabels", {}).get(NAME)
                        if place not in ours or "ipBlock" in peer:
                            continue
                        if other and home.get(other) != place:
                            self.fault(f"flow between {me} and {other}: there is no {other} in {place}")
                        for port in rule["ports"]:
                            if other is None:
                                anywhere.add((me, place, port["port"], direction))
                            elif direction == "egress":
                                sent.add((me, other, port["port"]))
                            else:
                                received.add((other, me, port["port"]))
        # "All of a namespace" at one end is narrowed by the other ends.
        answered = {f for f in received if (f[0], home.get(f[1]), f[2], "egress") in anywhere}
        answered |= {f for f in sent if (f[1], home.get(f[0]), f[2], "ingress") in anywhere}
        for flow in sorted((sent ^ received) - answered):
            self.fault(f"flow {flow[0]} -> {flow[1]}:{flow[2]} is allowed at one end only")
        listening = {}
        for w in self.targets:
            labels = w["spec"]["template"]["metadata"]["labels"]
            listening.setdefault(labels[NAME], set()).update(
                p["containerPort"] for c in w["spec"]["template"]["spec"]["containers"] for p in c.get("ports", []))
        for source, target, port in sorted(received):
            if port not in listening.get(target, set()):
                self.fault(f"flow {source} -> {target}:{port} ends at a closed port")
        covered = {p["spec"]["podSelector"].get("matchLabels", {}).get(NAME) for p in self.kind("NetworkPolicy")}
        for name in sorted(set(listening) - covered):
            self.fault(f"{name} has no network policy")
        for ns in self.kind("Namespace"):
            if not any(k[:2] == ("NetworkPolicy", "default-deny") and k[2] == ns["metadata"]["name"] for k in self.index):
                self.fault(f"namespace {ns['metadata']['name']} does not deny by default")

    def quota(self):
        """Every autoscaler at its maximum, a surge on top, and the most shards there may be, must fit."""
        totals = {}
        for w in self.targets:
            if w["kind"] == "DaemonSet":
                continue  # as many as there are nodes
            total = totals.setdefault(w["metadata"]["namespace"], {})
            spec, most = w["spec"], self.bounds(w)[1]
            surge = spec.get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0)
            most += -(-most * int(surge[:-1]) // 100) if isinstance(surge, str) else surge
            if w["metadata"]["name"] == "nautilus-engine" and self.environment["metadata"]["name"] == "prod":
                most = MAX_SHARDS
            parts = {"pods": 1, "persistentvolumeclaims": len(spec.get("volumeClaimTemplates", []))}
            parts["requests.storage"] = sum(quantity(c["spec"]["resources"]["requests"]["storage"])
                                            for c in spec.get("volumeClaimTemplates", []))
            pod = spec["template"]["spec"]
            beside = [c for c in pod.get("initContainers", []) if c.get("restartPolicy") == "Always"]
            needs = [c["resources"] for c in pod["containers"] + beside] + check_mesh.sidecar(spec["template"])
            for resources in needs:
                for side in ("requests", "limits"):
                    for resource, value in resources[side].items():
                        parts[f"{side}.{resource}"] = parts.get(f"{side}.{resource}", 0) + quantity(value)
            for key, value in parts.items():
                total[key] = total.get(key, 0) + value * most
        for place, total in sorted(totals.items()):
            hard = self.index[("ResourceQuota", "platform-quota", place)]["spec"]["hard"]
            for key, value in sorted(total.items()):
                if key in hard and value > quantity(hard[key]):
                    self.fault(f"quota {key} of {place} is {hard[key]}, but up to {value:g} may be asked for")

    def tree(self, rules):
        """Every object has a place in the k8s tree."""
        for o in self.objects:
            if not any(fits(rule["match"], o) for rule in rules):
                self.fault(f"no rule of k8s-tree.yaml places {o['kind']} {o['metadata']['name']}")


def secret_keys(value):
    """Every {name, key} below a custom object's spec."""
    if isinstance(value, dict):
        if set(value) == {"name", "key"}:
            return {(value["name"], value["key"])}
        value = list(value.values())
    return set().union(*(secret_keys(v) for v in value)) if isinstance(value, list) else set()


def operated(o):
    """The pods an operator will make of a custom object, in the shape of a workload."""
    name, ports = OPERATED[o["kind"]]
    spec = o["spec"]
    nodes = spec.get("nodeSets", [{}])[0]
    pod = nodes.get("podTemplate", spec.get("podTemplate", {}))
    container = pod.get("spec", {}).get("containers", [{"resources": spec.get("resources")}])[0]
    labels = {NAME: name, **spec.get("podMetadata", {}).get("labels", {}), **pod.get("metadata", {}).get("labels", {})}
    claims = nodes.get("volumeClaimTemplates", [spec["storage"]["volumeClaimTemplate"]] if "storage" in spec else [])
    containers = [{**container, "ports": [{"name": n, "containerPort": p} for n, p in ports.items()]}]
    return {"kind": "StatefulSet", "metadata": o["metadata"],
            "spec": {"replicas": nodes.get("count", spec.get("count", spec.get("replicas"))), "volumeClaimTemplates": claims,
                     "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}}}


def fits(match, o):
    meta = o["metadata"]
    have = {"kind": o["kind"], "name": meta["name"], "namespace": meta.get("namespace")}
    for key, value in have.items():
        if key in match and value not in (match[key] if isinstance(match[key], list) else [match[key]]):
            return False
    return match.get("labels", {}).items() <= meta.get("labels", {}).items()


def check(environment_file, rendered):
    """(number of objects, faults) of an environment's rendered text."""
    environment = yaml.safe_load(environment_file.read_text())
    objects = check_mesh.objects_of(rendered)
    chart = environment_file.parent / environment["spec"]["chart"]
    held = Check(environment, objects)
    held.names()
    held.pods()
    held.secrets()
    held.services()
    held.flows()
    held.quota()
    for fault in check_mesh.faults(objects):
        held.fault(fault)
    held.tree(yaml.safe_load((chart / "k8s-tree.yaml").read_text())["rules"])
    return len(objects), held.faults


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    count, faults = check(Path(sys.argv[1]), Path(sys.argv[2]).read_text())
    for fault in faults:
        print(fault)
    print(f"{count} objects, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
