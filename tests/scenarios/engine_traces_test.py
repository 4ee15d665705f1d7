#!/usr/bin/env python3
"""Traces of `nautilusctl engine serve` at a collector that takes them, refuses, is slow, or is not there: orders go on in every case."""
import json
import socket
import tempfile
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from engine_serve_test import DEFINITIONS, Engine

WAIT = 30
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """OTLP/HTTP with JSON, as the specification has it. `answers`: statuses for the next requests, then 200."""

    def __init__(self, port=0):
        self.spans, self.requests, self.answers = [], 0, []
        self.changed, self.gate = threading.Condition(), threading.Event()
        self.gate.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.gate.wait(WAIT)
                with outer.changed:
                    outer.requests += 1
                    status = outer.answers.pop(0) if outer.answers else 200
                    if status == 200:
                        assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/json")
                        outer.spans += outer.read(json.loads(body))
                    outer.changed.notify_all()
                answer = b'{"partialSuccess":{}}' if status == 200 else b""
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the engine has given up

            def log_message(self, *unused):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @staticmethod
    def read(message):
        out = []
        for resource in message["resourceSpans"]:
            attributes = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
            assert attributes["service.name"] == "nautilus-engine" and attributes["service.instance.id"], attributes
            out += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
        return out

    def wait(self, check):
        with self.changed:
            assert self.changed.wait_for(check, WAIT), (self.requests, len(self.spans))

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Traces(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="nautilus-traces-")
        self.addCleanup(scratch.cleanup)
        self.directory = Path(scratch.name)
        (self.directory / "definitions.yaml").write_text(DEFINITIONS)

    def collector(self, port=0):
        made = Collector(port)
        self.addCleanup(made.stop)
        return made

    def engine(self, port, more="sampleOneIn: 1"):
        (self.directory / "engine.yaml").write_text(f"traces: {{endpoint: \"http://127.0.0.1:{port}\", {more}}}\n")
        engine = Engine(self.directory, "--config", "engine.yaml").serving()
        self.addCleanup(engine.end, 9)
        return engine

    def metric(self, engine, name):
        with urllib.request.urlopen(engine.at["admin"] + "/metrics", timeout=20) as answer:
            return next(float(line.split()[1]) for line in answer.read().decode().splitlines() if line.startswith(name + " "))

    def wait_metric(self, engine, name, least):
        end = time.monotonic() + WAIT
        while self.metric(engine, name) < least:
            self.assertLess(time.monotonic(), end, f"{name} stays at {self.metric(engine, name)}")
            time.sleep(0.05)

    def trade(self, engine, first, count, **more):
        """Seconds that `count` orders took, each acknowledged."""
        client = engine.client()
        began = time.monotonic()
        for number in range(first, first + count):
            client.order(f"o{number}", price="99.00", **more)
            client.report("accepted", f"o{number}")
        took = time.monotonic() - began
        client.close()
        return took

    def test_spans_of_orders_arrive(self):
        collector = self.collector()
        engine = self.engine(collector.port)
        before = time.time_ns()
        self.trade(engine, 0, 5)
        self.trade(engine, 5, 1, traceparent=PARENT)
        collector.wait(lambda: len(collector.spans) >= 6)
        self.assertEqual(len({span["spanId"] for span in collector.spans}), 6)
        child = next(span for span in collector.spans if "parentSpanId" in span)
        self.assertEqual((child["traceId"], child["parentSpanId"]), (PARENT[3:35], PARENT[36:52]))
        for span in collector.spans:
            self.assertEqual(span["name"], "new_order")
            self.assertRegex(span["traceId"], "^[0-9a-f]{32}$")
            self.assertRegex(span["spanId"], "^[0-9a-f]{16}$")
            self.assertLess(before - 10**9, int(span["startTimeUnixNano"]))
            self.assertLess(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
            self.assertEqual(span["attributes"], [{"key": "nautilus.account", "value": {"stringValue": "alice"}}])
        self.wait_metric(engine, "nautilus_trace_spans_exported_total", 6)
        self.assertEqual(self.metric(engine, "nautilus_trace_spans_dropped_total"), 0)
        self.trade(engine, 6, 1)
        self.assertEqual(engine.end(), 0, engine.log)
        self.assertEqual(len(collector.spans), 7, "what was queued at the end is sent")

    def test_only_what_was_asked_for(self):
        collector = self.collector()
        engine = self.engine(collector.port, "sampleOneIn: 0")
        self.trade(engine, 0, 5)
        self.trade(engine, 5, 1, traceparent=PARENT[:-1] + "0")
        self.trade(engine, 6, 1, traceparent=PARENT)
        self.assertEqual(engine.end(), 0, engine.log)
        self.assertEqual([span["traceId"] for span in collector.spans], [PARENT[3:35]])

    def test_a_collector_that_is_away_and_comes_back(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        engine = self.engine(port)
        self.trade(engine, 0, 20)
        self.wait_metric(engine, "nautilus_trace_exports_failed_total", 1)
        collector = self.collector(port)
        collector.wait(lambda: len(collector.spans) == 20)
        self.wait_metric(engine, "nautilus_trace_spans_exported_total", 20)
        self.assertEqual(self.metric(engine, "nautilus_trace_spans_dropped_total"), 0)
        self.assertEqual(engine.end(), 0)
        events = [json.loads(line)["event"] for line in engine.log]
        self.assertEqual([e for e in events if e.startswith("traces_")], ["traces_not_taken", "traces_taken_again"])

    def test_errors(self):
        collector = self.collector()
        collector.answers = [503, 429, 200, 400]
        engine = self.engine(collector.port)
        self.trade(engine, 0, 3)
        self.wait_metric(engine, "nautilus_trace_spans_exported_total", 3)
        self.assertEqual(self.metric(engine, "nautilus_trace_exports_failed_total"), 2)
        self.trade(engine, 3, 4)
        self.wait_metric(engine, "nautilus_trace_spans_dropped_total", 4)
        self.assertEqual(engine.end(), 0, engine.log)

    def test_a_slow_collector_holds_nobody_up(self):
        collector = self.collector()
        engine = self.engine(collector.port)
        quick = self.trade(engine, 0, 200)
        collector.wait(lambda: len(collector.spans) == 200)
        collector.gate.clear()
        slow = self.trade(engine, 200, 200)
        self.assertLess(slow, max(10 * quick, 5), "orders waited for the collector")
        began = time.monotonic()
        self.assertEqual(engine.end(), 0, engine.log)
        self.assertLess(time.monotonic() - began, 10, "the end waited for the collector")

    def test_an_endpoint_that_can_never_work_is_said_at_the_start(self):
        for endpoint in ("collector:4318", "http://collector:4318", "https://user@collector:4318"):
            (self.directory / "engine.yaml").write_text(f"traces: {{endpoint: \"{endpoint}\"}}\n")
            engine = Engine(self.directory, "--config", "engine.yaml")
            self.assertEqual(engine.end(0), 1)
            self.assertIn("setting up the export of traces", "".join(engine.log))
            self.assertFalse((self.directory / "journal").exists())


if __name__ == "__main__":
    unittest.main()
