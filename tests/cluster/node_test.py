#!/usr/bin/env python3
"""The development environment for real: its pods run in containers on a real node, and an order goes through them."""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

import yaml

import harness
from harness import BINARY, NAMESPACE, ClusterCase, control_plane

import images
import node

# What these images cannot have: TimescaleDB.
STAND_INS = ["--set-json", "postgresql.preloadLibraries=[]", "--set-json", "postgresql.extensions=[]"]
DEPLOY = ["--env", "dev", *STAND_INS]
ENGINE = "nautilus-engine-shard-0"
WORKLOADS = {"nautilus-backend", "nautilus-engine", "nautilus-frontend", "pgbouncer", "postgresql-primary", "redis-cache", "redis-cluster",
             "redis-sentinel"}


def order(client_id, **more):
    return {"client_id": client_id, "account": "paper-1", "symbol": "NTLS", "side": "buy", "order_type": "limit", "price": "180.00", "quantity": "10",
            "time_in_force": "good_till_cancel", **more}


class Development(ClusterCase):
    nodes = 0
    address = node.ADDRESS

    @classmethod
    def setUpClass(cls):
        node.network()
        super().setUpClass()
        cls.node = node.Node(cls.directory / "node", cls.directory / "cluster")
        try:
            cls.node.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.node.stop()
        super().tearDownClass()

    # ------------------------------------------------------------------------------------------ looking at it

    def pods(self, **labels):
        selector = ",".join(f"{key.replace('_', '.').replace('..', '/')}={value}" for key, value in labels.items())
        return self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={selector}")["items"]

    def pod(self, name):
        return self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

    @staticmethod
    def ready(pod):
        return not pod["metadata"].get("deletionTimestamp") and pod["status"]["phase"] == "Running" and \
            all(c["ready"] for c in pod["status"].get("containerStatuses", [{"ready": False}]))

    def service(self, name):
        """Address and port of a Service, as kube-proxy leads it."""
        spec = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/{name}")["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    def request(self, service, method, path, body=None, key="", timeout=10):
        host, port = self.service(service)
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.request(method, path, body and json.dumps(body), {"X-Api-Key": key, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def execute(self, pod, *command, container=None):
        return self.kubectl("-n", NAMESPACE, "exec", pod, *(["-c", container] if container else []), "--", *command).stdout

    def tell(self):
        """What a person would look at first, when a deploy has failed."""
        for pod in self.pods():
            if not self.ready(pod):
                name = pod["metadata"]["name"]
                print(f"--- {name}: {json.dumps(pod['status'].get('containerStatuses', pod['status']))[:2000]}", file=sys.stderr)
                for container in pod["spec"]["containers"]:
                    done = self.kubectl_raw("-n", NAMESPACE, "logs", name, "-c", container["name"], "--tail", "30")
                    print(f"--- {name}/{container['name']}\n{done.stdout}{done.stderr}", file=sys.stderr)
        print(self.kubectl_raw("-n", NAMESPACE, "get", "events", "--sort-by", "lastTimestamp").stdout[-6000:], file=sys.stderr)

    def kubectl_raw(self, *arguments):
        return subprocess.run([str(control_plane.BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    # ------------------------------------------------------------------------------------------ the story

    def test_01_images_are_made_and_loaded(self):
        wanted = set()
        for item in yaml.safe_load_all(self.tool("render", *DEPLOY).stdout):
            if item and item["kind"] in ("Deployment", "StatefulSet"):
                wanted |= {c["image"] for c in item["spec"]["template"]["spec"]["containers"]}
        for reference in sorted(wanted):
            begin = time.monotonic()
            archive, names = images.make(reference, self.node.directory / "images", BINARY)
            self.node.load(archive, *names)
            print(f"  {archive.name}: {archive.stat().st_size >> 20} MiB, {time.monotonic() - begin:.1f} s", file=sys.stderr)

    def test_02_deploy_brings_everything_up(self):
        made = self.tool("engine", "key", "--id", "desk-1", "--principal", "desk")
        type(self).key = made.stdout.strip()
        credentials = "principals:\n- {name: desk, accounts: [paper-1], permissions: [trade, read]}\n" + made.stderr[made.stderr.index("keys:"):]
        (self.directory / "credentials.yaml").write_text(credentials)
        pki = self.directory / "cluster" / "pki"
        control_plane.make_certificate(pki, "edge", "/CN=dev.nautilus.trading.com", "subjectAltName=DNS:dev.nautilus.trading.com\n")
        self.kubectl("create", "namespace", NAMESPACE)
        self.kubectl("-n", NAMESPACE, "create", "secret", "generic", "engine-credentials", f"--from-file=credentials.yaml={self.directory}/credentials.yaml")
        self.kubectl("-n", NAMESPACE, "create", "secret", "tls", "nautilus-tls", f"--cert={pki}/edge.crt", f"--key={pki}/edge.key")
        try:
            self.tool("deploy", *DEPLOY, "--yes", "--timeout", "6m")
        except AssertionError:
            self.tell()
            raise
        self.assertEqual(self.not_ready(), [])
        pods = self.pods()
        self.assertEqual([p["metadata"]["name"] for p in pods if not self.ready(p)], [])
        self.assertEqual({p["metadata"]["labels"]["app.kubernetes.io/name"] for p in pods}, WORKLOADS - {"postgresql-primary"} | {"postgresql"})
        restarts = {f"{p['metadata']['name']}/{c['name']}": c["restartCount"] for p in pods for c in p["status"]["containerStatuses"]}
        self.assertEqual({name: count for name, count in restarts.items() if count}, {}, "nothing had to be started twice")

    def test_03_status_says_healthy_and_a_second_deploy_writes_nothing(self):
        self.tool("status", "--env", "dev")
        self.assertTrue(json.loads(self.tool("status", "--env", "dev", "-o", "json").stdout)["healthy"])
        mark = self.mark()
        self.tool("deploy", *DEPLOY, "--yes")
        self.assertEqual(self.writes_since(mark), [])

    def test_04_an_order_is_acknowledged_by_the_engine_in_its_pod(self):
        status, report = self.request(ENGINE, "POST", "/v1/orders", order("direct-1"), self.key)
        self.assertEqual((status, report["execution"], report["state"]), (200, "accepted", "new"), report)
        self.assertEqual(self.request(ENGINE, "POST", "/v1/orders", order("direct-2"), "desk-1.wrong")[0], 401)

    def test_05_an_order_goes_through_backend_pool_database_and_redis(self):
        status, report = self.request("nautilus-backend", "POST", "/orders", order("through-1"), self.key)
        self.assertEqual((status, report["execution"], report["state"]), (200, "accepted", "new"), report)
        self.assertEqual(self.request("nautilus-backend", "GET", "/orders"), (200, {"orders": ["through-1"]}))
        rows = self.execute("postgresql-primary-0", "psql", "-XAtq", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "nautilus", "-c",
                            "SELECT client_id, state FROM orders")
        self.assertEqual(rows.strip(), "through-1|new")
        count = self.execute("redis-cluster-0", "sh", "-c", 'REDISCLI_AUTH="$(cat /run/secrets/redis/password)" redis-cli get orders', container="redis")
        self.assertEqual(count.strip(), "1")

    def test_06_exec_and_logs(self):
        self.assertIn("nautilusctl", self.execute("nautilus-engine-0", "nautilusctl", "version"))
        self.assertIn("uid=10002", self.execute("nautilus-engine-0", "id"))
        self.kubectl("-n", NAMESPACE, "exec", "nautilus-engine-0", "--", "touch", "/usr/written", expect=1)
        logged = self.kubectl("-n", NAMESPACE, "logs", "nautilus-engine-0").stdout.splitlines()
        self.assertTrue(logged)
        # The engine greets on stdout, for people; its log, which is all else, is JSON.
        plain = [line.split()[0] for line in logged if not line.startswith("{")]
        self.assertEqual(plain, ["trading", "journal"], logged)
        self.assertIn('"ready"', self.kubectl("-n", NAMESPACE, "logs", "deployment/nautilus-backend").stdout)

    def open_orders(self):
        status, answer = self.request(ENGINE, "GET", "/v1/orders", key=self.key)
        self.assertEqual(status, 200, answer)
        return sorted(item["client_id"] for item in answer["orders"])

    def engine_answers(self):
        try:
            return self.request(ENGINE, "GET", "/v1/status", key=self.key, timeout=2)[0] == 200
        except OSError:
            return False

    def test_07_a_killed_engine_comes_back_with_its_orders(self):
        self.assertEqual(self.open_orders(), ["direct-1", "through-1"])
        before = self.pod("nautilus-engine-0")
        self.assertTrue(self.node.kill(before, "engine"))
        self.wait_until("the container's second start", lambda: self.pod("nautilus-engine-0")["status"]["containerStatuses"][0]["restartCount"] == 1
                        and self.ready(self.pod("nautilus-engine-0")))
        self.wait_until("the engine", self.engine_answers)
        self.assertEqual(self.open_orders(), ["direct-1", "through-1"])

    def test_08_a_deleted_pod_comes_back_with_its_volume(self):
        uids = {}
        for name in ("nautilus-engine-0", "postgresql-primary-0", "redis-cluster-0"):
            uids[name] = self.pod(name)["metadata"]["uid"]
        self.kubectl("-n", NAMESPACE, "delete", "pod", *uids, "--wait=false")

        def back():
            pods = {p["metadata"]["name"]: p for p in self.pods()}
            return all(name in pods and pods[name]["metadata"]["uid"] != uid and self.ready(pods[name]) for name, uid in uids.items())
        self.wait_until("the pods again", back, 300)
        self.wait_until("the engine", self.engine_answers)
        self.assertEqual(self.open_orders(), ["direct-1", "through-1"])
        self.wait_until("the backend", lambda: not self.not_ready(), 120)
        # A session of the pool may still be one that the old database has left.
        self.wait_until("the order in the database", lambda: self.request("nautilus-backend", "GET", "/orders") == (200, {"orders": ["through-1"]}))
        numbers = iter(range(1000))

        def goes_through():  # every try is an order of its own: one that failed half-way may be in the engine
            status, report = self.request("nautilus-backend", "POST", "/orders", order(f"after-{next(numbers)}"), self.key)
            return status == 200 and report["execution"] == "accepted"
        self.wait_until("an order through all of it", goes_through)

    def test_09_an_upgrade_and_its_rollback_fail_no_request(self):
        for version in ("0.2.0",):
            reference = f"registry.nautilus.trading.com/nautilus/nautilus-backend:{version}"
            archive, names = images.make(reference, self.node.directory / "images", BINARY, version=version)
            self.node.load(archive, *names)
        with Traffic(self.service("nautilus-backend")) as traffic:
            self.tool("deploy", *DEPLOY, "--yes", "--set", "backend.image.tag=0.2.0", "--timeout", "5m")
            self.wait_until("answers of the new build only", lambda: traffic.latest(20) == {"0.2.0"})
            self.tool("rollback", "backend", "--env", "dev", "--yes", "--reason", "the new build is slow", "--timeout", "5m")
            self.wait_until("answers of the old build only", lambda: traffic.latest(20) == {"0.1.0"})
        print(f"  {len(traffic.answers)} requests, {len(traffic.failed)} failed", file=sys.stderr)
        self.assertEqual(traffic.failed, [])
        self.tool("status", "--env", "dev")


class Traffic:
    """Requests one after another, each on a connection of its own, until it is told to stop."""

    def __init__(self, service):
        self.host, self.port = service
        self.answers, self.failed = [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.drive)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def drive(self):
        while not self.over.wait(0.02):
            try:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
                connection.request("GET", "/whoami")
                answer = connection.getresponse()
                body = json.loads(answer.read())
                connection.close()
                self.answers.append(body.get("version"))
                if answer.status != 200:
                    self.failed.append(f"{answer.status} {body}")
            except (OSError, ValueError, http.client.HTTPException) as trouble:
                self.answers.append(None)
                self.failed.append(repr(trouble))

    def latest(self, count):
        return set(self.answers[-count:]) if len(self.answers) >= count else set()


def main():
    node.enter(os.path.abspath(__file__))
    absent = node.missing()
    if absent:
        print(f"not there: {', '.join(absent)} (scripts/build-tools.sh, scripts/bootstrap.sh)", file=sys.stderr)
        sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)
    harness.main()


if __name__ == "__main__":
    main()
