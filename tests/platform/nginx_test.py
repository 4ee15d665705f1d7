#!/usr/bin/env python3
"""The rendered frontend on a real nginx, as its pod runs it: nginx_test.py, NAUTILUSCTL names the program.

The site is a small one of this test, laid out as a build of the UI is. The edge in front of it is judged elsewhere: Istio's
routes by a real Envoy (gateway_test.py), Ingresses by the API server alone, since their controller is only had as an image.
WebSockets do not pass here: their host leads from the edge straight to the backend.
"""
import gzip
import http.client
import json
import os
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from pods import world  # noqa: E402
from pods.world import World, rendered, wait  # noqa: E402

INDEX = b"<!doctype html><title>Nautilus</title>" + b"<p>order book</p>" * 200
SCRIPT = b"export const answer = 42;\n" * 100
LARGE = os.urandom(8 << 20)
PORT = 8080


class Frontend(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(World("prod", rendered("prod")))
        site = cls.world.folder / "site"
        (site / "assets").mkdir(parents=True)
        for path, data in (("index.html", INDEX), ("assets/app-1a2b3c.js", SCRIPT), ("assets/large-1a2b3c.bin", LARGE)):
            (site / path).write_bytes(data)
        cls.image = {"user": "nginx", "binds": [(site, "/usr/share/nginx/html"), ("/etc/nginx/mime.types", "/etc/nginx/mime.types")]}
        cls.pod = cls.world.pod(("Deployment", "nautilus-frontend"), 0, image=cls.image).start()
        wait("the frontend is ready", lambda: cls.pod.ready)

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.pod.address, PORT, timeout=10)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def test_the_configuration_is_taken_without_a_warning(self):
        done = self.pod.execute("nginx", "-c", "/etc/nautilus/nginx.conf", "-e", "/dev/stderr", "-t", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("[warn]", done.stderr)
        self.assertNotIn("[warn]", self.pod.main.log.read_text())

    def test_a_path_of_the_application_is_its_page(self):
        for path in ("/", "/index.html", "/orders/42", "/a/b/c?x=1"):
            status, headers, body = self.ask(path)
            self.assertEqual((status, body, headers["cache-control"], headers["content-type"]), (200, INDEX, "no-cache", "text/html"), path)

    def test_assets_are_kept_for_a_year_but_not_their_absence(self):
        status, headers, body = self.ask("/assets/app-1a2b3c.js")
        self.assertEqual((status, body, headers["cache-control"]), (200, SCRIPT, "public, max-age=31536000, immutable"))
        self.assertEqual(headers["content-type"], "application/javascript")
        status, headers, _ = self.ask("/assets/gone.js")
        self.assertEqual(status, 404)
        self.assertNotIn("cache-control", headers)

    def test_every_answer_carries_the_security_headers(self):
        for path in ("/", "/orders", "/assets/app-1a2b3c.js", "/assets/gone.js", "/healthz"):
            headers = self.ask(path)[1]
            self.assertEqual((headers["x-content-type-options"], headers["referrer-policy"], headers["strict-transport-security"]),
                             ("nosniff", "strict-origin-when-cross-origin", "max-age=31536000; includeSubDomains"), path)
            policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
            self.assertEqual((policy["default-src"], policy["frame-ancestors"]), ("'self'", "'none'"))
            self.assertEqual(policy["connect-src"].split(), ["'self'", "https://api.nautilus.trading.com", "wss://ws.nautilus.trading.com"])
            self.assertEqual(headers["server"], "nginx", "the version is told")

    def test_text_is_compressed(self):
        status, headers, body = self.ask("/assets/app-1a2b3c.js", **{"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["content-encoding"], gzip.decompress(body)), (200, "gzip", SCRIPT))
        self.assertIn("Accept-Encoding", headers["vary"])

    def test_what_it_does_not_do_is_refused(self):
        self.assertEqual(self.ask("/", "POST")[0], 405)
        self.assertEqual(self.ask("/../../etc/passwd")[0], 400)
        self.assertEqual(self.ask("/%2e%2e/%2e%2e/etc/passwd")[0], 400)
        self.assertNotIn(b"root:", self.ask("/assets/..%2f..%2f..%2fetc/passwd")[2])

    def test_the_log_is_json_a_line(self):
        import json
        self.ask('/logged/"quoted"?secret=1')
        wait("the request is logged", lambda: "/logged/" in self.pod.main.log.read_text())
        line = next(line for line in self.pod.main.log.read_text().splitlines() if "/logged/" in line)
        self.assertNotIn("secret", line)
        self.assertEqual({key: json.loads(line)[key] for key in ("status", "method", "uri")}, {"status": 200, "method": "GET", "uri": '/logged/"quoted"'})

    def test_a_download_that_has_begun_is_finished_when_the_pod_stops(self):
        pod = self.world.pod(("Deployment", "nautilus-frontend"), 1, image=self.image).start()
        wait("another frontend is ready", lambda: pod.ready)
        with socket.create_connection((pod.address, PORT), timeout=30) as client:
            client.sendall(b"GET /assets/large-1a2b3c.bin HTTP/1.1\r\nHost: ui\r\nConnection: close\r\n\r\n")
            data = client.recv(4096)
            ended = []
            stop = threading.Thread(target=lambda: ended.append(pod.stop()), daemon=True)
            begin = time.monotonic()
            stop.start()
            wait("it takes no new connection", lambda: not self.connects(pod))
            while piece := client.recv(1 << 16):
                data += piece
        stop.join(60)
        self.assertEqual(data.partition(b"\r\n\r\n")[2], LARGE, "the download was cut off")
        self.assertEqual(ended, [True], "it did not end by itself within its grace")
        print(f"measured: ended {time.monotonic() - begin:.1f} s after it was told to, the download whole")

    @staticmethod
    def connects(pod):
        try:
            socket.create_connection((pod.address, PORT), timeout=5).close()
            return True
        except OSError:
            return False


if __name__ == "__main__":
    world.enter(os.path.abspath(__file__))
    unittest.main(verbosity=2, warnings="ignore")
