"""The frames of RFC 6455, right and wrong ones, in the manner of the Autobahn cases: what is sent, what must come back."""
import json
import struct
import unittest

from engine_client import BINARY, CLOSE, PING, PONG, TEXT, Closed, Demo, WebSocket

F = WebSocket.frame
PING_MESSAGE = b'{"type":"ping","request_id":"r"}'


def code(number, reason=b""):
    return struct.pack("!H", number) + reason


# name, bytes to send, what must follow: "pong" (of our protocol), ("control pong", payload) or a close code. 1006: the
# connection ends without a close frame, which RFC 6455 7.1.7 allows after a protocol error.
CASES = [
    ("a whole text", F(TEXT, PING_MESSAGE), "pong"),
    ("in two fragments", F(TEXT, PING_MESSAGE[:5], fin=False) + F(0, PING_MESSAGE[5:]), "pong"),
    ("byte by byte", F(TEXT, PING_MESSAGE[:1], fin=False) + b"".join(F(0, PING_MESSAGE[i:i + 1], fin=False) for i in range(1, 31)) + F(0, PING_MESSAGE[31:]), "pong"),
    ("an empty first fragment", F(TEXT, b"", fin=False) + F(0, b"", fin=False) + F(0, PING_MESSAGE), "pong"),
    ("a ping between fragments", F(TEXT, PING_MESSAGE[:5], fin=False) + F(PING, b"x") + F(0, PING_MESSAGE[5:]), ("control pong", b"x")),
    ("a length in more bytes than needed", F(TEXT, PING_MESSAGE, wide=True), {1002, 1006, "pong"}),
    ("an empty ping", F(PING), ("control pong", b"")),
    ("a ping of 125 bytes", F(PING, b"p" * 125), ("control pong", b"p" * 125)),
    ("a ping with bytes that are no text", F(PING, b"\x00\xff\xfe"), ("control pong", b"\x00\xff\xfe")),
    ("a pong nobody asked for", F(PONG, b"x") + F(TEXT, PING_MESSAGE), "pong"),
    ("a ping of 126 bytes", F(PING, b"p" * 126), {1002, 1006}),
    ("a fragmented ping", F(PING, b"p", fin=False), {1002, 1006}),
    ("a fragmented close", F(CLOSE, code(1000), fin=False), {1002, 1006}),
    ("reserved bit 1 without an extension", F(TEXT, PING_MESSAGE, reserved=4), {1002, 1006}),
    ("reserved bit 2", F(TEXT, PING_MESSAGE, reserved=2), {1002, 1006}),
    ("reserved bit 3 on a ping", F(PING, b"", reserved=1), {1002, 1006}),
    ("opcode 3", F(3, b""), {1002, 1006}),
    ("opcode 7", F(7, b"x"), {1002, 1006}),
    ("opcode 11", F(11, b""), {1002, 1006}),
    ("opcode 15", F(15, b"x"), {1002, 1006}),
    ("not masked", F(TEXT, PING_MESSAGE, masked=False), {1002, 1006}),
    ("a ping that is not masked", F(PING, b"", masked=False), {1002, 1006}),
    ("a continuation of nothing", F(0, PING_MESSAGE), {1002, 1006}),
    ("a new text inside a fragmented one", F(TEXT, b"{", fin=False) + F(TEXT, b"}"), {1002, 1006}),
    ("an invalid byte", F(TEXT, b"\xff"), {1007, 1006}),
    ("an overlong slash", F(TEXT, b"\xc0\xaf"), {1007, 1006}),
    ("a surrogate", F(TEXT, b"\xed\xa0\x80"), {1007, 1006}),
    ("beyond U+10FFFF", F(TEXT, b"\xf4\x90\x80\x80"), {1007, 1006}),
    ("a character cut short", F(TEXT, b'{"type":"\xc3'), {1007, 1006}),
    ("an invalid byte in the second fragment", F(TEXT, b"{", fin=False) + F(0, b"\xfe", fin=False), {1007, 1006}),
    ("a character split over fragments is no UTF-8 error", F(TEXT, b'"\xc3', fin=False) + F(0, b'\xa9"'), "error"),
    ("binary", F(BINARY, PING_MESSAGE), {1003}),
    ("65 KiB", F(TEXT, b" " * 66_000), {1009}),
    ("65 KiB in fragments", b"".join(F(TEXT if i == 0 else 0, b" " * 1000, fin=False) for i in range(66)), {1009}),
    ("a frame that claims 4 GiB", F(TEXT, b"", length=1 << 32), {1009, 1002, 1006}),
    ("a frame that claims 2^63 bytes", F(TEXT, b"", length=1 << 63), {1009, 1002, 1006}),
    ("close without a code", F(CLOSE), {1000, 1005}),
    ("close 1000", F(CLOSE, code(1000)), {1000}),
    ("close 3000 with a reason", F(CLOSE, code(3000, b"bye")), {3000}),
    ("close 4999", F(CLOSE, code(4999)), {4999}),
    ("close with one byte", F(CLOSE, b"\x03"), {1002, 1006}),
    ("close 999", F(CLOSE, code(999)), {1002, 1006}),
    ("close 1005", F(CLOSE, code(1005)), {1002, 1006}),
    ("close 1006", F(CLOSE, code(1006)), {1002, 1006}),
    ("close with a reason that is no text", F(CLOSE, code(1000, b"\xff")), {1007, 1002, 1006}),
    ("a close of 126 bytes", F(CLOSE, code(1000, b"r" * 124)), {1002, 1006}),
    ("a text after the close", F(CLOSE, code(1000)) + F(TEXT, PING_MESSAGE), {1000}),
]

