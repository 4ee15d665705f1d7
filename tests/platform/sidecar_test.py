#!/usr/bin/env python3
"""Who may call whom, asked of the real thing: each component in turn stands behind an Envoy that istiod drives from the
chart's objects, and every account of the platform, one from elsewhere and a caller in clear text try each of its ports.

    sidecar_test.py

What is let through must be exactly the flows that the chart's network policies declare. Needs what gateway_test.py
needs, and nft (Debian: nftables), which stands in for the redirection that Istio's CNI plugin sets up in a pod.
"""
import http.client
import http.server
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_mesh  # noqa: E402
import gateway_test  # noqa: E402
import mesh_test  # noqa: E402
from gateway_test import INGRESS, TRADING, control_plane  # noqa: E402

COMPONENTS = {account: f"10.77.1.{index}" for index, account in enumerate(
    ("nautilus-backend", "nautilus-frontend", "nautilus-engine", "pgbouncer", "postgresql", "redis-cluster", "redis-cache", "redis-sentinel"), 11)}
GATEWAY, STRANGER = "nautilus-gateway", "stranger"
EGRESS, EGRESS_PLACE, EGRESS_IP = "nautilus-egress", "istio-egress", "10.77.1.30"
OUTSIDE, OUTSIDE_IP = "nautilus-prod-wal.s3.us-east-1.amazonaws.com", "10.77.2.1"
INBOUND = 15006          # where a pod's redirection leads
FROM_SIDECAR = "127.0.0.6"  # what Istio's inbound side calls the application from
DRAIN_SECONDS = 20
CHANGE_SECONDS = 30


