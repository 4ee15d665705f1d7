#!/usr/bin/env python3
"""Autoscaling from end to end: the real HPA controller scales the backend by what a real prometheus-adapter, with the rendered
rules, reads from a real Prometheus, with the rendered recordings, which scrapes our running engine and an exporter of this file
that shares the sessions of a market out over the pods that exist.

Stood in for: the pods (kwok's), the adapter's own pods (it runs beside the API server, behind its rendered APIServices, whose
trust is put in as cert-manager would), and metrics-server (the adapter's resourceRules, added here).
"""
import base64
import datetime
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import yaml

from harness import ROOT, NAMESPACE, ClusterCase, control_plane, skip_without_tools

sys.path[:0] = [str(ROOT / "tests" / "platform"), str(ROOT / "tests" / "scenarios")]
import engine_serve_test as scenario  # noqa: E402
import observability_test as observability  # noqa: E402

INSIDE = "NAUTILUS_AUTOSCALING_INSIDE"
ADDRESS = "10.77.0.1"  # of the loopback device in a network namespace of our own: an EndpointSlice takes no 127.0.0.1
ADAPTER_PORT, PROMETHEUS_PORT = 6443, 9090
USERS = 2000
FLOOR = 15  # 2000 / 200 x 1.5
# All day, so that the answer does not depend on when the test runs; sized so that the floor can be told from the other metrics.
WINDOW = '{"days":[0,1,2,3,4,5,6],"from":"00:00","to":"24:00"}'
SETTINGS = ("--set", observability.SWITCHES, "--set", f"autoscaling.sessionFloor.users={USERS}",
            "--set-json", f"autoscaling.sessionFloor.windows=[{WINDOW}]")
