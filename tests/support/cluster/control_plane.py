#!/usr/bin/env python3
"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, controller-manager, scheduler, and kwok as the nodes.

    control_plane.py up DIR [--owner PID] [--nodes N]    starts one in DIR and returns when it is ready
    control_plane.py down DIR                            stops it and waits until every process is gone
    control_plane.py env DIR                             prints the settings of a running one as shell exports

`up` leaves one supervisor process behind. It owns the servers: they are killed by the kernel when it dies, however it
dies, and it stops them when it is told to (`down`), when one of them ends by itself, or when the process named by
--owner is gone. Nothing is found by name, so any number of clusters live side by side. Ports are free loopback ports
chosen at start; a port lost to somebody else in between is met by starting over, at most START_ATTEMPTS times.

Only the standard library and openssl are needed. The servers come from scripts/build-tools.sh; see BIN.
"""
import argparse
import base64
import ctypes
import http.client
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nautilusctl-tools"
BIN = CACHE / "bin"
STAGES = CACHE / "share" / "kwok-stages.yaml"
SERVERS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]

LOOPBACK = "127.0.0.1"
START_ATTEMPTS = 3
READY_SECONDS = 240         # one server, from its start to its first good answer; seconds on an idle machine
POLL_SECONDS = 0.1
STOP_SECONDS = 20           # asked politely; after that the kernel is asked
ZONES = ["zone-a", "zone-b", "zone-c"]
NODE_CAPACITY = {"cpu": "16", "memory": "64Gi", "pods": "160", "ephemeral-storage": "512Gi"}
# The classes the environments ask for; kwok provisions all of them alike. The first is the default.
STORAGE_CLASSES = ["standard", "fast-ssd"]


class ClusterError(Exception):
    """Something about the cluster itself failed, as opposed to what is tested on it."""


def missing_tools():
    """Names of the servers that are not built yet."""
    return [name for name in SERVERS if not (BIN / name).exists()] + ([] if STAGES.exists() else [STAGES.name])


def free_ports(count):
    """Ports nobody listens on at this moment; all are held until the last is known, so that they differ."""
    held = []
    try:
        for _ in range(count):
            sock = socket.socket()
            sock.bind(("127.0.0.1", 0))
            held.append(sock)
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


# ---------------------------------------------------------------------------------------------- certificates

def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def make_key(path):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    path.chmod(0o600)


def make_certificate(pki, name, subject, extensions):
    make_key(pki / f"{name}.key")
    (pki / f"{name}.ext").write_text(extensions)
    openssl("req", "-new", "-key", pki / f"{name}.key", "-subj", subject, "-out", pki / f"{name}.csr")
    openssl("x509", "-req", "-in", pki / f"{name}.csr", "-CA", pki / "ca.crt", "-CAkey", pki / "ca.key", "-CAcreateserial",
            "-days", "30", "-extfile", pki / f"{name}.ext", "-out", pki / f"{name}.crt")


CLIENTS = {  # file name: subject. The groups decide what RBAC lets them do.
    "admin": "/O=system:masters/CN=admin",
    "kwok": "/O=system:masters/CN=kwok",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "nobody": "/O=visitors/CN=nobody",
    "front-proxy": "/CN=front-proxy-client",  # as whom the API server calls aggregated APIs, for others
}


def make_pki(pki, address=LOOPBACK):
    pki.mkdir(parents=True)
    make_key(pki / "ca.key")
    openssl("req", "-x509", "-new", "-key", pki / "ca.key", "-subj", "/CN=nautilus-test-ca", "-days", "30", "-out", pki / "ca.crt")
    make_certificate(pki, "apiserver", "/CN=kube-apiserver",
                     f"subjectAltName=IP:127.0.0.1,IP:{address},IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth\n")
    for name, subject in CLIENTS.items():
        make_certificate(pki, name, subject, "extendedKeyUsage=clientAuth\n")
    make_key(pki / "sa.key")
    openssl("pkey", "-in", pki / "sa.key", "-pubout", "-out", pki / "sa.pub")


def kubeconfig_text(pki, user, server):
    def inline(name):
        return base64.b64encode((pki / name).read_bytes()).decode()
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": inline("ca.crt")}}],
        "users": [{"name": user, "user": {"client-certificate-data": inline(f"{user}.crt"), "client-key-data": inline(f"{user}.key")}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    }, indent=1)


# ---------------------------------------------------------------------------------------------- talking to it

class Api:
    """The API server as the harness sees it: one keep-alive connection, JSON in and out. Not for two threads."""

    def __init__(self, directory, user="admin"):
        pki = Path(directory) / "pki"
        self.host, port = (Path(directory) / "server").read_text().strip().removeprefix("https://").rsplit(":", 1)
        self.port = int(port)
        self.context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self.context.load_cert_chain(str(pki / f"{user}.crt"), str(pki / f"{user}.key"))
        self.connection = None

    def raw(self, method, path, body=None, content_type="application/json", timeout=30):
        """Status and body bytes. A broken connection is made anew once; what happens then is the caller's."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        for fresh in (False, True):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)
                self.connection.request(method, path, data, {"Content-Type": content_type, "User-Agent": "nautilus-test-harness"})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                if self.connection:
                    self.connection.close()
                self.connection = None
                if fresh:
                    raise
        raise AssertionError("unreachable")

    def call(self, method, path, body=None, content_type="application/json", ok=(200, 201, 202)):
        status, data = self.raw(method, path, body, content_type)
        value = json.loads(data) if data[:1] in (b"{", b"[") else data.decode(errors="replace")
        if status not in ok:
            raise ClusterError(f"{method} {path}: {status}: {value.get('message') if isinstance(value, dict) else value}")
        return value

    def get(self, path):
        return self.call("GET", path)


