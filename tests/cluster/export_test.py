#!/usr/bin/env python3
"""What nautilusctl deployed is handed to Helm: real Helm 4 and Helm 3 list, get, upgrade, roll back and uninstall it; no
pod is replaced."""
import json
import subprocess

import harness
from harness import COMMAND_SECONDS, DIFFERENCES, NAMESPACE, REFUSED, ROOT, ClusterCase, control_plane

RELEASE = "nautilus-dev"
CHART = str(ROOT / "templates" / "nautilus-platform")
VALUES = str(ROOT / "manifests" / "environments" / "dev" / "values-development.yaml")


class Export(ClusterCase):
    nodes = 3

    def helm(self, *arguments, expect=0, program="helm"):
        done = subprocess.run([str(control_plane.BIN / program), "--kubeconfig", str(self.kubeconfig), *arguments, "--namespace", NAMESPACE],
                              capture_output=True, text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, f"{program} {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done

    def helm_upgrade(self, *more, program="helm"):
        return self.helm("upgrade", RELEASE, CHART, "--values", VALUES, *more, program=program)

    def pods(self):
        return {(item["metadata"]["uid"], item["metadata"]["name"])
                for item in self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]}

    def templates(self):
        return {(kind, item["metadata"]["uid"], json.dumps(item["spec"], sort_keys=True)) for kind, item in self.workloads()}

    def managers(self):
        return {entry["manager"] for _, item in self.workloads() for entry in item["metadata"]["managedFields"]
                if not entry.get("subresource")}

    def ready(self):
        self.wait_until("every workload", lambda: self.workloads() and not self.not_ready(), 180)

    def deployed(self):
        self.tool("deploy", "--env", "dev", "--yes", "--timeout", "4m")
        self.ready()

    def handed_over(self):
        """Hands everything over and holds it to its promise. Returns the pods."""
        self.settle()
        pods, templates, mark = self.pods(), self.templates(), self.mark()
        shown = json.loads(self.tool("release", "export", "--env", "dev", "--dry-run", "-o", "json", expect=DIFFERENCES).stdout)
        self.assertEqual(self.writes_since(mark), [], "--dry-run")
        self.assertEqual(shown["problems"], [])
        self.tool("release", "export", "--env", "dev", "--yes")
        self.assertEqual(self.pods(), pods)
        self.assertEqual(self.templates(), templates)
        self.assertTrue(self.holds_no_lock())
        self.assertNotIn("nautilusctl", self.managers())
        again = self.mark()
        self.assertIn("Helm has it already", self.tool("release", "export", "--env", "dev", "--yes").stdout)
        self.assertEqual(self.writes_since(again), [])
        return pods

    def served_by(self, program):
        """list, get, an upgrade that changes nothing, one that does, and the way back."""
        pods = self.pods()
        listed = json.loads(self.helm("list", "-o", "json", program=program).stdout)
        self.assertEqual([(r["name"], r["status"]) for r in listed], [(RELEASE, "deployed")])
        first = int(listed[0]["revision"])
        self.assertIn("kind: StatefulSet", self.helm("get", "manifest", RELEASE, program=program).stdout)
        self.helm("get", "values", RELEASE, program=program)
        self.helm("get", "all", RELEASE, program=program)
        self.helm("history", RELEASE, program=program)
        self.helm_upgrade(program=program)
        self.ready()
        self.assertEqual(self.pods(), pods, "an upgrade to the same replaces nothing")
        before = self.image("deployments", "nautilus-backend")
        self.helm_upgrade("--set", "backend.image.tag=9.9.9", program=program)
        self.assertIn("9.9.9", self.image("deployments", "nautilus-backend"))
        self.helm("rollback", RELEASE, str(first), program=program)  # to the very record that nautilusctl wrote
        self.assertEqual(self.image("deployments", "nautilus-backend"), before)
        self.ready()

    def uninstalled_by(self, program):
        self.helm("uninstall", RELEASE, program=program)
        self.wait_until("no workload", lambda: not self.workloads(), 120)
        self.assertEqual(json.loads(self.helm("list", "-a", "-o", "json", program="helm3").stdout), [])

    def test_00_helm_4_has_it(self):
        self.deployed()
        self.handed_over()
        for arguments in (("deploy", "--env", "dev", "--yes"), ("rollback", "--env", "dev", "--yes"), ("destroy", "--env", "dev", "--yes")):
            self.assertIn("adopt", self.tool(*arguments, expect=REFUSED).stderr)
        self.served_by("helm")

    def test_01_and_back_and_forth(self):
        self.settle()
        pods = self.pods()
        self.tool("adopt", "--env", "dev", "--yes")
        self.tool("deploy", "--env", "dev", "--yes", "--timeout", "4m")
        self.assertEqual(self.pods(), pods)
        self.handed_over()

    def test_02_helm_3_has_it(self):
        self.served_by("helm3")

    def test_03_helm_uninstalls_it(self):
        self.uninstalled_by("helm")
        # The name is free again: nautilusctl may deploy, and Helm 3 may remove that.
        self.deployed()
        self.handed_over()
        self.uninstalled_by("helm3")


if __name__ == "__main__":
    harness.main()
