#!/usr/bin/env python3
"""The rendered configuration of the OpenTelemetry collectors, live: two of them, found by name, share the traces out by trace,
keep what is slow or failed and a tenth of the rest, and let no credential through. Our running engine sends, and so does the test.

    scripts/build-tools.sh otel-collector     makes it (minutes; without it this is skipped). NAUTILUSCTL names the program.

Another collector with nothing but a log stands in for Jaeger. The network and /etc/hosts are the test's own.
"""
import json
import os
import re
import shutil
import signal
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

import everything_on
from everything_on import ROOT

sys.path[:0] = [str(ROOT / "tests" / "scenarios"), str(ROOT / "tests" / "support" / "cluster")]
import control_plane  # noqa: E402
from engine_serve_test import DEFINITIONS, Engine  # noqa: E402

INSIDE = "NAUTILUS_COLLECTOR_INSIDE"
COLLECTOR = control_plane.BIN / "otel-collector"
ADDRESSES = ("10.78.0.1", "10.78.0.2")  # of the collectors; both stand under the name of the peers
JAEGER = "10.78.0.9"
NAMES = {"otel-collector-peers.monitoring.svc.cluster.local": ADDRESSES, "jaeger.monitoring.svc.cluster.local": (JAEGER,)}
FAST = 400
SINK = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{JAEGER}:4317"}}}}, "exporters": {"debug": {"verbosity": "detailed", "sampling_initial": 100000}},
        "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}}}}


def configuration():
    config = next(o for o in everything_on.objects("prod") if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "otel-collector-config")
    return config["data"]["collector.yaml"]


