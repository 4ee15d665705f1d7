"""The same protocol through a WebSocket library that others wrote (the Python package `websockets`), where there is one."""
import asyncio
import json
import unittest

from engine_client import Demo

try:
    import websockets
except ImportError:
    websockets = None

ORDER = {"type": "new_order", "symbol": "ACME", "order_type": "limit", "time_in_force": "good_till_cancel"}


@unittest.skipIf(websockets is None, "the package websockets is not installed")
class Library(unittest.TestCase):
    def test_a_session(self):
        async def run(port):
            async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws", compression="deflate", max_size=1 << 24) as client:
                self.assertEqual(getattr(client, "protocol", client).extensions, [])  # older versions have it on the client

                async def read(kind):
                    while True:
                        message = json.loads(await asyncio.wait_for(client.recv(), 20))
                        if message["type"] == kind:
                            return message
                await client.send(json.dumps({"type": "logon"}))
                await read("logged_on")
                await client.send(json.dumps({"type": "subscribe", "symbol": "ACME"}))
                await read("market_snapshot")
                for i in range(300):
                    order = {**ORDER, "account": "alice" if i % 2 else "bob", "client_id": f"o{i}", "side": "buy" if i % 2 else "sell", "price": "100.00", "quantity": "1"}
                    text = json.dumps(order)
                    # Fragmented, by the library.
                    await client.send([text[:20], text[20:]] if i % 3 == 0 else text)
                traded = 0
                while traded < 150:
                    traded += len((await read("market_data")).get("trades", []))
                await (await client.ping(b"payload"))
                await client.send(json.dumps({"type": "logoff"}))
                with self.assertRaises(websockets.ConnectionClosedOK):
                    while True:
                        await asyncio.wait_for(client.recv(), 20)
                self.assertEqual(client.close_code, 1000)

        with Demo() as demo:
            asyncio.run(run(demo.port))

    def test_hundred_at_once(self):
        async def one(port, i):
            async with websockets.connect(f"ws://127.0.0.1:{port}/ws", max_queue=None) as client:
                await client.send(json.dumps({"type": "logon"}))
                await client.send(json.dumps({**ORDER, "account": "alice", "client_id": f"c{i}", "side": "buy", "price": "1.00", "quantity": "1"}))
                while json.loads(await asyncio.wait_for(client.recv(), 20)).get("client_id") != f"c{i}":
                    pass

        async def run(port):
            await asyncio.gather(*(one(port, i) for i in range(100)))

        with Demo(accounts_cancel=True) as demo:
            asyncio.run(run(demo.port))
            demo.stop()
            self.assertEqual(demo.open_orders, 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
