#!/usr/bin/env python3
"""Backups and restores from the command line on a real API server with Velero's own definitions: it takes every object that we
write, strictly, and signed addresses are fetched over HTTP. The velero server itself is stood in for by a thread that moves
phases and creates the objects of a small backup; the real one is for velero_test.py."""
import gzip
import http.server
import json
import threading

import harness
from harness import DIFFERENCES, DONE, ERROR, LOCKED, NAMESPACE, PARTLY, REFUSED, ClusterCase

VELERO, COPY = "velero-system", "nautilus-restored"
API = f"/apis/velero.io/v1/namespaces/{VELERO}"
MERGE = "application/merge-patch+json"


def pods(name):
    return {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}}


CONTENTS = [
    ("v1", "ConfigMap", "/api/v1", "configmaps", {"metadata": {"name": "settings"}, "data": {"a": "1"}}),
    ("v1", "Secret", "/api/v1", "secrets", {"metadata": {"name": "engine-venue-credentials"}, "data": {"key": "c2VjcmV0"}}),
    ("networking.k8s.io/v1", "NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies", {"metadata": {"name": "out"}, "spec": {"podSelector": {}}}),
    ("apps/v1", "StatefulSet", "/apis/apps/v1", "statefulsets",
     {"metadata": {"name": "engine", "labels": {"app.kubernetes.io/component": "engine"}}, "spec": {**pods("engine"), "serviceName": "engine", "replicas": 2}}),
    ("apps/v1", "Deployment", "/apis/apps/v1", "deployments", {"metadata": {"name": "web"}, "spec": pods("web")}),
]


