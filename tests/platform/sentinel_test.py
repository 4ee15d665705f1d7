#!/usr/bin/env python3
"""The rendered cache under its Sentinels, and the rendered state instance, on real redis-server processes.

    sentinel_test.py [Settings] [Sentinel] [State]       NAUTILUSCTL names the program

The pods run as they are rendered (tests/support/pods). A master dies with its node, one is stopped as a kubelet stops it;
a client that asks the Sentinels follows both times. What an asynchronous replica had not got yet is lost with its master:
that is what a cache may lose, so it is counted and printed, not asserted.
"""
import os
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from pods import world  # noqa: E402
from pods.world import World, rendered, wait  # noqa: E402

IMAGE = {"user": "redis"}
MASTER = "nautilus-cache"
# The guide's three settings, as finding 5 leaves them: the cache may evict, the state instance may not.
GUIDE = {"redis-sentinel-config": {"maxmemory-policy": "allkeys-lfu", "tcp-keepalive": "300", "timeout": "0"},
         "redis-cluster-config": {"maxmemory-policy": "noeviction", "tcp-keepalive": "300", "timeout": "0", "appendonly": "yes"}}
UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
FAILOVER_SECONDS = 90  # five to notice, then an election; the rest is for a busy machine
# Of redis.conf, but not a setting that CONFIG GET knows as it is written.
NOT_ASKED = {"include", "bind"}


def ask(pod, *words, port=6379, password=None):
    """What redis-cli prints, or "" if nobody answers in time."""
    try:
        return subprocess.run(["redis-cli", "-h", pod.address, "-p", str(port), *words], capture_output=True, text=True, timeout=5,
                              env=dict(os.environ, REDISCLI_AUTH=password)).stdout.replace("\r", "").strip()
    except subprocess.TimeoutExpired:
        return ""