def wait_until(what, check, seconds, alive=lambda: None):
    """Polls `check` until it is true; `alive` raises when waiting has become pointless."""
    deadline = time.monotonic() + seconds
    while True:
        alive()
        if check():
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds} s")
        time.sleep(POLL_SECONDS)


# ---------------------------------------------------------------------------------------------- the servers

def die_with_parent():
    """In the child: the kernel kills it when the supervisor's process ends."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgrp()  # a Ctrl-C at the terminal is for the test, not for the servers


AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"],
               "omitStages": ["RequestReceived"]},
              {"level": "None"}],
}


class Servers:
    """The five processes of one cluster, children of the supervisor."""

    def __init__(self, directory, nodes, address=LOOPBACK):
        self.directory = Path(directory)
        self.host = address
        self.pki = self.directory / "pki"
        self.logs = self.directory / "logs"
        self.nodes = nodes
        self.children = {}

    def spawn(self, name, *arguments):
        with open(self.logs / f"{name}.log", "ab") as log:
            self.children[name] = subprocess.Popen(
                [str(BIN / name), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, preexec_fn=die_with_parent)

    def check_alive(self):
        for name, child in self.children.items():
            if child.poll() is not None:
                tail = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-5:]
                raise ClusterError(f"{name} ended with status {child.returncode}:\n  " + "\n  ".join(tail))

    def ready(self, api, path="/readyz"):
        try:
            return api.raw("GET", path, timeout=5)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def start(self):
        etcd, peer, server, manager, scheduler, kwok = free_ports(6)
        address = f"https://{self.host}:{server}"
        (self.directory / "server").write_text(address + "\n")
        for user in CLIENTS:
            path = self.directory / f"kubeconfig-{user}"
            path.write_text(kubeconfig_text(self.pki, user, address))
            path.chmod(0o600)
        self.start_etcd(etcd, peer)
        self.start_apiserver(etcd, server)
        api = Api(self.directory)
        wait_until("kube-apiserver /readyz", lambda: self.ready(api), READY_SECONDS, self.check_alive)
        self.start_controllers(manager, scheduler, kwok)
        self.populate(api)

    def start_etcd(self, port, peer):
        url, peer_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
        self.spawn("etcd", "--unsafe-no-fsync", "--data-dir", self.directory / "etcd", "--listen-client-urls", url,
                   "--advertise-client-urls", url, "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
                   "--initial-cluster", f"default={peer_url}", "--log-level", "warn", "--quota-backend-bytes", 1 << 30)

    def start_apiserver(self, etcd, port):
        (self.directory / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.spawn("kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{etcd}", "--bind-address", self.host,
                   "--secure-port", port, "--advertise-address", self.host,
                   "--endpoint-reconciler-type", "none" if self.host == LOOPBACK else "lease",  # pods cannot reach loopback
                   "--kubelet-client-certificate", self.pki / "admin.crt", "--kubelet-client-key", self.pki / "admin.key",
                   "--kubelet-certificate-authority", self.pki / "ca.crt", "--kubelet-preferred-address-types", "InternalIP",
                   "--tls-cert-file", self.pki / "apiserver.crt", "--tls-private-key-file", self.pki / "apiserver.key",
                   "--client-ca-file", self.pki / "ca.crt", "--authorization-mode", "Node,RBAC",
                   "--service-account-key-file", self.pki / "sa.pub", "--service-account-signing-key-file", self.pki / "sa.key",
                   "--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", "10.96.0.0/16",
                   "--requestheader-client-ca-file", self.pki / "ca.crt", "--requestheader-allowed-names", "front-proxy-client",
                   "--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group",
                   "--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--proxy-client-cert-file", self.pki / "front-proxy.crt",
                   "--proxy-client-key-file", self.pki / "front-proxy.key", "--enable-aggregator-routing=true",
                   "--enable-admission-plugins", "NodeRestriction", "--watch-cache=true", "--event-ttl", "10m",
                   "--audit-policy-file", self.directory / "audit-policy.json", "--audit-log-path", self.directory / "audit.log",
                   "--audit-log-mode", "blocking", "--shutdown-delay-duration", "0s")

    def start_controllers(self, manager, scheduler, kwok):
        self.spawn("kube-controller-manager", "--kubeconfig", self.directory / "kubeconfig-controller-manager",
                   "--bind-address", "127.0.0.1", "--secure-port", manager, "--leader-elect=false",
                   "--use-service-account-credentials=true", "--kube-api-qps", 200, "--kube-api-burst", 400,
                   "--root-ca-file", self.pki / "ca.crt", "--service-account-private-key-file", self.pki / "sa.key",
                   "--cluster-signing-cert-file", self.pki / "ca.crt", "--cluster-signing-key-file", self.pki / "ca.key",
                   "--namespace-sync-period", "10s", "--resource-quota-sync-period", "10s",
                   "--horizontal-pod-autoscaler-sync-period", "2s")
        self.spawn("kube-scheduler", "--kubeconfig", self.directory / "kubeconfig-scheduler", "--bind-address", "127.0.0.1",
                   "--secure-port", scheduler, "--leader-elect=false", "--kube-api-qps", 200, "--kube-api-burst", 400)
        if not self.nodes:  # real ones are coming: kwok would also make their volumes
            return
        self.spawn("kwok", "--config", STAGES, "--kubeconfig", self.directory / "kubeconfig-kwok",
                   "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds=40",
                   f"--server-address=127.0.0.1:{kwok}")

    def populate(self, api):
        """Nodes over three zones, storage classes; then waits until pods could run."""
        for index in range(self.nodes):
            name, zone = f"node-{index}", ZONES[index % len(ZONES)]
            api.call("POST", "/api/v1/nodes", {
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"},
                             "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                                        "topology.kubernetes.io/region": "region-1", "topology.kubernetes.io/zone": zone}},
                "status": {"capacity": NODE_CAPACITY, "allocatable": NODE_CAPACITY}})
        for index, name in enumerate(STORAGE_CLASSES if self.nodes else []):
            annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if index == 0 else {}
            api.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name, "annotations": annotations},
                "provisioner": "kwok.x-k8s.io/volume", "allowVolumeExpansion": True, "volumeBindingMode": "Immediate"})

        def nodes_ready():
            nodes = api.get("/api/v1/nodes")["items"]
            ready = [n for n in nodes if not n["spec"].get("taints") and
                     any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"].get("conditions", []))]
            return len(ready) == self.nodes
        wait_until("the nodes", nodes_ready, READY_SECONDS, self.check_alive)
        wait_until("the default service account",
                   lambda: api.raw("GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200,
                   READY_SECONDS, self.check_alive)

    def stop(self):
        """Writers first, the store last. Everybody is asked, then made to."""
        order = [name for name in ("kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd") if name in self.children]
        for name in order[:-2]:
            self.children[name].kill()
        for name in order[-2:]:
            child = self.children[name]
            child.terminate()
            try:
                child.wait(STOP_SECONDS / 4)
            except subprocess.TimeoutExpired:
                child.kill()
        for child in self.children.values():
            child.wait()
        self.children.clear()


# ---------------------------------------------------------------------------------------------- the supervisor

def established(kubectl, seconds=120):
    """Waits until every custom kind is served. kubectl itself gives up on one that has no conditions yet."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while True:
        try:
            return kubectl("wait", "--for=condition=Established", "crd", "--all", f"--timeout={seconds}s")
        except Exception as trouble:  # each suite has its own
            if "accessor error" not in str(trouble) or time.monotonic() > deadline:
                raise
            pause.wait(0.1)