class Velero(threading.Thread):
    """Moves phases, and serves what it "signed" from a loopback port."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api, self.files, self.ended, self.cannot, self.honest = api, {}, threading.Event(), set(), True
        files = self.files

        class Store(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = files.get(self.path.split("?")[0])
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(gzip.compress(body) if body is not None else b"")

            def log_message(self, *_):
                pass

        self.store = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
        threading.Thread(target=self.store.serve_forever, daemon=True).start()

    def stop(self):
        self.ended.set()
        self.join()
        self.store.shutdown()
        self.store.server_close()

    def run(self):
        while not self.ended.wait(0.2):
            for kind in ("backups", "downloadrequests", "deletebackuprequests", "restores"):
                for item in self.api.get(f"{API}/{kind}")["items"]:
                    if not item.get("status", {}).get("phase"):
                        getattr(self, kind)(item)

    def set(self, kind, item, **status):
        # Some of Velero's kinds have a status subresource, others have not.
        path = f"{API}/{kind}/{item['metadata']['name']}"
        self.api.call("PATCH", path, {"status": status}, MERGE, ok=(200, 404))
        self.api.call("PATCH", path + "/status", {"status": status}, MERGE, ok=(200, 404))

    def backups(self, item):
        name = item["metadata"]["name"]
        self.files[f"/BackupResourceList/{name}"] = json.dumps({f"{version}/{kind}": [f"{NAMESPACE}/{o['metadata']['name']}"] for version, kind, _, _, o in CONTENTS}).encode()
        self.files[f"/BackupLog/{name}"] = b"level=info msg=done\n"
        self.set("backups", item, phase="Completed", startTimestamp="2026-11-29T07:00:00Z", completionTimestamp="2026-11-29T07:00:05Z",
                 progress={"itemsBackedUp": len(CONTENTS), "totalItems": len(CONTENTS)})

    def downloadrequests(self, item):
        target = item["spec"]["target"]
        self.set("downloadrequests", item, phase="Processed",
                 downloadURL=f"http://127.0.0.1:{self.store.server_port}/{target['kind']}/{target['name']}?signature=secret")

    def deletebackuprequests(self, item):
        self.api.call("DELETE", f"{API}/backups/{item['spec']['backupName']}")
        self.api.call("DELETE", f"{API}/deletebackuprequests/{item['metadata']['name']}")

    def restores(self, item):
        spec, done = item["spec"], {}
        self.api.get(f"/api/v1/namespaces/{VELERO}/configmaps/{spec['resourceModifier']['name']}")
        to = spec["namespaceMapping"][NAMESPACE]
        for version, kind, base, plural, source in CONTENTS:
            if plural not in [name.split(".")[0] for name in spec["includedResources"]]:
                continue
            thing, name = json.loads(json.dumps(source)), source["metadata"]["name"]
            if self.honest and name == "engine":
                thing["spec"]["replicas"] = 0
            if self.honest and kind == "Secret":
                thing["data"] = None
            status = 500 if name in self.cannot else self.api.raw("POST", f"{base}/namespaces/{to}/{plural}", thing)[0]
            done[f"{version}/{kind}"] = [f"{to}/{name}({'created' if status == 201 else 'skipped' if status == 409 else 'failed'})"]
        self.files[f"/RestoreResourceList/{item['metadata']['name']}"] = json.dumps(done).encode()
        self.set("restores", item, phase="Completed", startTimestamp="2026-11-29T07:00:00Z", completionTimestamp="2026-11-29T07:00:05Z")


class Backups(ClusterCase):
    nodes = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stand_in = Velero(harness.control_plane.Api(cls.directory / "cluster"))

    @classmethod
    def tearDownClass(cls):
        if cls.stand_in.is_alive():
            cls.stand_in.stop()
        super().tearDownClass()

    def restore(self, to, *more, expect=DONE):
        return self.tool("restore", "create", "--env", "dev", "--from", "before", "--namespace-map", f"{NAMESPACE}:{to}", *more, expect=expect)

    def test_00_without_velero(self):
        self.assertIn("Velero is not installed", self.tool("backup", "list", "--env", "dev", expect=ERROR).stderr)
        if "velero" not in self.apply_crds("velero", env="prod"):
            self.skipTest("Velero's definitions were not to be had")
        for name in (VELERO, NAMESPACE):
            self.kubectl("create", "namespace", name)
        for kind in ("backupstoragelocations", "backups", "downloadrequests", "deletebackuprequests", "restores", "schedules", "podvolumebackups"):
            self.listed(f"{API}/{kind}")  # a definition that is new answers 429 for a moment
        location = {"apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": "primary", "namespace": VELERO},
                    "spec": {"provider": "aws", "default": True, "objectStorage": {"bucket": "b"}}}
        self.api.call("POST", f"{API}/backupstoragelocations", location)
        self.stand_in.set("backupstoragelocations", location, phase="Available")
        self.stand_in.start()

    def test_01_a_backup_from_its_making_to_its_end(self):
        made = json.loads(self.tool("backup", "create", "--env", "dev", "--name", "before", "--wait", "-o", "json").stdout)
        self.assertEqual((made["state"], made["environment"], made["items"]), ("completed", "dev", len(CONTENTS)))
        self.assertTrue(self.holds_no_lock())
        self.assertIn("before", self.tool("backup", "list", "--env", "dev").stdout)
        self.assertIn("level=info", self.tool("backup", "logs", "before", "--env", "dev").stdout)
        self.assertIn("5 of 5", self.tool("backup", "describe", "before", "--env", "dev").stdout)
        status = json.loads(self.tool("backup", "status", "--env", "dev", "-o", "json").stdout)
        self.assertEqual(status["findings"], [])
        measured = [row["measuredSeconds"] for row in status["recoveryPoints"]]
        self.assertIsNotNone(measured[0])
        self.assertEqual(measured[1:], [None, None, None], "what cannot be measured is not 0")
        self.assertEqual(self.api.get(f"{API}/downloadrequests")["items"], [])

    def test_02_a_restore_behind_the_fence(self):
        mark = self.mark()
        shown = json.loads(self.restore(COPY, "--dry-run", "-o", "json", expect=DIFFERENCES).stdout)
        self.assertEqual(sorted(o["fate"] for o in shown["objects"]), ["create"] * 4 + ["fenced"])
        self.assertEqual([w for w in self.writes_since(mark) if "downloadrequests" not in w], [], "--dry-run")
        done = self.restore(COPY, "--yes", "-o", "json")
        self.assertEqual({o["outcome"] for o in json.loads(done.stdout)["objects"] if o["fate"] == "create"}, {"created"})
        self.assertNotIn("signature=", done.stderr)
        policies = self.api.get(f"/apis/networking.k8s.io/v1/namespaces/{COPY}/networkpolicies")["items"]
        self.assertEqual([p["metadata"]["name"] for p in policies], ["nautilusctl-restore-fence"])
        def restores():
            return [(item["metadata"]["name"], item["metadata"]["uid"]) for item in self.api.get(f"{API}/restores")["items"]]
        before = restores()
        self.assertEqual(len(before), 2)
        self.restore(COPY, "--yes")
        self.assertEqual(restores(), before, "run again, nothing is done twice")
        self.assertIn("before", self.tool("restore", "list", "--env", "dev").stdout)

    def test_03_what_does_not_come_back_is_told(self):
        self.stand_in.cannot = {"web"}
        self.assertIn(f"Deployment {COPY}-2/web missing", self.restore(f"{COPY}-2", "--yes", expect=PARTLY).stderr)
        self.stand_in.cannot = set()

    def test_04_a_hole_in_the_fence_is_told(self):
        self.stand_in.honest = False
        done = self.restore(f"{COPY}-3", "--yes", expect=REFUSED)
        for hole in ("has 2 replicas", "holds venue credentials"):
            self.assertIn(hole, done.stderr)
        self.stand_in.honest = True

    def test_05_what_is_refused(self):
        self.assertIn("before", self.tool("restore", "create", "--env", "dev", "--from", "bfore", "--yes", expect=ERROR).stderr)
        self.assertIn("environment dev", self.tool("restore", "create", "--env", "staging", "--from", "before", "--yes", expect=REFUSED).stderr)
        lease = self.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/nautilusctl-nautilus-dev")
        lease["spec"].update(holderIdentity="an upgrade", renewTime="2099-01-01T00:00:00.000000Z", leaseDurationSeconds=30)
        self.api.call("PUT", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/nautilusctl-nautilus-dev", lease)
        self.assertIn("an upgrade", self.tool("backup", "create", "--env", "dev", expect=LOCKED).stderr)
        lease = self.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/nautilusctl-nautilus-dev")
        lease["spec"]["holderIdentity"] = ""
        self.api.call("PUT", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/nautilusctl-nautilus-dev", lease)

    def test_06_deleted(self):
        self.tool("backup", "delete", "before", "--env", "dev", "--yes", "--wait")
        self.assertEqual(self.api.get(f"{API}/backups")["items"], [])


if __name__ == "__main__":
    harness.main()
