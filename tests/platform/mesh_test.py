#!/usr/bin/env python3
"""The service mesh of the platform's chart, in every environment and with both kinds of gateway.

    mesh_test.py Rendered    who may call whom, from the rendered objects alone (NAUTILUSCTL names the program)
    mesh_test.py Refused     settings that cannot work are refused, with the reason
    mesh_test.py Analyzed    istioctl finds nothing (scripts/build-tools.sh istioctl)
    mesh_test.py Served      a real API server takes every object, strictly (scripts/build-tools.sh, which gets the CRDs too)
"""
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import check_mesh  # noqa: E402
import check_rendered  # noqa: E402
from check_mesh import objects_of  # noqa: E402
import control_plane  # noqa: E402

BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / "manifests" / "environments").glob("*/environment.yaml"))
KINDS = ["istio", "gateway-api"]
SECONDS = 300
VENUE = '{"cidr":"203.0.113.0/24","ports":[443],"host":"fix.venue.example"}'


def needed(name):
    """A tool's path; the test is skipped without it, or fails where tools are promised."""
    path = control_plane.CACHE / name
    if not path.exists():
        if os.environ.get("NAUTILUS_REQUIRE_MESH"):
            raise AssertionError(f"{name} is not there; scripts/build-tools.sh makes it")
        raise unittest.SkipTest(f"{name} is not there; scripts/build-tools.sh makes it")
    return path


def run(*command, expect=0, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, **more)
    if done.returncode != expect:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def settings(kind):
    return ["--set", "global.mesh.enabled=true", "--set", f"global.edge.kind={kind}"]


@functools.lru_cache(maxsize=None)
def rendered(environment, kind, *more):
    return run(BINARY, "--project", ROOT, "render", "--env", environment, *settings(kind), *more).stdout


