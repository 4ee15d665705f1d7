#!/usr/bin/env python3
"""`nautilusctl engine serve` as its user knows it: one command, trade, kill it, and every acknowledged order is there."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from engine_client import WebSocket
from engine_process import BINARY, DEFINITIONS, ROOT, Engine, eventually

LOCKED, ERROR, USAGE = 11, 1, 2


class Serve(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="nautilus-engine-")
        self.addCleanup(self.scratch.cleanup)
        self.directory = Path(self.scratch.name)
        (self.directory / "definitions.yaml").write_text(DEFINITIONS)

    def start(self, *more, **how):
        engine = Engine(self.directory, *more, **how)
        self.addCleanup(engine.end, signal.SIGKILL)
        return engine

    def open_orders(self, engine, account="alice"):
        return {order["client_id"]: order for order in engine.get(f"/v1/orders?account={account}")["orders"]}

    def test_killed_and_started_again_it_has_every_acknowledged_order(self):
        acknowledged, cancelled, next_id = set(), set(), 0
        for life in range(3):
            engine = self.start().serving()
            self.assertEqual(engine.at["epoch"], life + 1)
            self.assertLessEqual(acknowledged - cancelled, set(self.open_orders(engine)))
            client = engine.client()
            for _ in range(200):
                client.order(f"o{next_id}", price=f"{50 + next_id % 40}.00")
                next_id += 1
            for count in range(150):  # the others are on their way when the power goes
                acknowledged.add(client.report("accepted")["client_id"])
            victim = sorted(acknowledged - cancelled)[0]
            client.send({"type": "cancel_order", "account": "alice", "client_id": f"c{life}", "orig_client_id": victim})
            client.report("cancelled")
            cancelled.add(victim)
            engine.end(signal.SIGKILL)
            client.close()
        engine = self.start().serving()
        there = self.open_orders(engine)
        self.assertEqual(sorted(acknowledged - cancelled - set(there)), [], "an acknowledged order is lost")
        self.assertEqual(sorted(cancelled & set(there)), [], "a cancelled order is back")
        self.assertEqual(len(there), len(set(there)))
        client = engine.client()
        client.order("o1")
        self.assertEqual(client.report("rejected")["reason"], "duplicate_client_id")
        client.close()

    def test_a_mass_cancel_of_both_sides_is_replayed(self):
        engine = self.start().serving()
        client = engine.client()
        for number, side in enumerate(("buy", "sell", "buy")):
            client.order(f"o{number}", side=side, price="99.00" if side == "buy" else "101.00")
            client.report("accepted")
        for side in ({"side": "sell"}, {}):
            client.send({"type": "mass_cancel", "account": "alice", "scope": "account", **side})
            client.report("cancelled")
        client.report("cancelled")
        client.order("after")
        client.report("accepted")
        engine.end(signal.SIGKILL)
        client.close()
        self.assertEqual(list(self.open_orders(self.start().serving())), ["after"])

    def test_an_orderly_stop_leaves_a_snapshot_and_the_orders(self):
        engine = self.start().serving()
        client = engine.client()
        client.order("rests", price="99.00")
        client.report("accepted")
        self.assertEqual(engine.end(), 0, engine.log)
        client.close()
        self.assertTrue(any("\"stopped\"" in line for line in engine.log))
        again = self.start().serving()
        self.assertEqual(again.at["replayed"], 0, "the snapshot has it all")
        self.assertEqual(list(self.open_orders(again)), ["rests"])

    def test_positions_outlive_the_process(self):
        engine = self.start().serving()
        seller, buyer = engine.client(), engine.client()
        seller.order("s", side="sell", price="100.00", quantity="7")
        seller.report("accepted")
        buyer.order("b", account="bob", side="buy", price="100.00", quantity="5")
        buyer.report("filled")
        expected = {name: engine.get(f"/v1/positions?account={name}") for name in ("alice", "bob")}
        self.assertIn("-5", json.dumps(expected["alice"]))
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):  # from the journal, then from a snapshot
            engine.end(number)
            engine = self.start().serving()
            for name, positions in expected.items():
                self.assertEqual(engine.get(f"/v1/positions?account={name}"), positions)
        seller.close()
        buyer.close()

    def test_drain_may_cancel(self):
        (self.directory / "engine.yaml").write_text("drain: {timeout: 20s, orders: cancel}\n")
        engine = self.start("--config", "engine.yaml").serving()
        client = engine.client()
        client.order("goes", price="99.00")
        client.report("accepted")
        self.assertEqual(engine.end(), 0, engine.log)
        self.assertEqual(client.report("cancelled")["reason"], "mass_cancel")
        client.close()
        self.assertEqual(self.open_orders(self.start().serving()), {})

    def test_two_on_one_journal(self):
        first = self.start().serving()
        second = self.start()
        self.assertEqual(second.process.wait(timeout=60), LOCKED)
        self.assertEqual(first.end(), 0)

    def test_the_epoch_from_a_file_goes_to_one_at_a_time(self):
        (self.directory / "engine.yaml").write_text("epoch: {file: epoch, timeToLive: 2s}\n")
        first = self.start("--config", "engine.yaml").serving()
        second = self.start("--config", "engine.yaml", journal="another")
        second.logged('"waiting"')
        self.assertEqual(first.end(), 0, first.log)
        self.assertGreater(second.serving().at["epoch"], first.at["epoch"])
        self.assertEqual(second.end(), 0, second.log)

    def test_the_epoch_from_a_lease_of_the_cluster(self):
        sim = subprocess.Popen([BINARY, "sim", "serve", "--write-kubeconfig", "kubeconfig"], cwd=self.directory, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.terminate)
        self.assertTrue(sim.stdout.readline())
        (self.directory / "engine.yaml").write_text("shards: 2\nepoch: {lease: {namespace: default, name: engine}, timeToLive: 6s}\n")
        more = ("--config", "engine.yaml", "--shard", "1", "--kubeconfig", "kubeconfig")
        engine = self.start(*more).serving()
        client = engine.client()
        client.order("a", price="99.00")
        client.report("accepted")
        client.close()
        self.assertEqual(engine.end(), 0, engine.log)
        self.assertEqual(self.start(*more).serving().at["epoch"], 2)

    def test_the_primary_s_pod_carries_its_role(self):
        sim = subprocess.Popen([BINARY, "sim", "serve", "--write-kubeconfig", "kubeconfig"], cwd=self.directory, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.terminate)
        self.assertTrue(sim.stdout.readline())
        server = re.search(r"server: (\S+)", (self.directory / "kubeconfig").read_text())[1]
        pods = server + "/api/v1/namespaces/default/pods"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "engine-0", "labels": {"keep": "me"}},
               "spec": {"containers": [{"name": "engine", "image": "engine"}]}}

        def ask(url, body=None):
            request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)

        def role_becomes(role):
            eventually(lambda: ask(pods + "/engine-0")["metadata"]["labels"] == {"keep": "me", "example/role": role},
                       lambda: f"not {role}: " + "".join(engine.log))

        (self.directory / "engine.yaml").write_text(
            "epoch: {lease: {namespace: default, name: engine, roleLabel: example/role}, timeToLive: 6s}\n")
        engine = self.start("--config", "engine.yaml", "--kubeconfig", "kubeconfig", env={**os.environ, "POD_NAME": "engine-0"}).serving()
        engine.logged('"role_label"', "engine-0")  # there is no such pod yet: it trades, and tries again
        ask(pods, pod)
        role_becomes("primary")
        engine.process.send_signal(signal.SIGTERM)
        role_becomes("standby")
        self.assertEqual(engine.end(0), 0, engine.log)  # it was told already

    def test_what_is_wrong_is_said_before_anything_is_touched(self):
        def refused(expect, *more, text=""):
            engine = self.start(*more)
            self.assertEqual(engine.process.wait(timeout=60), expect)
            engine.reader.join()
            self.assertIn(text, "".join(engine.log))
            self.assertFalse((self.directory / "journal").exists())
        (self.directory / "bad.yaml").write_text("gateway: {listen: \"0.0.0.0:9001\"}\n")
        refused(ERROR, "--config", "bad.yaml", text="open access is for loopback only")
        (self.directory / "bad.yaml").write_text("jurnal: {}\n")
        refused(ERROR, "--config", "bad.yaml", text="bad.yaml: jurnal: unknown field")
        refused(ERROR, "--config", "none.yaml", text="none.yaml")
        refused(USAGE, "--shard", "1", text="there are 1 shards")
        refused(USAGE, "--listen", "here", text="--listen")
        (self.directory / "definitions.yaml").write_text("instruments: [{symbol: ACME}]\n")
        refused(ERROR, text="ACME")

    def engine(self, *arguments, expect=0):
        done = subprocess.run([BINARY, *arguments], cwd=self.directory, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout

    def test_the_journal_can_be_looked_at_checked_replayed_and_exported(self):
        engine = self.start().serving()
        client = engine.client()
        client.order("sells", side="sell", price="100.00", quantity="5")
        client.report("accepted")
        client.order("buys", account="bob", price="100.00", quantity="5")
        client.report("filled", "buys")
        self.assertEqual(engine.end(), 0)
        client.close()
        verified = json.loads(self.engine("-o", "json", "engine", "verify", "--journal", "journal"))
        self.assertTrue(verified["closed"])
        replayed = json.loads(self.engine("-o", "json", "engine", "replay", "--journal", "journal"))
        self.assertEqual(replayed["stateHash"], verified["stateHash"])
        again = json.loads(self.engine("-o", "json", "engine", "replay", "--journal", "journal", "--from-snapshot"))
        self.assertEqual(again["stateHash"], verified["stateHash"])
        part = json.loads(self.engine("-o", "json", "engine", "replay", "--journal", "journal", "--to", "4"))
        self.assertEqual(part["lastSequence"], 4)
        lines = [json.loads(line) for line in self.engine("engine", "inspect", "--journal", "journal", "--records").splitlines()]
        self.assertEqual(lines[-1]["kind"], "end")
        self.assertIn("snapshot", {line["kind"] for line in lines})
        self.assertEqual(sum(line["kind"] == "record" for line in lines), verified["records"])
        audit = [json.loads(line) for line in self.engine("engine", "export", "--journal", "journal").splitlines()]
        self.assertEqual(sum("order_filled" in json.dumps(line) for line in audit), 2)
        table = self.engine("engine", "export", "--journal", "journal", "--format", "csv", "--from", "1").splitlines()
        self.assertEqual(len(table), len(audit) + 1)
        self.assertIn("good:", self.engine("engine", "verify", "--journal", "journal"))
        self.engine("engine", "verify", "--journal", "nowhere", expect=ERROR)

    def test_it_boots_with_what_the_platform_renders(self):
        for environment in ("prod", "staging", "dev"):
            # Alone; the pair is in engine_failover_test.py.
            rendered = json.loads(self.engine("--project", str(ROOT), "render", "--env", environment, "--set", "engine.standby.enabled=false",
                                              "-o", "json"))["items"]
            settings = next(item["data"] for item in rendered if item["metadata"]["name"] == "nautilus-engine-config")
            (self.directory / "definitions.yaml").write_text(settings["definitions.yaml"])
            (self.directory / "credentials.yaml").write_text("principals: [{name: desk, accounts: [paper-1], permissions: [trade]}]\n")
            text = settings["engine.yaml"]
            # The files' places in the pod, and its ports, are not this machine's.
            for there, here in (("/etc/nautilus/definitions.yaml", "definitions.yaml"), ("/var/lib/nautilus/journal", f"journal-{environment}"),
                                ("/run/secrets/engine/credentials.yaml", "credentials.yaml"), (":9001", ":0"), (":9102", ":0")):
                self.assertIn(there, text)
                text = text.replace(there, here)
            (self.directory / "engine.yaml").write_text(text)
            engine = self.start("--config", "engine.yaml", journal=f"journal-{environment}").serving()
            self.assertEqual(engine.end(), 0, engine.log)

    def test_an_api_key_opens_the_gateway_and_nothing_else_does(self):
        made = json.loads(self.engine("-o", "json", "engine", "key", "--id", "desk-1", "--principal", "desk"))
        (self.directory / "credentials.yaml").write_text(
            "principals: [{name: desk, accounts: [alice], permissions: [trade]}]\n"
            f"keys: [{{id: desk-1, principal: desk, salt: {made['salt']}, hash: {made['hash']}}}]\n")
        (self.directory / "engine.yaml").write_text("gateway: {credentials: credentials.yaml}\n")
        engine = self.start("--config", "engine.yaml").serving()
        client = engine.client(api_key=made["key"])
        client.order("a", price="99.00")
        client.report("accepted")
        client.close()
        stranger = WebSocket(int(engine.at["http"].rsplit(":", 1)[1]))
        stranger.send({"type": "logon", "api_key": made["key"][:-1] + "x"})
        self.assertGreaterEqual(stranger.expect_close(), 1000)
        self.assertNotIn(made["key"].split(".", 1)[1], "".join(engine.log))
        self.engine("engine", "key", "--id", "a b", "--principal", "desk", expect=USAGE)

    def test_a_damaged_journal_is_named_and_left_alone(self):
        engine = self.start().serving()
        client = engine.client()
        for number in range(50):
            client.order(f"o{number}")
            client.report("accepted")
        engine.end(signal.SIGKILL)
        client.close()
        segment = next((self.directory / "journal").glob("*.log"))
        data = bytearray(segment.read_bytes())
        data[len(data.rstrip(b"\0")) // 2] ^= 1
        segment.write_bytes(data)
        engine = self.start()
        self.assertEqual(engine.process.wait(timeout=60), ERROR)
        engine.reader.join()
        self.assertIn(segment.name, "".join(engine.log))
        self.assertEqual(segment.read_bytes(), bytes(data))


if __name__ == "__main__":
    unittest.main()