def start_with_retries(directory, nodes, address):
    for attempt in range(1, START_ATTEMPTS + 1):
        servers = Servers(directory, nodes, address)
        try:
            servers.start()
            return servers
        except ClusterError as error:
            servers.stop()
            if attempt == START_ATTEMPTS or "address already in use" not in str(error):
                raise
            shutil.rmtree(Path(directory) / "etcd", ignore_errors=True)
    raise AssertionError("unreachable")


def supervise(directory, nodes, address, owner, report):
    """The body of the supervisor. `report` is the pipe on which `up` waits for one line."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        servers = start_with_retries(directory, nodes, address)
    except (ClusterError, OSError) as error:
        os.write(report, f"error: {error}\n".encode())
        return 1
    os.write(report, b"ready\n")
    os.close(report)
    watched = select.poll()
    watched.register(wake_read, select.POLLIN)
    owner_fd = os.pidfd_open(owner) if owner else -1
    if owner_fd >= 0:
        watched.register(owner_fd, select.POLLIN)
    why = ""
    while not why:
        for fd, _ in watched.poll():
            if fd == owner_fd:
                why = f"the owner, process {owner}, is gone"
            elif any(n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) for n in os.read(wake_read, 512)):
                why = "told to stop"
        try:
            servers.check_alive()
        except ClusterError as error:
            why = why or str(error)
    (Path(directory) / "logs" / "supervisor.log").open("a").write(why + "\n")
    servers.stop()
    return 0


def process_start(pid):
    """The kernel's start time of a process, which tells it from a later one of the same number; None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        return None