CUSTOM = ("websocket_connections_active", "http_requests_per_second", "database_connection_pool_usage")
EXTERNAL = ("market_volatility_index", "trade_execution_latency_p99_milliseconds", "nautilus_backend_session_floor", "nautilus_backend_volatility_floor")
# What metrics-server would answer, from the same exporter.
RESOURCE_RULES = {
    "cpu": {"containerQuery": "sum by (<<.GroupBy>>) (rate(container_cpu_usage_seconds_total{<<.LabelMatchers>>}[10s]))",
            "nodeQuery": "sum by (<<.GroupBy>>) (rate(container_cpu_usage_seconds_total{<<.LabelMatchers>>}[10s]))",
            "resources": {"overrides": {"node": {"resource": "node"}, "namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}}, "containerLabel": "container"},
    "memory": {"containerQuery": "sum by (<<.GroupBy>>) (container_memory_working_set_bytes{<<.LabelMatchers>>})",
               "nodeQuery": "sum by (<<.GroupBy>>) (container_memory_working_set_bytes{<<.LabelMatchers>>})",
               "resources": {"overrides": {"node": {"resource": "node"}, "namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}}, "containerLabel": "container"},
    "window": "30s"}


def amount(quantity):
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


class Market:
    """The exporter: sessions over pods, with the labels that the platform's monitors would give."""

    def __init__(self, api):
        self.api, self.sessions, self.started = api, 0, time.monotonic()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = outer.text().encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/plain; version=0.0.4")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # Prometheus has given up on this scrape

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)  # one thread, one connection to the API server
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def text(self):
        pods = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fname%3Dnautilus-backend")["items"]
        pods = [p["metadata"]["name"] for p in pods if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]]
        age, lines = time.monotonic() - self.started, ["pgbouncer_pools_client_waiting_connections{job=\"pgbouncer\"} 0"]
        for pod in pods:
            labels = f'namespace="{NAMESPACE}",pod="{pod}"'
            lines += [f"websocket_connections_active{{{labels}}} {self.sessions / len(pods):g}", f"http_requests_total{{{labels}}} {100 * age:.3f}",
                      f"database_connection_pool_in_use{{{labels}}} 2", f"database_connection_pool_size{{{labels}}} 10",
                      f'container_cpu_usage_seconds_total{{{labels},container="backend"}} {0.05 * age:.3f}',
                      f'container_memory_working_set_bytes{{{labels},container="backend"}} 100000000']
        return "\n".join(lines) + "\n"


class Autoscaling(ClusterCase):
    # Borrowed for its two ends: an engine that has traded.
    trade = observability.Scrape.__dict__["trade"].__func__

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ended = []
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for end in reversed(cls.ended):
            end()
        super().tearDownClass()

    @classmethod
    def start(cls):
        cls.objects = observability.rendered("prod", *SETTINGS[2:])
        observability.OBJECTS = cls.objects
        (cls.directory / "engine").mkdir()
        (cls.directory / "engine" / "definitions.yaml").write_text(scenario.DEFINITIONS)
        cls.engine = scenario.Engine(cls.directory / "engine")
        cls.ended.append(lambda: cls.engine.end(signal.SIGKILL))
        cls.engine.serving()
        cls.trade(cls, cls.engine)
        cls.market = Market(control_plane.Api(cls.directory / "cluster"))
        cls.ended.append(lambda: (cls.market.server.shutdown(), cls.market.server.server_close()))
        engine = cls.engine.at["admin"].split("//")[-1]
        config = {"global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
                  "rule_files": [str(file) for file in observability.write_rules(cls.directory)],
                  "scrape_configs": [{"job_name": "market", "honor_labels": True, "static_configs": [{"targets": [f"127.0.0.1:{cls.market.server.server_port}"]}]},
                                     {"job_name": "nautilus-engine", "static_configs": [{"targets": [engine], "labels": {"namespace": NAMESPACE, "pod": "nautilus-engine-0"}}]}]}
        (cls.directory / "prometheus.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        cls.spawn("prometheus", "prometheus", f"--config.file={cls.directory}/prometheus.yaml", f"--storage.tsdb.path={cls.directory}/data",
                  f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}", "--web.route-prefix=/prometheus")

    @classmethod
    def spawn(cls, name, *command):
        log = (cls.directory / f"{name}.log").open("ab")
        child = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()

        def end():
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        cls.ended.append(end)
        return end

    def find(self, kind, name):
        return next(o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name)

    def apply(self, *objects):
        file = self.directory / "apply.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        self.kubectl("apply", "--server-side", "--validate=strict", "-f", str(file))

    def raw(self, path):
        """The answer of an aggregated API, or None while it has none."""
        status, body = self.api.raw("GET", path)
        return json.loads(body) if status == 200 else None

    def series(self, query):
        url = f"http://127.0.0.1:{PROMETHEUS_PORT}/prometheus/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    def hpa(self):
        return self.api.get(f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/nautilus-backend-hpa")

    def since_scaled(self):
        """Seconds since the autoscaler last changed the number, by its own account (which is in whole seconds)."""
        then = datetime.datetime.fromisoformat(self.hpa()["status"]["lastScaleTime"].replace("Z", "+00:00"))
        return (datetime.datetime.now(datetime.timezone.utc) - then).total_seconds()

    def condition(self, kind):
        return next((c for c in self.hpa().get("status", {}).get("conditions", []) if c["type"] == kind), {})

    def replicas(self):
        return self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend")["spec"]["replicas"]

    def ready(self):
        return self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend")["status"].get("readyReplicas", 0)

    def wait_replicas(self, count, seconds=120):
        self.wait_until(f"{count} pods", lambda: (self.replicas(), self.ready()) == (count, count), seconds)

    def adapter(self, config):
        """Starts it with the arguments that are rendered, but for what a pod has and this machine has not."""
        container = self.find("Deployment", "prometheus-adapter")["spec"]["template"]["spec"]["containers"][0]
        file = self.directory / "adapter.yaml"
        file.write_text(yaml.safe_dump(config))
        pki, swapped = self.directory / "cluster" / "pki", {}
        kept = [argument for argument in container["args"]]
        swapped["--config"] = file
        swapped["--tls-cert-file"], swapped["--tls-private-key-file"] = pki / "adapter.crt", pki / "adapter.key"
        swapped["--metrics-relist-interval"] = "2s"
        swapped["--prometheus-url"] = f"http://127.0.0.1:{PROMETHEUS_PORT}/prometheus/"
        arguments = [f"{name}={swapped.get(name, value)}" for name, value in (argument.split("=", 1) for argument in kept)]
        assert set(swapped) <= {argument.split("=", 1)[0] for argument in kept}, kept
        return self.spawn("adapter", control_plane.BIN / "prometheus-adapter", *arguments, f"--bind-address={ADDRESS}",
                          *(f"--{who}kubeconfig={self.directory}/kubeconfig-adapter" for who in ("lister-", "authentication-", "authorization-")))

    def account_kubeconfig(self):
        """The adapter is who its rendered account says, with that account's rights."""
        token = self.kubectl("create", "token", "prometheus-adapter", "-n", "monitoring").stdout.strip()
        config = json.loads((self.directory / "cluster" / "kubeconfig-admin").read_text())
        config["users"][0]["user"] = {"token": token}
        (self.directory / "kubeconfig-adapter").write_text(json.dumps(config))

    def test_1_the_six_metrics_answer_through_the_api_server(self):
        pki = self.directory / "cluster" / "pki"
        control_plane.make_certificate(pki, "adapter", "/CN=prometheus-adapter", "subjectAltName=DNS:prometheus-adapter.monitoring.svc\nextendedKeyUsage=serverAuth\n")
        self.apply(*({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (NAMESPACE, "monitoring")))
        self.apply(*(o for o in self.objects if o["kind"] in ("ClusterRole", "ClusterRoleBinding", "RoleBinding", "ServiceAccount", "PriorityClass")
                     and o["metadata"].get("namespace") in (None, "kube-system", "monitoring", NAMESPACE)))
        self.account_kubeconfig()
        service = self.find("Service", "prometheus-adapter")
        del service["spec"]["selector"]  # its pods are a process of ours
        self.apply(service, {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                             "metadata": {"name": "prometheus-adapter-1", "namespace": "monitoring", "labels": {"kubernetes.io/service-name": "prometheus-adapter"}},
                             "ports": [{"name": "https", "port": ADAPTER_PORT, "protocol": "TCP"}], "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}]})
        config = yaml.safe_load(self.find("ConfigMap", "prometheus-adapter-config")["data"]["config.yaml"])
        type(self).stop_adapter = staticmethod(self.adapter(config))
        for name in ("v1beta1.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"):
            self.apply(self.trusting(self.find("APIService", name)))
        self.wait_until("both APIs", lambda: all(self.available(f"v1beta1.{group}.metrics.k8s.io") for group in ("custom", "external")))
        backend = self.find("Deployment", "nautilus-backend")
        backend["spec"]["replicas"] = 10
        self.apply(self.find("ServiceAccount", "nautilus-backend"), self.find("ConfigMap", "nautilus-backend-config"), backend)
        self.wait_replicas(10)
        self.market.sessions = 1000
        for name in CUSTOM:
            path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/*/{name}"
            self.wait_until(name, lambda path=path: len((self.raw(path) or {"items": []})["items"]) == 10)
        answer = self.raw(f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/*/database_connection_pool_usage")
        self.assertEqual({item["value"] for item in answer["items"]}, {"20"})
        # No trade since Prometheus looks: the quantile is not a number, and so there is no metric. Then there is a trade.
        latency = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/trade_execution_latency_p99_milliseconds"
        self.wait_until("the engine's latencies", lambda: self.series("nautilus:trade_latency:p99_seconds"))
        self.assertFalse((self.raw(latency) or {}).get("items"))
        client = self.engine.client()
        client.socket.settimeout(30)
        client.order("later-buy")
        client.report("accepted", "later-buy")
        client.order("later-sell", side="sell", account="bob")
        client.report("filled", "later-sell")
        client.close()
        got = {}
        for name in EXTERNAL:
            path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/{name}"
            self.wait_until(name, lambda path=path: (self.raw(path) or {}).get("items"))
            got[name] = self.raw(path)["items"][0]["value"]
        self.assertEqual(got["nautilus_backend_session_floor"], str(FLOOR))
        self.assertGreater(amount(got["trade_execution_latency_p99_milliseconds"]), 0)
        print(f"  {got}", file=sys.stderr)

    def trusting(self, api):
        """As cert-manager's injector leaves it: verified, against the authority of the adapter's certificate."""
        self.assertNotIn("insecureSkipTLSVerify", api["spec"])
        api["spec"]["caBundle"] = base64.b64encode((self.directory / "cluster" / "pki" / "ca.crt").read_bytes()).decode()
        return api

    def available(self, name):
        conditions = self.api.get(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}").get("status", {}).get("conditions", [])
        return any(c["type"] == "Available" and c["status"] == "True" for c in conditions)

    def test_2_the_floor_holds_without_a_crowd(self):
        """1000 sessions need five pods, the minimum is ten, the hour asks for fifteen."""
        self.apply(self.find("HorizontalPodAutoscaler", "nautilus-backend-hpa"))
        self.wait_replicas(FLOOR)

    def test_3_a_crowd_brings_pods(self):
        self.market.sessions = 6000
        self.wait_replicas(30)

    def test_4_nobody_is_sent_home_while_a_metric_is_missing(self):
        """CPU has no answer (no metrics-server): the crowd has gone, and that is not enough."""
        self.market.sessions = 1000
        self.wait_until("the autoscaler to see the crowd gone", lambda: any(
            m["type"] == "Pods" and m["pods"]["metric"]["name"] == "websocket_connections_active" and m["pods"]["current"].get("averageValue", "").startswith("33")
            for m in self.hpa()["status"].get("currentMetrics") or []))
        failures = self.failures()
        self.wait_until("three more rounds", lambda: self.failures() >= failures + 3)
        self.assertEqual(self.replicas(), 30)

    def failures(self):
        events = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=reason%3DFailedGetResourceMetric")["items"]
        return sum(event.get("count") or event.get("series", {}).get("count") or 1 for event in events)

    def test_5_pods_go_slowly_when_every_metric_agrees(self):
        config = yaml.safe_load(self.find("ConfigMap", "prometheus-adapter-config")["data"]["config.yaml"])
        self.stop_adapter()
        self.ended.remove(self.stop_adapter)
        self.adapter({**config, "resourceRules": RESOURCE_RULES})
        api = self.trusting(self.find("APIService", "v1beta1.custom.metrics.k8s.io"))
        api = {**api, "metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {**api["spec"], "group": "metrics.k8s.io", "version": "v1beta1"}}
        self.apply(api)
        self.wait_until("metrics of CPU", lambda: len((self.raw(f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods") or {"items": []})["items"]) >= 30)
        # Every metric says fifteen, and the rendered ten minutes of looking back say thirty.
        self.wait_until("stabilization", lambda: self.condition("AbleToScale").get("reason") == "ScaleDownStabilized" and self.condition("ScalingActive").get("status") == "True")
        self.assertEqual(self.replicas(), 30)
        # Pods that came within the pace's minute may go at once, so that they are not counted: it has to be over.
        self.wait_until("a minute since pods came", lambda: self.since_scaled() > 62)
        # Without looking back (the one thing this test does not wait for), the rendered pace: two a minute, not a tenth of thirty.
        self.kubectl("patch", "hpa", "nautilus-backend-hpa", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"behavior":{"scaleDown":{"stabilizationWindowSeconds":0}}}}')
        self.wait_until("the first step down", lambda: self.replicas() < 30)
        self.assertEqual(self.replicas(), 28)
        self.wait_until("what holds it back", lambda: self.condition("ScalingLimited").get("reason") == "ScaleDownLimit")
        self.assertEqual(self.replicas(), 28)

    def test_6_recommendations_leave_alone_what_is_scaled(self):
        """On the real definitions: nothing that an autoscaler scales is ever changed by a recommendation."""
        self.apply_crds("vertical-pod-autoscaler", env="prod")
        vpas = [o for o in self.objects if o["kind"] == "VerticalPodAutoscaler"]
        self.apply(*vpas)
        scaled = {o["spec"]["scaleTargetRef"]["name"] for o in self.objects if o["kind"] == "HorizontalPodAutoscaler"}
        stored = self.api.get(f"/apis/autoscaling.k8s.io/v1/namespaces/{NAMESPACE}/verticalpodautoscalers")["items"]
        seen = {o["spec"]["targetRef"]["name"]: o["spec"] for o in stored}
        both = scaled & set(seen)  # gateways of the mesh have no recommendation
        self.assertLessEqual({"nautilus-backend", "nautilus-frontend"}, both)
        for name in sorted(both):
            self.assertEqual(seen[name]["updatePolicy"]["updateMode"], "Off")
            self.assertNotIn("cpu", seen[name]["resourcePolicy"]["containerPolicies"][0]["controlledResources"])


def main():
    """Goes on in a network namespace of its own: the ports are fixed there, and an address is needed that is not loopback's."""
    skip_without_tools()
    for tool in ("prometheus-adapter",):
        if not (control_plane.BIN / tool).exists():
            print(f"{tool} is not built; scripts/build-tools.sh does that")
            sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)
    if not os.environ.get(INSIDE):
        if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
            print("no network namespace can be made here; skipped")
            sys.exit(77)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, "-B", __file__, *sys.argv[1:]])
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"]):
        subprocess.run(command, check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    import unittest
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
