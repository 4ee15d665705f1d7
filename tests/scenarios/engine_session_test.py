"""Trading over the WebSocket protocol: orders, reports, market data, resume, disconnects, credentials, limits."""
import hashlib
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from engine_client import PING, TEXT, Demo, WebSocket

WAIT = 10


def eventually(check):
    """The first true value of check() within WAIT seconds."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def metric(demo, name):
    text = demo.http("GET", "/metrics", admin=True)[2]
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split(" ")[0].split("{")[0] == name)


class Trading(unittest.TestCase):
    def setUp(self):
        self.demo = Demo()
        self.open = []
        self.addCleanup(self.demo.stop)

    def client(self, **logon):
        client = WebSocket(self.demo.port)
        self.open.append(client)
        client.logon(**logon)
        return client

    def test_two_clients_trade(self):
        maker, taker = self.client(), self.client()
        maker.order("m1", "sell", "100.25", "10")
        accepted = maker.report("accepted", "m1")
        self.assertEqual((accepted["state"], accepted["price"], accepted["quantity"], accepted["leaves"]), ("new", "100.25", "10", "10"))
        self.assertRegex(accepted["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        taker.order("t1", "buy", "100.30", "4", account="bob")
        filled = taker.report("filled", "t1")
        self.assertEqual((filled["state"], filled["last_price"], filled["last_quantity"], filled["aggressor"]), ("filled", "100.25", "4", True))
        other = maker.report("filled", "m1")
        self.assertEqual((other["state"], other["leaves"], other["aggressor"], other["trade_id"]), ("partially_filled", "6", False, filled["trade_id"]))
        maker.send({"type": "replace_order", "account": "alice", "client_id": "m2", "orig_client_id": "m1", "symbol": "ACME", "quantity": "8", "price": "100.25"})
        replaced = maker.report("replaced")
        self.assertEqual((replaced["client_id"], replaced["leaves"], replaced["kept_priority"]), ("m2", "4", True))
        maker.send({"type": "cancel_order", "account": "alice", "client_id": "m3", "orig_client_id": "m2"})
        self.assertEqual(maker.report("cancelled")["state"], "cancelled")

    def test_what_is_wrong_with_an_order_is_said(self):
        client = self.client()
        for fields, code, field in [
                ({"symbol": "NONE"}, "unknown_symbol", "symbol"), ({"account": "carol"}, "unknown_account", "account"),
                ({"price": "100.001"}, "off_tick", "price"), ({"quantity": "0.5"}, "off_lot", "quantity"),
                ({"price": "1e2"}, "bad_price", "price"), ({"quantity": "-1"}, "bad_quantity", "quantity"),
                ({"price": "9" * 39}, "bad_price", "price"), ({"price": 100}, "bad_value", "price"),
                ({"colour": "red"}, "unknown_field", "colour"), ({"side": "hold"}, "bad_value", "side")]:
            with self.subTest(code, **{field: fields[field]}):
                client.order("x", request_id="r1", **fields)
                error = client.expect("error")
                self.assertEqual((error["code"], error["field"]), (code, field))
        client.order("dup")
        client.report("accepted", "dup")
        client.order("dup")
        self.assertEqual(client.report("rejected")["reason"], "duplicate_client_id")
        client.send({"type": "cancel_order", "account": "alice", "client_id": "c", "orig_client_id": "nothing"})
        self.assertEqual(client.report("cancel_rejected")["reason"], "unknown_order")

    def test_market_data_is_a_snapshot_and_deltas_without_a_gap(self):
        trader, watcher = self.client(), self.client()
        trader.order("a", "buy", "99.00", "5")
        trader.report("accepted", "a")
        watcher.send({"type": "subscribe", "symbol": "ACME"})
        snapshot = watcher.expect("market_snapshot")
        self.assertEqual(snapshot["bids"], [{"price": "99.00", "quantity": "5", "orders": 1}])
        self.assertEqual((snapshot["asks"], snapshot["phase"]), ([], "continuous"))
        book = {("buy", "99.00"): "5"}
        for i in range(20):
            trader.order(f"b{i}", "sell" if i % 2 else "buy", f"{98 + i % 3}.00", "3", account="bob" if i % 2 else "alice")
        trades, number = 0, snapshot["market_sequence"]
        for _ in range(20):
            delta = watcher.expect("market_data")
            number += 1
            self.assertEqual(delta["market_sequence"], number)
            trades += len(delta.get("trades", []))
            for level in delta.get("levels", []):
                if level["quantity"] == "0":
                    del book[level["side"], level["price"]]
                else:
                    book[level["side"], level["price"]] = level["quantity"]
        self.assertGreater(trades, 0)
        watcher.send({"type": "subscribe", "symbol": "ACME"})
        again = watcher.expect("market_snapshot")
        self.assertEqual(again["market_sequence"], number)
        self.assertEqual(book, {("buy", level["price"]): level["quantity"] for level in again["bids"]} | {("sell", level["price"]): level["quantity"] for level in again["asks"]})
        watcher.send({"type": "unsubscribe", "symbol": "ACME", "request_id": "u"})
        watcher.expect("taken", request_id="u")
        trader.order("last", "buy", "90.00")
        trader.report("accepted", "last")
        watcher.send({"type": "ping"})
        while (message := watcher.read())["type"] != "pong":
            self.assertEqual(message["type"], "execution_report")

    def test_resume_brings_what_was_missed_exactly_once(self):
        first = self.client(cancel_on_disconnect=False)
        seen = []
        for i in range(5):
            first.order(f"o{i}")
            seen.append(first.report("accepted")["account_sequence"])
        first.close()
        other = self.client()
        for i in range(5, 1205):
            other.order(f"o{i}", price="1.00")
        other.report("accepted", "o1204")
        back = WebSocket(self.demo.port)
        self.open.append(back)
        accounts = back.logon()["accounts"]
        last = next(a["last"] for a in accounts if a["account"] == "alice")
        after, more = seen[-1], True
        while more:
            back.send({"type": "resume", "account": "alice", "after": after})
            back.expect("resuming")
            while (message := back.read())["type"] == "execution_report":
                seen.append(message["account_sequence"])
            self.assertEqual(message["type"], "resumed")
            after, more = message["last_sent"], message["more"]
        self.assertEqual(seen, list(range(1, last + 1)))

    def test_a_gap_is_said_and_a_query_closes_it(self):
        with Demo(report_ring=10) as demo:
            client = WebSocket(demo.port)
            client.logon()
            for i in range(30):
                client.order(f"o{i}")
            client.report("accepted", "o29")
            client.send({"type": "resume", "account": "alice", "after": 3})
            error = client.expect("error")
            self.assertEqual((error["code"], error["first"], error["last"]), ("gap", 21, 30))
            client.send({"type": "resume", "account": "alice", "after": 99})
            self.assertEqual(client.expect("error")["code"], "gap")
            client.send({"type": "order_status", "account": "alice"})
            orders = [client.report("status")["client_id"] for _ in range(30)]
            self.assertEqual(orders, [f"o{i}" for i in range(30)])
            self.assertEqual(client.expect("order_status_end")["orders"], 30)
            client.close()

    def test_orders_go_with_the_connection_if_so_agreed(self):
        watcher = self.client()
        going, staying = self.client(cancel_on_disconnect=True), self.client(cancel_on_disconnect=False)
        going.order("g")
        going.report("accepted", "g")
        staying.order("s")
        staying.report("accepted", "s")
        staying.close()
        going.socket.shutdown(socket.SHUT_RDWR)
        going.close()
        cancelled = watcher.report("cancelled")
        self.assertEqual((cancelled["client_id"], cancelled["reason"]), ("g", "disconnect"))
        watcher.send({"type": "order_status", "account": "alice"})
        self.assertEqual(watcher.report("status")["client_id"], "s")

    def test_the_account_decides_what_a_disconnect_does_and_a_logon_can_only_be_safer(self):
        for account_cancels in (False, True):
            with Demo(accounts_cancel=account_cancels) as demo:
                watcher = WebSocket(demo.port)
                watcher.logon()
                for number, asked in enumerate(({}, {"cancel_on_disconnect": False}, {"cancel_on_disconnect": True})):
                    with self.subTest(account=account_cancels, asked=asked):
                        goes = account_cancels or asked.get("cancel_on_disconnect", False)
                        client = WebSocket(demo.port)
                        answer = client.logon(**asked)
                        self.assertEqual(answer["cancel_on_disconnect"], goes)
                        self.assertEqual({a["account"]: a["cancel_on_disconnect"] for a in answer["accounts"]}, {"alice": goes, "bob": goes})
                        client.order(f"o{number}")
                        client.report("accepted")
                        client.close()
                        if goes:
                            self.assertEqual(watcher.report("cancelled", f"o{number}")["reason"], "disconnect")
                        else:  # what follows in the same engine shows that nothing came of it
                            watcher.send({"type": "cancel_order", "account": "alice", "client_id": f"c{number}", "orig_client_id": f"o{number}"})
                            self.assertNotEqual(watcher.report("cancelled").get("reason"), "disconnect")
                watcher.close()

    def test_stop_cancels_or_leaves_as_agreed_and_tells_the_client(self):
        client = self.client(cancel_on_disconnect=True)
        other = self.client(cancel_on_disconnect=False)
        client.order("goes")
        client.report("accepted", "goes")
        other.order("stays", account="bob")
        other.report("accepted", "stays")
        self.demo.tell("drain")
        client.expect("draining")
        late = WebSocket(self.demo.port)
        late.send({"type": "logon"})
        self.assertEqual(late.read()["code"], "stopping")
        self.assertEqual(late.expect_close(), 4005)
        self.demo.process.stdin.close()
        self.assertEqual(client.report("cancelled")["client_id"], "goes")
        self.assertEqual(client.expect_close(), 1001)
        self.assertEqual(json.loads(self.demo.process.stdout.read())["open_orders"], 1)
        self.assertEqual(self.demo.process.wait(), 0)

    def test_several_messages_in_one_frame_both_ways(self):
        client = self.client(batch=True)
        lines = [json.dumps({"type": "ping", "request_id": str(i)}) for i in range(500)]
        client.send("\n".join(lines))
        got = []
        while len(got) < 500:
            got += [json.loads(line)["request_id"] for line in client.text().split("\n")]
        self.assertEqual(got, [str(i) for i in range(500)])

    def test_admin_commands_reach_the_engine(self):
        client = self.client()
        client.send({"type": "set_phase", "symbol": "ACME", "phase": "halted", "request_id": "p"})
        client.expect("taken", request_id="p")
        client.order("h")
        self.assertEqual(client.report("rejected")["reason"], "instrument_halted")
        self.assertEqual(metric(self.demo, "nautilus_engine_order_rejects_total"), 1)


class Limits(unittest.TestCase):
    def test_a_session_that_says_too_much_is_told_and_then_closed(self):
        with Demo(rate=1, burst=10) as demo:
            client = WebSocket(demo.port)
            client.send("\n".join(['{"type":"ping"}'] * 20))
            kinds = [client.read() for _ in range(20)]
            self.assertEqual([m["type"] for m in kinds], ["pong"] * 10 + ["error"] * 10)
            self.assertEqual(kinds[-1]["code"], "too_many_requests")
            client.send("\n".join(['{"type":"ping"}'] * 1500))
            self.assertEqual(client.expect_close(), 4004)

    def test_connections_of_one_address_are_bounded(self):
        with Demo(per_address=5) as demo:
            clients = [WebSocket(demo.port) for _ in range(5)]
            with self.assertRaises((OSError, Exception)):
                WebSocket(demo.port)
            clients.pop().close()
            eventually(lambda: metric(demo, "websocket_connections_active") == 4)
            WebSocket(demo.port).close()
            self.assertEqual(metric(demo, "nautilus_gateway_connections_refused_total"), 1)

    def test_one_who_sends_slowly_is_cut_and_holds_nobody_up(self):
        with Demo(header_timeout=400) as demo:
            slow = socket.create_connection(("127.0.0.1", demo.port))
            slow.settimeout(WAIT)
            slow.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\n")
            started, ended = time.monotonic(), None
            while ended is None:
                try:
                    slow.sendall(b"X: y\r\n")
                    slow.settimeout(0.05)
                    if slow.recv(1) == b"":
                        ended = time.monotonic()
                except TimeoutError:
                    self.assertLess(time.monotonic() - started, WAIT)
                except OSError:
                    ended = time.monotonic()
            self.assertLess(ended - started, 3)

    def test_no_logon_in_time(self):
        with Demo(logon_timeout=200) as demo:
            self.assertEqual(WebSocket(demo.port).expect_close(), 4002)

    def test_no_sign_of_life(self):
        with Demo() as demo:
            client = WebSocket(demo.port)
            client.logon(heartbeat_seconds=1)
            self.assertEqual(client.expect_close(), 4006)
        with Demo(ping_interval=200) as demo:
            client = WebSocket(demo.port)
            opcode, _ = client.frame_in()
            self.assertEqual(opcode, PING)
            eventually(lambda: metric(demo, "websocket_connections_active") == 0)

    def test_one_who_does_not_read_gets_a_snapshot_instead_of_every_delta(self):
        with Demo(max_market=20_000, ping_interval=60_000, send_buffer=65536) as demo:
            trader, slow = WebSocket(demo.port), WebSocket(demo.port, receive_buffer=65536)
            trader.logon(batch=True)
            slow.logon()
            slow.send({"type": "subscribe", "symbol": "ACME"})
            snapshot = slow.expect("market_snapshot")
            total = 6000
            for start in range(0, total, 100):
                trader.send("\n".join(json.dumps({"type": "new_order", "account": "bob", "client_id": f"o{i}", "symbol": "ACME", "side": "buy", "order_type": "limit",
                                                  "price": f"{1 + i % 50}.00", "quantity": "1", "time_in_force": "immediate_or_cancel" if i % 2 else "good_till_cancel"})
                                      for i in range(start, start + 100)))
                while f'"o{start + 99}"' not in trader.text():
                    pass
            self.assertGreater(metric(demo, "nautilus_engine_execution_reports_total"), total)
            # Reading again: at most a jump to a snapshot, never a silent gap.
            number, jumps, quantity = snapshot["market_sequence"], 0, {}
            final = json.loads(demo.http("GET", "/v1/books/ACME")[2])
            while number < final["market_sequence"]:
                message = slow.read()
                if message["type"] == "market_snapshot":
                    self.assertGreaterEqual(message["market_sequence"], number)
                    jumps += 1
                    number = message["market_sequence"]
                    quantity = {level["price"]: level["quantity"] for level in message["bids"]}
                elif message["type"] == "market_data":
                    number += 1
                    self.assertEqual(message["market_sequence"], number)
                    for level in message.get("levels", []):
                        quantity[level["price"]] = level["quantity"]
            self.assertGreater(jumps, 0)
            self.assertEqual({p: q for p, q in quantity.items() if q != "0"}, {level["price"]: level["quantity"] for level in final["bids"]})

    def test_one_who_does_not_read_its_reports_is_closed_and_can_resume(self):
        with Demo(max_reliable=50_000, rate=100_000, burst=100_000, ping_interval=60_000, send_buffer=65536) as demo:
            slow, trader = WebSocket(demo.port, receive_buffer=65536), WebSocket(demo.port)
            slow.logon()
            trader.logon(batch=True)
            i = 0
            while metric(demo, "nautilus_gateway_slow_consumers_total") == 0:
                self.assertLess(i, 60_000)
                trader.send("\n".join(json.dumps({"type": "new_order", "account": "alice", "client_id": f"o{j}", "symbol": "ACME", "side": "buy", "order_type": "limit",
                                                  "price": "1.00", "quantity": "1"}) for j in range(i, i + 100)))
                i += 100
                while f'"o{i - 1}"' not in trader.text():
                    pass
            eventually(lambda: metric(demo, "websocket_connections_active") == 1)

    def test_two_thousand_connections(self):
        with Demo() as demo:
            clients = [WebSocket(demo.port) for _ in range(2000)]
            self.assertEqual(metric(demo, "websocket_connections_active"), 2000)
            for client in clients:
                client.send({"type": "logon"})
            for client in clients:
                client.expect("logged_on")
            for client in clients[:500]:
                client.send({"type": "subscribe", "symbol": "ACME"})
                client.expect("market_snapshot")
            clients[0].order("one")
            for client in clients:
                client.report("accepted", "one")
            for client in clients[:500]:
                client.expect("market_data")
            for client in clients:
                client.close()
            eventually(lambda: metric(demo, "websocket_connections_active") == 0)


def b64(data):
    import base64
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Credentials(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "credentials.yaml")

    def write(self, keys, extra="", principals=None):
        principals = principals or [("desk", "[alice]", "[trade, read]"), ("viewer", '["*"]', "[read]"), ("boss", "[]", "[admin]")]
        text = "principals:\n" + "".join(f"- {{name: {n}, accounts: {a}, permissions: {p}}}\n" for n, a, p in principals)
        text += "keys:\n" + "".join(self.key(*key) for key in keys) + extra
        with open(self.path + ".new", "w") as out:
            out.write(text)
        os.replace(self.path + ".new", self.path)

    @staticmethod
    def key(name, principal, secret, end=None):
        salt = hashlib.sha256(name.encode()).digest()[:16]
        hashed = hashlib.sha256(salt + secret.encode()).hexdigest()
        return f"- {{id: {name}, principal: {principal}, salt: '{salt.hex()}', hash: '{hashed}'" + (f", not_after: '{end}'" if end else "") + "}\n"

    def refused(self, demo, message, headers=None):
        started = time.monotonic()
        client = WebSocket(demo.port, headers=headers)
        client.send({"type": "logon", **message})
        answer = client.read()
        took = time.monotonic() - started
        self.assertEqual((answer["type"], answer["code"]), ("error", "unauthorized"))
        self.assertEqual(client.expect_close(), 4001)
        return json.dumps(answer, sort_keys=True), took

    def test_keys(self):
        self.write([("k1", "desk", "s1"), ("k2", "viewer", "s2"), ("gone", "desk", "s3", "2020-01-01T00:00:00Z"), ("k4", "boss", "s4")])
        with Demo(credentials=self.path) as demo:
            answers = [self.refused(demo, m) for m in ({}, {"api_key": "k1.wrong"}, {"api_key": "nobody.s1"}, {"api_key": "k1"}, {"api_key": "gone.s3"}, {"token": "a.b.c"})]
            self.assertEqual(len({answer for answer, _ in answers}), 1)
            self.assertGreaterEqual(min(took for _, took in answers), 0.25)
            desk = WebSocket(demo.port)
            self.assertEqual([a["account"] for a in desk.logon(api_key="k1.s1")["accounts"]], ["alice"])
            desk.order("o")
            desk.report("accepted", "o")
            desk.order("o2", account="bob")
            self.assertEqual(desk.expect("error")["code"], "unknown_account")
            desk.send({"type": "set_engine_state", "engine_state": "halted"})
            self.assertEqual(desk.expect("error")["code"], "forbidden")
            viewer = WebSocket(demo.port, headers={"X-Api-Key": "k2.s2"})
            viewer.logon()
            viewer.order("o3")
            self.assertEqual(viewer.expect("error")["code"], "forbidden")
            boss = WebSocket(demo.port)
            boss.logon(api_key="k4.s4")
            boss.send({"type": "set_kill_switch", "account": "alice", "enabled": True})
            boss.expect("taken")
            self.assertEqual(desk.report("cancelled", "o")["reason"], "killed")

    def test_rotation(self):
        self.write([("old", "desk", "s1")])
        with Demo(credentials=self.path) as demo:
            session = WebSocket(demo.port)
            session.logon(api_key="old.s1")
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
            self.write([("old", "desk", "s1", end), ("new", "desk", "s2")])

            def new_key_works():
                client = WebSocket(demo.port)
                client.send({"type": "logon", "api_key": "new.s2"})
                return client.read()["type"] == "logged_on"
            eventually(new_key_works)
            WebSocket(demo.port).logon(api_key="old.s1")
            self.assertEqual(session.expect_close(), 4001)
            self.refused(demo, {"api_key": "old.s1"})
            # A file that is wrong leaves the last good one in force.
            with open(self.path, "w") as out:
                out.write("keys: nonsense")
            time.sleep(0.5)
            WebSocket(demo.port).logon(api_key="new.s2")

    def test_lockout(self):
        self.write([("k1", "desk", "s1")])
        with Demo(credentials=self.path) as demo:
            clients = [WebSocket(demo.port) for _ in range(12)]
            for client in clients:
                client.send({"type": "logon", "api_key": "k1.x"})
            for client in clients:
                self.assertEqual(client.expect_close(), 4001)
            self.refused(demo, {"api_key": "k1.s1"})
            self.assertGreater(metric(demo, "nautilus_gateway_lockouts_total"), 0)

    def openssl(self, *arguments, data=None):
        return subprocess.run(["openssl", *arguments], cwd=self.folder.name, input=data, check=True, capture_output=True).stdout

    def test_tokens(self):
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.key")
        self.openssl("pkey", "-in", "ec.key", "-pubout", "-out", "ec.pem")
        folder = self.folder.name
        with open(f"{folder}/hs.key", "w") as out:
            out.write("0123456789abcdef0123456789abcdef\n")
        self.write([], f"tokens: {{issuer: iss, audience: aud, keys: [{{kid: e, algorithm: ES256, file: {folder}/ec.pem}}, {{kid: h, algorithm: HS256, file: {folder}/hs.key}}]}}\n")
        now = int(time.time())
        good = {"iss": "iss", "aud": "aud", "sub": "desk", "nbf": now - 5, "exp": now + 600}

        def token(kid, algorithm, claims):
            import hmac
            signed = b64(json.dumps({"alg": algorithm, "kid": kid}).encode()) + "." + b64(json.dumps(claims).encode())
            if kid == "h":
                return signed + "." + b64(hmac.digest(b"0123456789abcdef0123456789abcdef", signed.encode(), "sha256"))
            with open(f"{folder}/signed", "w") as out:
                out.write(signed)
            der = self.openssl("dgst", "-sha256", "-sign", "ec.key", "signed")
            r_length = der[3]
            r, s = der[4:4 + r_length], der[6 + r_length:]
            return signed + "." + b64(r.lstrip(b"\0").rjust(32, b"\0") + s.lstrip(b"\0").rjust(32, b"\0"))
        with Demo(credentials=self.path) as demo:
            for kid, algorithm in (("e", "ES256"), ("h", "HS256")):
                WebSocket(demo.port).logon(token=token(kid, algorithm, good))
            WebSocket(demo.port, headers={"Authorization": "Bearer " + token("e", "ES256", good)}).logon()
            bad = [token("h", "ES256", good), token("h", "none", good), token("e", "HS256", good), token("h", "HS256", good)[:-2] + "AA",
                   token("h", "HS256", {**good, "aud": "other"}), token("h", "HS256", {**good, "exp": now - 100}),
                   token("h", "HS256", {**good, "nbf": now + 100}), token("h", "HS256", {k: v for k, v in good.items() if k != "exp"})]
            for one in bad:
                self.refused(demo, {"token": one})

    def test_tls_and_client_certificates(self):
        folder = self.folder.name
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.pem")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/O=Desk/CN=desk-a", "-keyout", "client.key", "-out", "client.pem")
        self.write([("k1", "viewer", "s1")])
        with open(self.path, "a") as out:
            out.write("")
        text = open(self.path).read().replace("{name: desk,", "{name: desk, certificates: ['CN=desk-a,O=Desk'],")
        open(self.path, "w").write(text)
        with Demo(credentials=self.path, certificate=f"{folder}/server.pem", key=f"{folder}/server.key", client_ca=f"{folder}/client.pem") as demo:
            def context(certificate=False, highest=None):
                made = ssl.create_default_context(cafile=f"{folder}/server.pem")
                if certificate:
                    made.load_cert_chain(f"{folder}/client.pem", f"{folder}/client.key")
                if highest:
                    made.minimum_version = made.maximum_version = highest
                return made
            with_certificate = WebSocket(demo.port, tls=context(True))
            self.assertEqual(with_certificate.logon()["principal"], "desk")
            self.assertEqual(WebSocket(demo.port, tls=context()).logon(api_key="k1.s1")["principal"], "viewer")
            WebSocket(demo.port, tls=context(highest=ssl.TLSVersion.TLSv1_2)).logon(api_key="k1.s1")
            plain = socket.create_connection(("127.0.0.1", demo.port))
            plain.sendall(b"GET /ws HTTP/1.1\r\n\r\n")
            plain.settimeout(WAIT)
            try:
                self.assertNotIn(b"HTTP", plain.recv(1000))
            except OSError:
                pass
            # A new certificate is served without a restart, and the old connection lives on.
            self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "next.key", "-out", "next.pem")
            os.replace(f"{folder}/next.key", f"{folder}/server.key")
            os.replace(f"{folder}/next.pem", f"{folder}/server.pem")

            def served():
                try:
                    return WebSocket(demo.port, tls=context()).status == 101
                except ssl.SSLCertVerificationError:
                    return False
            eventually(served)
            with_certificate.order("still")
            with_certificate.report("accepted", "still")


if __name__ == "__main__":
    unittest.main(verbosity=1)
