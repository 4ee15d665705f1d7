#!/usr/bin/env python3
"""What watches the platform, held to the programs that run it.

    observability_test.py Rules Tables     promtool: the rendered rules are sound, every alert fires and clears
    observability_test.py Scrape           a real Prometheus with what the rendered monitors mean reads our running engine
                                           and what exporters say; every panel and every alert is answered by it
    observability_test.py Served           a real API server with the projects' definitions takes every object, strictly
                                           (scripts/build-tools.sh, scripts/crds.sh)

NAUTILUSCTL names the program. Without promtool or prometheus (Debian: prometheus) it is skipped (77), or fails where
NAUTILUS_REQUIRE_CLUSTER is set.
"""
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import control_plane  # noqa: E402

HERE = Path(__file__).resolve().parent / "observability"
os.environ.setdefault("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
BINARY = os.environ["NAUTILUSCTL"]
SWITCHES = ",".join(f"global.observability.{part}=true" for part in ("monitoring", "tracing", "logging", "autoscaling"))
SECONDS = 300
GOOD_MINUTES, BAD_MINUTES, SETTLE_MINUTES = 10, 20, 20
HEADS = ("always", "every_job", "without_objectives", "minutes", "settle", "quiet", "fires", "clears")
SEVERITIES = {"critical", "warning", "info", "none"}
# Words of PromQL that are no metric.
WORDS = set("""and or unless on ignoring by without bool offset group_left group_right inf nan vector scalar absent time hour minute
day_of_week""".split())


def run(*command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, **more)


def rendered(environment="prod", *more):
    done = run(BINARY, "--project", ROOT, "render", "--env", environment, "--set", SWITCHES, *more)
    if done.returncode:
        raise AssertionError(done.stderr[-3000:])
    return [o for o in yaml.safe_load_all(done.stdout) if o]


OBJECTS = None


def objects(kind):
    global OBJECTS
    OBJECTS = OBJECTS or rendered()
    return [o for o in OBJECTS if o["kind"] == kind]


def rules(key):
    """(name of the group, rule) of every rendered rule that has that key."""
    return [(g["name"], r) for o in objects("PrometheusRule") for g in o["spec"]["groups"] for r in g["rules"] if key in r]


def write_rules(directory, leave_out=()):
    files = []
    for o in objects("PrometheusRule"):
        if o["metadata"]["name"] not in leave_out:
            files.append(directory / f"{o['metadata']['name']}.yaml")
            files[-1].write_text(yaml.safe_dump(o["spec"], sort_keys=False))
    return files


def metrics_of(expression):
    """Names of the series an expression reads."""
    text = re.sub(r'"[^"]*"', " ", expression)
    text = re.sub(r"\{[^}]*\}", " ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", text)
    return {name for name in found if name not in WORDS and not re.fullmatch(r"[0-9.]+[smhdwy]", name)}


# ------------------------------------------------------------------------------------------------ rules, by promtool


def minutes(text):
    """'1*130 _*20 0+60*10' as promtool's values."""
    out = []
    for part in text.split():
        value, count = part.rsplit("*", 1)
        step = re.fullmatch(r"(-?[0-9.]+)([+-][0-9.]+)", value)
        for i in range(int(count)):
            if value == "_":
                out.append("stale" if out and out[-1] not in ("_", "stale") else "_")
            else:
                out.append(f"{float(step[1]) + i * float(step[2]):g}" if step else value)
    return out


def timeline(value, bad):
    """One value, or [good, bad], over the good, the bad and the good time again."""
    good_value, bad_value = value if isinstance(value, list) else (value, value)
    phases = [(good_value, GOOD_MINUTES), (bad_value, bad), (good_value, 120)]
    out, count = [], 0.0
    for phase, length in phases:
        for _ in range(length):
            if isinstance(phase, str) and phase.startswith("c"):
                count += float(phase[1:])
                out.append(f"{count:g}")
            elif phase == "_":
                out.append("stale" if out and out[-1] not in ("_", "stale") else "_")
            else:
                out.append(str(phase))
    return out


def case(name, entry, jobs):
    head = {key: entry[key] for key in HEADS if key in entry}
    bad = head.get("minutes", BAD_MINUTES)
    series = {key: minutes(v) if isinstance(v, str) and "*" in v else timeline(v, bad) for key, v in entry.items() if key not in HEADS}
    if head.get("every_job"):
        for job in jobs:
            series.setdefault(f'up{{job="{job}"}}', timeline(1, bad))
    at = [(head.get("quiet", GOOD_MINUTES - 1), False), (head.get("fires", GOOD_MINUTES + bad - 1), True),
          (head.get("clears", GOOD_MINUTES + bad + head.get("settle", SETTLE_MINUTES)), False)]
    if head.get("always"):
        at = [(1, True), (30, True)]
    if head.get("without_objectives"):
        at = [(20, True)]
    firing = f'clamp_max(count(ALERTS{{alertname="{name}", alertstate="firing"}}), 1)'
    return {"interval": "1m", "name": name, "input_series": [{"series": key, "values": " ".join(v)} for key, v in series.items()],
            "promql_expr_test": [{"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}
                                 for minute, fires in at]}


def needed(alert, without_objectives):
    """The alert and every recording it reads, the ones read first, so that a test evaluates nothing else."""
    recordings = {}
    for _, rule in rules("record"):
        recordings.setdefault(rule["record"], []).append(rule)
    order, asked = [], [next(rule for _, rule in rules("alert") if rule["alert"] == alert)]
    while asked:
        rule = asked.pop()
        if rule in order:
            order.remove(rule)
        order.insert(0, rule)
        for name in metrics_of(rule["expr"]):
            if not (without_objectives and name.startswith("nautilus:objective:")):
                asked += recordings.get(name, [])
    return order


class Rules(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="nautilus-rules-")
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)

    def test_promtool_finds_no_fault(self):
        for file in write_rules(self.directory):
            done = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", file)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_says_what_it_means_and_what_to_do(self):
        names = [rule["alert"] for _, rule in rules("alert")]
        self.assertEqual(sorted(set(names)), sorted(names))
        self.assertGreater(len(names), 70)
        for _, rule in rules("alert"):
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                notes = rule["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "runbook_url"})
                self.assertTrue(notes["runbook_url"].startswith("https://") and notes["runbook_url"].endswith(f"/{rule['alert']}.md"))
                runbook = ROOT / "docs" / "runbooks" / f"{rule['alert']}.md"
                self.assertTrue(runbook.is_file(), f"no {runbook.relative_to(ROOT)}")
                text = runbook.read_text()
                self.assertTrue(text.startswith(f"# {rule['alert']}\n"))
                for heading in ("**Means:**", "**Look:**", "**Do:**"):
                    self.assertIn(heading, text)
        known = {f"{name}.md" for name in names} | {"README.md"}
        ours = {path.name for path in (ROOT / "docs" / "runbooks").glob("Nautilus*.md")}
        self.assertEqual(ours - known, set(), "a runbook without an alert")

    def test_every_alert_fires_and_clears(self):
        entries = yaml.safe_load((HERE / "alerts.yaml").read_text())
        names = {rule["alert"] for _, rule in rules("alert")}
        self.assertEqual(names - set(entries), set(), "alerts without a test in observability/alerts.yaml")
        self.assertEqual(set(entries) - names, set(), "tests without an alert")
        jobs = re.findall(r'job="([^"]+)"', next(r["expr"] for _, r in rules("alert") if r["alert"] == "NautilusMetricsMissing"))
        tests = []
        for name, entry in entries.items():
            file = self.directory / f"{name}.yaml"
            file.write_text(yaml.safe_dump({"groups": [{"name": name, "rules": needed(name, entry.get("without_objectives", False))}]}))
            tests.append(self.directory / f"{name}-test.yaml")
            tests[-1].write_text(yaml.safe_dump({"rule_files": [str(file)], "evaluation_interval": "1m", "tests": [case(name, entry, jobs)]}))
        done = run("promtool", "test", "rules", *tests)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-5000:])

    def test_floors_of_the_autoscaler(self):
        """A Thursday in UTC (promtool's time begins on one), and the index in steps."""
        volatile = "15*900 30*60 90*60 10*600"
        at = lambda clock: f"{int(clock[:2]) * 60 + int(clock[3:])}m"
        session, steps = "nautilus:backend_session_floor:pods", "nautilus:backend_volatility_floor:pods"
        checks = [(session, "12:29", 0), (session, "12:31", 75), (session, "21:59", 75), (session, "22:01", 0),
                  (steps, "14:30", 0), (steps, "15:30", 60), (steps, "16:30", 85), (steps, "18:00", 0)]
        chosen = [rule for _, rule in rules("record") if rule["record"] in (session, steps, "nautilus:market_volatility:index")]
        chosen.sort(key=lambda rule: rule["record"] in (session, steps))
        (self.directory / "floors.yaml").write_text(yaml.safe_dump({"groups": [{"name": "floors", "rules": chosen}]}))
        test = {"interval": "1m", "input_series": [{"series": 'market_volatility_index{job="nautilus-engine"}', "values": " ".join(minutes(volatile))}],
                "promql_expr_test": [{"expr": name, "eval_time": at(clock), "exp_samples": [{"labels": name, "value": value}]} for name, clock, value in checks]}
        file = self.directory / "tests.yaml"
        file.write_text(yaml.safe_dump({"rule_files": [str(self.directory / "floors.yaml")], "evaluation_interval": "1m", "tests": [test]}))
        done = run("promtool", "test", "rules", file)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


