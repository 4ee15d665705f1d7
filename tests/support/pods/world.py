"""One machine's worth of pods: network, names, Services. A test calls enter() first; needs root."""
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

from .pod import Pod
from .run import run

ROOT = Path(__file__).resolve().parents[3]
INSIDE = "NAUTILUS_PODS_INSIDE"
NODE = "10.78.0.1"           # this machine, as the pods see it
SERVICES = "10.96.0.0/16"
API = "10.96.0.1"
POLL_SECONDS = 0.1
SKIPPED = 77


def enter(file, python=sys.executable):
    """Goes on in namespaces of its own. Whatever is started there ends with the test, however it ends."""
    if os.environ.get(INSIDE):
        return
    unshare = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    if os.getuid() or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        print("namespaces cannot be made here: this test needs root; skipped")
        sys.exit(SKIPPED)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*unshare, str(python), "-B", file, *sys.argv[1:]])


def rendered(environment, *more):
    """The objects that nautilusctl renders; NAUTILUSCTL names the program."""
    done = subprocess.run([os.environ["NAUTILUSCTL"], "--project", str(ROOT), "render", "--env", environment, *more], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"render --env {environment} {' '.join(more)}: {done.stderr}")
    return [o for o in yaml.safe_load_all(done.stdout) if o]


