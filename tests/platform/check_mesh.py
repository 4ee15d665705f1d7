#!/usr/bin/env python3
"""Holds the mesh's objects of one environment to what neither an API server nor istioctl checks.

The heart is a table: every flow that the network policies allow between pods has exactly one counterpart among the
authorization policies, by the caller's service account, and there is no counterpart without a flow.
"""
import json
import re

import yaml

# libyaml's reader where it is there: tenfold faster on what an environment renders to.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NAME = "app.kubernetes.io/name"
TRACK = "nautilus.trading.com/track"
PLACE = "kubernetes.io/metadata.name"
INGRESS_PORTS = {8080, 8443, 80, 443}
DRAIN = re.compile(r"([0-9]+)s")
SERVICE_HOST = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.svc\..+")


def objects_of(text):
    return [o for o in yaml.load_all(text, Loader=LOADER) if o]


def of(objects, kind, group=None):
    return [o for o in objects if o["kind"] == kind and (group is None or o["apiVersion"].startswith(group))]


def workloads(objects):
    return [o for o in objects if o["kind"] in ("Deployment", "StatefulSet")]


def meshed(objects):
    """Namespaces whose pods get a sidecar or are a gateway."""
    return {o["metadata"]["name"] for o in of(objects, "Namespace")
            if o["metadata"]["labels"].get("istio-injection") == "enabled" or "istio.io/rev" in o["metadata"]["labels"]}


def certificates(objects):
    """(namespace, name) of the Secrets that gateways serve: beside the gateway's pods."""
    found = set()
    for gateway in of(objects, "Gateway", "networking.istio.io"):
        selector = gateway["spec"]["selector"].items()
        places = [w["metadata"]["namespace"] for w in workloads(objects) if selector <= w["spec"]["template"]["metadata"]["labels"].items()]
        for server in gateway["spec"]["servers"]:
            name = server.get("tls", {}).get("credentialName")
            found |= {(place, name) for place in places if name}
    for gateway in of(objects, "Gateway", "gateway.networking.k8s.io"):
        for listener in gateway["spec"]["listeners"]:
            found |= {(ref.get("namespace", gateway["metadata"]["namespace"]), ref["name"])
                      for ref in listener.get("tls", {}).get("certificateRefs", [])}
    return found


def sidecar(template):
    """What the injected proxy asks for, as a container's resources; nothing outside the mesh."""
    notes = template["metadata"].get("annotations", {})
    if "sidecar.istio.io/proxyCPU" not in notes:
        return []
    return [{"requests": {"cpu": notes["sidecar.istio.io/proxyCPU"], "memory": notes["sidecar.istio.io/proxyMemory"]},
             "limits": {"cpu": notes["sidecar.istio.io/proxyCPULimit"], "memory": notes["sidecar.istio.io/proxyMemoryLimit"]}}]


