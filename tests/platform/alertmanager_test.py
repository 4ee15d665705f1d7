#!/usr/bin/env python3
"""The rendered routing of alerts in a real Alertmanager: who is told about each alert of ours, what keeps quiet beside what, and
what a pager receives. Debian: prometheus-alertmanager. NAUTILUSCTL names the program.

The operator's part is done here: AlertmanagerConfig in the words of alertmanager.yaml, secrets put in.
"""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from observability_test import free_port, objects, rules, run

PROGRAMS = ("prometheus-alertmanager", "amtool")
SECRETS = {"pagerduty-routing-key": "0" * 32, "smtp-password": "not-a-password"}


def snake(name):
    return re.sub(r"(?<=[a-z])([A-Z]+)", lambda found: "_" + found[1].lower(), name)


def native(value, secrets):
    """AlertmanagerConfig's words in alertmanager.yaml's."""
    if isinstance(value, list):
        return [native(entry, secrets) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"name", "key"}:
        return secrets[value["key"]]
    out = {}
    for key, entry in value.items():
        if key in ("matchers", "sourceMatch", "targetMatch"):
            out[{"matchers": "matchers", "sourceMatch": "source_matchers", "targetMatch": "target_matchers"}[key]] = [
                f'{m["name"]}{m.get("matchType", "=")}{json.dumps(m["value"])}' for m in entry]
        elif key == "details":
            out["details"] = {pair["key"]: pair["value"] for pair in entry}
        elif key == "urlSecret":
            out["url"] = secrets[entry["key"]]
        else:
            out[snake(key)] = native(entry, secrets)
    return out


def configuration(told):
    """told: the base address of whoever is told."""
    spec = next(o["spec"] for o in objects("AlertmanagerConfig") if o["metadata"]["name"] == "nautilus")
    assert next(o["spec"] for o in objects("Alertmanager"))["alertmanagerConfiguration"]["name"] == "nautilus"
    config = native(spec, {**SECRETS, "dead-mans-switch-url": f"{told}/watchdog"})
    config["global"] = {"resolve_timeout": "5m", "pagerduty_url": f"{told}/page"}
    return config


class Told(http.server.BaseHTTPRequestHandler):
    """The pager's service and the one that waits for the watchdog."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.messages.append((self.path, body))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Alertmanager(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="nautilus-alertmanager-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.told = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told)
        cls.told.messages = []
        threading.Thread(target=cls.told.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.told.server_close)
        cls.addClassCleanup(cls.told.shutdown)
        cls.file = cls.folder / "alertmanager.yaml"
        cls.file.write_text(yaml.safe_dump(configuration(f"http://127.0.0.1:{cls.told.server_port}"), sort_keys=False))
        checked = run("amtool", "check-config", cls.file)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        cls.port = free_port()
        log = (cls.folder / "log").open("w")
        cls.addClassCleanup(log.close)
        cls.server = subprocess.Popen(["prometheus-alertmanager", f"--config.file={cls.file}", f"--storage.path={cls.folder}/data",
                                       f"--web.listen-address=127.0.0.1:{cls.port}", "--cluster.listen-address=", "--web.route-prefix=/"],
                                      stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        cls.addClassCleanup(lambda: (cls.server.terminate(), cls.server.wait(30)))
        cls.wait("alertmanager", lambda: cls.call("/-/ready") is not None, 30)

    @classmethod
    def call(cls, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{cls.port}{path}", json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    @classmethod
    def wait(cls, what, check, seconds):
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < deadline:
            try:
                found = check()
                if found:
                    return found
            except (OSError, urllib.error.URLError):
                pass
            if cls.server.poll() is not None:
                break
            pause.wait(0.2)
        raise AssertionError(f"no {what}: {(cls.folder / 'log').read_text()[-3000:]} {cls.told.messages}")

    def receivers(self, **labels):
        done = run("amtool", "config", "routes", "test", f"--config.file={self.file}", *(f"{key}={value}" for key, value in labels.items()))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_every_alert_reaches_who_it_is_for(self):
        expected = {"critical": "page", "warning": "mail", "info": "nobody"}
        seen = set()
        for _, rule in rules("alert"):
            severity = rule["labels"]["severity"]
            to = "watchdog" if rule["alert"] == "NautilusWatchdog" else expected[severity]
            seen.add(to)
            with self.subTest(rule["alert"]):
                self.assertEqual(self.receivers(alertname=rule["alert"], namespace="nautilus-trading", severity=severity), to)
        self.assertEqual(seen, {"page", "mail", "nobody", "watchdog"})
        # Nobody wrote it down, so somebody reads it.
        self.assertEqual(self.receivers(alertname="Unheard", severity="unheard"), "mail")

    def test_a_pager_is_told_what_to_do_and_once(self):
        where = {"namespace": "nautilus-trading", "pod": "nautilus-engine-0", "environment": "production"}
        page = "https://docs.nautilus.trading.com/runbooks/NautilusEngineDown.md"
        alerts = [{"labels": {"alertname": name, "severity": severity, **where}, "annotations": {"runbook_url": page}}
                  for name, severity in (("NautilusEngineDown", "critical"), ("NautilusEngineNotServing", "critical"), ("NautilusWatchdog", "none"))]
        self.call("/api/v2/alerts", alerts)
        states = self.wait("inhibition", lambda: (lambda found: found if found.get("NautilusEngineNotServing") == "suppressed" else None)(
            {a["labels"]["alertname"]: a["status"]["state"] for a in json.loads(self.call("/api/v2/alerts"))}), 60)
        self.assertEqual(states["NautilusEngineDown"], "active")
        paged = self.wait("page", lambda: [body for path, body in self.told.messages if path == "/page"], 60)
        self.assertTrue(self.wait("word of the watchdog", lambda: [body for path, body in self.told.messages if path == "/watchdog"], 60))
        self.assertEqual(len(paged), 1)
        self.assertEqual((paged[0]["event_action"], paged[0]["routing_key"], paged[0]["payload"]["severity"]), ("trigger", SECRETS["pagerduty-routing-key"], "critical"))
        self.assertEqual(paged[0]["payload"]["custom_details"]["runbook"], page)
        self.assertNotIn("NautilusEngineNotServing", json.dumps(paged))

    def test_words_that_alertmanager_does_not_know_are_refused(self):
        config = configuration("http://127.0.0.1:1")
        config["route"]["routes"][0]["recever"] = "page"
        file = self.folder / "wrong.yaml"
        file.write_text(yaml.safe_dump(config))
        done = run("amtool", "check-config", file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("recever", done.stdout + done.stderr)


if __name__ == "__main__":
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if absent:
        print(f"not found: {', '.join(absent)} (Debian: prometheus-alertmanager)")
        sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)
    unittest.main(verbosity=2)
