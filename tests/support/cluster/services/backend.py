#!/usr/bin/python3
"""A small backend for the tests' node: what the platform's own would do with an order, and no more.

POST /orders      the order goes to the engine of its shard with the caller's key, then into PostgreSQL through PgBouncer,
                  and a count into the state Redis; answered with the engine's report and its status
GET /orders       client ids of this environment's orders, from PostgreSQL's read pool
GET /whoami       pod and version
/health/live, /health/ready      ready: the database, both Redis answer, and this pod is not told to stop
WebSocket         every message is an order with its key in `api_key`; the report comes back
:9100/metrics     requests and sessions

All settings come from the environment and the files it names, as templates/nautilus-platform/charts/backend renders them.
Dependencies: Debian's python3-psycopg2, python3-redis, python3-websockets.
"""
import asyncio
import http.client
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2
import redis
import redis.cluster
import redis.sentinel
import websockets

VERSION = Path("/etc/backend-version").read_text().strip()
FAILS = VERSION.endswith("failing")    # a build that starts and answers errors, for the tests of upgrades
TIMEOUT = 5
CHECK_SECONDS = 1
ENGINE_PORT = 9001


def setting(name):
    return os.environ[f"NAUTILUS_{name}"]


def secret(name):
    return Path(setting(name)).read_text().strip()


def log(event, **more):
    print(json.dumps({"time": time.time(), "event": event, "pod": setting("POD_NAME"), **more}), file=sys.stderr, flush=True)


def database(name):
    connection = psycopg2.connect(host=setting("DATABASE_HOST"), port=setting("DATABASE_PORT"), dbname=setting(name), user=setting("DATABASE_USER"),
                                  password=secret("DATABASE_PASSWORD_FILE"), connect_timeout=TIMEOUT)
    connection.autocommit = True  # PgBouncer gives a server for the length of a transaction
    return connection


def state():
    host, port = setting("REDIS_CLUSTER_NODES").split(",")[0].rsplit(":", 1)
    return redis.cluster.RedisCluster(host=host, port=int(port), password=secret("REDIS_PASSWORD_FILE"), socket_timeout=TIMEOUT)


def cache():
    host, port = setting("CACHE_SENTINELS").split(",")[0].rsplit(":", 1)
    password = secret("CACHE_PASSWORD_FILE")
    sentinel = redis.sentinel.Sentinel([(host, int(port))], sentinel_kwargs={"password": password}, socket_timeout=TIMEOUT)
    return sentinel.master_for(setting("CACHE_MASTER_NAME"), password=password)


