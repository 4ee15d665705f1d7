#!/usr/bin/env python3
"""Killed, interrupted, refused: whatever happens to a deploy, the next one finishes it and the end state is the same."""
import itertools
import re
import signal
import time

import harness
from harness import DONE, INTERRUPTED, LOCKED, NAMESPACE, UNREACHABLE, ClusterCase

POLL = 0.02


class Interrupted(ClusterCase):
    environment_name = "dev"

    def deploy(self, *more, **options):
        return self.tool("deploy", "--env", self.environment_name, "--yes", "--timeout", "5m", *more, **options)

    def destroy(self):
        self.tool("destroy", "--env", self.environment_name, "--yes", "--delete-data", "--timeout", "5m")
        self.wait_until_only(self.empty, 90)

    def stop_after(self, writes, number):
        """Starts a deploy, sends the signal after that many of its writes; (exit code, stderr). It may end before that."""
        mark = self.mark()
        child = self.start("deploy", "--env", self.environment_name, "--yes", "--timeout", "5m")
        deadline = time.monotonic() + 120
        while child.poll() is None and len(self.writes_since(mark)) < writes and time.monotonic() < deadline:
            time.sleep(POLL)
        if child.poll() is None:
            child.send_signal(number)
        _, errors = child.communicate(timeout=120)
        return child.returncode, errors

    # Made by controllers, or by us with content that differs from run to run (history, generated secrets).
    DERIVED = {"Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "PersistentVolume", "IPAddress", "Secret"}

    def shape(self):
        """The end state to compare: what was wished for in every object, less what the server draws by lot."""
        found = {}
        for name, item in self.objects().items():
            if name in self.empty or name.split("/")[0] in self.DERIVED or "nautilusctl" in name.lower() or ".v" in name:
                continue
            spec = {key: value for key, value in (item.get("spec") or {}).items() if key not in ("clusterIP", "clusterIPs", "volumeName")}
            found[name] = {"spec": spec, "data": item.get("data"), "rules": item.get("rules"), "labels": item["metadata"].get("labels")}
        return found

    def assert_same_end(self):
        """The end state is the fault-free one; differences are told by object and field, not as two whole clusters."""
        now, told = self.shape(), []
        for name in sorted(now.keys() | self.faultless.keys()):
            ours, wanted = now.get(name), self.faultless.get(name)
            if ours != wanted:
                told.append(f"{name}: {'missing' if ours is None else 'extra' if wanted is None else [k for k in ours if ours[k] != wanted[k]]}")
        self.assertEqual(told, [])

    def test_00_without_a_fault(self):
        type(self).empty = set(self.objects())
        self.deploy()
        self.assertEqual(self.not_ready(), [])
        type(self).faultless = self.shape()
        self.assertGreater(len(self.faultless), 20)
        self.destroy()

    def killed(self, writes):
        status, _ = self.stop_after(writes, signal.SIGKILL)
        self.assertEqual(status, -signal.SIGKILL, f"it ended by itself before write {writes}")
        # The dead run's lock runs out by itself; the next run waits for that.
        self.deploy("--lock-timeout", "2m")
        self.assertEqual(self.not_ready(), [])
        self.assert_same_end()
        self.tool("diff", "--env", self.environment_name)
        self.assertTrue(self.holds_no_lock())
        self.destroy()

    def test_01_killed_early(self):
        self.killed(3)

    def test_02_killed_in_the_middle(self):
        self.killed(40)

    def test_03_killed_late(self):
        self.killed(70)

    def test_04_interrupted_again_and_again(self):
        """Each run is stopped after a few writes of its own, so that together they are stopped in every wave."""
        step, limit, interrupted = 4, 60, 0
        for number in itertools.islice(itertools.cycle((signal.SIGINT, signal.SIGTERM)), limit):
            status, errors = self.stop_after(step, number)
            if status == DONE:
                break
            self.assertEqual(status, INTERRUPTED, errors[-3000:])
            self.assertTrue(self.holds_no_lock(), "an interrupted run gives its lock back")
            interrupted += 1
        self.assertEqual(status, DONE, f"not finished after {limit} runs: {errors[-3000:]}")
        self.assertGreaterEqual(interrupted, 3)
        self.assertEqual(self.not_ready(), [])
        self.assert_same_end()

    def test_05_a_held_lock_is_respected(self):
        body = {"metadata": {}, "spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 3600,
                                         "renewTime": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())}}
        leases = self.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")["items"]
        self.assertEqual(len(leases), 1, "one lock of the release")
        path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{leases[0]['metadata']['name']}"
        self.api.call("PATCH", path, body, "application/merge-patch+json")
        done = self.deploy("--set", "backend.image.tag=0.2.0", expect=LOCKED)
        self.assertIn("somebody else", done.stderr)
        self.deploy("--set", "backend.image.tag=0.2.0", "--take-over-lock", "somebody else", expect=DONE)
        self.assertTrue(self.image("deployments", "nautilus-backend").endswith(":0.2.0"))

    def test_06_no_rights(self):
        nobody = self.directory / "cluster" / "kubeconfig-nobody"
        done = self.tool("deploy", "--env", self.environment_name, "--yes", kubeconfig=nobody, expect=harness.ERROR)
        self.assertIn("nobody", done.stderr)
        self.assertIn("may not list configmaps", done.stderr)
        self.assertIn('verbs: ["list"]', done.stderr, "the rule that would allow it")

    def test_07_a_dead_server(self):
        gone = self.directory / "gone"
        gone.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", self.kubeconfig.read_text()))
        for command in (("deploy", "--yes"), ("diff",), ("status",), ("destroy", "--yes")):
            done = self.tool(command[0], "--env", self.environment_name, *command[1:], kubeconfig=gone, expect=UNREACHABLE)
            self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    harness.main()
