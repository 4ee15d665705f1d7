#!/usr/bin/env python3
"""What the API server refuses in the platform's namespaces: every rule says no on a real one, and lets the right thing through.

    policy_test.py Refused     settings that cannot work (NAUTILUSCTL names the program)
    policy_test.py Enforced    on a real API server (scripts/build-tools.sh)
"""
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import yaml

from mesh_test import BINARY, ROOT, control_plane, needed, run

DIGEST = "@sha256:" + "0123456789abcdef" * 4
SPACE = "nautilus-trading"


def render(*more, expect=0):
    return run(BINARY, "--project", ROOT, "render", "--env", "prod", "--set", "policy.enabled=true", *more, expect=expect)


class Refused(unittest.TestCase):
    def test_settings(self):
        for setting, place in (("policy.actions={Deny,Warn}", "/actions"), ("policy.actions={Refuse}", "/actions/0"),
                               ("policy.images.registries={docker.io}", "/images/registries/0"), ("policy.images.registries={}", "/images/registries")):
            self.assertIn(place, render("--set", setting, expect=1).stderr, setting)


class Enforced(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        cls.folder = Path(tempfile.mkdtemp(prefix="nautilus-policy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        supervisor = [sys.executable, "-B", ROOT / "tests" / "support" / "cluster" / "control_plane.py"]
        run(*supervisor, "up", cls.folder / "cluster", "--owner", os.getpid(), "--nodes", 1)
        cls.addClassCleanup(run, *supervisor, "down", cls.folder / "cluster")
        cls.objects = [o for o in yaml.safe_load_all(render("--set", "policy.engines.scaleInGroups={system:masters-of-shards},policy.images.requireDigest=true").stdout) if o]
        for namespace in (SPACE, "elsewhere"):
            cls.kubectl("create", "namespace", namespace)
            cls.kubectl("create", "serviceaccount", "app", "-n", namespace)
        policies = [o for o in cls.objects if o["apiVersion"].startswith("admissionregistration")]
        done = cls.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", given=policies)
        assert done.stderr == "", done.stderr
        # In force a moment after they were taken; nothing announces when.
        pause, deadline = threading.Event(), time.monotonic() + 60
        while cls.attempt(cls.pod("early", "docker.io/library/redis:8")).returncode == 0:
            assert time.monotonic() < deadline, "the policies never came into force"
            cls.kubectl("delete", "pod", "early", "-n", SPACE, "--force", "--ignore-not-found")
            pause.wait(0.2)

    @classmethod
    def kubectl(cls, *arguments, given=None, expect=0):
        done = subprocess.run([control_plane.BIN / "kubectl", "--kubeconfig", cls.folder / "cluster" / "kubeconfig-admin", *arguments],
                              input=yaml.safe_dump_all(given) if given else None, capture_output=True, text=True, timeout=120)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    @classmethod
    def attempt(cls, what):
        return cls.kubectl("create", "-f", "-", given=[what], expect=None)

    @staticmethod
    def pod(name, image, namespace=SPACE):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
                "spec": {"serviceAccountName": "app", "containers": [{"name": "main", "image": image}]}}

    def refused(self, done, *words):
        self.assertNotEqual(done.returncode, 0, "it was let through")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_images(self):
        self.refused(self.attempt(self.pod("tag", "docker.io/library/redis:8")), "docker.io/library/redis:8 has no digest")
        self.refused(self.attempt(self.pod("foreign", "example.test/app" + DIGEST)), "example.test/app", "registry that is not allowed")
        self.refused(self.attempt(self.pod("alike", "docker.io.example.test/app" + DIGEST)), "registry that is not allowed")
        hidden = self.pod("hidden", "docker.io/library/redis:8" + DIGEST)
        hidden["spec"]["initContainers"] = [{"name": "first", "image": "quay.io/a/b:latest"}]
        self.refused(self.attempt(hidden), "quay.io/a/b:latest has no digest")
        self.assertEqual(self.attempt(self.pod("good", "docker.io/library/redis:8" + DIGEST)).returncode, 0)
        self.assertEqual(self.attempt(self.pod("elsewhere", "example.test/app:1", "elsewhere")).returncode, 0)
        # What runs may be labelled; another image may not be slipped in.
        self.kubectl("label", "pod", "good", "-n", SPACE, "a=b")
        self.refused(self.kubectl("set", "image", "pod/good", "-n", SPACE, "main=docker.io/library/redis:9", expect=None), "has no digest")

    def test_engines(self):
        engine = next(o for o in self.objects if o["kind"] == "StatefulSet" and o["metadata"]["name"] == "nautilus-engine")
        self.assertEqual(self.attempt(engine).returncode, 0)
        self.refused(self.kubectl("scale", "statefulset", "nautilus-engine", "-n", SPACE, "--replicas=1", expect=None), "open orders")
        self.kubectl("scale", "statefulset", "nautilus-engine", "-n", SPACE, "--replicas=9")
        fewer = copy.deepcopy(engine)
        fewer["spec"]["replicas"] = 2
        self.refused(self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=[fewer], expect=None), "open orders")
        self.kubectl("scale", "statefulset", "nautilus-engine", "-n", SPACE, "--replicas=1", "--as=person", "--as-group=system:masters",
                     "--as-group=system:masters-of-shards")
        scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "s", "namespace": SPACE},
                  "spec": {"maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "nautilus-engine"}}}
        self.refused(self.attempt(scaler), "engines are not scaled by load")
        scaler["spec"]["scaleTargetRef"] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nautilus-backend"}
        self.assertEqual(self.attempt(scaler).returncode, 0)

    def test_nothing_is_wrong_with_the_expressions(self):
        for policy in json.loads(self.kubectl("get", "validatingadmissionpolicies", "-o", "json").stdout)["items"]:
            self.assertEqual(policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings", []), [], policy["metadata"]["name"])


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