class Application(http.server.BaseHTTPRequestHandler):
    """Says yes to whatever gets through, on every port alike."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


class Sidecars(gateway_test.Mesh):
    wanted = [(f"{account}-1", TRADING, account, {"security.istio.io/tlsMode": "istio"}, ip) for account, ip in COMPONENTS.items()]
    wanted.append((f"{EGRESS}-1", EGRESS_PLACE, EGRESS, {"security.istio.io/tlsMode": "istio"}, EGRESS_IP))
    accounts = list(COMPONENTS)

    def rendered(self):
        return mesh_test.objects_of(mesh_test.rendered("prod", "istio"))

    def start_outside(self):
        """The object store, as far as the gateway can tell: a name, an address, and bytes that come back."""
        mesh_test.run("ip", "address", "add", f"{OUTSIDE_IP}/32", "dev", "lo")
        names = self.folder / "hosts"
        names.write_text(f"127.0.0.1 localhost\n{OUTSIDE_IP} {OUTSIDE}\n")
        mesh_test.run("mount", "--bind", names, "/etc/hosts")
        self.exit.callback(mesh_test.run, "umount", "/etc/hosts")
        self.serve(socketserver.ThreadingTCPServer((OUTSIDE_IP, 443), Echo))

    def ports(self, account):
        return sorted(p["containerPort"] for c in self.template(account)["spec"]["containers"] for p in c.get("ports", []))

    def redirect(self):
        rules = "".join(f"ip daddr {ip} tcp dport {{ {', '.join(map(str, self.ports(account)))} }} redirect to :{INBOUND}\n"
                        for account, ip in COMPONENTS.items())
        table = f"table ip nat {{ chain out {{ type nat hook output priority -100; \nip saddr {FROM_SIDECAR} return\n{rules}}}\n}}\n"
        done = subprocess.run(["nft", "-f", "-"], input=table, capture_output=True, text=True, timeout=30)
        if "not permitted" in done.stderr or "not supported" in done.stderr:
            raise unittest.SkipTest(f"no redirection in this kernel: {done.stderr.strip()}")
        if done.returncode:
            raise AssertionError(f"nft: {done.stderr}")


class EveryFlow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("nft"):
            raise unittest.SkipTest("nft is not there (Debian: nftables)")
        folder = tempfile.mkdtemp(prefix="nautilus-sidecars-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.mesh = Sidecars(folder)
        cls.addClassCleanup(cls.mesh.exit.close)
        cls.mesh.start_outside()
        cls.mesh.start()
        cls.mesh.redirect()
        for account, address in COMPONENTS.items():
            for port in cls.mesh.ports(account):
                cls.mesh.serve(http.server.ThreadingHTTPServer((address, port), Application))
        cls.mesh.certify(GATEWAY, INGRESS, GATEWAY)
        cls.mesh.certify(STRANGER, "default", "nautilus-backend")  # the right name in the wrong namespace
        cls.callers = {name: f"cluster.local/ns/{TRADING}/sa/{name}" for name in COMPONENTS}
        cls.callers |= {GATEWAY: f"cluster.local/ns/{INGRESS}/sa/{GATEWAY}", STRANGER: "cluster.local/ns/default/sa/nautilus-backend"}
        cls.declared = check_mesh.Mesh(cls.mesh.objects).sent()

    def client(self, caller):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the name is an account, in a URI; Istio's clients compare that
        context.load_verify_locations(self.mesh.pki / "ca.crt")
        context.load_cert_chain(self.mesh.pki / f"{caller}.crt", self.mesh.pki / f"{caller}.key")
        context.set_alpn_protocols(["istio"])
        return context

    def answered(self, address, port, context):
        """Whether the application itself said yes."""
        try:
            with socket.create_connection((address, port), timeout=10) as raw:
                sock = context.wrap_socket(raw, server_hostname="mesh") if context else raw
                connection = http.client.HTTPConnection(address, port)
                connection.sock = sock
                connection.request("GET", "/")
                status = connection.getresponse().status
                self.assertIn(status, (200, 403))
                return status == 200
        except (OSError, http.client.HTTPException):
            return False

    def echoed(self, caller, name):
        """Whether bytes sent to the egress gateway under that name come back from outside. What a sidecar does is done here."""
        try:
            with socket.create_connection((EGRESS_IP, 8443), timeout=10) as raw, \
                 self.client(caller).wrap_socket(raw, server_hostname=name) as sock:
                sock.sendall(b"sealed")
                return sock.recv(100) == b"sealed"
        except OSError:
            return False

    def test_the_way_out_is_for_one_account_and_one_name(self):
        agent = self.mesh.start_proxy("router", f"{EGRESS}-1", EGRESS_PLACE, EGRESS, EGRESS_IP)
        # A name is resolved some time after the gateway is ready.
        control_plane.wait_until("the way out", lambda: self.echoed("postgresql", OUTSIDE), CHANGE_SECONDS)
        for caller in self.callers:
            with self.subTest(caller=caller):
                self.assertEqual(self.echoed(caller, OUTSIDE), caller == "postgresql")
        for name in ("s3.us-east-1.amazonaws.com", "example.com"):
            self.assertFalse(self.echoed("postgresql", name))
        agent.terminate()
        agent.wait(DRAIN_SECONDS)

    def test_what_is_declared_gets_through_and_nothing_else_does(self):
        tried = through = 0
        for account, address in COMPONENTS.items():
            agent = self.mesh.start_proxy("sidecar", f"{account}-1", TRADING, account, address)
            for port in self.mesh.ports(account):
                for caller, principal in self.callers.items():
                    with self.subTest(callee=account, port=port, caller=caller):
                        wanted = (principal, TRADING, account, port) in self.declared
                        self.assertEqual(self.answered(address, port, self.client(caller)), wanted)
                        tried, through = tried + 1, through + wanted
                with self.subTest(callee=account, port=port, caller="in clear text"):
                    self.assertFalse(self.answered(address, port, None))
            agent.terminate()
            agent.wait(DRAIN_SECONDS)
        self.assertEqual(through, len([row for row in self.declared if row[1] == TRADING]), "every declared flow was tried")
        self.assertGreater(tried, 100)
        print(f"{tried} calls tried, {through} allowed", file=sys.stderr)

    def test_without_the_policies_anyone_gets_through(self):
        """So it is them that deny, and not this test's own setting."""
        address, port = COMPONENTS["nautilus-engine"], 9001
        self.mesh.kubectl("delete", "authorizationpolicies.security.istio.io", "-n", TRADING, "deny-all", "nautilus-engine")
        self.mesh.kubectl("patch", "peerauthentications.security.istio.io", "-n", TRADING, "default", "--type=merge",
                          "-p", '{"spec":{"mtls":{"mode":"PERMISSIVE"}}}')
        shutil.rmtree(self.mesh.folder / "nautilus-engine-1", ignore_errors=True)
        agent = self.mesh.start_proxy("sidecar", "nautilus-engine-1", TRADING, "nautilus-engine", address)
        for context in (self.client(STRANGER), None):
            control_plane.wait_until("the change", lambda tried=context: self.answered(address, port, tried), CHANGE_SECONDS)
        agent.terminate()
        agent.wait(DRAIN_SECONDS)


if __name__ == "__main__":
    gateway_test.main(__file__)
