"""A WebSocket client (RFC 6455) out of sockets and the standard library, and the demo gateway to talk to.

Written against docs/engine/protocol.md, not against the server's code: it can also send what no library would.
"""
import base64
import collections
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TIMEOUT = 20


class Traffic:
    """What the gateway said, for engine_api_test.py: a JSON line each in the file ENGINE_TRAFFIC. Of messages that look alike only some are kept."""
    KEPT = 30

    def __init__(self, path):
        self.out = open(path, "w") if path else None
        self.seen = collections.Counter()
        self.lock = threading.Lock()

    def note(self, kind, text, **facts):
        if not self.out:
            return
        try:
            parsed = json.loads(text)
            shape = (kind, parsed.get("type"), parsed.get("execution"), parsed.get("code"), *sorted(parsed), *sorted((k, str(v)) for k, v in facts.items() if k != "request"))
        except (ValueError, AttributeError):
            shape = (kind, text[:20])
        with self.lock:
            self.seen[shape] += 1
            if self.seen[shape] <= self.KEPT:
                self.out.write(json.dumps({"kind": kind, "text": text, **facts}) + "\n")
                self.out.flush()


traffic = Traffic(os.environ.get("ENGINE_TRAFFIC"))


class Closed(Exception):
    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code, self.reason = code, reason


class Demo:
    """The gateway of gateway_demo.cpp. `open_orders` after it has ended: what the engine then held."""

    def __init__(self, **options):
        self.process = subprocess.Popen([os.environ["GATEWAY_DEMO"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(options) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the gateway did not start"
        ports = json.loads(line)
        self.port, self.admin = ports["port"], ports["admin"]
        self.open_orders = None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        rest = self.process.stdout.read()
        assert self.process.wait(timeout=TIMEOUT) == 0, f"the gateway ended with {self.process.returncode}"
        self.open_orders = json.loads(rest)["open_orders"]

    def http(self, method, target, body=None, headers=None, admin=False):
        """Status, headers (lower case) and body of one request on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.admin if admin else self.port), timeout=TIMEOUT) as plain:
            data = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
            head = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(data)}"]
            head += [f"{k}: {v}" for k, v in (headers or {}).items()]
            plain.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + data)
            status, fields, text = read_response(plain)
        if not admin:
            traffic.note("answer", text, method=method, target=target, status=status, request=body if isinstance(body, dict) else None)
        return status, fields, text


def read_response(plain):
    raw = b""
    while piece := plain.recv(65536):
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), fields, body.decode()


class WebSocket:
    def __init__(self, port, path="/ws", headers=None, tls=None, receive_buffer=None, source=None):
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:  # another address of this machine, for what is counted by address
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        fields = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
        fields.update(headers or {})
        head = [f"GET {path} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
        self.socket.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(head.split()[1])
        if self.status == 101:
            wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
            assert f"sec-websocket-accept: {wanted}".lower() in head.decode().lower(), head
            assert b"permessage-deflate" not in head

    def fill(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise Closed(1006, "the connection ended")
        self.buffer += piece

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    @staticmethod
    def frame(opcode, payload=b"", fin=True, reserved=0, masked=True, length=None, wide=False):
        size = len(payload) if length is None else length
        first = (0x80 if fin else 0) | reserved << 4 | opcode
        mask_bit = 0x80 if masked else 0
        if size < 126 and not wide:
            head = struct.pack("!BB", first, mask_bit | size)
        elif size < 65536 and not wide:
            head = struct.pack("!BBH", first, mask_bit | 126, size)
        else:
            head = struct.pack("!BBQ", first, mask_bit | 127, size)
        if not masked:
            return head + payload
        mask = os.urandom(4)
        body = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        return head + mask + body

    def send_frame(self, opcode, payload=b"", **how):
        self.socket.sendall(self.frame(opcode, payload, **how))

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, message):
        data = message if isinstance(message, (bytes, str)) else json.dumps(message)
        self.send_frame(TEXT, data.encode() if isinstance(data, str) else data)

    def frame_in(self):
        """opcode, payload of the next frame of the server, which never masks, fragments or sets a reserved bit."""
        first, second = self.take(2)
        assert first & 0x80 and not first & 0x70 and not second & 0x80, (first, second)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.take(8))[0]
        return first & 0x0F, self.take(size)

    def text(self):
        while True:
            opcode, payload = self.frame_in()
            if opcode == TEXT:
                for line in payload.decode().split("\n"):
                    traffic.note("message", line)
                return payload.decode()
            if opcode == PING:
                self.send_frame(PONG, payload)
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                try:
                    self.send_frame(CLOSE, payload[:2])
                except OSError:
                    pass
                raise Closed(code, payload[2:].decode())

    def read(self):
        return json.loads(self.text())

    def expect(self, kind, **fields):
        """The next message of that type; others before it are let pass."""
        while True:
            message = self.read()
            if message["type"] == kind and all(message.get(k) == v for k, v in fields.items()):
                return message
            if message["type"] == "error" and kind != "error":
                raise AssertionError(message)

    def expect_close(self):
        try:
            while True:
                self.text()
        except Closed as closed:
            return closed.code
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            return 1006

    def logon(self, **fields):
        self.send({"type": "logon", **fields})
        return self.expect("logged_on")

    def order(self, client_id, side="buy", price="100.00", quantity="10", account="alice", **more):
        message = {"type": "new_order", "account": account, "client_id": client_id, "symbol": "ACME", "side": side,
                   "order_type": "limit", "time_in_force": "good_till_cancel", "price": price, "quantity": quantity}
        self.send({**message, **more})

    def report(self, execution, client_id=None):
        while True:
            message = self.expect("execution_report", execution=execution)
            if client_id in (None, message.get("client_id")):
                return message

    def close(self):
        self.socket.close()