def up(directory, nodes=12, owner=0, address=LOOPBACK):
    """nodes: fake ones; none, and no kwok, where a real one is to join (node.py). address: where the API server listens."""
    directory = Path(directory).resolve()
    absent = missing_tools()
    if absent:
        raise ClusterError(f"not built yet: {', '.join(absent)} (scripts/build-tools.sh)")
    if (directory / "supervisor").exists():
        raise ClusterError(f"{directory} already holds a cluster; stop it with `down` first")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "logs").mkdir(exist_ok=True)
    make_pki(directory / "pki", address)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read_end)
            os.setsid()
            log = os.open(directory / "logs" / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0), os.dup2(log, 1), os.dup2(log, 2)
            (directory / "supervisor").write_text(f"{os.getpid()} {process_start(os.getpid())}\n")
            status = supervise(directory, nodes, address, owner, write_end)
        except BaseException as error:  # the last place that can say anything
            print(f"supervisor: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        line = pipe.read().strip()
    if line != "ready":
        os.waitpid(child, 0)
        (directory / "supervisor").unlink(missing_ok=True)
        raise ClusterError(line.removeprefix("error: ") or f"the supervisor died; see {directory}/logs")
    write_env(directory)
    return directory


def read_env(directory):
    """The settings of a running cluster as a dictionary."""
    lines = (Path(directory) / "env").read_text().splitlines()
    return {key: value.strip("'") for key, value in (line.removeprefix("export ").split("=", 1) for line in lines)}


def write_env(directory):
    server = (directory / "server").read_text().strip()
    settings = {"KUBECONFIG": directory / "kubeconfig-admin", "NAUTILUS_TEST_SERVER": server,
                "NAUTILUS_TEST_KUBECONFIG": directory / "kubeconfig-admin", "NAUTILUS_TEST_PKI": directory / "pki",
                "NAUTILUS_TEST_AUDIT_LOG": directory / "audit.log", "NAUTILUS_TEST_BIN": BIN}
    (directory / "env").write_text("".join(f"export {key}='{value}'\n" for key, value in settings.items()))


def down(directory):
    """Stops the cluster and returns when its supervisor, and with it every server, is gone. Fine if there is none."""
    marker = Path(directory) / "supervisor"
    if not marker.exists():
        return
    pid, started = marker.read_text().split()
    pid = int(pid)
    if process_start(pid) == started:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while process_start(pid) == started:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)  # its children die with it
                break
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            time.sleep(0.05)
    marker.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["up", "down", "env"])
    parser.add_argument("directory")
    parser.add_argument("--owner", type=int, default=0, help="stop when this process is gone")
    parser.add_argument("--nodes", type=int, default=12)
    options = parser.parse_args()
    try:
        if options.action == "up":
            up(options.directory, options.nodes, options.owner)
        elif options.action == "down":
            down(options.directory)
        if options.action != "down":
            print((Path(options.directory) / "env").read_text(), end="")
    except (ClusterError, OSError) as error:
        print(f"control_plane: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