def trace(number, name, milliseconds=1, error=False):
    began = time.time_ns()
    attributes = {"http.request.header.authorization": "Bearer hidden", "http.request.header.cookie": "hidden", "db.query.text": "select secret-words"}
    return {"traceId": f"{number:08x}" + os.urandom(12).hex(), "spanId": os.urandom(8).hex(), "name": name, "kind": 2, "startTimeUnixNano": str(began),
            "endTimeUnixNano": str(began + milliseconds * 1_000_000), "status": {"code": 2 if error else 1},
            "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]}


class Collectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="nautilus-collector-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        hosts = cls.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, listed in NAMES.items() for address in listed))
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "/etc/hosts"])
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in (*ADDRESSES, JAEGER):
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        cls.running = {}
        cls.start("jaeger", yaml.safe_dump(SINK))
        for address in ADDRESSES:
            # As rendered, but that each listens on the address it has, as pods do.
            cls.start(address, configuration().replace("0.0.0.0", address))
        for address in ADDRESSES:
            cls.wait(f"health of {address}", lambda address=address: cls.get(f"http://{address}:13133/"), 60)

    @classmethod
    def start(cls, name, config):
        file = cls.folder / f"{name}.yaml"
        file.write_text(config)
        log = (cls.folder / f"{name}.log").open("w")
        cls.addClassCleanup(log.close)
        child = subprocess.Popen([COLLECTOR, f"--config={file}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        cls.running[name] = child
        cls.addClassCleanup(lambda: (child.terminate(), child.wait(60)))

    @classmethod
    def get(cls, url, body=None):
        request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
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
            ended = [name for name, child in cls.running.items() if child.poll() is not None]
            if ended:
                break
            pause.wait(0.2)
        logs = {name: (cls.folder / f"{name}.log").read_text()[-2000:] for name in cls.running}
        raise AssertionError(f"no {what}: {logs}")

    def metric(self, address, name, **labels):
        total = 0.0
        for line in self.get(f"http://{address}:8888/metrics").splitlines():
            found = re.match(r"(\w+)(?:\{(.*)\})? ([0-9.e+]+)$", line)
            if found and found[1] in (name, name + "_total") and all(f'{key}="{value}"' in (found[2] or "") for key, value in labels.items()):
                total += float(found[3])
        return total

    def arrived(self):
        return (self.folder / "jaeger.log").read_text()

    def send(self, spans):
        for at, address in enumerate(ADDRESSES):
            part = spans[at::len(ADDRESSES)]
            self.get(f"http://{address}:4318/v1/traces", {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "test"}}]},
                                                                             "scopeSpans": [{"spans": part}]}]})

    def test_what_is_kept_and_what_is_not(self):
        (self.folder / "engine").mkdir()
        (self.folder / "engine" / "definitions.yaml").write_text(DEFINITIONS)
        (self.folder / "engine" / "engine.yaml").write_text(f'traces: {{endpoint: "http://{ADDRESSES[0]}:4318", sampleOneIn: 1, plainBehindMesh: true}}\n')
        engine = Engine(self.folder / "engine", "--config", "engine.yaml").serving()
        self.addCleanup(engine.end, signal.SIGKILL)
        client = engine.client()
        client.socket.settimeout(30)
        for number in range(60):
            client.order(f"o{number}", price="99.00")
            client.report("accepted", f"o{number}")
        client.close()
        self.send([trace(number, "fast") for number in range(FAST)] + [trace(number, f"slow-{number}", milliseconds=500) for number in range(5)] +
                  [trace(number, f"failed-{number}", error=True) for number in range(5)])
        wanted = [f"{kind}-{number}" for kind in ("slow", "failed") for number in range(5)]
        self.wait("slow and failed traces", lambda: all(name in self.arrived() for name in wanted), 90)
        decided = lambda: sum(self.metric(a, "otelcol_processor_tail_sampling_global_count_traces_sampled") for a in ADDRESSES)
        self.wait("a decision about every trace", lambda: decided() >= FAST + 10 + 60, 60)
        sent = lambda: sum(self.metric(a, "otelcol_exporter_sent_spans", exporter="otlp/jaeger") for a in ADDRESSES)
        kept = sum(self.metric(a, "otelcol_processor_tail_sampling_global_count_traces_sampled", sampled="true") for a in ADDRESSES)
        self.wait("what was kept to be sent", lambda: sent() >= kept, 60)
        text = self.arrived()
        fast = len(re.findall(r"Name\s+: fast\n", text))
        # A tenth of 400: six standard deviations either way.
        self.assertTrue(4 <= fast <= 76, fast)
        # Of the engine's, too: one in ten, of sixty; none at all happens once in five hundred, so only an upper bound is held.
        self.assertLess(len(re.findall(r"Name\s+: new_order\n", text)), 40)
        self.assertIn("service.name: Str(test)", text)
        self.assertIn("deployment.environment.name: Str(production)", text)
        for hidden in ("hidden", "secret-words", "http.request.header"):
            self.assertNotIn(hidden, text)
        self.assertIn("db.query.text", text)  # hashed
        # Both took part, each received from the other, and the engine's spans came in.
        for address in ADDRESSES:
            self.assertGreater(self.metric(address, "otelcol_receiver_accepted_spans", receiver="otlp/peers"), 0)
            self.assertEqual(self.metric(address, "otelcol_exporter_send_failed_spans"), 0)
        self.assertGreaterEqual(self.metric(ADDRESSES[0], "otelcol_receiver_accepted_spans", receiver="otlp"), 60)

    def test_words_it_does_not_know_are_refused(self):
        file = self.folder / "wrong.yaml"
        file.write_text(configuration().replace("decision_wait", "decision_weight"))
        done = subprocess.run([COLLECTOR, "validate", f"--config={file}"], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("decision_weight", done.stdout + done.stderr)


def main():
    if not COLLECTOR.exists():
        print("otel-collector is not there; scripts/build-tools.sh otel-collector makes it")
        sys.exit(77)
    if not os.environ.get(INSIDE):
        if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode:
            print("no network namespace can be made here; skipped")
            sys.exit(77)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, "-B", __file__, *sys.argv[1:]])
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