def settings(text):
    """Directives of a redis.conf: name to value, as CONFIG GET says it."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#") and name not in NOT_ASKED:
            value = value.strip().strip('"')
            found[name] = str(int(value[:-2]) * UNITS[value[-2:]]) if value[-2:] in UNITS else value
    return found


class Settings(unittest.TestCase):
    """Every line of every redis.conf is what the running server says it has."""

    def check(self, environment):
        with World(environment, rendered(environment)) as cluster:
            for workload, config, secret in (("redis-cache", "redis-sentinel-config", "redis-cache-credentials"),
                                             ("redis-cluster", "redis-cluster-config", "redis-credentials")):
                pod = cluster.pod(("StatefulSet", workload), image=IMAGE).start()
                password = cluster.secrets[secret]["password"]
                wait(f"{environment}: {pod.name} answers", lambda: ask(pod, "ping", password=password) == "PONG")
                wanted = settings(cluster.find("ConfigMap", config)["data"]["redis.conf"])
                self.assertLessEqual(GUIDE[config].items(), wanted.items())
                self.assertEqual(ask(pod, "ping", password="wrong").splitlines()[-1][:6], "NOAUTH")
                for name, value in wanted.items():
                    with self.subTest(environment=environment, pod=pod.name, setting=name):
                        told = ask(pod, "config", "get", name, password=password).split("\n")
                        self.assertEqual((told + [""])[:2], [name, value])
                print(f"ok: {environment}: {len(wanted)} settings of {pod.name} are as rendered")

    def test_prod(self):
        self.check("prod")

    def test_dev(self):
        self.check("dev")


class Connection:
    """One connection that stays open, as a client library holds it."""

    def __init__(self, pod, password):
        self.socket = socket.create_connection((pod.address, 6379), timeout=3)
        self.replies = self.socket.makefile("rb")
        self.ask("auth", password)

    def ask(self, *words):
        """A reply of one line; raises when it is an error or the connection is gone."""
        self.socket.sendall(f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
        line = self.replies.readline().decode().strip()
        if not line.startswith("+"):
            raise OSError(line or "closed")
        return line[1:]


class Client(threading.Thread):
    """Writes one key after the other to the master that the Sentinels name; remembers what was acknowledged, and when."""

    def __init__(self, test):
        super().__init__(daemon=True)
        self.test, self.done, self.acknowledged, self.gap, self.last = test, threading.Event(), [], 0.0, None

    def run(self):
        number, connection = 0, None
        while not self.done.wait(0.002):
            try:
                if not connection:
                    connection = Connection(self.test.named(), self.test.password)
                connection.ask("set", f"key-{number}", "x")
                now = time.monotonic()
                self.gap = max(self.gap, now - (self.last or now))
                self.last = now
                self.acknowledged.append(number)
                number += 1
            except (OSError, AttributeError):  # nobody is named, refused, read-only, cut off: ask again
                connection = None
                self.done.wait(0.05)

    def outage(self):
        """Seconds of the longest pause between two acknowledgements since the last call."""
        gap, self.gap = self.gap, 0.0
        return gap


class Sentinel(unittest.TestCase):
    """One story: formed, a master lost with its node, a node that comes back at a new address, a master stopped on purpose."""

    def named(self):
        """The pod that a Sentinel, asked through the Service, names as master."""
        try:
            told = subprocess.run(["redis-cli", "-h", self.cluster.virtual["redis-sentinel"], "-p", "26379", "sentinel", "get-master-addr-by-name", MASTER],
                                  capture_output=True, text=True, timeout=5, env=dict(os.environ, REDISCLI_AUTH=self.password)).stdout.split()
        except subprocess.TimeoutExpired:
            return None
        return self.cluster.pods.get(told[0].split(".")[0]) if len(told) == 2 else None

    def whole(self):
        """One master, the others in sync with it, and every Sentinel knows all of them."""
        caches = [p for p in self.cluster.pods.values() if p.name.startswith("redis-cache")]
        states = {p.name: ask(p, "info", "replication", password=self.password) for p in caches}
        masters = [name for name, state in states.items() if "role:master" in state]
        if len(caches) != 3 or len(masters) != 1 or any("role:slave" in s and "master_link_status:up" not in s for s in states.values()):
            return None
        for number in range(3):
            told = ask(self.cluster.pods[f"redis-sentinel-{number}"], "sentinel", "master", MASTER, port=26379, password=self.password).split("\n")
            told = dict(zip(told[::2], told[1::2]))
            if (told.get("ip", "").split(".")[0], told.get("num-slaves"), told.get("num-other-sentinels"), told.get("flags")) != (masters[0], "2", "2", "master"):
                return None
        return self.cluster.pods[masters[0]] if all(p.ready for p in self.cluster.pods.values()) else None

    def test_story(self):
        with World("prod", rendered("prod")) as self.cluster:
            self.password = self.cluster.secrets["redis-cache-credentials"]["password"]
            for number in range(3):
                for name in ("redis-sentinel", "redis-cache"):
                    self.cluster.pod(("StatefulSet", name), number, image=IMAGE)
            for pod in self.cluster.pods.values():
                pod.start()
            first = wait("three caches and three Sentinels find each other", self.whole)
            self.tuned()
            client = Client(self)
            client.start()
            wait("a client writes", lambda: len(client.acknowledged) > 50)

            client.outage()
            seen = len(client.acknowledged)
            first.kill()
            second = wait("the node of the master is gone: another is master", lambda: (p := self.named()) and p is not first and p, FAILOVER_SECONDS)
            wait("and the client follows", lambda: len(client.acknowledged) > seen + 50, FAILOVER_SECONDS)
            print(f"measured: {client.outage():.1f} s without a write after kill -9 of the master; "
                  f"{self.missing(client, second)} of {len(client.acknowledged)} acknowledged keys lost")
            address = first.address
            first.delete()
            again = self.cluster.pod(("StatefulSet", "redis-cache"), int(first.name[-1]), image=IMAGE)
            self.assertNotEqual(again.address, address)
            again.start()
            wait("the pod comes back at a new address, as a replica", self.whole, FAILOVER_SECONDS)

            before = self.missing(client, second)
            client.outage()
            seen = len(client.acknowledged)
            self.assertTrue(second.stop(), "the cache did not end within its grace")
            wait("a master that is stopped hands over first", lambda: len(client.acknowledged) > seen + 50 and self.named() is not second)
            print(f"measured: {client.outage():.1f} s without a write when a master is stopped")
            client.done.set()
            client.join()
            self.assertEqual(self.missing(client, self.named()), before, "a planned stop lost acknowledged keys")
            print(f"ok: of {len(client.acknowledged)} acknowledged keys the planned stop lost none")

    def missing(self, client, master):
        keys = list(client.acknowledged)
        found = 0
        for begin in range(0, len(keys), 200):
            found += int(ask(master, "exists", *[f"key-{n}" for n in keys[begin:begin + 200]], password=self.password) or 0)
        return len(keys) - found

    def tuned(self):
        """The Sentinels run with the times of their pods' environment, and with the majority as quorum."""
        pod = self.cluster.pods["redis-sentinel-0"]
        told = ask(pod, "sentinel", "master", MASTER, port=26379, password=self.password).split("\n")
        told = dict(zip(told[::2], told[1::2]))
        given = {e["name"]: e.get("value") for e in pod.spec["containers"][0]["env"]}
        self.assertEqual((told["down-after-milliseconds"], told["failover-timeout"], told["quorum"], told["parallel-syncs"]),
                         (given["DOWN_AFTER"], given["FAILOVER_TIMEOUT"], given["QUORUM"], "1"))
        self.assertEqual(given["QUORUM"], "2")


