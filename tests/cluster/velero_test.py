#!/usr/bin/env python3
"""Backups and restores through a real Velero 1.18 with its AWS plugin and an S3 endpoint (versitygw), beside a real
control plane. The servers are optional tools: scripts/build-tools.sh velero velero-plugin-for-aws versitygw.

Velero's second metrics server listens on :8080 whatever one says, so the story has a network namespace of its own."""
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys

import harness
from harness import DIFFERENCES, DONE, ERROR, NAMESPACE, PARTLY, REFUSED, ClusterCase, control_plane

VELERO = "velero-system"
TOOLS = ["velero", "velero-plugin-for-aws", "versitygw"]
SCHEDULES = ["applications", "complete", "critical-data", "disaster-recovery", "session"]
COPY = "nautilus-restored"
CLONE_NEWNET = 0x40000000


def own_network():
    """A network namespace with nothing but loopback; without the right to make one, the host's is used."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return
    with socket.socket() as any_socket:  # ip link set lo up
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))


def skip_without_velero():
    absent = [name for name in TOOLS if not (control_plane.BIN / name).exists()]
    absent += [] if (ClusterCase.CRDS / "velero.yaml").exists() else ["Velero's definitions (scripts/crds.sh)"]
    if absent:
        print(f"not built: {', '.join(absent)} (optional: scripts/build-tools.sh {' '.join(TOOLS)})", file=sys.stderr)
        sys.exit(77)


class Backups(ClusterCase):
    nodes = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = {}
        cls.s3_port, metrics = control_plane.free_ports(2)
        cls.metrics = metrics
        for bucket in ("nautilus-backups", "nautilus-backups-dr"):
            (cls.directory / "s3" / bucket).mkdir(parents=True)
        (cls.directory / "credentials").write_text("[default]\naws_access_key_id=access\naws_secret_access_key=secret-key\n")
        plugins = cls.directory / "plugins"
        plugins.mkdir()
        (plugins / "velero-plugin-for-aws").symlink_to(control_plane.BIN / "velero-plugin-for-aws")

    @classmethod
    def tearDownClass(cls):
        for name in list(cls.servers):
            cls.stop(name)
        super().tearDownClass()

    @classmethod
    def serve(cls, name, *arguments, **more):
        log = open(cls.directory / f"{name}.log", "ab")
        cls.servers[name] = subprocess.Popen([str(control_plane.BIN / name), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, env={**os.environ, **more}, cwd=cls.directory)

    @classmethod
    def stop(cls, name):
        server = cls.servers.pop(name)
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    @classmethod
    def serve_s3(cls):
        cls.serve("versitygw", "--access", "access", "--secret", "secret-key", "--port", f"127.0.0.1:{cls.s3_port}", "--region", "us-east-1",
                  "posix", cls.directory / "s3")

    @classmethod
    def serve_velero(cls):
        cls.serve("velero", "server", "--plugin-dir", cls.directory / "plugins", "--namespace", VELERO, "--metrics-address",
                  f"127.0.0.1:{cls.metrics}", "--store-validation-frequency", "10s", "--backup-sync-period", "10s",
                  "--item-operation-sync-frequency", "1s", "--default-repo-maintain-frequency", "24h", "--features", "EnableCSI",
                  KUBECONFIG=str(cls.kubeconfig), AWS_SHARED_CREDENTIALS_FILE=str(cls.directory / "credentials"), VELERO_NAMESPACE=VELERO)

    def velero(self, kind, name):
        return self.api.get(f"/apis/velero.io/v1/namespaces/{VELERO}/{kind}/{name}")

    def locations(self):
        return {item["metadata"]["name"]: item.get("status", {}).get("phase") for item in
                self.api.get(f"/apis/velero.io/v1/namespaces/{VELERO}/backupstoragelocations")["items"]}

    def location_is(self, phase):
        self.wait_until(f"locations {phase}", lambda: set(self.locations().values()) == {phase}, 120)

    def findings(self, expect):
        shown = json.loads(self.tool("backup", "status", "--env", "dev", "-o", "json", expect=expect).stdout)
        return shown, {finding["id"] for finding in shown["findings"]}

    def names(self, kind, namespace, group="/api/v1"):
        return {item["metadata"]["name"] for item in self.api.get(f"{group}/namespaces/{namespace}/{kind}")["items"]}

    def test_00_the_charts_locations_and_schedules_in_a_real_velero(self):
        done = self.tool("backup", "list", "--env", "dev", expect=ERROR)
        self.assertIn("Velero is not installed", done.stderr)
        self.apply_crds("velero")
        self.kubectl("create", "namespace", VELERO)
        # A restore action of Velero's reads its own Deployment.
        self.kubectl("create", "deployment", "velero", "--image=velero", "--replicas=0", "--namespace", VELERO)
        self.serve_s3()
        self.serve_velero()
        endpoint = f"http://127.0.0.1:{self.s3_port}"
        settings = ["backup.enabled=true", "backup.schedules.critical-data.cron=* * * * *", "backup.schedules.critical-data.everyMinutes=1"]
        for location in ("primary", "disaster-recovery"):
            settings += [f"backup.locations.{location}.endpoint={endpoint}", f"backup.locations.{location}.region=us-east-1"]
        rendered = self.tool("render", "--env", "dev", "-o", "json", *[word for one in settings for word in ("--set", one)]).stdout
        ours = [item for item in json.loads(rendered) if item["apiVersion"] == "velero.io/v1"]
        self.assertEqual(sorted(item["metadata"]["name"] for item in ours if item["kind"] == "Schedule"), SCHEDULES)
        (self.directory / "velero.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": ours}))
        self.kubectl("apply", "--server-side", "-f", str(self.directory / "velero.json"))
        self.location_is("Available")
        self.wait_until("every schedule", lambda: all(self.velero("schedules", name).get("status", {}).get("phase") == "Enabled"
                                                      for name in SCHEDULES), 60)

    def test_01_each_schedule_once(self):
        self.tool("deploy", "--env", "dev", "--yes", "--timeout", "4m")
        self.kubectl("create", "secret", "generic", "engine-venue-credentials", "--from-literal=key=do-not-trade", "--namespace", NAMESPACE)
        for name in SCHEDULES:
            made = json.loads(self.tool("backup", "create", "--env", "dev", "--from-schedule", name, "--name", f"once-{name}", "--wait",
                                        "--timeout", "3m", "-o", "json").stdout)
            self.assertEqual((made["state"], made["errors"]), ("completed", 0), made)
            self.assertGreater(made["items"], 0)
        self.assertIn("once-complete", self.tool("backup", "list", "--env", "dev").stdout)
        self.assertIn("completed", self.tool("backup", "describe", "once-complete", "--env", "dev").stdout)
        self.assertIn("level=info", self.tool("backup", "logs", "once-complete", "--env", "dev").stdout)
        self.assertTrue(self.holds_no_lock())
        self.assertEqual(self.api.get(f"/apis/velero.io/v1/namespaces/{VELERO}/downloadrequests")["items"], [])

    def test_02_the_clock_runs_one(self):
        def by_clock():
            return [item for item in self.api.get(f"/apis/velero.io/v1/namespaces/{VELERO}/backups")["items"]
                    if item["metadata"].get("labels", {}).get("velero.io/schedule-name") == "critical-data" and
                    item.get("status", {}).get("phase") == "Completed"]
        self.wait_until("a backup by the clock", by_clock, 240)
        # Velero 1.18 labels what its schedule makes as the chart says.
        self.assertEqual(by_clock()[0]["metadata"]["labels"]["nautilusctl.io/backup-schedule"], "critical-data")
        shown, _ = self.findings(expect=None)
        objects = next(row for row in shown["recoveryPoints"] if row["store"].startswith("objects"))
        self.assertIsNotNone(objects["measuredSeconds"])
        archive = next(row for row in shown["recoveryPoints"] if "WAL" in row["store"])
        self.assertIsNone(archive["measuredSeconds"], "no PostgreSQL runs here: unmeasured, not 0")

    def tool(self, *arguments, expect=DONE, **more):
        if expect is not None:
            return super().tool(*arguments, expect=expect, **more)
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=harness.COMMAND_SECONDS, env=self.environment(), cwd=self.directory)
        self.assertIn(done.returncode, (DONE, REFUSED), done.stderr[-4000:])
        return done

    @staticmethod
    def restore(copy, *more):
        # kwok's volumes have nothing in them that could be taken: --allow-partial says that this is known.
        return ("restore", "create", "--env", "dev", "--from", "once-complete", "--namespace-map", f"{NAMESPACE}:{copy}",
                "--namespace-map", f"upgrade-system:{copy}-upgrades", "--allow-partial", "--timeout", "4m", *more)

    def test_03_a_restore_behind_the_fence(self):
        mark = self.mark()
        arguments = [word for word in self.restore(COPY, "--yes") if word != "--allow-partial"]
        self.assertIn("come back empty", self.tool(*arguments, expect=REFUSED).stderr)
        shown = json.loads(self.tool(*self.restore(COPY, "--dry-run", "-o", "json"), expect=DIFFERENCES).stdout)
        self.assertEqual(shown["problems"], [])
        self.assertEqual([w for w in self.writes_since(mark) if "downloadrequests" not in w], [], "--dry-run")
        done = json.loads(self.tool(*self.restore(COPY, "--yes", "-o", "json")).stdout)
        self.assertEqual({o["outcome"] for o in done["objects"] if o["fate"] == "create"} - {"created", "updated"}, set())
        for kind in ("deployments", "statefulsets"):
            self.assertEqual(self.names(kind, COPY, "/apis/apps/v1"), self.names(kind, NAMESPACE, "/apis/apps/v1"), kind)
        for kind in ("configmaps", "secrets", "services", "serviceaccounts"):
            missing = self.names(kind, NAMESPACE) - self.names(kind, COPY)
            self.assertEqual(missing, set(), kind)
        self.assertEqual(self.names("networkpolicies", COPY, "/apis/networking.k8s.io/v1"), {"nautilusctl-restore-fence"})
        for item in self.api.get(f"/apis/apps/v1/namespaces/{COPY}/statefulsets")["items"]:
            if item["metadata"]["labels"].get("app.kubernetes.io/component") == "engine":
                self.assertEqual(item["spec"]["replicas"], 0)
        secret = self.api.get(f"/api/v1/namespaces/{COPY}/secrets/engine-venue-credentials")
        self.assertFalse(secret.get("data"))
        self.assertNotIn("do-not-trade", json.dumps(self.api.get(f"/api/v1/namespaces/{COPY}/secrets")))

    def test_04_again_and_listed(self):
        before = self.names("restores", VELERO, "/apis/velero.io/v1")
        self.assertEqual(len(before), 2)
        self.tool(*self.restore(COPY, "--yes"))
        self.assertEqual(self.names("restores", VELERO, "/apis/velero.io/v1"), before, "run again, nothing is done twice")
        self.assertIn("once-complete", self.tool("restore", "list", "--env", "dev").stdout)
        name = sorted(before)[0]
        self.assertIn("RestoreResourceList", self.tool("restore", "describe", name, "--env", "dev").stdout)
        self.assertIn("level=info", self.tool("restore", "logs", name, "--env", "dev").stdout)

    def test_05_what_is_refused(self):
        done = self.tool("restore", "create", "--env", "dev", "--from", "once-complete", "--allow-partial", "--yes", expect=REFUSED)
        self.assertIn("in use", done.stderr)
        done = self.tool("restore", "create", "--env", "dev", "--from", "never-made", "--yes", expect=ERROR)
        self.assertIn("once-complete", done.stderr)
        done = self.tool("restore", "create", "--env", "staging", "--from", "once-complete", "--yes", expect=REFUSED)
        self.assertIn("environment dev", done.stderr)

    def test_06_killed_while_restoring(self):
        arguments = self.restore(f"{COPY}-2", "--yes")
        process = self.start(*arguments)
        self.wait_until("the first Restore", lambda: len(self.names("restores", VELERO, "/apis/velero.io/v1")) > 2, 120)
        process.kill()
        process.communicate()
        self.tool(*arguments)
        self.assertEqual(self.names("statefulsets", f"{COPY}-2", "/apis/apps/v1"), self.names("statefulsets", NAMESPACE, "/apis/apps/v1"))

    def test_07_what_was_there_is_told(self):
        # Velero leaves it as it is; that is half a restore, and said so.
        self.kubectl("create", "namespace", f"{COPY}-3")
        self.kubectl("create", "configmap", "nautilus-engine-config", "--from-literal=a=1", "--namespace", f"{COPY}-3")
        done = self.tool(*self.restore(f"{COPY}-3", "--yes"), expect=PARTLY)
        self.assertIn("nautilus-engine-config skipped", done.stderr)

    def test_08_the_store_goes_away(self):
        self.stop("versitygw")
        self.location_is("Unavailable")
        _, found = self.findings(expect=REFUSED)
        self.assertIn("backup.location-unavailable", found)
        done = self.tool("backup", "create", "--env", "dev", expect=REFUSED)
        self.assertIn("cannot be reached", done.stderr)
        done = self.tool("restore", "create", "--env", "dev", "--from", "once-complete", "--namespace-map", f"{NAMESPACE}:x", "--yes", expect=REFUSED)
        self.assertIn("cannot be reached", done.stderr)
        # Runs that fall into this time are missing afterwards, and found.
        for name in SCHEDULES:
            if name != "critical-data":
                self.kubectl("patch", "schedule.velero.io", name, "--type=merge", "-p", '{"spec":{"paused":true}}', "--namespace", VELERO)
        self.stop("velero")
        self.serve_s3()
        self.serve_velero()
        self.location_is("Available")

    def test_09_deleted_with_its_data(self):
        stored = self.directory / "s3" / "nautilus-backups"
        self.assertTrue(list(stored.rglob("once-session/*")))
        self.tool("backup", "delete", "once-session", "--env", "dev", "--yes", "--wait", "--timeout", "3m")
        self.assertEqual(list(stored.rglob("once-session/*")), [])
        self.assertNotIn("once-session", self.tool("backup", "list", "--env", "dev").stdout)


if __name__ == "__main__":
    harness.skip_without_tools()
    skip_without_velero()
    own_network()
    harness.main()
