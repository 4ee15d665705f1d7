"""The HTTP resources and the probes."""
import json
import re
import socket
import unittest

from engine_client import Demo, WebSocket, read_response

ORDER = {"account": "alice", "client_id": "r1", "symbol": "ACME", "side": "buy", "order_type": "limit", "price": "100.00", "quantity": "10"}


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo()

    @classmethod
    def tearDownClass(cls):
        cls.demo.stop()

    def call(self, method, target, body=None, status=200, headers=None):
        got, fields, text = self.demo.http(method, target, body, headers)
        self.assertEqual(got, status, text)
        self.assertEqual(fields["content-type"], "application/json")
        return json.loads(text) if method != "HEAD" else None

    def test_an_order_from_entry_to_cancel(self):
        made = self.call("POST", "/v1/orders", ORDER)
        self.assertEqual((made["type"], made["execution"], made["client_id"]), ("execution_report", "accepted", "r1"))
        self.assertEqual(self.call("POST", "/v1/orders", ORDER, 422)["reason"], "duplicate_client_id")
        one = self.call("GET", "/v1/orders/r1?account=alice")
        self.assertEqual((one["order_id"], one["execution"]), (made["order_id"], "status"))
        self.assertEqual(len(self.call("GET", "/v1/orders?account=alice")["orders"]), 1)
        book = self.call("GET", "/v1/books/ACME?depth=1")
        self.assertEqual(book["bids"], [{"price": "100.00", "quantity": "10", "orders": 1}])
        self.call("POST", "/v1/orders", {**ORDER, "account": "bob", "client_id": "s1", "side": "sell", "quantity": "4"})
        self.assertEqual(self.call("GET", "/v1/positions?account=alice")["positions"], [{"symbol": "ACME", "quantity": "4"}])
        self.assertEqual(self.call("GET", "/v1/positions?account=bob")["positions"], [{"symbol": "ACME", "quantity": "-4"}])
        replaced = self.call("POST", "/v1/orders/replace", {"account": "alice", "client_id": "r2", "orig_client_id": "r1", "symbol": "ACME", "quantity": "6", "price": "100.00"})
        self.assertEqual(replaced["leaves"], "2")
        self.assertEqual(self.call("POST", "/v1/orders/cancel", {"account": "alice", "client_id": "r3", "orig_client_id": "r2"})["execution"], "cancelled")
        self.assertEqual(self.call("GET", "/v1/orders/r2?account=alice", status=404)["code"], "unknown_order")
        reports = self.call("GET", "/v1/reports?account=alice&after=0")
        self.assertEqual([r["account_sequence"] for r in reports["reports"]], list(range(1, reports["last"] + 1)))
        self.assertEqual(self.call("GET", "/v1/reports?account=alice&after=99", status=410)["code"], "gap")

    def test_reference_data(self):
        symbols = {i["symbol"]: i for i in self.call("GET", "/v1/instruments")["instruments"]}
        self.assertEqual((symbols["ACME"]["tick"], symbols["ACME"]["lot"]), ("0.01", "1"))
        self.call("GET", "/v1/books/EUR%2FUSD")
        self.assertEqual(self.call("GET", "/v1/status")["state"], "primary")

    def test_what_is_wrong_is_said(self):
        for method, target, body, status, code in [
                ("GET", "/", None, 404, "not_found"), ("GET", "/v1/books/NONE", None, 404, "unknown_symbol"),
                ("GET", "/v1/books/ACME?depth=x", None, 400, "bad_value"), ("GET", "/v1/books/ACME?deep=1", None, 400, "bad_value"),
                ("GET", "/v1/orders", None, 404, "unknown_account"), ("GET", "/v1/orders?account=alice&account=bob", None, 400, "bad_value"),
                ("GET", "/v1/orders?account=alice&limit=0", None, 400, "bad_value"), ("GET", "/v1/orders?account=al%zzice", None, 400, "bad_value"),
                ("DELETE", "/v1/orders/r1", None, 405, "method_not_allowed"), ("POST", "/v1/instruments", {}, 405, "method_not_allowed"),
                ("POST", "/v1/orders", b"{", 400, "bad_json"), ("POST", "/v1/orders", {**ORDER, "type": "new_order"}, 400, "unexpected_field"),
                ("POST", "/v1/orders", {**ORDER, "price": "1.001"}, 400, "off_tick"), ("POST", "/v1/orders", b" " * 9000, 413, "too_large")]:
            with self.subTest(f"{method} {target} {status}"):
                self.assertEqual(self.call(method, target, body, status)["code"], code)

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.demo.port), timeout=20) as plain:
            plain.sendall(data)
            try:
                return read_response(plain)[0]
            except (IndexError, OSError):
                return 0  # closed without a word

    def test_requests_that_smuggle_or_overflow(self):
        for name, data, wanted in [
                ("two lengths", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}", {400, 0}),
                ("a length and chunks", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400, 0}),
                ("a negative length", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", {400, 0}),
                ("a head of 20 KB", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", {431, 0}),
                ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400, 0}),
                ("a chunked body", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", {411}),
                ("a trailer that hides a request", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{\r\xc1\n\n\r0\n\r\n\r\n", {411}),
                ("a chunked body that is too long", b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3000\r\n" + b" " * 0x3000 + b"\r\n0\r\n\r\n", {411, 0})]:
            with self.subTest(name):
                self.assertIn(self.raw(data), wanted)

    def test_the_answer_to_head_has_no_body(self):
        with socket.create_connection(("127.0.0.1", self.demo.port), timeout=20) as plain:
            plain.sendall(b"HEAD /v1/status HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            raw = b""
            while piece := plain.recv(65536):
                raw += piece
        first, second, body = raw.split(b"\r\n\r\n")
        self.assertTrue(first.startswith(b"HTTP/1.1 405"))
        self.assertTrue(second.startswith(b"HTTP/1.1 200"))
        self.assertEqual(json.loads(body)["state"], "primary")

    def test_pipelined_requests_are_answered_in_order(self):
        with socket.create_connection(("127.0.0.1", self.demo.port), timeout=20) as plain:
            plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n" * 5 + b"GET /v1/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            raw = b""
            while piece := plain.recv(65536):
                raw += piece
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+) ", raw), [b"200"] * 5 + [b"404"])


class Probes(unittest.TestCase):
    def test_probes_and_metrics(self):
        with Demo() as demo:
            for path, status in (("/livez", 200), ("/readyz", 200), ("/drainz", 200), ("/nothing", 404)):
                self.assertEqual(demo.http("GET", path, admin=True)[0], status, path)
            self.assertEqual(demo.http("POST", "/livez", admin=True)[0], 405)
            client = WebSocket(demo.port)
            client.logon()
            client.order("o")
            client.report("accepted")
            status, fields, text = demo.http("GET", "/metrics", admin=True)
            self.assertEqual((status, fields["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
            samples, types = {}, {}
            for line in text.splitlines():
                if line.startswith("# TYPE"):
                    _, _, name, kind = line.split(" ")
                    self.assertNotIn(name, types)
                    types[name] = kind
                elif not line.startswith("#"):
                    key, value = line.rsplit(" ", 1)
                    self.assertNotIn(key, samples)
                    samples[key] = float(value)
            for key in samples:
                name = key.split("{")[0]
                self.assertTrue(name in types or name.rsplit("_", 1)[0] in types, name)
            self.assertEqual(samples["websocket_connections_active"], 1)
            self.assertEqual(samples["trade_execution_latency_seconds_count"], 1)
            self.assertEqual(samples['trade_execution_latency_seconds_bucket{le="+Inf"}'], 1)
            self.assertEqual(samples['nautilus_engine_state{state="primary"}'], 1)
            self.assertIn("market_volatility_index", samples)
            self.assertIn('http_requests_total{code="2xx"}', samples)
            client.close()

    def test_drain_makes_it_not_ready_but_alive(self):
        with Demo() as demo:
            self.assertEqual(demo.http("POST", "/drainz", admin=True)[0], 202)
            self.assertEqual(demo.http("GET", "/readyz", admin=True)[0], 503)
            self.assertEqual(demo.http("GET", "/livez", admin=True)[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=1)
