#!/usr/bin/env python3
"""Two engines, one primary: killed, frozen, cut off and drained, no acknowledged order is lost and none is told twice."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from engine_client import Closed
from engine_process import BINARY, DEFINITIONS, ROOT, Engine, eventually, probe

LOCKED = 11
TTL = 2  # seconds: the arbiter's lease


def free_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


def certificates(directory, name):
    """ca.pem, and engine.pem and engine.key for that DNS name."""
    def run(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run("req", "-x509", *key, "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    (directory / "names").write_text(f"subjectAltName=DNS:{name}\n")
    run("req", *key, "-subj", "/CN=engine", "-keyout", "engine.key", "-out", "engine.csr")
    run("x509", "-req", "-in", "engine.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", "names", "-out", "engine.pem")


class Failover(unittest.TestCase):
    mode = "sync"

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="nautilus-failover-")
        self.addCleanup(self.scratch.cleanup)
        self.directory = Path(self.scratch.name)
        (self.directory / "definitions.yaml").write_text(DEFINITIONS)
        self.ports = {"a": free_port(), "b": free_port(), "copy": 0}
        self.admins = {name: f"127.0.0.1:{free_port()}" for name in self.ports}
        for name, other in (("a", "b"), ("b", "a")):
            self.configure(name, follow=self.ports[other])

    def configure(self, name, follow, listen=True, epoch=True, mode=None, extra=""):
        mode = mode or self.mode
        lines = [f"epoch: {{file: epoch, timeToLive: {TTL}s}}"] if epoch else []
        lines += ["replication:", f"  follow: \"127.0.0.1:{follow}\""]
        if listen:
            lines += [f"  listen: \"127.0.0.1:{self.ports[name]}\"", f"  mode: {mode}"]
        (self.directory / f"{name}.yaml").write_text("\n".join(lines) + "\n" + extra)

    def start(self, name, *more):
        engine = Engine(self.directory, "--config", f"{name}.yaml", *more, admin=self.admins[name], journal=f"journal-{name}",
                        env={**os.environ, "POD_NAME": name})
        engine.name = name
        self.addCleanup(engine.end, signal.SIGKILL)
        return engine

    def pair(self):
        """Both, with a as the primary and b in step."""
        a = self.start("a").logged('"listening_for_followers"')
        b = self.start("b")
        a.serving()
        self.in_step(b)
        return a, b

    def in_step(self, engine):
        eventually(lambda: probe(self.admins[engine.name], "/standbyz")[0] == 200,
                   lambda: "the standby never came into step: " + "".join(engine.log))

    def trade(self, engine, prefix, count=50):
        """Acknowledged orders' names; more are on their way when this returns."""
        client = engine.client()
        for number in range(count + 20):
            client.order(f"{prefix}{number}", price=f"{40 + number % 40}.00")
        acknowledged = {client.report("accepted")["client_id"] for _ in range(count)}
        client.close()
        return acknowledged

    def orders(self, engine):
        listed = [order["client_id"] for order in engine.get("/v1/orders?account=alice")["orders"]]
        self.assertEqual(len(listed), len(set(listed)), "an order is there twice")
        return set(listed)

    def assert_nothing_lost(self, engine, acknowledged):
        self.assertEqual(sorted(acknowledged - self.orders(engine)), [], "an acknowledged order is lost")

    def metric(self, engine, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", probe(self.admins[engine.name], "/metrics")[1], re.M)
        self.assertIsNotNone(found, name)
        return float(found[1])

    def test_killed_in_turn_each_time_the_other_goes_on(self):
        primary, standby = self.pair()
        acknowledged, epoch = set(), primary.at["epoch"]
        for turn in range(3):
            acknowledged |= self.trade(primary, f"t{turn}-")
            self.assertEqual(probe(self.admins[primary.name], "/readyz")[0], 200)
            self.assertEqual(probe(self.admins[standby.name], "/readyz"), (503, "standby\n"))
            self.assertEqual(self.metric(primary, f'nautilus_engine_follower_connected{{follower="{standby.name}"}}'), 1)
            primary.end(signal.SIGKILL)
            standby.logged('"taking_over"')
            back = self.start(primary.name)
            standby.serving()  # in synchronous mode only once its own standby is there
            self.assertGreater(standby.at["epoch"], epoch)
            epoch = standby.at["epoch"]
            self.assert_nothing_lost(standby, acknowledged)
            self.in_step(back)
            primary, standby = standby, back

    def test_a_frozen_primary_tells_nothing_once_it_wakes(self):
        a, b = self.pair()
        acknowledged = self.trade(a, "x")
        client = a.client()
        a.process.send_signal(signal.SIGSTOP)
        client.order("late", price="41.00")
        b.logged('"taking_over"')
        a.process.send_signal(signal.SIGCONT)
        self.assertEqual(a.process.wait(timeout=60), LOCKED, a.log)
        with self.assertRaises((Closed, ConnectionError)):
            while True:
                message = client.read()
                self.assertNotEqual((message.get("client_id"), message.get("execution")), ("late", "accepted"),
                                    "the old primary acknowledged an order")
        client.close()
        self.start("a")
        self.assert_nothing_lost(b.serving(), acknowledged)

    def test_an_orderly_end_hands_over_at_once(self):
        a, b = self.pair()
        acknowledged = self.trade(a, "x")
        self.assertEqual(a.end(), 0, a.log)
        b.logged('"taking_over"')
        self.start("a")
        self.assert_nothing_lost(b.serving(), acknowledged)

    def test_a_second_standby_is_refused_where_one_is_waited_for(self):
        if self.mode != "sync":
            self.skipTest("nobody is waited for")
        self.pair()
        self.ports["c"], self.admins["c"] = free_port(), f"127.0.0.1:{free_port()}"
        self.configure("c", follow=self.ports["a"])
        self.start("c").logged('"not_following"', "b is the standby")
        self.assertEqual(probe(self.admins["c"], "/standbyz"), (503, "standby, not in step\n"))

    def test_a_copy_gets_everything_and_never_takes_over(self):
        a, b = self.pair()
        self.configure("copy", follow=self.ports["a"], listen=False, epoch=False)
        copy = self.start("copy")
        acknowledged = self.trade(a, "x")
        self.in_step(copy)
        a.end(signal.SIGKILL)
        b.logged('"taking_over"')
        copy.end()
        done = Engine(self.directory, admin=self.admins["copy"], journal="journal-copy")
        self.addCleanup(done.end, signal.SIGKILL)
        self.assert_nothing_lost(done.serving(), acknowledged)


class Asynchronous(Failover):
    mode = "async"

    def test_who_was_away_too_long_waits_for_a_person(self):
        a, b = self.pair()
        b.end()
        acknowledged = self.trade(a, "x")
        a.end(signal.SIGKILL)
        b = self.start("b").logged('"waiting"', "not been in step")
        self.assertEqual(probe(self.admins["b"], "/standbyz")[0], 503)
        b.end()
        # The other one comes back by itself: its own journal says that it was the primary.
        a = self.start("a").serving()
        self.assert_nothing_lost(a, acknowledged)
        a.end(signal.SIGKILL)
        b = self.start("b", "--take-over").serving()
        self.assertLess(len(self.orders(b) & acknowledged), len(acknowledged), "what it did not have it cannot have now")


class WithTls(Failover):
    """The same with certificates of one authority; a stranger's certificate is not let in."""

    def setUp(self):
        super().setUp()
        certificates(self.directory, "engine.test")
        tls = "  tls: {certificate: engine.pem, key: engine.key, ca: ca.pem, peerName: engine.test}\n"
        for name, other in (("a", "b"), ("b", "a")):
            self.configure(name, follow=self.ports[other], extra=tls)

    test_an_orderly_end_hands_over_at_once = None
    test_a_frozen_primary_tells_nothing_once_it_wakes = None
    test_a_second_standby_is_refused_where_one_is_waited_for = None
    test_a_copy_gets_everything_and_never_takes_over = None

    def test_a_stranger_is_not_let_in(self):
        a, _ = self.pair()
        self.configure("copy", follow=self.ports["a"], listen=False, epoch=False)
        self.start("copy").logged('"waiting"')
        self.trade(a, "x")
        self.assertEqual(probe(self.admins["copy"], "/standbyz")[0], 503)


class AsRendered(unittest.TestCase):
    """A shard's two pods with the very settings that the platform renders for prod, on the embedded cluster's API."""
    NAMESPACE, LABEL = "nautilus-trading", "nautilusctl.io/engine-role"
    SERVICE = f"nautilus-engine.{NAMESPACE}.svc.cluster.local"

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="nautilus-rendered-")
        self.addCleanup(self.scratch.cleanup)
        self.directory = Path(self.scratch.name)
        certificates(self.directory, self.SERVICE)
        sim = subprocess.Popen([BINARY, "sim", "serve", "--write-kubeconfig", "kubeconfig"], cwd=self.directory, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.terminate)
        self.assertTrue(sim.stdout.readline())
        self.server = re.search(r"server: (\S+)", (self.directory / "kubeconfig").read_text())[1]
        self.ask("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.NAMESPACE}})

    def ask(self, path, body=None):
        request = urllib.request.Request(self.server + path, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def holder(self):
        return self.ask(f"/apis/coordination.k8s.io/v1/namespaces/{self.NAMESPACE}/leases/nautilus-engine-0")["spec"]["holderIdentity"]

    def roles(self):
        pods = self.ask(f"/api/v1/namespaces/{self.NAMESPACE}/pods")["items"]
        return {pod["metadata"]["name"]: pod["metadata"]["labels"].get(self.LABEL) for pod in pods}

    def roles_become(self, expected):
        eventually(lambda: self.roles() == expected, lambda: f"the roles are {self.roles()}, not {expected}")

    def test_the_pair_of_prod(self):
        rendered = json.loads(subprocess.run([BINARY, "--project", str(ROOT), "render", "--env", "prod", "-o", "json"], check=True,
                                             capture_output=True).stdout)["items"]
        settings = next(item["data"] for item in rendered if item["metadata"]["name"] == "nautilus-engine-config")
        (self.directory / "definitions.yaml").write_text(settings["definitions.yaml"])
        (self.directory / "credentials.yaml").write_text("principals: [{name: desk, accounts: [paper-1], permissions: [trade]}]\n")
        pods = {"engine.yaml": "nautilus-engine-0", "standby.yaml": "nautilus-engine-standby-0"}
        ports = {pod: free_port() for pod in pods.values()}
        engines, admins = {}, {}
        for file, pod in pods.items():
            self.ask(f"/api/v1/namespaces/{self.NAMESPACE}/pods", {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "labels": {"app.kubernetes.io/name": "nautilus-engine"}},
                "spec": {"containers": [{"name": "engine", "image": "engine"}]}})
            other = next(name for name in ports if name != pod)
            admins[pod] = f"127.0.0.1:{free_port()}"
            text = settings[file]
            # The files' places in the pod, its ports and the names of the other pod are not this machine's; a short lease
            # for a short test.
            for there, here in (("/etc/nautilus/definitions.yaml", "definitions.yaml"), ("/var/lib/nautilus/journal", f"journal-{pod}"),
                                ("/run/secrets/engine/credentials.yaml", "credentials.yaml"), ("0.0.0.0:9001", "0.0.0.0:0"),
                                ("0.0.0.0:9102", admins[pod]), ("0.0.0.0:9103", f"127.0.0.1:{ports[pod]}"),
                                (f"{other.removesuffix('-0')}-{{shard}}.{self.SERVICE}:9103", f"127.0.0.1:{ports[other]}"),
                                ("/run/secrets/replication/tls.crt", "engine.pem"), ("/run/secrets/replication/tls.key", "engine.key"),
                                ("/run/secrets/replication/ca.crt", "ca.pem"), ("timeToLive: 15s", "timeToLive: 3s")):
                self.assertIn(there, text)
                text = text.replace(there, here)
            (self.directory / file).write_text(text)

        def start(file):
            engine = subprocess.Popen([BINARY, "-o", "json", "--kubeconfig", "kubeconfig", "engine", "serve", "--config", file, "--shard", "0"],
                                      cwd=self.directory, env={**os.environ, "POD_NAME": pods[file]}, stdout=subprocess.DEVNULL,
                                      stderr=open(self.directory / f"{pods[file]}.log", "a"))
            engines[pods[file]] = engine
            self.addCleanup(engine.wait)
            self.addCleanup(engine.kill)
            return engine

        start("engine.yaml")
        start("standby.yaml")
        # Whichever came first; then the other one, when that one is gone.
        eventually(lambda: sorted(role or "" for role in self.roles().values()) == ["primary", "standby"], self.roles)
        primary = next(name for name, role in self.roles().items() if role == "primary")
        standby = next(name for name in ports if name != primary)
        self.assertEqual(self.holder(), primary)
        eventually(lambda: probe(admins[standby], "/standbyz")[0] == 200, lambda: "never in step")
        self.assertEqual(probe(admins[standby], "/readyz")[0], 503)
        engines[primary].kill()
        engines[primary].wait()
        eventually(lambda: self.holder() == standby, self.holder)
        start(next(file for file, pod in pods.items() if pod == primary))
        self.roles_become({standby: "primary", primary: "standby"})


if __name__ == "__main__":
    unittest.main()
