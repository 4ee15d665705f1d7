"""docs/api against what the gateway really says: every answer and message that the other suites saw, and of this one, which asks for everything once."""
import glob
import json
import os
import re
import unittest
from datetime import datetime
from pathlib import Path

import jsonschema
import yaml

os.environ.setdefault("ENGINE_TRAFFIC", os.path.join(os.environ["ENGINE_TRAFFIC_FOLDER"], "engine_api.jsonl"))
from engine_client import Closed, Demo, WebSocket  # noqa: E402: reads the environment

API = Path(__file__).resolve().parents[2] / "docs" / "api"
LINE = {"account": "alice", "symbol": "ACME", "side": "buy", "order_type": "limit", "price": "100.00", "quantity": "10"}
formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def is_time(text):
    return isinstance(text, str) and text.endswith("Z") and bool(datetime.fromisoformat(text))


class Document:
    def __init__(self, name):
        self.tree = yaml.safe_load((API / name).read_text())

    def at(self, node):
        """The node, or what it refers to."""
        while "$ref" in node:
            node = self.walk(node["$ref"])
        return node

    def walk(self, reference):
        found = self.tree
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    def errors(self, schema, value):
        """What the schema says against the value, and members of it that no schema names."""
        whole = {**schema, "components": self.tree["components"]}
        validator = jsonschema.Draft202012Validator(whole, format_checker=formats)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)] or self.unknown(schema, value, "$")

    def unknown(self, schema, value, place):
        schema = self.at(schema)
        for choice in schema.get("anyOf", []) + schema.get("oneOf", []):
            if not self.errors(choice, value):
                return []
        if isinstance(value, list):
            return [e for i, one in enumerate(value) for e in self.unknown(schema.get("items", {}), one, f"{place}[{i}]")]
        if not isinstance(value, dict):
            return []
        known = schema.get("properties", {})
        return [e for key, one in value.items()
                for e in (self.unknown(known[key], one, f"{place}.{key}") if key in known else [f"{place}.{key}: is not documented"])]