class Mesh:
    def __init__(self, objects):
        self.objects = objects
        self.faults = []
        self.workloads = workloads(objects)
        self.places = meshed(objects)
        self.sidecars = {o["metadata"]["namespace"] for o in of(objects, "Sidecar")}
        # What watches the mesh is not part of it: Prometheus reads clear text, and must when the mesh is what is broken. Nor is
        # a namespace that says why.
        self.watchers = {o["metadata"]["name"] for o in of(objects, "Namespace")
                         if o["metadata"]["labels"].get("app.kubernetes.io/component") == "observability" or
                         "nautilus.trading.com/outside-mesh" in o["metadata"].get("annotations", {})}
        # Callers by the labels that a network policy sees, and by the account that the mesh sees.
        self.accounts = {(w["metadata"]["namespace"], w["spec"]["template"]["metadata"]["labels"][NAME]):
                         w["spec"]["template"]["spec"]["serviceAccountName"] for w in self.workloads}

    def fault(self, text):
        self.faults.append(text)

    # ------------------------------------------------------------------------------------------------ the table

    def gateways(self):
        """Accounts of the pods that an implementation makes for Gateway API gateways, by namespace and pod name."""
        return {(g["metadata"]["namespace"], g["spec"]["infrastructure"]["labels"][NAME]):
                f"{g['metadata']['name']}-{g['spec']['gatewayClassName']}" for g in of(self.objects, "Gateway", "gateway.networking.k8s.io")}

    def sent(self):
        """(caller principal, callee namespace, callee, port): what the callers' network policies let out to pods."""
        accounts = {**self.accounts, **self.gateways()}
        table = set()
        for policy in of(self.objects, "NetworkPolicy"):
            place, me = policy["metadata"]["namespace"], policy["spec"]["podSelector"].get("matchLabels", {}).get(NAME)
            if not me or place not in self.places:
                continue  # a caller without a sidecar is nobody to the mesh; open_ports() holds its callees to a reason
            if (place, me) not in accounts:
                self.fault(f"NetworkPolicy {place}/{policy['metadata']['name']} is for {me}, which nothing rendered is")
                continue
            caller = f"cluster.local/ns/{place}/sa/{accounts[place, me]}"
            for rule in policy["spec"].get("egress", []):
                for peer in rule.get("to", []):
                    other = peer.get("podSelector", {}).get("matchLabels", {}).get(NAME)
                    where = peer.get("namespaceSelector", {}).get("matchLabels", {}).get(PLACE, place)
                    if other and where in self.places:
                        table |= {(caller, where, other, p["port"]) for p in rule["ports"]}
        return table

    def allowed(self):
        """The same, as the callees' authorization policies say it."""
        table = set()
        for policy in of(self.objects, "AuthorizationPolicy"):
            place, name = policy["metadata"]["namespace"], policy["metadata"]["name"]
            selector = policy["spec"].get("selector", {}).get("matchLabels", {}).get(NAME)
            if policy["spec"] == {} or "targetRefs" in policy["spec"]:
                continue
            if policy["spec"]["action"] != "ALLOW" or not selector:
                self.fault(f"AuthorizationPolicy {place}/{name} is not an allow rule for one component")
                continue
            for rule in policy["spec"]["rules"]:
                ports = {int(p) for to in rule["to"] for p in to["operation"]["ports"]}
                if "from" not in rule:
                    if not any("hosts" in to["operation"] for to in rule["to"]) or not ports <= INGRESS_PORTS:
                        self.open_ports(place, name, ports)
                    continue
                for source in rule["from"]:
                    kinds = set(source["source"])
                    if kinds != {"principals"}:
                        self.fault(f"AuthorizationPolicy {place}/{name} names {sorted(kinds)}, not who calls")
                        continue
                    table |= {(who, place, selector, port) for who in source["source"]["principals"] for port in ports}
        return table

    def open_ports(self, place, name, ports):
        """A rule for anyone is one for callers without a sidecar, each with its reason."""
        for own in of(self.objects, "PeerAuthentication"):
            if (own["metadata"]["namespace"], own["metadata"]["name"]) == (place, name):
                notes = own["metadata"].get("annotations", {})
                ports = {p for p in ports if len(notes.get(f"nautilus.trading.com/plaintext-{p}", "")) < 20
                         or own["spec"]["portLevelMtls"].get(p, own["spec"]["portLevelMtls"].get(str(p))) != {"mode": "PERMISSIVE"}}
        if ports:
            self.fault(f"AuthorizationPolicy {place}/{name} lets anyone call {sorted(ports)}")

    def table(self):
        sent, allowed = self.sent(), self.allowed()
        for who, place, name, port in sorted(sent - allowed):
            self.fault(f"flow {who} -> {place}/{name}:{port} is declared, but the mesh denies it")
        for who, place, name, port in sorted(allowed - sent):
            self.fault(f"flow {who} -> {place}/{name}:{port} is allowed by the mesh, but nobody declared it")
        if not sent:
            self.fault("the mesh has no flow at all")

    # ------------------------------------------------------------------------------------------------ the rest

    def defaults(self):
        for place in sorted(self.places):
            there = [o for o in self.objects if o["metadata"].get("namespace") == place]
            wanted = {"PeerAuthentication": {"mtls": {"mode": "STRICT"}}, "AuthorizationPolicy": {}}
            for kind, spec in wanted.items():
                if not any(o["kind"] == kind and o["spec"] == spec for o in there):
                    self.fault(f"namespace {place}: no {kind} {json.dumps(spec)} for all its pods")
            if not any(o["kind"] == "NetworkPolicy" and any(p.get("port") == 15012 for rule in o["spec"].get("egress", [])
                                                           for p in rule["ports"]) for o in there):
                self.fault(f"namespace {place}: istiod cannot be reached (finding 25)")
        for policy in of(self.objects, "PeerAuthentication"):
            for port in policy["spec"].get("portLevelMtls", {}):
                if len(policy["metadata"].get("annotations", {}).get(f"nautilus.trading.com/plaintext-{port}", "")) < 20:
                    self.fault(f"PeerAuthentication {policy['metadata']['name']}: port {port} takes clear text without a reason")
        for own in of(self.objects, "Sidecar"):
            if own["spec"]["outboundTrafficPolicy"]["mode"] != "REGISTRY_ONLY":
                self.fault(f"Sidecar of {own['metadata']['namespace']} lets anything out")

    def pods(self):
        for w in self.workloads:
            if w["metadata"]["namespace"] in self.watchers:
                continue
            name, template = w["metadata"]["name"], w["spec"]["template"]
            if w["metadata"]["namespace"] not in self.places:
                self.fault(f"{name}: its namespace is not in the mesh")
            notes = template["metadata"].get("annotations", {})
            config = json.loads(notes.get("proxy.istio.io/config", "{}"))
            gateway = notes.get("inject.istio.io/templates") == "gateway"
            if not gateway and (notes.get("sidecar.istio.io/nativeSidecar") != "true" or not config.get("holdApplicationUntilProxyStarts")):
                self.fault(f"{name}: its sidecar is not there before and after it")
            drain = DRAIN.fullmatch(config.get("terminationDrainDuration", ""))
            sleeps = [c.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0) for c in template["spec"]["containers"]]
            if not drain or int(drain[1]) + max(sleeps) >= template["spec"]["terminationGracePeriodSeconds"]:
                self.fault(f"{name}: the proxy's drain does not fit into the grace period")

    def service(self, host, number=None):
        """The Service behind a host of the mesh, None if there is none with that port."""
        found = SERVICE_HOST.fullmatch(host)
        if not found:
            return None
        for s in of(self.objects, "Service"):
            if (s["metadata"]["name"], s["metadata"]["namespace"]) == found.groups():
                return s if number is None or any(p["port"] == number for p in s["spec"]["ports"]) else None
        return None

    def services(self):
        for s in of(self.objects, "Service"):
            for port in s["spec"]["ports"]:
                if "appProtocol" not in port:
                    self.fault(f"Service {s['metadata']['name']}: port {port['name']} leaves its protocol to guessing")
        external = {h for e in of(self.objects, "ServiceEntry") for h in e["spec"]["hosts"]}
        subsets, covered = {}, set()
        for rule in of(self.objects, "DestinationRule"):
            name, host = rule["metadata"]["name"], rule["spec"]["host"]
            covered.add(host)
            if not host.startswith("*.") and not self.service(host):
                self.fault(f"DestinationRule {name}: no Service {host}")
                continue
            subsets.setdefault(host, set()).update(s["name"] for s in rule["spec"].get("subsets", []))
            tls = [rule["spec"].get("trafficPolicy", {})] + [s.get("trafficPolicy", {}) for s in rule["spec"].get("subsets", [])]
            if not any(t.get("tls", {}).get("mode") == "ISTIO_MUTUAL" for t in tls):
                self.fault(f"DestinationRule {name}: calls may be in clear text")
            for subset in rule["spec"].get("subsets", []):
                labels = subset.get("labels", {})
                if labels.get(TRACK) == "stable" and not any(labels.items() <= w["spec"]["template"]["metadata"]["labels"].items() for w in self.selected(host)):
                    self.fault(f"DestinationRule {name}: no pod is {labels}")
        for s in of(self.objects, "Service"):
            place, name = s["metadata"]["namespace"], s["metadata"]["name"]
            if place in self.sidecars and not {f"{prefix}.{place}.svc.cluster.local" for prefix in (name, "*")} & covered:
                self.fault(f"Service {place}/{name}: no DestinationRule says that calls are encrypted")
        for route in of(self.objects, "VirtualService"):
            self.route(route, external, subsets)
        for route in of(self.objects, "HTTPRoute"):
            for rule in route["spec"]["rules"]:
                weights = [back.get("weight", 1) for back in rule.get("backendRefs", [])]
                if weights and sum(weights) != 100:
                    self.fault(f"HTTPRoute {route['metadata']['name']}: weights {weights} do not sum to 100")
                for back in rule.get("backendRefs", []):
                    if not self.service(f"{back['name']}.{route['metadata']['namespace']}.svc.x", back["port"]):
                        self.fault(f"HTTPRoute {route['metadata']['name']}: no Service {back['name']}:{back['port']}")

    def selected(self, host):
        selector = self.service(host)["spec"]["selector"].items()
        return [w for w in self.workloads if selector <= w["spec"]["template"]["metadata"]["labels"].items()]

    def route(self, route, external, subsets):
        name = route["metadata"]["name"]
        for rule in [r for kind in ("http", "tls", "tcp") for r in route["spec"].get(kind, [])]:
            weights = [d.get("weight") for d in rule["route"]]
            if len(weights) > 1 and sum(weights) != 100:
                self.fault(f"VirtualService {name}: weights {weights} do not sum to 100")
            for target in rule["route"]:
                to = target["destination"]
                if to["host"] in external:
                    continue
                if not self.service(to["host"], to.get("port", {}).get("number")):
                    self.fault(f"VirtualService {name}: no Service {to['host']} with its port")
                elif to.get("subset") and to["subset"] not in subsets.get(to["host"], set()):
                    self.fault(f"VirtualService {name}: no subset {to['subset']} of {to['host']}")
        for rule in route["spec"].get("http", []):
            retried = rule["retries"]["attempts"] if "retries" in rule else None
            safe = all(m.get("method", {}).get("regex") == "GET|HEAD|OPTIONS" for m in rule.get("match", [{}]))
            if retried is None or (retried and not safe):
                self.fault(f"VirtualService {name}: an order could be sent twice")


def faults(objects):
    if not meshed(objects):
        return []
    mesh = Mesh(objects)
    mesh.table()
    mesh.defaults()
    mesh.pods()
    mesh.services()
    return mesh.faults