class Rendered(unittest.TestCase):
    def environment_file(self, name, folder):
        """The environment with its certificate where the mesh's gateway reads it."""
        source = ROOT / "manifests" / "environments" / name / "environment.yaml"
        told = yaml.safe_load(source.read_text())
        told["spec"]["chart"] = str(ROOT / "templates" / "nautilus-platform")
        for secret in told["spec"]["externalSecrets"]:
            if secret["name"] == "nautilus-tls":
                secret["namespace"] = "istio-ingress"
        path = Path(folder) / f"{name}.yaml"
        path.write_text(yaml.safe_dump(told))
        return path

    def test_every_environment_fits_together(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ENVIRONMENTS:
                for kind in KINDS:
                    with self.subTest(name, kind=kind):
                        count, faults = check_rendered.check(self.environment_file(name, folder), rendered(name, kind))
                        self.assertEqual(faults, [])
                        self.assertGreater(count, 100)

    def test_every_flow_has_its_rule_and_every_rule_its_flow(self):
        for kind in KINDS:
            mesh = check_mesh.Mesh(objects_of(rendered("prod", kind)))
            table = mesh.allowed()
            self.assertEqual(mesh.faults, [])
            self.assertEqual(table, mesh.sent())
            account = {"istio": "nautilus-gateway", "gateway-api": "nautilus-gateway-istio"}[kind]
            here = "cluster.local/ns/nautilus-trading/sa/"
            for wanted in ((f"cluster.local/ns/istio-ingress/sa/{account}", "nautilus-trading", "nautilus-backend", 8001),
                           (here + "nautilus-backend", "nautilus-trading", "nautilus-engine", 9001),
                           (here + "redis-cluster", "nautilus-trading", "redis-cluster", 16379),
                           (here + "postgresql", "nautilus-trading", "postgresql", 8008),
                           (here + "postgresql", "istio-egress", "nautilus-egress", 8443)):
                self.assertIn(wanted, table)
            for never in ("frontend", "pgbouncer", "redis-cluster"):
                self.assertFalse([row for row in table if row[0].endswith(never) and row[2] == "nautilus-engine"])
            self.assertGreater(len(table), 15)

    def test_the_checks_see_what_is_wrong(self):
        text = rendered("prod", "istio")
        for old, new, fault in (
                ("sa/nautilus-backend\n", "sa/nautilus-frontend\n", "is declared, but the mesh denies it"),
                ("sa/nautilus-backend\n", "sa/nautilus-frontend\n", "is allowed by the mesh, but nobody declared it"),
                ('- "8008"', '- "8009"', "is declared, but the mesh denies it"),
                ("mode: STRICT", "mode: PERMISSIVE", "no PeerAuthentication"),
                ("REGISTRY_ONLY", "ALLOW_ANY", "lets anything out"),
                ("weight: 100", "weight: 90", "do not sum to 100"),
                ("attempts: 0", "attempts: 3", "an order could be sent twice"),
                ("mode: ISTIO_MUTUAL", "mode: DISABLE", "calls may be in clear text"),
                ("port: 15012", "port: 15010", "istiod cannot be reached"),
                ('nativeSidecar: "true"', 'nativeSidecar: "false"', "is not there before and after it"),
                ('"terminationDrainDuration":"10s"', '"terminationDrainDuration":"900s"', "does not fit into the grace period"),
                ("appProtocol: tcp", "nodePort: 0", "leaves its protocol to guessing"),
                ("host: '*.nautilus-trading.", "host: '*.elsewhere.", "no DestinationRule says that calls are encrypted"),
                ("host: pgbouncer.", "host: pgbounced.", "no Service pgbounced.")):
            with self.subTest(fault, new=new):
                self.assertTrue(old in text, f"nothing to spoil: {old}")
                faults = check_mesh.faults(objects_of(text.replace(old, new)))
                self.assertTrue(any(fault in found for found in faults), faults)

    def test_a_venue_is_let_out_by_name_for_the_engine_alone(self):
        text = rendered("prod", "istio", "--set", "engine.mode=live", "--set-json", f"engine.venues.egress=[{VENUE}]")
        objects = objects_of(text)
        self.assertEqual(check_mesh.faults(objects), [])
        rules = [o for o in objects if o["kind"] == "AuthorizationPolicy" and o["metadata"]["name"] == "egress-nautilus-engine-fix-venue-example"]
        self.assertEqual([o["spec"]["rules"] for o in rules], [[{
            "from": [{"source": {"principals": ["cluster.local/ns/nautilus-trading/sa/nautilus-engine"]}}],
            "to": [{"operation": {"ports": ["8443"]}}],
            "when": [{"key": "connection.sni", "values": ["fix.venue.example"]}]}]])
        for o in objects:
            if o["kind"] == "NetworkPolicy" and o["metadata"]["namespace"] == "nautilus-trading":
                self.assertNotIn("203.0.113.0/24", json.dumps(o), "the venue is reached through the egress gateway only")
        out = [o for o in objects if o["kind"] == "NetworkPolicy" and "203.0.113.0/24" in json.dumps(o)]
        self.assertEqual([o["metadata"]["namespace"] for o in out], ["istio-egress"])

    def test_a_caller_without_a_sidecar_needs_a_reason(self):
        peer = '{"namespace":"monitoring","podLabels":{"app.kubernetes.io/name":"prometheus"},"plaintext":"Prometheus runs without a sidecar"}'
        flow = f'[{{"peers":[{{"name":"nautilus-backend"}}],"ports":[9001]}},{{"peers":[{peer}],"ports":[9102]}}]'
        objects = objects_of(rendered("prod", "istio", "--set-json", f"engine.networkPolicy.ingress={flow}"))
        self.assertEqual(check_mesh.faults(objects), [])
        own = [o for o in objects if o["kind"] == "PeerAuthentication" and o["metadata"]["name"] == "nautilus-engine"]
        self.assertEqual(own[0]["spec"]["portLevelMtls"], {"9102": {"mode": "PERMISSIVE"}})
        self.assertEqual(own[0]["spec"]["mtls"], {"mode": "STRICT"})
        done = run(BINARY, "--project", ROOT, "render", "--env", "prod", *settings("istio"), "--set-json",
                   "engine.networkPolicy.ingress=" + flow.replace("Prometheus runs without a sidecar", ""), expect=1)
        self.assertIn("/networkPolicy/ingress/1/peers/0", done.stderr)

    def test_monitoring_and_the_mesh_together(self):
        parts = ",".join(f"global.observability.{part}=true" for part in ("monitoring", "tracing", "logging", "autoscaling"))
        objects = objects_of(rendered("prod", "istio", "--set", parts))
        self.assertEqual(check_mesh.faults(objects), [])
        # Only what Prometheus reads takes clear text, and each says so.
        opened = {(o["metadata"]["name"], int(port)) for o in objects if o["kind"] == "PeerAuthentication" for port in o["spec"].get("portLevelMtls", {})}
        self.assertIn(("nautilus-engine", 9102), opened)
        self.assertFalse({("nautilus-engine", 9001), ("nautilus-backend", 8000), ("nautilus-backend", 8001), ("postgresql", 5432),
                          ("pgbouncer", 5432), ("redis-cluster", 6379), ("redis-cluster", 16379)} & opened)

    def test_the_tree_has_the_guides_files(self):
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as folder:
                run(BINARY, "--project", ROOT, "render", "--env", "prod", *settings(kind), "--output-dir", folder)
                found = next(Path(folder).glob("**/istio/istio-configuration.yaml"))
                self.assertIn("kind: PeerAuthentication", found.read_text())
                self.assertIn("name: nautilus-gateway", (found.parents[1] / "ingress" / "ingress.yaml").read_text())
                for part in ("deployments", "statefulsets", "services"):
                    for file in (found.parents[1] / part).glob("*.yaml"):
                        self.assertNotIn("istio.io/v1", file.read_text(), "workloads need no CRDs")


class Refused(unittest.TestCase):
    def test_what_cannot_work(self):
        on = "global.mesh.enabled=true"
        for wanted, *given in (
                ("finding 16", on, "global.edge.kind=nginx"),
                ("needs global.mesh.enabled", "global.mesh.enabled=false", "global.edge.kind=istio"),
                ("does not list nautilus-trading", on, "global.edge.kind=istio", "global.mesh.namespaces={upgrade-system}"),
                ("gateways need a namespace of their own", on, "global.edge.kind=istio", "global.mesh.ingressNamespace=upgrade-system"),
                ("must not stand where one gets out", on, "global.edge.kind=istio", "global.mesh.ingressNamespace=istio-egress"),
                ("orders would travel in clear text", "global.mesh.enabled=false", "global.edge.kind=nginx", "engine.mode=live"),
                ("/edge/kind", "global.edge.kind=haproxy"),
                ("/canaryWeights/api", "edge.canaryWeights.api=101"),
                ("/certificate/issuer/name", "edge.certificate.create=true"),
                ("/visible/0", on, "global.edge.kind=istio", "mesh.visible={*/*}")):
            with self.subTest(wanted):
                done = run(BINARY, "--project", ROOT, "render", "--env", "prod", *[part for one in given for part in ("--set", one)], expect=1)
                self.assertIn(wanted, done.stderr)

    def test_routes_and_destinations_that_would_hurt(self):
        def of(chart, key):
            return yaml.safe_load((ROOT / "templates" / "nautilus-platform" / "charts" / chart / "values.yaml").read_text())[key]
        for wanted, chart, key, item, *path, value in (
                ("/routes/1/retries", "edge", "routes", 1, "retries", "all"),
                ("/routes/1/requestSeconds", "edge", "routes", 1, "requestSeconds", 0),
                ("/routes/2/requestSeconds", "edge", "routes", 2, "requestSeconds", 60),
                ("/routes/2/retries", "edge", "routes", 2, "retries", "safe"),
                ("/outlierDetection/maxEjectionPercent", "mesh", "destinations", 0, "trafficPolicy", "outlierDetection", "maxEjectionPercent", 100)):
            with self.subTest(wanted):
                values = of(chart, key)
                place = values[item]
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = value
                done = run(BINARY, "--project", ROOT, "render", "--env", "prod", *settings("istio"), "--set-json", f"{chart}.{key}={json.dumps(values)}", expect=1)
                self.assertIn(wanted, done.stderr)

    def test_a_venue_without_a_name(self):
        done = run(BINARY, "--project", ROOT, "render", "--env", "prod", *settings("istio"), "--set-json",
                   'engine.venues.egress=[{"cidr":"203.0.113.0/24","ports":[443]}]', expect=1)
        self.assertIn("engine.venues.egress[0]", done.stderr)


class Analyzed(unittest.TestCase):
    def test_istioctl_finds_nothing(self):
        istioctl = needed("bin/istioctl")
        with tempfile.TemporaryDirectory() as folder:
            for name in ENVIRONMENTS:
                for kind in KINDS:
                    with self.subTest(name, kind=kind):
                        file = Path(folder) / f"{name}-{kind}.yaml"
                        file.write_text(rendered(name, kind))
                        done = run(istioctl, "analyze", "--use-kube=false", "-A", file)
                        self.assertIn("No validation issues found", done.stdout + done.stderr)

    def test_it_would_find_something(self):
        istioctl = needed("bin/istioctl")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "wrong.yaml"
            file.write_text(rendered("prod", "istio").replace("subset: canary", "subset: canny"))
            done = subprocess.run([istioctl, "analyze", "--use-kube=false", "-A", str(file)], capture_output=True, text=True, timeout=SECONDS)
            self.assertIn("IST0101", done.stdout + done.stderr)


class Served(unittest.TestCase):
    """Dry runs would not do: objects of one namespace follow the namespace. So they are written, and read back."""

    @classmethod
    def setUpClass(cls):
        missing = [name for name in ("etcd", "kube-apiserver", "kubectl") if not (control_plane.BIN / name).exists()]
        for name in missing:
            needed(f"bin/{name}")
        cls.crds = [needed(f"crds/{name}.yaml") for name in ("istio", "gateway-api", "cert-manager")]
        cls.folder = tempfile.mkdtemp(prefix="nautilus-mesh-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cluster = Path(cls.folder) / "cluster"
        supervisor = [sys.executable, "-B", ROOT / "tests" / "support" / "cluster" / "control_plane.py"]
        run(*supervisor, "up", cluster, "--owner", os.getpid(), "--nodes", 1)
        cls.addClassCleanup(run, *supervisor, "down", cluster)
        cls.kubeconfig = cluster / "kubeconfig-admin"
        for crd in cls.crds:
            cls.kubectl("apply", "--server-side", "-f", crd)
        control_plane.established(cls.kubectl)

    @classmethod
    def kubectl(cls, *arguments, expect=0):
        return run(control_plane.BIN / "kubectl", "--kubeconfig", cls.kubeconfig, *arguments, expect=expect)

    def test_every_object_is_taken_without_a_warning(self):
        # The other systems' kinds have judges of their own.
        others = ",".join([f"global.observability.{part}=false" for part in ("monitoring", "tracing", "logging", "autoscaling")] +
                          [f"{part}.enabled=false" for part in ("backup", "gitops")])
        more = ("--set", "edge.certificate.create=true", "--set", "edge.certificate.issuer.name=letsencrypt", "--set", others)
        for name in ENVIRONMENTS:
            for kind in KINDS:
                with self.subTest(name, kind=kind):
                    file = Path(self.folder) / f"{name}-{kind}.yaml"
                    # Claims cannot change from one environment to the next.
                    objects = [o for o in objects_of(rendered(name, kind, *more)) if o["kind"] != "StatefulSet" or name == ENVIRONMENTS[0]]
                    file.write_text(yaml.safe_dump_all(objects))
                    done = self.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file)
                    self.assertEqual(done.stderr, "")
                    self.assertIn("certificate.cert-manager.io/nautilus-tls", done.stdout)
                    self.assertIn("gateway.gateway.networking.k8s.io/nautilus-gateway" if kind == "gateway-api"
                                  else "gateway.networking.istio.io/nautilus-gateway", done.stdout)

    def test_an_unknown_field_is_refused(self):
        file = Path(self.folder) / "wrong.yaml"
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "somewhere"}}
        wrong = {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "x", "namespace": "somewhere"},
                 "spec": {"mtls": {"mood": "STRICT"}}}
        file.write_text(yaml.safe_dump_all([namespace, wrong]))
        self.assertIn("mood", self.kubectl("apply", "--server-side", "--validate=strict", "-f", file, expect=1).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