class State(unittest.TestCase):
    """The instance that holds state keeps it on its volume, and refuses what it has no room for."""

    def test_a_kill_loses_nothing_that_was_synced_and_nothing_is_evicted(self):
        with World("dev", rendered("dev")) as cluster:
            password = cluster.secrets["redis-credentials"]["password"]
            pod = cluster.pod(("StatefulSet", "redis-cluster"), image=IMAGE, containers=("redis", "keeper")).start()
            wait("the keeper forms the cluster, the pod is ready", lambda: pod.ready and "cluster_state:ok" in ask(pod, "cluster", "info", password=password))
            for number in range(100):
                self.assertEqual(ask(pod, "set", f"{{state}}order-{number}", str(number), password=password), "OK")
            # appendfsync everysec: synced once nothing is pending any more; a kill of the process alone would not even need that.
            wait("the append-only file is synced", lambda: "aof_pending_bio_fsync:0" in ask(pod, "info", "persistence", password=password))
            pod.kill(restart=True)
            wait("killed, it comes back", lambda: pod.ready and ask(pod, "get", "{state}order-99", password=password) == "99")
            self.assertEqual(ask(pod, "exists", *[f"{{state}}order-{n}" for n in range(100)], password=password), "100")
            address = pod.address
            pod.delete()
            pod = cluster.pod(("StatefulSet", "redis-cluster"), image=IMAGE, containers=("redis", "keeper")).start()
            self.assertNotEqual(pod.address, address)
            wait("a new pod on the same volume has all of it", lambda: pod.ready and ask(pod, "exists", *[f"{{state}}order-{n}" for n in range(100)], password=password) == "100")
            refused, number = "", 0
            while "OOM" not in refused and number < 400:
                refused = ask(pod, "eval", "return redis.call('set', KEYS[1], string.rep('x', 1048576))", "1", f"big-{number}", password=password)
                number += 1
            self.assertIn("OOM", refused, "more was taken than maxmemory")
            self.assertEqual(ask(pod, "exists", *[f"{{state}}order-{n}" for n in range(100)], password=password), "100")
            print(f"ok: full after {number} MiB, the writer is refused and nothing is evicted")


if __name__ == "__main__":
    world.enter(os.path.abspath(__file__))
    unittest.main(verbosity=2, warnings="ignore")