# --------------------------------------------------------------------------------------------------------- tables


def exported():
    """job -> names of series, of the recorded outputs of exporters."""
    out = {}
    for path in sorted((HERE / "metrics").glob("*.prom")):
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        out[path.stem] = {re.match(r"[\w:]+", line)[0] for line in lines}
    return out


class Tables(unittest.TestCase):
    def test_what_autoscalers_ask_for_exists_all_the_way_down(self):
        """HPA -> adapter's rule -> series -> an exporter, or a recording rule."""
        config = next(yaml.safe_load(o["data"]["config.yaml"]) for o in objects("ConfigMap") if o["metadata"]["name"] == "prometheus-adapter-config")
        offered = {"Pods": {r["name"]["as"]: r for r in config["rules"]}, "External": {r["name"]["as"]: r for r in config["externalRules"]}}
        recorded = {r["record"]: r["expr"] for _, r in rules("record")}
        series = set().union(*exported().values())
        asked = set()
        for hpa in objects("HorizontalPodAutoscaler"):
            for metric in hpa["spec"]["metrics"]:
                kind = metric["type"]
                if kind != "Resource":
                    name = metric[kind.lower()]["metric"]["name"]
                    asked.add(name)
                    self.assertIn(name, offered[kind], f"{hpa['metadata']['name']} asks for a metric that nobody offers")
                if kind == "External":
                    # Value does not fall with replicas (finding 14); AverageValue of a number of pods does.
                    self.assertEqual(metric["external"]["target"]["type"], "AverageValue")
        self.assertTrue({"websocket_connections_active", "http_requests_per_second", "database_connection_pool_usage",
                         "nautilus_backend_session_floor", "nautilus_backend_volatility_floor"} <= asked)
        # The guide's six: CPU stands in the HPA itself, the other five are offered whether or not an HPA uses them.
        every = set(offered["Pods"]) | set(offered["External"])
        self.assertTrue({"websocket_connections_active", "http_requests_per_second", "database_connection_pool_usage",
                         "trade_execution_latency_p99_milliseconds", "market_volatility_index"} <= every)
        for rule in [*config["rules"], *config["externalRules"]]:
            source = re.match(r"[\w:]+", rule["seriesQuery"])[0]
            query = rule["metricsQuery"].replace("<<.Series>>", source)
            query = re.sub(r"\{<<.LabelMatchers>>\}", "", query).replace("<<.GroupBy>>", "pod")
            for name in metrics_of(query) | {source}:
                with self.subTest(name):
                    self.assertTrue(name in series or name in recorded, f"{rule['name']['as']} reads {name}, which nobody exports")

    def test_the_guides_scaling_targets(self):
        hpa = next(o for o in objects("HorizontalPodAutoscaler") if o["metadata"]["name"] == "nautilus-backend-hpa")["spec"]
        targets = {m["pods"]["metric"]["name"]: m["pods"]["target"]["averageValue"] for m in hpa["metrics"] if m["type"] == "Pods"}
        self.assertEqual(targets, {"websocket_connections_active": "200", "http_requests_per_second": "1000", "database_connection_pool_usage": "70"})
        self.assertEqual((hpa["minReplicas"], hpa["maxReplicas"]), (10, 100))

    def test_latency_and_volatility_are_refused_as_scalers(self):
        for key, value in (("tradeLatencyMilliseconds", 50), ("volatilityIndex", 20)):
            done = run(BINARY, "--project", ROOT, "render", "--env", "prod", "--set", f"{SWITCHES},backend.autoscaling.metrics.{key}={value}")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("finding 14", done.stderr)
            self.assertIn(key, done.stderr)
            forced = rendered("prod", "--set", f"backend.autoscaling.metrics.{key}={value},global.safetyChecks=false")
            hpa = next(o for o in forced if o["kind"] == "HorizontalPodAutoscaler" and o["metadata"]["name"] == "nautilus-backend-hpa")
            self.assertIn(str(value), [m.get("external", {}).get("target", {}).get("value") for m in hpa["spec"]["metrics"]])

    def test_recommendations_never_fight_an_autoscaler(self):
        scaled = {o["spec"]["scaleTargetRef"]["name"] for o in objects("HorizontalPodAutoscaler")}
        vpas = {o["spec"]["targetRef"]["name"]: o["spec"] for o in objects("VerticalPodAutoscaler")}
        self.assertEqual(scaled - set(vpas), {"nautilus-gateway", "nautilus-egress"} & scaled, "the mesh's gateways have no recommendation")
        for name, spec in vpas.items():
            resources = spec["resourcePolicy"]["containerPolicies"][0]["controlledResources"]
            self.assertEqual(spec["updatePolicy"]["updateMode"], "Off")
            self.assertFalse(name in scaled and "cpu" in resources, name)
        one = "autoscaling.recommendations[0]"
        for kind, name, mode, resource in (("Deployment", "nautilus-backend", "Off", "cpu"), ("StatefulSet", "nautilus-engine", "Initial", "memory")):
            values = f"{one}.kind={kind},{one}.name={name},{one}.mode={mode},{one}.resources={{{resource}}}"
            done = run(BINARY, "--project", ROOT, "render", "--env", "prod", "--set", SWITCHES, "--set", values)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("finding 13", done.stderr)
            self.assertIn(name, done.stderr)

    def test_the_volume_holds_what_was_promised(self):
        for more, gibibytes in ((), 308), (("--set", "monitoring.capacity.series=1000000"), 1026), (("--set", "monitoring.capacity.retentionDays=180"), 616):
            text = rendered("prod", *more)
            spec = next(o for o in text if o["kind"] == "Prometheus")["spec"]
            size = spec["storage"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]
            self.assertEqual(size, f"{gibibytes}Gi")
            self.assertLess(int(spec["retentionSize"][:-3]), gibibytes)
        self.assertEqual(spec["retention"], "180d")
        for key, value in (("retentionDays", 30), ("headroomPercent", 0), ("bytesPerSample", 0.1)):
            done = run(BINARY, "--project", ROOT, "render", "--env", "prod", "--set", f"{SWITCHES},monitoring.capacity.{key}={value}")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(key, done.stderr)

    def test_nothing_is_open_to_the_public(self):
        config = next(o["data"]["grafana.ini"] for o in objects("ConfigMap") if o["metadata"]["name"] == "grafana-config")
        sections = dict(re.findall(r"\[([\w.]+)\]\n((?:[^\[].*\n?)*)", config))
        self.assertIn("enabled = false", sections["auth.anonymous"])
        self.assertIn("allow_sign_up = false", sections["users"])
        self.assertIn("disable_login_form = true", sections["auth"])
        self.assertIn("role_attribute_strict = true", sections["auth.generic_oauth"])
        self.assertIn("type = postgres", sections["database"])
        for secret in re.findall(r"(?:password|secret|secret_key) = (.*)", config):
            self.assertTrue(secret.startswith("$__file{/run/secrets/"), "a secret in a ConfigMap")
        ingress = next(o for o in objects("Ingress") if o["metadata"]["name"] == "monitoring")
        paths = {p["path"]: p["backend"]["service"]["name"] for p in ingress["spec"]["rules"][0]["http"]["paths"]}
        self.assertEqual(paths, {"/grafana": "grafana", "/prometheus": "prometheus-gate"})
        self.assertEqual(ingress["spec"]["rules"][0]["host"], "monitoring.nautilus.trading.com")

    def test_the_five_dashboards(self):
        boards = dashboards()
        self.assertEqual({b["title"] for b in boards}, {"Trading Overview", "System Health", "Performance Analytics", "Risk Management", "Security Dashboard"})
        sources = {s["uid"] for s in yaml.safe_load(next(o["data"]["datasources.yaml"] for o in objects("ConfigMap")
                                                         if o["metadata"]["name"] == "grafana-config"))["datasources"]}
        self.assertEqual(sources, {"prometheus", "alertmanager", "jaeger", "elasticsearch"})
        for board in boards:
            variables = {v["name"] for v in board["templating"]["list"]}
            self.assertTrue({"datasource"} < variables, f"{board['title']} has no variable of its own")
            ids = [p["id"] for p in board["panels"]]
            self.assertEqual(len(set(ids)), len(ids))
            for expression in queries(board):
                for used in set(re.findall(r"\$\{?(\w+)\}?", expression)) - {"__rate_interval"}:
                    self.assertIn(used, variables, f"{board['title']}: {expression}")


    def test_the_redis_exporter_knows_the_password_of_every_target(self):
        """Its start script, run: what it writes fits what the monitors ask for, whatever the password."""
        script = next(o["data"]["passwords.sh"] for o in objects("ConfigMap") if o["metadata"]["name"] == "redis-exporter-config")
        asked = {}
        for monitor in objects("PodMonitor"):
            for entry in monitor["spec"]["podMetricsEndpoints"][0].get("relabelings", []):
                if entry.get("targetLabel") == "__param_target":
                    name = monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]
                    count = next(o["spec"]["replicas"] for o in objects("StatefulSet") if o["metadata"]["name"] == name)
                    asked[name] = [entry["replacement"].replace("$1", f"{name}-{i}") for i in range(count)]
        self.assertEqual(sorted(asked), ["redis-cache", "redis-cluster", "redis-sentinel"])
        with tempfile.TemporaryDirectory(prefix="nautilus-exporter-") as folder:
            (Path(folder) / "exporter").mkdir()
            for name in asked:
                (Path(folder) / "secrets" / name).mkdir(parents=True)
                (Path(folder) / "secrets" / name / "password").write_text(f'{name} "quoted" back\\slash')
            done = run("sh", "-c", script.replace("/run/", f"{folder}/"))
            self.assertEqual(done.returncode, 0, done.stderr)
            passwords = json.loads((Path(folder) / "exporter" / "passwords.json").read_text())
        for name, targets in asked.items():
            for target in targets:
                self.assertEqual(passwords.get(target), f'{name} "quoted" back\\slash', target)

    def test_collectors_are_wired(self):
        """Every part of a pipeline is defined, and every part defined is in a pipeline. The collectors themselves are not run."""
        configs = {o["metadata"]["name"]: yaml.safe_load(text) for o in objects("ConfigMap") for key, text in o["data"].items()
                   if o["metadata"]["name"] in ("otel-collector-config", "jaeger-config", "log-collector-config", "log-gateway-config") and key.endswith(".yaml")}
        self.assertEqual(len(configs), 4)
        for name, config in configs.items():
            with self.subTest(name):
                service, connectors = config["service"], set(config.get("connectors", {}))
                used = {kind: {part for p in service["pipelines"].values() for part in p.get(kind, [])} for kind in ("receivers", "processors", "exporters")}
                for kind, parts in used.items():
                    own = parts - connectors if kind != "processors" else parts
                    self.assertEqual(own, set(config.get(kind, {})), kind)
                self.assertEqual(connectors & used["exporters"], connectors)
                self.assertEqual(connectors & used["receivers"], connectors)
                self.assertEqual(set(service["extensions"]), set(config["extensions"]))
                for pipeline in service["pipelines"].values():
                    if "memory_limiter" in pipeline.get("processors", []):
                        self.assertEqual(pipeline["processors"][0], "memory_limiter")
                self.assertNotIn("password: ${env", json.dumps(config), "a password in the environment")


