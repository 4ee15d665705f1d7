#!/usr/bin/env python3
"""The rendered rotation of API keys (charts/vault, rotate.sh) in the shell of its image (busybox), with our own engine as the one
that accepts the keys. The store is a stand-in for Vault (tests/support/fake_vault.py); NAUTILUSCTL names the program.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import vault_test
from mesh_test import ROOT, objects_of, run

sys.path.insert(0, str(ROOT / "tests" / "scenarios"))
os.environ.setdefault("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
PRINCIPALS = 'principals:\n- {name: backend, accounts: ["*"], permissions: [trade]}\n'
KEYS, CLIENT = "engine/keys/backend", "clients/backend"
GRACE = 20  # longer than an engine takes to read its file again


def eventually(what, check, seconds=90):
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        pause.wait(0.1)


class Rotation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("busybox"):
            raise unittest.SkipTest("busybox is not installed")
        vault_test.setUpModule()
        cls.addClassCleanup(vault_test.tearDownModule)
        cls.objects = objects_of(vault_test.render("prod", *vault_test.INJECT).stdout)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nautilus-rotation-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "path").mkdir()
        for name in run("busybox", "--list").stdout.split():
            (self.folder / "path" / name).symlink_to(shutil.which("busybox"))
        (self.folder / "path" / "vault").write_text(f'#!/bin/sh\nexec {sys.executable} -B {ROOT}/tests/support/fake_vault.py "$@"\n')
        (self.folder / "path" / "vault").chmod(0o755)
        (self.folder / "jwt").write_text("a token of the pod")
        for name, text in vault_test.named(self.objects, "ConfigMap", "vault-scripts")["data"].items():
            (self.folder / name).write_text(text)
        job = vault_test.named(self.objects, "CronJob", "vault-key-rotation")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        self.told = {e["name"]: e["value"] for e in job["env"]}
        self.assertEqual(job["command"], ["sh", "/etc/vault-scripts/rotate.sh"])

    def rotate(self, expect=0, **more):
        environment = {**self.told, "PATH": str(self.folder / "path"), "HOME": str(self.folder), "FAKE_VAULT": str(self.folder),
                       "VAULT_JWT_FILE": str(self.folder / "jwt"), **{k: str(v) for k, v in more.items()}}
        done = subprocess.run([shutil.which("busybox"), "sh", str(self.folder / "rotate.sh")], capture_output=True, text=True, timeout=60, env=environment, stdin=subprocess.DEVNULL)
        # Of a pipe's end that was killed the shell speaks by 137.
        self.assertEqual(-signal.SIGKILL if done.returncode == 137 else done.returncode, expect, done.stdout + done.stderr)
        return done.stdout

    def store(self, path):
        versions = json.loads((self.folder / "store.json").read_text()).get(path, [])
        return next(iter(versions[-1].values())) if versions else ""

    def lines(self):
        return self.store(KEYS).strip().splitlines()

    def age(self, seconds):
        """Every key's making moved into the past."""
        path = self.folder / "store.json"
        store = json.loads(path.read_text())
        for version in store[KEYS]:
            for line in version["keys"].splitlines():
                made = line.split("id: backend-")[1].split(",")[0]
                version["keys"] = version["keys"].replace(f"backend-{made}", f"backend-{int(made) - seconds}")
        path.write_text(json.dumps(store))

    def test_what_is_due_is_replaced_and_nothing_else(self):
        self.assertIn("new key backend-", self.rotate())
        first = self.store(CLIENT)
        self.assertEqual((len(self.lines()), "not_after" in self.lines()[0]), (1, False))
        self.assertIn("due after 30", self.rotate())
        self.age(29 * 86400)
        self.assertIn("29 days old", self.rotate())
        self.assertEqual(self.store(CLIENT), first)
        self.age(86400)
        self.assertIn("the ones before it end at", self.rotate())
        self.assertNotEqual(self.store(CLIENT), first)
        old, new = self.lines()
        self.assertIn(f'not_after: "{time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 86400))}', old)
        self.assertNotIn("not_after", new)
        self.assertNotIn(self.store(CLIENT).split(".")[1], (self.folder / "store.json").read_text().replace(self.store(CLIENT), ""))

    def test_cut_off_after_any_write_it_refuses_nobody_and_goes_on(self):
        self.rotate()
        first = self.store(CLIENT)
        for cut in (1, 2, 3):
            with self.subTest(cut=cut):
                self.age(31 * 86400)
                before = self.lines()
                (self.folder / "writes").write_text("")
                self.rotate(expect=-signal.SIGKILL, FAKE_VAULT_CUT=cut)
                held = self.store(CLIENT).split(".")[0]
                # Whichever key the client has now is accepted, and has no end while a newer one is not handed out.
                (line,) = [x for x in self.lines() if f"id: {held}," in x] or [x for x in self.lines() if x in before and "not_after" not in x]
                if cut < 3:
                    self.assertNotIn("not_after", line)
                    self.assertIn("new key", self.rotate())
                self.assertEqual(len([x for x in self.lines() if "not_after" not in x]), 1)
                self.assertIn(f"id: {self.store(CLIENT).split('.')[0]},", self.lines()[-1])
                self.assertIn("due after", self.rotate())
        self.assertNotEqual(self.store(CLIENT), first)

    def test_who_wrote_meanwhile_is_not_overwritten(self):
        self.rotate()
        self.age(31 * 86400)
        fake = self.folder / "path" / "vault"
        # Between the look at the version and the write, somebody else's write.
        fake.write_text(fake.read_text().replace("exec ", 'case "$*" in *-cas=*) set -- "$1" "$2" "$3" -cas=7 "$5" "$6" ;; esac\nexec ', 1))
        before = self.lines()
        self.rotate(expect=2)
        self.assertEqual(self.lines(), before)

    def test_the_engine_takes_both_within_the_grace_time_and_the_new_one_afterwards(self):
        from engine_client import Closed, WebSocket
        from engine_process import DEFINITIONS, Engine
        credentials = self.folder / "credentials.yaml"

        def agent():
            """What the agent's template makes of the store."""
            text = PRINCIPALS + "\nkeys:\n" + self.store(KEYS)
            credentials.with_suffix(".new").write_text(text)
            os.replace(credentials.with_suffix(".new"), credentials)
        self.rotate()
        agent()
        first = self.store(CLIENT)
        (self.folder / "definitions.yaml").write_text(DEFINITIONS)
        (self.folder / "engine.yaml").write_text(f"gateway: {{credentials: {credentials}}}\n")
        engine = Engine(self.folder, "--config", "engine.yaml").serving()
        self.addCleanup(engine.end, signal.SIGKILL)
        addresses = iter(range(2, 250))

        def taken(key):
            client = WebSocket(int(engine.at["http"].rsplit(":", 1)[1]), source=f"127.0.2.{next(addresses)}")
            try:
                client.send({"type": "logon", "api_key": key})
                return client.read()["type"] == "logged_on"
            except (Closed, ConnectionError):
                return False
            finally:
                client.socket.close()
        self.assertTrue(taken(first))
        self.assertFalse(taken(first[:-1] + ("A" if first[-1] != "A" else "B")))
        self.rotate(FORCE="backend", GRACE_SECONDS=GRACE)
        ends = time.time() + GRACE
        agent()
        second = self.store(CLIENT)
        eventually("the engine takes the new key", lambda: taken(second))
        both = taken(first)
        self.assertTrue(both or time.time() > ends - 2, "the old key was refused within its grace time")
        eventually("the old key is refused", lambda: time.time() > ends + 1 and not taken(first))
        self.assertTrue(taken(second))
        # Leaked: at once, and what still had a grace time loses it.
        self.rotate(FORCE="backend", GRACE_SECONDS=0)
        agent()
        self.assertEqual([x for x in self.lines() if first.split(".")[0] in x], [])
        eventually("a leaked key is refused", lambda: not taken(second))
        eventually("the newest is taken", lambda: taken(self.store(CLIENT)))


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