def ask_for_everything():
    """One of each message and resource, also of those that the other suites have no reason to use."""
    with Demo() as demo:
        client = WebSocket(demo.port)
        client.logon(heartbeat_seconds=300, request_id="l")
        client.send({"type": "subscribe", "symbol": "ACME", "request_id": "s"})
        client.expect("market_snapshot")
        orders = [{}, {"order_type": "stop", "stop_price": "120.00", "price": None}, {"order_type": "stop_limit", "stop_price": "130.00", "price": "131.00"},
                  {"time_in_force": "good_till_date", "expire_at": "2099-01-01T00:00:00Z"}, {"quantity": "100", "display_quantity": "10"},
                  {"post_only": True, "price": "99.00"}, {"time_in_force": "immediate_or_cancel", "side": "sell", "quantity": "1", "self_trade": "decrement"},
                  {"side": "sell", "quantity": "3", "price": None, "order_type": "market", "time_in_force": "immediate_or_cancel", "account": "bob"},
                  {"time_in_force": "fill_or_kill", "quantity": "9999"}]
        for number, more in enumerate(orders):
            order = {key: value for key, value in {"type": "new_order", "client_id": f"x{number}", "time_in_force": "good_till_cancel", **LINE, **more}.items() if value is not None}
            client.send(order)
            client.report("accepted", f"x{number}")
        client.send({"type": "replace_order", "account": "alice", "client_id": "y", "orig_client_id": "x3", "symbol": "ACME", "price": "98.00", "quantity": "5"})
        client.report("replaced")
        client.send({"type": "order_status", "account": "alice", "request_id": "o"})
        client.expect("order_status_end")
        client.send({"type": "resume", "account": "alice", "after": 0, "request_id": "r"})
        client.expect("resumed")
        client.send({"type": "resume", "account": "alice", "after": 12345})
        client.expect("error")
        for phase in ("opening_auction", "halted", "continuous"):
            client.send({"type": "set_phase", "symbol": "ACME", "phase": phase})
            client.expect("taken")
        client.send({"type": "mass_cancel", "account": "alice", "scope": "session", "symbol": "ACME", "side": "buy"})
        client.report("cancelled")
        for message in ({"type": "set_kill_switch", "account": "bob", "enabled": True}, {"type": "set_kill_switch", "account": "bob", "enabled": False},
                        {"type": "set_engine_state", "engine_state": "reducing"}, {"type": "end_of_day", "symbol": "ACME"}, {"type": "set_engine_state", "engine_state": "active"}):
            client.send({**message, "request_id": "m"})
            client.expect("taken")
        client.send({"type": "ping", "request_id": "p"})
        client.expect("pong")
        for method, target, body in [
                ("POST", "/v1/orders", {**LINE, "client_id": "r1"}), ("POST", "/v1/orders", {**LINE, "client_id": "r1"}), ("GET", "/v1/orders?account=alice&limit=1", None),
                ("GET", "/v1/orders/r1?account=alice", None), ("GET", "/v1/orders/none?account=alice", None), ("GET", "/v1/positions?account=alice", None),
                ("GET", "/v1/reports?account=alice&after=0", None), ("GET", "/v1/reports?account=alice&after=99999", None), ("GET", "/v1/books/ACME?depth=5", None),
                ("GET", "/v1/books/NONE", None), ("GET", "/v1/instruments", None), ("GET", "/v1/status", None),
                ("POST", "/v1/orders/replace", {"account": "alice", "client_id": "r2", "orig_client_id": "r1", "symbol": "ACME", "quantity": "4", "price": "97.00"}),
                ("POST", "/v1/orders/replace", {"account": "alice", "client_id": "r9", "orig_client_id": "none", "symbol": "ACME", "quantity": "4"}),
                ("POST", "/v1/orders/cancel", {"account": "alice", "client_id": "r3", "orig_client_id": "r2"}),
                ("POST", "/v1/orders/cancel", {"account": "alice", "client_id": "r4", "orig_client_id": "r2"}), ("POST", "/v1/orders", {**LINE, "client_id": "r5"}),
                ("POST", "/v1/orders/mass-cancel", {"account": "alice", "scope": "account"}), ("POST", "/v1/orders/mass-cancel", {"account": "alice", "scope": "account"}),
                ("POST", "/v1/admin/engine-state", {"engine_state": "active"}), ("POST", "/v1/admin/phase", {"symbol": "ACME", "phase": "halted"}),
                ("POST", "/v1/orders", {**LINE, "client_id": "r6"}), ("POST", "/v1/admin/kill-switch", {"account": "bob", "enabled": False}), ("POST", "/v1/admin/end-of-day", {})]:
            demo.http(method, target, body)
        demo.tell("drain")
        client.expect("draining")
        client.send({"type": "logoff"})
        try:
            while True:
                client.read()
        except Closed:
            pass


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ask_for_everything()
        cls.lines = []
        for path in sorted(glob.glob(os.path.join(os.environ["ENGINE_TRAFFIC_FOLDER"], "*.jsonl"))):
            with open(path) as file:
                cls.lines += [(os.path.basename(path), json.loads(line)) for line in file]
        cls.sockets, cls.resources = Document("engine-asyncapi.yaml"), Document("engine-openapi.yaml")

    def said(self, action):
        """Type of a message -> its schema, of those the gateway hears ("receive") or says ("send")."""
        document = self.sockets
        operation = next(o for o in document.tree["operations"].values() if o["action"] == action)
        schemas = [document.at(message)["payload"] for message in operation["messages"]]
        out = {}
        for schema in schemas:
            kind = document.at(schema)["properties"]["type"]
            for name in [kind["const"]] if "const" in kind else kind["enum"]:
                out[name] = schema
        return out

    def test_every_message_is_as_documented_and_every_documented_one_was_seen(self):
        schemas, wrong, seen = self.said("send"), set(), set()
        for suite, line in self.lines:
            if line["kind"] != "message":
                continue
            message = json.loads(line["text"])
            seen.add(message["type"])
            if message["type"] not in schemas:
                wrong.add(f"{message['type']}: is not documented")
                continue
            wrong |= {f"{message['type']} {error}   ({suite}: {line['text'][:300]})" for error in self.sockets.errors(schemas[message["type"]], message)}
        self.assertEqual(sorted(wrong), [])
        self.assertEqual(set(schemas) - seen, set(), "documented, and never said")

    def test_every_answer_is_as_documented_and_every_documented_resource_was_asked(self):
        paths = [(re.compile("^" + re.sub(r"\\{[a-z_]+\\}", "[^/]+", re.escape(path)) + "$"), path, methods) for path, methods in self.resources.tree["paths"].items()]
        paths.sort(key=lambda row: "{" in row[1])  # /v1/orders/cancel before /v1/orders/{client_id}
        wrong, good = set(), set()
        for suite, line in self.lines:
            if line["kind"] != "answer":
                continue
            path = line["target"].split("?")[0]
            template, methods = next(((t, m) for pattern, t, m in paths if pattern.match(path)), (None, {}))
            operation = methods.get(line["method"].lower())
            if operation is None:
                if line["status"] not in (401, 404, 405, 426):
                    wrong.add(f"{line['method']} {path} {line['status']}: is not documented")
                continue
            what = f"{line['method']} {template} {line['status']}"
            if str(line["status"]) not in operation["responses"]:
                wrong.add(f"{what}: is not documented   ({suite}: {line['text'][:200]})")
                continue
            response = self.resources.at(operation["responses"][str(line["status"])])
            wrong |= {f"{what} {e}   ({suite}: {line['text'][:300]})" for e in self.resources.errors(response["content"]["application/json"]["schema"], json.loads(line["text"]))}
            if line["status"] in (200, 202):
                good.add((line["method"], template))
                if "requestBody" in operation and line["request"] is not None:
                    schema = operation["requestBody"]["content"]["application/json"]["schema"]
                    wrong |= {f"{what}: taken, and not as documented: {e}" for e in self.resources.errors(schema, line["request"])}
        self.assertEqual(sorted(wrong), [])
        documented = {(method.upper(), path) for path, methods in self.resources.tree["paths"].items() for method in methods}
        self.assertEqual(documented - good, set(), "documented, and never answered well")

    def test_a_judge_that_finds_nothing_would_be_none(self):
        schema = self.said("send")["market_data"]
        good = {"type": "market_data", "symbol": "A", "market_sequence": 1, "sequence": 1, "time": "2026-01-01T00:00:00.000000Z",
                "levels": [{"side": "buy", "price": "1", "quantity": "1", "orders": 1}]}
        self.assertEqual(self.sockets.errors(schema, good), [])
        for bad in ({**good, "time": "today"}, {**good, "more": 1}, {**good, "levels": [{**good["levels"][0], "more": 1}]}, {**good, "phase": "asleep"}, {"type": "market_data"},
                    {**good, "levels": [{"side": "buy"}]}):
            self.assertNotEqual(self.sockets.errors(schema, bad), [], bad)


if __name__ == "__main__":
    unittest.main(verbosity=1)