def dashboards():
    data = next(o["data"] for o in objects("ConfigMap") if o["metadata"]["name"] == "grafana-dashboards")
    return [json.loads(text) for text in data.values()]


def queries(board):
    found = [t["expr"] for p in board["panels"] for t in p.get("targets", [])] + [a["expr"] for a in board["annotations"]["list"]]
    variables = [v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"]
    return found + [re.fullmatch(r"label_values\((.*), \w+\)", query)[1] for query in variables]


# --------------------------------------------------------------------------------- a real Prometheus and real targets


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Outputs(http.server.BaseHTTPRequestHandler):
    """Recorded outputs of exporters: /JOB."""

    def do_GET(self):
        file = HERE / "metrics" / f"{self.path.strip('/').split('?')[0]}.prom"
        body = file.read_bytes() if file.is_file() else b""
        self.send_response(200 if file.is_file() else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def relabelings(entries):
    keys = {"sourceLabels": "source_labels", "targetLabel": "target_label", "regex": "regex", "replacement": "replacement", "action": "action"}
    return [{keys[k]: v for k, v in entry.items()} for entry in entries]


def scrape_config(monitor, endpoint, number, address, path):
    """What the operator makes of one endpoint of a monitor, but for discovery: that is one target with the labels it would
    have been found with, and its address is ours in the end."""
    pod = monitor["kind"] == "PodMonitor"
    namespace = monitor["spec"]["namespaceSelector"]["matchNames"][0]
    app = monitor["spec"]["selector"]["matchLabels"].get("app.kubernetes.io/name", monitor["metadata"]["name"])
    labels = {"__meta_kubernetes_namespace": namespace, "__meta_kubernetes_pod_name": f"{app}-0",
              "__meta_kubernetes_pod_node_name": "node-0", "__meta_kubernetes_pod_container_name": "main",
              "__meta_kubernetes_service_name": monitor["metadata"]["name"], "__meta_kubernetes_endpoint_address_target_name": "node-0"}
    standard = [("__meta_kubernetes_namespace", "namespace"), ("__meta_kubernetes_pod_name", "pod"), ("__meta_kubernetes_pod_container_name", "container")]
    if not pod:
        standard.append(("__meta_kubernetes_service_name", "service"))
    relabel = [{"source_labels": [source], "target_label": target} for source, target in standard]
    relabel += relabelings(endpoint.get("relabelings", []))
    relabel += [{"target_label": "__address__", "replacement": address}, {"target_label": "__scheme__", "replacement": "http"}]
    return {"job_name": f"{monitor['kind']}/{monitor['metadata']['name']}/{number}", "metrics_path": path, "honor_labels": endpoint.get("honorLabels", False),
            "static_configs": [{"targets": [address], "labels": labels}], "relabel_configs": relabel,
            "metric_relabel_configs": relabelings(endpoint.get("metricRelabelings", []))}


class Scrape(unittest.TestCase):
    maxDiff = None
    # Panels that are empty when all is well, or that need an event.
    MAY_BE_EMPTY = ("ALERTS{", "kube_pod_container_status_restarts_total", "count by (workload) (count by")

    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, str(ROOT / "tests" / "scenarios"))
        import engine_serve_test as scenario
        cls.directory = Path(tempfile.mkdtemp(prefix="nautilus-scrape-"))
        cls.ended = []
        try:
            cls.start(scenario)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def start(cls, scenario):
        (cls.directory / "definitions.yaml").write_text(scenario.DEFINITIONS)
        cls.engine = scenario.Engine(cls.directory)
        cls.ended.append(lambda: cls.engine.end(signal.SIGKILL))
        cls.engine.serving()
        cls.trade(cls.engine)
        cls.outputs = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outputs)
        threading.Thread(target=cls.outputs.serve_forever, daemon=True).start()
        cls.ended.append(lambda: (cls.outputs.shutdown(), cls.outputs.server_close()))
        cls.port = free_port()
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s", "external_labels": {"environment": "production"}},
                  "rule_files": [str(f) for f in write_rules(cls.directory)], "scrape_configs": cls.scrapes()}
        (cls.directory / "prometheus.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        checked = run("promtool", "check", "config", cls.directory / "prometheus.yaml")
        if checked.returncode:
            raise AssertionError(checked.stdout + checked.stderr)
        log = cls.directory.joinpath("prometheus.log").open("w")
        cls.ended.append(log.close)
        cls.prometheus = subprocess.Popen(["prometheus", f"--config.file={cls.directory}/prometheus.yaml", f"--storage.tsdb.path={cls.directory}/data",
                                           f"--web.listen-address=127.0.0.1:{cls.port}", "--web.route-prefix=/prometheus"],
                                          stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        cls.ended.append(lambda: (cls.prometheus.terminate(), cls.prometheus.wait(30)))
        cls.wait("targets", lambda: cls.scraped_twice(), 60)

    @classmethod
    def tearDownClass(cls):
        for end in reversed(cls.ended):
            end()
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def trade(cls, engine):
        """A session with a trade, so that there is something to tell."""
        client = engine.client()
        client.socket.settimeout(30)
        client.order("first")
        client.report("accepted")
        client.order("second", side="sell", account="bob")
        client.report("filled", "second")
        client.order("first")
        client.report("rejected")
        client.send({"type": "new_order", "account": "alice", "client_id": "third"})
        client.expect("error")
        cls.ended.append(client.close)

    @classmethod
    def scrapes(cls):
        configs = []
        for monitor in objects("ServiceMonitor") + objects("PodMonitor"):
            name = monitor["metadata"]["name"]
            for number, endpoint in enumerate(monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]):
                if name == "nautilus-engine":
                    address, path = cls.engine.at["admin"].split("//")[-1], "/metrics"
                elif name == "prometheus":
                    address, path = f"127.0.0.1:{cls.port}", endpoint["path"]
                else:
                    address, path = f"127.0.0.1:{cls.outputs.server_port}", f"/{name}"
                configs.append(scrape_config(monitor, endpoint, number, address, path))
        return configs

    @classmethod
    def get(cls, path, **query):
        url = f"http://127.0.0.1:{cls.port}/prometheus/api/v1/{path}"
        body = urllib.parse.urlencode(query).encode() if query else None
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body), timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    @classmethod
    def wait(cls, what, check, seconds):
        """Polls, bounded; Prometheus has no way to say that it has scraped."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if check():
                    return
            except (OSError, urllib.error.URLError):
                pass
            if cls.prometheus.poll() is not None:
                break
            threading.Event().wait(0.5)
        raise AssertionError(f"no {what}: {(cls.directory / 'prometheus.log').read_text()[-3000:]}")

    @classmethod
    def scraped_twice(cls):
        done = cls.get("query", query="min(count_over_time(up[5m])) > 4 and min(sum_over_time(up[5m])) > 4")
        return bool(done.get("data", {}).get("result"))

    def ask(self, expression):
        answer = self.get("query", query=expression)
        self.assertEqual(answer.get("status"), "success", f"{expression}\n{answer.get('error')}")
        return answer["data"]["result"]

    def test_every_target_is_read(self):
        targets = self.get("targets")["data"]["activeTargets"]
        self.assertEqual([(t["scrapePool"], t["lastError"]) for t in targets if t["health"] != "up"], [])
        self.assertEqual(len(targets), sum(len(m["spec"].get("endpoints") or m["spec"]["podMetricsEndpoints"])
                                           for m in objects("ServiceMonitor") + objects("PodMonitor")))
        expected = re.findall(r'job="([^"]+)"', next(r["expr"] for _, r in rules("alert") if r["alert"] == "NautilusMetricsMissing"))
        self.assertEqual(set(expected) - {t["labels"]["job"] for t in targets}, set(), "expected by NautilusMetricsMissing, scraped by no monitor")

    def test_rules_are_evaluated_without_error(self):
        groups = self.get("rules")["data"]["groups"]
        broken = [(r["name"], r["lastError"]) for g in groups for r in g["rules"] if r["health"] == "err"]
        self.assertEqual(broken, [])

    def test_every_alert_is_answered_and_its_series_exist(self):
        known = set(self.get("label/__name__/values")["data"])
        recorded = {r["record"] for _, r in rules("record")}
        # One of two spellings, by the version of the server.
        either = {"patroni_primary": "patroni_master", "patroni_master": "patroni_primary"}
        for key in ("alert", "record"):
            for _, rule in rules(key):
                with self.subTest(rule[key]):
                    self.ask(rule["expr"])
                    absent = {name for name in metrics_of(rule["expr"]) if name not in known | recorded and either.get(name) not in known}
                    self.assertEqual(absent, set(), "read by no monitor")

    def test_every_panel_is_answered_with_data(self):
        asked = 0
        for board in dashboards():
            for expression in queries(board):
                with self.subTest(board["title"], expression=expression):
                    asked += 1
                    text = re.sub(r"\$\{?__rate_interval\}?", "1m", expression)
                    text = re.sub(r"\$\{?\w+\}?", ".*", text)
                    result = self.ask(text)
                    if not any(part in expression for part in self.MAY_BE_EMPTY):
                        self.assertTrue(result, "no data")
        self.assertGreater(asked, 100)

    def test_what_our_engine_exports_is_what_the_platform_reads(self):
        self.assertEqual(self.ask('nautilus_engine_state{state="primary"}')[0]["value"][1], "1")
        self.assertGreaterEqual(float(self.ask("sum(nautilus_engine_trades_total)")[0]["value"][1]), 1)
        self.assertTrue(self.ask("nautilus:trade_latency:p99_seconds"))
        labels = self.ask("nautilus_engine_journal_lag_seconds")[0]["metric"]
        self.assertEqual({k: labels[k] for k in ("job", "namespace", "pod")}, {"job": "nautilus-engine", "namespace": "nautilus-trading", "pod": "nautilus-engine-0"})


class Served(unittest.TestCase):
    """Written, not dry-run: Pod Security looks at pods of namespaces that exist."""
    DEFINITIONS = ("prometheus-operator", "eck", "cert-manager", "vertical-pod-autoscaler")
    # The other systems' kinds have judges of their own.
    ALONE = ("--set", "global.mesh.enabled=false,global.edge.kind=nginx,backup.enabled=false,gitops.enabled=false")

    @classmethod
    def setUpClass(cls):
        crds = [control_plane.CACHE / "crds" / f"{name}.yaml" for name in cls.DEFINITIONS]
        absent = [str(path) for path in crds if not path.exists()] + control_plane.missing_tools()
        if absent:
            if os.environ.get("NAUTILUS_REQUIRE_CLUSTER"):
                raise AssertionError(f"not there: {absent}")
            raise unittest.SkipTest(f"not there: {absent}")
        cls.folder = Path(tempfile.mkdtemp(prefix="nautilus-observability-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        control_plane.up(cls.folder / "cluster", 1, owner=os.getpid())
        cls.addClassCleanup(control_plane.down, cls.folder / "cluster")
        for crd in crds:
            cls.kubectl("apply", "--server-side", "-f", crd)
        control_plane.established(cls.kubectl)

    @classmethod
    def kubectl(cls, *arguments, expect=0):
        done = run(control_plane.BIN / "kubectl", "--kubeconfig", cls.folder / "cluster" / "kubeconfig-admin", *arguments)
        if done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-5000:]}")
        return done

    def apply(self, name, listed):
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump_all(listed))
        return self.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file)

    def test_every_object_is_taken_without_a_warning(self):
        for name in ("staging", "prod"):
            with self.subTest(name):
                # An aggregated API that does not answer yet disturbs every later discovery; claims cannot change.
                everything = [o for o in rendered(name, *self.ALONE) if o["kind"] != "StatefulSet" or name == "staging"]
                done = self.apply(name, [o for o in everything if o["kind"] != "APIService"])
                self.assertEqual(done.stderr, "")
                for wanted in ("prometheus.monitoring.coreos.com/nautilus", "alertmanagerconfig.monitoring.coreos.com/nautilus",
                               "elasticsearch.elasticsearch.k8s.elastic.co/nautilus", "kibana.kibana.k8s.elastic.co/nautilus",
                               "prometheusrule.monitoring.coreos.com/nautilus-engine", "podmonitor.monitoring.coreos.com/redis-cluster",
                               "verticalpodautoscaler.autoscaling.k8s.io/nautilus-engine", "certificate.cert-manager.io/prometheus-adapter",
                               "daemonset.apps/log-collector", "cronjob.batch/log-keeper"):
                    self.assertIn(wanted + " ", done.stdout)
        apis = [o for o in rendered("prod", *self.ALONE) if o["kind"] == "APIService"]
        self.assertEqual(len(apis), 2)
        self.apply("apis", apis)

    def test_an_unknown_field_is_refused(self):
        wrong = next(o for o in rendered("prod", *self.ALONE) if o["kind"] == "Prometheus")
        wrong = {**wrong, "metadata": {"name": "wrong", "namespace": "default"}, "spec": {**wrong["spec"], "retentoin": "1d"}}
        file = self.folder / "wrong.yaml"
        file.write_text(yaml.safe_dump(wrong))
        self.assertIn("retentoin", self.kubectl("apply", "--server-side", "--validate=strict", "-f", file, expect=1).stderr)


def main():
    absent = [name for name in ("promtool", "prometheus") if not shutil.which(name)] + ([] if Path(BINARY).exists() else [BINARY])
    if absent:
        print(f"not found: {', '.join(absent)}", file=sys.stderr)
        sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