def wait(what, condition, seconds=60):
    """Polls until it is true, says how long that took, and returns what it was."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            print(f"ok: {what} ({time.monotonic() - begin:.1f} s)", flush=True)
            return value
        if time.monotonic() > begin + seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(POLL_SECONDS)


class World:
    def __init__(self, environment, objects):
        self.folder = Path(tempfile.mkdtemp(prefix="nautilus-pods-"))
        self.folder.chmod(0o755)
        self.environment, self.objects = environment, objects
        self.pods, self.virtual, self.next = {}, {}, 10
        self.changed, self.over = threading.Event(), threading.Event()
        self.api = self.table = None
        self.hosts = self.folder / "hosts"
        self.extra_hosts = {}
        self.secrets = {}
        declared = yaml.safe_load((ROOT / "manifests" / "environments" / environment / "environment.yaml").read_text())["spec"]
        for secret in declared.get("generatedSecrets", []):
            self.secrets[secret["name"]] = {key: secrets.token_hex(how["length"] // 2) for key, how in secret["keys"].items()}

    def __enter__(self):
        if not os.environ.get("NAUTILUS_KEEP"):
            # In memory: a kill of processes says nothing about a disk, and this goes with the test.
            run("mount", "-t", "tmpfs", "-o", "mode=0755,size=6g", "pods", self.folder)
        Path("/run/netns").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "netns", "/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "replace", f"{NODE}/32", "dev", "lo")
        run("ip", "route", "replace", SERVICES, "dev", "lo", "src", NODE)
        for name in ("ip_forward", "conf/all/route_localnet"):
            Path(f"/proc/sys/net/ipv4/{name}").write_text("1")
        for service in self.objects:
            if service["kind"] == "Service" and service["spec"].get("clusterIP") != "None":
                self.virtual[service["metadata"]["name"]] = f"10.96.1.{len(self.virtual) + 1}"
        self.write_hosts()
        self.lead()
        threading.Thread(target=self.follow, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for pod in list(self.pods.values()):
            for one in pod.containers:
                one.over.set()
            pod.kill()
            run("ip", "netns", "delete", pod.name)
        if self.api:
            self.api.stop()
        run("umount", "/run/netns")
        if kind and not os.environ.get("NAUTILUS_KEEP"):
            for log in sorted(self.folder.glob("pods/*/*.log")):
                lines = log.read_text(errors="replace").splitlines()
                print(f"--- {log.parent.name} {log.stem}", *lines[-25:], sep="\n", file=sys.stderr)
        if os.environ.get("NAUTILUS_KEEP"):
            print(f"kept: {self.folder}")
        else:
            run("umount", "--lazy", self.folder)
            self.folder.rmdir()

    # -------------------------------------------------------------------------------------------- pods

    def find(self, kind, name):
        found = [o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} rendered objects {kind} {name}")
        return found[0]

    def pod(self, workload, ordinal=0, image=None, containers=None, command=None):
        """The pod of that ordinal, with a network and an address, not started. workload is (kind, name); image is what the
        container's image would hold: user, path, environment, files and binds (see root.py). containers: names, else the first;
        command: instead of the rendered one of the first."""
        owner = self.find(*workload)
        name = f"{workload[1]}-{ordinal}"
        self.next += 1
        address, device = f"10.78.{self.next // 250 + 1}.{self.next % 250 + 1}", f"v{self.next}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", device, "up")
        run("ip", "route", "add", f"{address}/32", "dev", device)
        run("ip", "-n", name, "address", "add", f"{address}/32", "dev", "eth0")
        for link in ("lo", "eth0"):
            run("ip", "-n", name, "link", "set", link, "up")
        pod = Pod(self, owner, name, address, image or {}, containers)
        if command:
            pod.main.template = {**pod.main.template, "command": command, "args": []}
        self.routes(pod)
        self.pods[name] = pod
        if self.api:
            self.api.create_pod(pod)
        self.write_hosts()
        return pod

    @staticmethod
    def routes(pod):
        run("ip", "-n", pod.name, "route", "replace", NODE, "dev", "eth0")
        run("ip", "-n", pod.name, "route", "replace", "default", "via", NODE)

    def forget(self, pod):
        self.pods.pop(pod.name)
        run("ip", "netns", "delete", pod.name)
        if self.api:
            self.api.delete_pod(pod)
        self.write_hosts()
        self.changed.set()

    # -------------------------------------------------------------------------------------------- names and Services

    def serve_api(self, api):
        self.api = api(self).start()
        self.lead()

    def write_hosts(self):
        """Written in place: containers have this very file at /etc/hosts."""
        lines = ["127.0.0.1 localhost"] + [f"{address} {name}" for name, address in self.extra_hosts.items()]
        for service in (o for o in self.objects if o["kind"] == "Service"):
            name, namespace = service["metadata"]["name"], service["metadata"].get("namespace", "")
            names = [name + suffix for suffix in ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")]
            if name in self.virtual:
                lines.append(f"{self.virtual[name]} {' '.join(names)}")
                continue
            for pod in self.pods.values():
                if pod.namespace == namespace and service["spec"]["selector"].items() <= pod.labels.items():
                    lines.append(f"{pod.address} {' '.join(f'{pod.name}.{n}' for n in names)}")
        with open(self.hosts, "w") as file:
            file.write("\n".join(lines) + "\n")

    def endpoints(self, service, port):
        """Addresses of the pods behind a Service: labelled so by the API server, where there is one, and ready."""
        found = []
        for pod in self.pods.values():
            labels = {**pod.labels, **(self.api.labels.get(pod.name, {}) if self.api else {})}
            if pod.ready and pod.namespace == service["metadata"]["namespace"] and service["spec"]["selector"].items() <= labels.items():
                found.append(f"{pod.address} . {pod.port(port['targetPort'])}")
        return found

    def lead(self):
        """kube-proxy's part, as one table that is replaced as a whole."""
        rules = [f"ip daddr {API} tcp dport 443 dnat ip to {self.api.listens}"] if self.api else []
        for name, address in self.virtual.items():
            service = self.find("Service", name)
            for port in service["spec"]["ports"]:
                found = self.endpoints(service, port)
                if found:
                    choices = ", ".join(f"{i} : {one}" for i, one in enumerate(found))
                    rules.append(f"ip daddr {address} tcp dport {port['port']} dnat ip to numgen random mod {len(found)} map {{ {choices} }}")
        refuse = [f"ip daddr {SERVICES} reject"]
        chains = [("out", "nat hook output priority -100", rules), ("in", "nat hook prerouting priority -100", rules),
                  ("refused", "filter hook forward priority 0", refuse), ("refused_here", "filter hook output priority 0", refuse)]
        table = ["table ip pods", "delete table ip pods", "table ip pods {"]
        for name, kind, lines in chains:
            table += [f"chain {name} {{", f"type {kind};", *lines, "}"]
        if table != self.table:
            run("nft", "-f", "-", input="\n".join([*table, "}"]) + "\n")
            self.table = table

    def follow(self):
        while not self.over.is_set():
            self.changed.wait(POLL_SECONDS)
            self.changed.clear()
            try:
                if self.api:
                    self.api.refresh()
                self.lead()
            except Exception as trouble:  # a node that no longer follows its cluster must be seen
                if not self.over.is_set():
                    print(f"Services: {trouble!r}", file=sys.stderr, flush=True)
