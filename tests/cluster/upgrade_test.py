#!/usr/bin/env python3
"""Upgrades on a real control plane: the definition, a rolling and a canary upgrade, one that goes back by itself, a rollback.

The calendar is whatever it is on the day of the test, so two people step over the window, with keys made here."""
import json
import subprocess
import time

import harness
from harness import DONE, ERROR, NAMESPACE, REFUSED, ROOT, ClusterCase

SYSTEM = "upgrade-system"
POLL = 0.1
OLD, NEW, NEWER, NEWEST = (f"registry.example/backend:{v}@sha256:{c * 64}" for v, c in (("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")))

# Stands in for Istio's definition: it takes any content.
VIRTUAL_SERVICES = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "virtualservices.networking.istio.io"},
    "spec": {"group": "networking.istio.io", "scope": "Namespaced",
             "names": {"kind": "VirtualService", "plural": "virtualservices", "singular": "virtualservice", "listKind": "VirtualServiceList"},
             "versions": [{"name": "v1", "served": True, "storage": True,
                           "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


def deployment(image):
    labels = {"app.kubernetes.io/name": "nautilus-backend"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nautilus-backend", "namespace": NAMESPACE, "labels": labels},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels},
                     "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
                     "template": {"metadata": {"labels": {**labels, "nautilus.trading.com/track": "stable"}},
                                  "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "backend", "image": image}]}}}}


def virtual_service():
    host = f"nautilus-backend.{NAMESPACE}.svc.cluster.local"
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "api", "namespace": NAMESPACE},
            "spec": {"hosts": ["api.example"], "http": [{"route": [
                {"destination": {"host": host, "subset": "stable"}, "weight": 100},
                {"destination": {"host": host, "subset": "canary"}, "weight": 0}]}]}}


class Upgrades(ClusterCase):
    nodes = 3

    def apply(self, thing, manager="nautilusctl"):
        file = self.directory / "object.json"
        file.write_text(json.dumps(thing))
        self.kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", str(file))

    def make_project(self):
        """The repository's, with people who may approve. Their keys are made here."""
        folder = self.directory / "project"
        environment = folder / "manifests" / "environments" / "test"
        environment.mkdir(parents=True)
        for name in ("templates", "manifests/crds"):
            (folder / name).symlink_to(ROOT / name)
        approvers = ""
        for person in ("ann", "bob", "robot"):
            key = self.directory / f"{person}.pem"
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True, capture_output=True)
            public = subprocess.run(["openssl", "pkey", "-in", str(key), "-pubout"], check=True, capture_output=True, text=True).stdout
            kind = "ci" if person == "robot" else "person"
            approvers += f"      - {{identity: {person}, kind: {kind}, publicKey: {json.dumps(public)}}}\n"
        (environment / "environment.yaml").write_text(
            "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: test}\nspec:\n"
            "  chart: ../../../templates/nautilus-platform\n"
            f"  release: {{name: nautilus, namespace: {NAMESPACE}}}\n  upgrades:\n    approvers:\n" + approvers)
        type(self).project = folder

    def nautilus(self, *arguments, expect=DONE):
        return self.tool(*arguments, "--env", "test", project=self.project, expect=expect)

    def approve(self, plan):
        for person in ("ann", "bob"):
            self.nautilus("upgrade", "approve", plan, "--identity", person, "--key", str(self.directory / f"{person}.pem"),
                          "--reason", "a test", "--scope", "window", "--scope", "preflight", "--expires", "1h")

    def plan(self, name, image, *more, step="90s"):
        """Made, put there, approved by two."""
        file = self.directory / f"{name}.yaml"
        self.nautilus("upgrade", "plan", "backend", "--name", name, "--image", image, "--step-timeout", step, "--deadline", "10m",
                      "--file", str(file), *more)
        self.nautilus("upgrade", "run", "--file", str(file), "--detach")
        self.approve(name)

    def live(self, path):
        return self.api.get(path)

    def image(self):
        found = self.live(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend")
        return found["spec"]["template"]["spec"]["containers"][0]["image"]

    def weights(self):
        found = self.live(f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/api")
        return [route["weight"] for route in found["spec"]["http"][0]["route"]]

    def test_00_a_workload_and_its_route(self):
        self.make_project()
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("create", "namespace", SYSTEM)
        self.apply(VIRTUAL_SERVICES)
        harness.control_plane.established(self.kubectl)
        self.apply(deployment(OLD))
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nautilus-backend", "namespace": NAMESPACE},
                    "spec": {"selector": {"app.kubernetes.io/name": "nautilus-backend"}, "ports": [{"port": 80}]}})
        self.apply(virtual_service())
        self.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/nautilus-backend", "--timeout=180s")

    def test_01_rolling(self):
        self.plan("rolling", NEW, "--hold", "2s")
        report = self.directory / "report.html"
        done = self.nautilus("-o", "json", "upgrade", "run", "rolling", "--report", str(report), "--lock-timeout", "1m")
        self.assertEqual(json.loads(done.stdout)["status"]["phase"], "Done")
        self.assertEqual(self.image(), NEW)
        found = self.live(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend")
        self.assertEqual(found["spec"]["strategy"]["rollingUpdate"], {"maxSurge": "25%", "maxUnavailable": 0})
        self.assertIn("every pod is new", report.read_text())

    def test_02_what_kubectl_shows(self):
        lines = self.kubectl("get", "upgradeplan", "-n", SYSTEM).stdout.splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "COMPONENT", "STRATEGY", "PHASE", "STEP", "WEIGHT", "REASON", "AGE"])
        self.assertEqual(lines[1].split()[:7], ["rolling", "backend", "rolling", "Done", "1/1", "0", "Done"])
        watched = self.nautilus("upgrade", "status", "rolling", "--watch").stdout
        self.assertIn("every pod is new", watched)
        ours = self.nautilus("upgrade", "status").stdout.splitlines()
        self.assertEqual(ours[0].split(), lines[0].split())

    def test_03_what_the_server_and_we_refuse(self):
        good = json.loads(self.kubectl("get", "upgradeplan", "rolling", "-n", SYSTEM, "-o", "json").stdout)["spec"]["change"]
        routed = {**good, "strategy": "canary", "routes": [{"name": "api"}]}
        for change, why in (({**good, "images": [{"container": "backend", "image": "backend:2"}]}, "must have a digest"),
                            ({**routed, "steps": [{"weight": 50}, {"weight": 20}]}, "weights must grow"),
                            ({**good, "imagez": []}, "unknown field"),
                            ({**good, "strategy": "ordered"}, "the strategy of a StatefulSet is ordered")):
            file = self.directory / "bad.json"
            file.write_text(json.dumps({"apiVersion": "upgrade.nautilusctl.io/v1alpha1", "kind": "UpgradePlan",
                                        "metadata": {"name": "bad", "namespace": SYSTEM}, "spec": {"change": change}}))
            self.assertIn(why, self.kubectl("create", "--validate=strict", "-f", str(file), expect=1).stderr)
        self.assertIn("has no digest", self.nautilus("upgrade", "plan", "backend", "--image", "backend:2", expect=REFUSED).stderr)
        self.assertIn("CI identity", self.refused_approval("robot"))

    def refused_approval(self, person):
        file = self.directory / "held.yaml"
        self.nautilus("upgrade", "plan", "backend", "--name", "held", "--image", NEWER, "--file", str(file))
        self.nautilus("upgrade", "run", "--file", str(file), "--detach")
        refused = self.nautilus("upgrade", "approve", "held", "--identity", person, "--key", str(self.directory / f"{person}.pem"),
                                "--reason", "a test", expect=REFUSED)
        self.nautilus("upgrade", "abort", "held", "--reason", "only a test")
        self.nautilus("upgrade", "run", "held", "--lock-timeout", "1m", expect=REFUSED)
        return refused.stderr

    def test_04_canary(self):
        self.plan("canary", f"backend={NEWER}", "--strategy", "canary", "--step", "10:1s", "--step", "50:1s")
        self.nautilus("upgrade", "pause", "canary", "--reason", "to see that it waits")
        self.nautilus("upgrade", "resume", "canary")
        self.by_the_controller("canary")
        self.assertEqual(self.image(), NEWER)
        self.assertEqual(self.weights(), [100, 0])
        self.assertEqual(self.api.raw("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend-canary")[0], 404)
        weights = [json.loads(line)["data"].get("weight") for line in self.nautilus("audit", "export").stdout.splitlines()]
        self.assertLess(weights.index(10), weights.index(50))

    def by_the_controller(self, plan):
        """Carried out by a controller that is killed once it has begun, and by the next one."""
        deadline = time.monotonic() + 240
        for ends_when in (("Running", "Analysing"), ("Done",)):
            child = self.start("controller", "--env", "test", "--every", "1s", "--prometheus", "http://127.0.0.1:9", project=self.project)
            try:
                while True:
                    status = self.live(f"/apis/upgrade.nautilusctl.io/v1alpha1/namespaces/{SYSTEM}/upgradeplans/{plan}").get("status", {})
                    if status.get("phase") in ends_when:
                        break
                    self.assertIsNone(child.poll(), "the controller ended by itself")
                    self.assertNotIn(status.get("phase"), ("Failed", "RolledBack", "Aborted"), status)
                    self.assertLess(time.monotonic(), deadline, status)
                    time.sleep(POLL)
            finally:
                child.kill()
                child.communicate()

    def start(self, *arguments, project=None):
        return subprocess.Popen(self.command(*arguments, project=project), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
                                stdin=subprocess.DEVNULL, env=self.environment(), cwd=self.directory, start_new_session=True)

    def test_05_back_by_itself(self):
        """No node takes the new pods, so they are never ready."""
        self.plan("bad", NEWEST, step="10s")
        nodes = [node["metadata"]["name"] for node in self.live("/api/v1/nodes")["items"]]
        for node in nodes:
            self.kubectl("cordon", node)
        done = self.nautilus("-o", "json", "upgrade", "run", "bad", expect=ERROR)
        for node in nodes:
            self.kubectl("uncordon", node)
        status = json.loads(done.stdout)["status"]
        self.assertEqual((status["phase"], status["reason"]), ("RolledBack", "StepTimeout"))
        self.assertEqual(self.image(), NEWER)

    def test_06_a_person_goes_back_and_the_record_is_whole(self):
        done = self.nautilus("-o", "json", "rollback", "backend", "--reason", "performance-degradation", "--yes")
        self.assertEqual(json.loads(done.stdout)["status"]["phase"], "Done")
        self.assertEqual(self.image(), NEW)
        export = self.directory / "audit.jsonl"
        self.nautilus("audit", "export", "--output-file", str(export))
        self.nautilus("audit", "verify", "--against", str(export))
        self.assertIn("performance-degradation", self.nautilus("audit", "list", "--last", "20").stdout)
        lines = export.read_text().splitlines()
        export.write_text("\n".join(lines[:3] + lines[4:]) + "\n")
        told = self.tool("audit", "verify", "--file", str(export), expect=REFUSED)
        self.assertIn("record 3 is missing", told.stdout)


if __name__ == "__main__":
    harness.main()
