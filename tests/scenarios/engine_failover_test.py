#!/usr/bin/env python3
"""Two engines, one primary: killed, frozen, cut off and drained, no acknowledged order is lost and none is told twice."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from engine_client import Closed, WebSocket
from engine_process import DEFINITIONS, Engine, probe

LOCKED = 11
TTL = 2  # seconds: the arbiter's lease


def free_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


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
        """Until the standby has what the primary has: asked in a loop, because nothing announces it."""
        for _ in range(2000):
            if probe(self.admins[engine.name], "/standbyz")[0] == 200:
                return
            self.assertIsNone(engine.process.poll(), engine.log)
        self.fail("the standby never came into step: " + "".join(engine.log))

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
        run = lambda *arguments: subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test authority",
            "-keyout", "ca.key", "-out", "ca.pem")
        (self.directory / "names").write_text("subjectAltName=DNS:engine.test\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=engine.test", "-keyout", "engine.key", "-out", "engine.csr")
        run("x509", "-req", "-in", "engine.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", "names", "-out", "engine.pem")
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


if __name__ == "__main__":
    unittest.main()