HANDSHAKES = [
    ("right", {}, "/ws", 101),
    ("the other path", {}, "/v1/ws", 101),
    ("a path that is none", {}, "/ws/test", 404),
    ("no version", {"Sec-WebSocket-Version": None}, "/ws", {400, 426}),
    ("version 8", {"Sec-WebSocket-Version": "8"}, "/ws", {400, 426}),
    ("no key", {"Sec-WebSocket-Key": None}, "/ws", {400, 426}),
    ("no upgrade", {"Upgrade": None}, "/ws", 426),
    ("another upgrade", {"Upgrade": "h2c"}, "/ws", 426),
    ("an origin that is known", {"Origin": "https://trade.example"}, "/ws", 101),
    ("an origin that is not", {"Origin": "https://evil.example"}, "/ws", 403),
    ("an origin like one that is known", {"Origin": "https://trade.example.evil.example"}, "/ws", 403),
    ("the null origin", {"Origin": "null"}, "/ws", 403),
    ("compression is not agreed to", {"Sec-WebSocket-Extensions": "permessage-deflate"}, "/ws", 101),
]


class Frames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo()

    @classmethod
    def tearDownClass(cls):
        cls.demo.stop()

    def outcome(self, client):
        try:
            while True:
                opcode, payload = client.frame_in()
                if opcode == TEXT:
                    message = json.loads(payload)
                    return message["type"]
                if opcode == PONG:
                    return ("control pong", payload)
                if opcode == CLOSE:
                    return struct.unpack("!H", payload[:2])[0] if payload else 1005
        except (Closed, ConnectionResetError, BrokenPipeError):
            return 1006

    def test_cases(self):
        for name, data, wanted in CASES:
            with self.subTest(name):
                client = WebSocket(self.demo.port)
                client.send_raw(data)
                got = self.outcome(client)
                self.assertIn(got, wanted if isinstance(wanted, set) else {wanted})
                client.close()

    def test_every_byte_in_its_own_packet(self):
        client = WebSocket(self.demo.port)
        for byte in F(TEXT, PING_MESSAGE):
            client.send_raw(bytes([byte]))
        self.assertEqual(client.read()["type"], "pong")
        client.close()

    def test_handshakes(self):
        for name, headers, path, wanted in HANDSHAKES:
            with self.subTest(name):
                client = WebSocket(self.demo.port, path, headers)
                self.assertIn(client.status, wanted if isinstance(wanted, set) else {wanted})
                client.close()

    def test_ping_flood_ends_the_connection(self):
        client = WebSocket(self.demo.port)
        try:
            client.send_raw(F(PING, b"") * 200 + F(TEXT, PING_MESSAGE))
            self.assertIn(client.expect_close(), (1008, 1006))
        finally:
            client.close()

    def test_a_client_that_vanishes_leaves_nothing(self):
        for cut in (1, 3, 5, 20):
            client = WebSocket(self.demo.port)
            client.send_raw(F(TEXT, PING_MESSAGE)[:cut])
            client.close()
        client = WebSocket(self.demo.port)
        client.send_raw(F(TEXT, PING_MESSAGE))
        self.assertEqual(client.read()["type"], "pong")
        client.close()


if __name__ == "__main__":
    unittest.main(verbosity=1)