class Backend:
    def __init__(self):
        self.ready, self.stopping = False, threading.Event()
        self.counts = {"requests": 0, "errors": 0, "sessions": 0}
        self.mine = threading.local()

    def connection(self, name):
        """This thread's own. A broken one is made anew."""
        held = getattr(self.mine, name, None)
        if held is None or held.closed:
            held = database(name)
            setattr(self.mine, name, held)
        return held

    def query(self, name, statement, *values):
        """Every statement here may be done twice, so a connection that turns out to be dead costs a second try."""
        for last in (False, True):
            try:
                with self.connection(name).cursor() as cursor:
                    cursor.execute(statement, values)
                    return cursor.fetchall() if cursor.description else []
            except psycopg2.OperationalError:
                if getattr(self.mine, name, None) is not None:
                    getattr(self.mine, name).close()
                if last:
                    raise

    def prepare(self):
        self.query("DATABASE_NAME", "CREATE TABLE IF NOT EXISTS orders (client_id text PRIMARY KEY, state text NOT NULL, report jsonb NOT NULL)")

    def watch(self):
        """Keeps `ready` true while all that an order needs answers."""
        prepared, kept = False, {}
        while not self.stopping.is_set():
            try:
                if not prepared:
                    self.prepare()
                    prepared = True
                self.query("DATABASE_NAME", "SELECT 1")
                self.query("DATABASE_READ_NAME", "SELECT 1")
                for make in (state, cache):
                    kept[make] = kept.get(make) or make()
                    kept[make].ping()
                if not self.ready:
                    log("ready")
                self.ready = True
            except (psycopg2.Error, redis.RedisError, OSError) as trouble:
                kept.clear()
                if self.ready or not prepared:
                    log("not_ready", why=str(trouble).strip())
                self.ready = False
            self.stopping.wait(CHECK_SECONDS)
        self.ready = False

    def order(self, key, order):
        """Status and body. What is answered 200 is in the engine's journal and in the database."""
        self.counts["requests"] += 1
        if FAILS:
            self.counts["errors"] += 1
            return 500, {"error": "this build fails"}
        shard = 0 if setting("ENGINE_SHARDS") == "1" else sum(order.get("account", "").encode()) % int(setting("ENGINE_SHARDS"))
        engine = http.client.HTTPConnection(setting("ENGINE_SERVICE").replace("{shard}", str(shard)), ENGINE_PORT, timeout=TIMEOUT)
        try:
            engine.request("POST", "/v1/orders", json.dumps(order), {"X-Api-Key": key, "Content-Type": "application/json"})
            answer = engine.getresponse()
            report = json.loads(answer.read())
            if answer.status == 200:
                self.query("DATABASE_NAME", "INSERT INTO orders VALUES (%s, %s, %s) ON CONFLICT (client_id) DO UPDATE SET state = excluded.state",
                           order["client_id"], report["state"], json.dumps(report))
                if getattr(self.mine, "state", None) is None:
                    self.mine.state = state()
                self.mine.state.incr("orders")
            return answer.status, report
        except (OSError, http.client.HTTPException, psycopg2.Error, redis.RedisError, ValueError, KeyError) as trouble:
            self.mine.state = None
            self.counts["errors"] += 1
            log("order_failed", why=repr(trouble))
            return 502, {"error": repr(trouble)}
        finally:
            engine.close()

    def answer(self, method, path, key, body):
        if path == "/health/live":
            return 200, {"live": True}
        if path == "/health/ready":
            return (200 if self.ready else 503), {"ready": self.ready}
        if path == "/whoami":
            self.counts["requests"] += 1
            return (500, {"error": "this build fails"}) if FAILS else (200, {"pod": setting("POD_NAME"), "version": VERSION})
        if path == "/orders" and method == "POST":
            return self.order(key, json.loads(body))
        if path == "/orders":
            return 200, {"orders": [row[0] for row in self.query("DATABASE_READ_NAME", "SELECT client_id FROM orders ORDER BY 1")]}
        return 404, {"error": f"no {path}"}


backend = Backend()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, content, kind="application/json"):
        data = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if backend.stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, value = backend.answer(self.command, self.path, self.headers.get("X-Api-Key", ""), body)
        except Exception as trouble:
            log("failed", path=self.path, why=repr(trouble))
            status, value = 500, {"error": repr(trouble)}
        self.reply(status, json.dumps(value) + "\n")

    do_GET = do_POST = serve

    def log_message(self, *_):
        pass


class Metrics(Handler):
    def serve(self):
        lines = [f"# TYPE nautilus_backend_{name} {'gauge' if name == 'sessions' else 'counter'}\nnautilus_backend_{name} {value}"
                 for name, value in sorted(backend.counts.items())]
        self.reply(200, "\n".join(lines) + "\n", "text/plain; version=0.0.4")

    do_GET = serve


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


async def sessions(workers, loop):
    async def talk(socket, *_):
        backend.counts["sessions"] += 1
        try:
            async for message in socket:
                order = json.loads(message)
                key = order.pop("api_key", "")
                status, report = await loop.run_in_executor(workers, backend.order, key, order)
                await socket.send(json.dumps({"status": status, **report}))
        except websockets.ConnectionClosed:
            pass
        finally:
            backend.counts["sessions"] -= 1

    async with websockets.serve(talk, "0.0.0.0", int(setting("WEBSOCKET_PORT")), ping_interval=int(setting("WEBSOCKET_PING_SECONDS"))):
        stop = loop.create_future()
        loop.add_signal_handler(signal.SIGTERM, lambda: stop.done() or stop.set_result(None))
        await stop
        log("draining", sessions=backend.counts["sessions"])
        backend.stopping.set()
        deadline = loop.time() + int(setting("DRAIN_SECONDS"))
        while backend.counts["sessions"] and loop.time() < deadline:
            await asyncio.sleep(0.1)


def main():
    for port, handler in ((setting("HTTP_PORT"), Handler), (setting("METRICS_PORT"), Metrics)):
        threading.Thread(target=Server(("0.0.0.0", int(port)), handler).serve_forever, daemon=True).start()
    threading.Thread(target=backend.watch, daemon=True).start()
    log("started", version=VERSION)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(sessions(ThreadPoolExecutor(16), loop))
    log("stopped")
    os._exit(0)  # idle keep-alive connections have threads that wait


main()
