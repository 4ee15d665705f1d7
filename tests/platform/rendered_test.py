#!/usr/bin/env python3
"""The platform's chart, held to what no API server checks (check_rendered.py), in every environment.

    rendered_test.py Nautilusctl     as our program renders it (NAUTILUSCTL names the program)
    rendered_test.py Helm            as Helm 4 and Helm 3 render it, after a strict lint
"""
import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import check_rendered  # noqa: E402
import control_plane  # noqa: E402

BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
CHART = ROOT / "templates" / "nautilus-platform"
ENVIRONMENTS = sorted(path.parent for path in (ROOT / "manifests" / "environments").glob("*/environment.yaml"))
SECONDS = 300


class Case(unittest.TestCase):
    def output(self, *command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def hold(self, environment, text):
        count, faults = check_rendered.check(environment / "environment.yaml", text)
        self.assertEqual(faults, [])
        self.assertGreater(count, 50)


class Nautilusctl(Case):
    def test_every_environment_fits_together(self):
        self.assertGreaterEqual(len(ENVIRONMENTS), 3)
        for environment in ENVIRONMENTS:
            with self.subTest(environment.name):
                self.hold(environment, self.output(BINARY, "--project", ROOT, "render", "--env", environment.name))

    def test_the_checks_see_what_is_wrong(self):
        prod = ROOT / "manifests" / "environments" / "prod"
        text = self.output(BINARY, "--project", ROOT, "render", "--env", "prod")
        for old, new, fault in (("name: nautilus-websocket", "name: nautilus-socket", "Service nautilus-websocket"),
                                ("kind: PriorityClass", "kind: PriorityKlass", "no PriorityClass"),
                                ("kind: Deployment", "kind: Secret", "a Secret is rendered")):
            with self.subTest(fault):
                self.assertIn(old, text)
                faults = check_rendered.check(prod / "environment.yaml", text.replace(old, new))[1]
                self.assertTrue(any(fault in found for found in faults), faults)


class Helm(Case):
    def each(self):
        for name in ("helm", "helm3"):
            if (control_plane.BIN / name).exists():
                yield control_plane.BIN / name
            elif os.environ.get("NAUTILUS_REQUIRE_CLUSTER"):
                self.fail(f"{name} is not built; scripts/build-tools.sh does that")
            else:
                self.skipTest(f"{name} is not built")

    def test_the_chart_has_no_lint(self):
        for helm in self.each():
            with self.subTest(helm.name):
                self.output(helm, "lint", "--quiet", "--strict", CHART)

    def test_every_environment_fits_together(self):
        for helm in self.each():
            for environment in ENVIRONMENTS:
                with self.subTest(helm.name, environment=environment.name):
                    values = [part for file in sorted(environment.glob("values-*.yaml")) for part in ("--values", file)]
                    self.hold(environment, self.output(helm, "template", f"nautilus-{environment.name}", CHART, "--namespace",
                                                       "nautilus-trading", "--kube-version", "v1.37.2", *values))


if __name__ == "__main__":
    unittest.main(verbosity=2)
