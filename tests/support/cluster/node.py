"""A real Kubernetes node beside the real control plane: containerd with runc, CNI's bridge, kubelet, kube-proxy, CoreDNS.

    enter(__file__)                          first of all: goes on in namespaces of its own (network, mounts, processes)
    control_plane.up(..., nodes=0, address=node.ADDRESS)
    with Node(directory, cluster) as n:      runs when it is ready
        n.load(archive, name, *more_names)   an image of image.py, under the names that pods ask for

What is made here ends with the test, however it ends: containers are in its process namespace, mounts and links in its
others. The cgroups alone are the machine's; `stop` removes them.

Real: everything a pod meets. Different from production: one node; volumes are folders of this machine, made before; the
bridge enforces no NetworkPolicy; the runtime may not lower OOM scores where CAP_SYS_RESOURCE is missing.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import control_plane
import image
from control_plane import BIN, ClusterError, wait_until

PROGRAMS = ["kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr", "coredns"]
DEBIAN = {"runc": "runc", "nft": "nftables", "ip": "iproute2", "unshare": "util-linux"}
CNI = Path("/usr/lib/cni")           # Debian's containernetworking-plugins
CNI_NEEDED = ["bridge", "host-local", "loopback"]

INSIDE = "NAUTILUS_NODE_INSIDE"
ADDRESS = "10.79.0.1"                # of the node, and of the API server
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
DNS = "10.96.0.10"
DOMAIN = "cluster.local"
PAUSE = "nautilus.test/pause:1"
READY_SECONDS = 240
STOP_SECONDS = 20
VOLUMES = 12                         # ready-made, each of VOLUME_SIZE
VOLUME_SIZE = "20Gi"
# Places that kubelet, containerd and CNI have fixed paths for: empty ones of this test's own.
OWN = ["/run/netns", "/var/lib/kubelet", "/var/log/containers", "/var/lib/cni", "/run/containerd", "/run/runc"]
CGROUPS = Path("/sys/fs/cgroup")


def missing():
    """What a node needs and this machine lacks: programs of ours, of Debian."""
    found = [name for name in PROGRAMS if not (BIN / name).exists()]
    found += [f"{name} (Debian's {package})" for name, package in DEBIAN.items() if not shutil.which(name)]
    return found + [f"{name} (Debian's containernetworking-plugins)" for name in CNI_NEEDED if not (CNI / name).exists()]


def hierarchies():
    """Folders in which the node's cgroup is made: one, or one for each controller in the first version."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return sorted({path.resolve() for path in CGROUPS.iterdir() if (path / "tasks").exists()}) if CGROUPS.is_dir() else []


def possible():
    """False where cgroups cannot be made, which no package and no build can change."""
    return bool(hierarchies()) and all(os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_RDONLY for folder in hierarchies())


UNSHARE = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]


def enter(file):
    """Goes on in namespaces of its own; returns there. Ends the program as skipped, or failed where a cluster is required,
    if that is not allowed here."""
    if os.environ.get(INSIDE):
        return
    if not possible():
        print(f"no cgroup can be made in {CGROUPS}: this machine runs no containers; skipped", file=sys.stderr)
        sys.exit(77)
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        print("namespaces cannot be made here: a real node needs root", file=sys.stderr)
        sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)
    os.environ[INSIDE] = "1"
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-B", file, *sys.argv[1:]])


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise ClusterError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def network():
    """Links of this namespace, before anything listens: the node's address, and a way to the Services' addresses."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node1")
    for link in ("node0", "node1"):
        run("ip", "link", "set", link, "up")
    run("ip", "address", "add", f"{ADDRESS}/24", "dev", "node0")
    run("ip", "route", "add", SERVICES, "dev", "node0")  # kube-proxy turns them before they leave
    run("ip", "route", "add", "unreachable", "default")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    # An answer within the bridge must pass the rules that turned the question. The file is there once a bridge is.
    run("ip", "link", "add", "cni0", "type", "bridge")
    Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("1")


class Node:
    def __init__(self, directory, cluster, name="node-1", zone="zone-a"):
        """directory: for the node alone; cluster: that of a control plane that listens on ADDRESS."""
        self.directory, self.cluster = Path(directory).resolve(), Path(cluster).resolve()
        self.name, self.zone = name, zone
        self.api = control_plane.Api(cluster)
        self.children = {}
        self.cgroup = f"nautilus-node-{os.path.basename(self.directory.parent)}"

    # -------------------------------------------------------------------------------------------- start and stop

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        for name in ("logs", "images", "volumes", "pods", "kubelet"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for path in OWN:
            Path(path).mkdir(parents=True, exist_ok=True)
            run("mount", "-t", "tmpfs", "-o", "mode=0755", "own", path)
        self.make_cgroups()
        self.start_containerd()
        self.load(self.pause(), PAUSE)
        self.start_kubelet()
        self.start_proxy()
        self.start_dns()
        self.make_volumes()
        wait_until(f"node {self.name}", self.is_ready, READY_SECONDS, self.check_alive)
        return self

    def stop(self):
        for name in ("kubelet", "kube-proxy", "coredns"):
            self.end(name)
        self.kill_containers()
        self.end("containerd")
        self.remove_cgroups()

    def end(self, name):
        child = self.children.pop(name, None)
        if child:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def spawn(self, name, *arguments, **environment):
        with open(self.directory / "logs" / f"{name}.log", "ab") as log:
            self.children[name] = subprocess.Popen(
                [str(BIN / name), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                preexec_fn=control_plane.die_with_parent, env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.directory), **environment})

    def check_alive(self):
        for name, child in self.children.items():
            if child.poll() is not None:
                raise ClusterError(f"{name} ended with status {child.returncode}:\n  {self.tail(name)}")

    def tail(self, name, lines=8):
        log = self.directory / "logs" / f"{name}.log"
        return "\n  ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    def is_ready(self):
        status, data = self.api.raw("GET", f"/api/v1/nodes/{self.name}")
        if status != 200:
            return False
        node = json.loads(data)
        return not node["spec"].get("taints") and any(
            c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))

    # -------------------------------------------------------------------------------------------- cgroups

    def make_cgroups(self):
        for hierarchy in hierarchies():
            (hierarchy / self.cgroup).mkdir(exist_ok=True)
            # All containers together compete as one with every single process outside: on a busy machine that is a crawl.
            for name, value in (("cpu.shares", 16 * 1024), ("cpu.weight", 16 * 100)):
                if (hierarchy / self.cgroup / name).exists():
                    (hierarchy / self.cgroup / name).write_text(str(value))
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (hierarchy / self.cgroup / name).exists() and (hierarchy / "tasks").exists():
                    (hierarchy / self.cgroup / name).write_text((hierarchy / name).read_text())
            if (hierarchy / "cgroup.controllers").exists():
                wanted = (hierarchy / "cgroup.controllers").read_text().split()
                for folder in (hierarchy, hierarchy / self.cgroup):
                    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))

    def members(self):
        """Processes of all containers, as this namespace numbers them."""
        found = set()
        for hierarchy in hierarchies():
            for folder, _, _ in os.walk(hierarchy / self.cgroup):
                try:
                    found |= {int(line) for line in Path(folder, "cgroup.procs").read_text().split() if int(line)}
                except OSError:  # the runtime has just removed it
                    pass
        return found

    def kill_containers(self):
        def gone():
            members = self.members()
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not members
        wait_until("the end of the containers", gone, STOP_SECONDS)

    def remove_cgroups(self):
        for hierarchy in [*hierarchies(), CGROUPS / "unified"]:  # where both versions are mounted, the runtime uses both
            for folder, _, _ in os.walk(hierarchy / self.cgroup, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError as error:  # a test must not fail for a folder that stays
                    print(f"node: {folder}: {error.strerror}", file=sys.stderr)

    # -------------------------------------------------------------------------------------------- containerd

    def start_containerd(self):
        conf = self.directory / "cni"
        conf.mkdir(exist_ok=True)
        (conf / "10-bridge.conflist").write_text(json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [{
            "type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}))
        self.socket = "/run/containerd/containerd.sock"
        config = self.directory / "containerd.toml"
        config.write_text(f"""version = 3
root = "{self.directory}/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{CNI}"]
  conf_dir = "{conf}"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
""")
        self.spawn("containerd", "--config", config, "--log-level", "warn")

        def answers():
            return subprocess.run([str(BIN / "ctr"), "-a", self.socket, "version"], capture_output=True).returncode == 0
        wait_until("containerd", answers, READY_SECONDS, self.check_alive)

    def ctr(self, *arguments):
        return run(BIN / "ctr", "-a", self.socket, "-n", "k8s.io", *arguments)

    def load(self, archive, *names):
        """Brings an archive of image.py in, under these names. A name with a digest, as a pod asks for it, is a name like
        any other here: the content is ours, not the registry's."""
        self.ctr("images", "import", archive)
        for name in names:
            if name != names[0]:
                self.ctr("images", "tag", "--force", "--skip-reference-check", names[0], name)

    def kill(self, pod, container):
        """kill -9 of a container's first process, as the kernel would for want of memory. True if there was one."""
        status = next(c for c in pod["status"]["containerStatuses"] if c["name"] == container)
        identity = status["containerID"].removeprefix("containerd://")
        for line in self.ctr("tasks", "list").splitlines():
            fields = line.split()
            if fields and fields[0] == identity:
                os.kill(int(fields[1]), signal.SIGKILL)
                return True
        return False

    def pause(self):
        """The image of the container that holds a pod's namespaces: one program without shared objects."""
        source, program = self.directory / "images" / "pause.c", self.directory / "images" / "pause"
        source.write_text("""#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int number) { (void)number; _exit(0); }
static void reap(int number) { (void)number; while (waitpid(-1, NULL, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
""")
        run("cc", "-O1", "-static", "-o", program, source)
        root = image.Rootfs.empty()
        root.file("/pause", program.read_bytes(), 0o755)
        return root.write(self.directory / "images" / "pause.tar", PAUSE, command=["/pause"])

    # -------------------------------------------------------------------------------------------- kubelet, proxy, names

    def credentials(self, name, subject, extensions="extendedKeyUsage=clientAuth\n"):
        pki = self.cluster / "pki"
        control_plane.make_certificate(pki, name, subject, extensions)
        path = self.directory / f"kubeconfig-{name}"
        path.write_text(control_plane.kubeconfig_text(pki, name, (self.cluster / "server").read_text().strip()))
        path.chmod(0o600)
        return path

    def start_kubelet(self):
        pki = self.cluster / "pki"
        kubeconfig = self.credentials("kubelet", f"/O=system:nodes/CN=system:node:{self.name}")
        control_plane.make_certificate(pki, "kubelet-server", f"/CN=system:node:{self.name}",
                                       f"subjectAltName=IP:{ADDRESS},DNS:{self.name}\nextendedKeyUsage=serverAuth\n")
        (self.directory / "resolv.conf").write_text("")
        config = self.directory / "kubelet.json"
        config.write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": ADDRESS, "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                                                   "x509": {"clientCAFile": str(pki / "ca.crt")}},
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / "kubelet-server.crt"), "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
            "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{self.cgroup}", "failCgroupV1": False, "failSwapOn": False,
            "enforceNodeAllocatable": [], "evictionHard": {name: "0%" for name in ("memory.available", "nodefs.available", "imagefs.available",
                                                                                  "nodefs.inodesFree", "imagefs.inodesFree")},
            "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
            "clusterDNS": [DNS], "clusterDomain": DOMAIN, "resolvConf": str(self.directory / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{self.socket}", "podLogsDir": str(self.directory / "pods"),
            "registryPullQPS": 0, "maxPods": 100, "nodeStatusUpdateFrequency": "5s", "protectKernelDefaults": False}))
        self.spawn("kubelet", "--config", config, "--kubeconfig", kubeconfig, "--root-dir", self.directory / "kubelet",
                   "--cert-dir", self.directory / "kubelet-pki", "--hostname-override", self.name, "--node-ip", ADDRESS,
                   "--node-labels", f"topology.kubernetes.io/zone={self.zone},topology.kubernetes.io/region=region-1",
                   "--volume-plugin-dir", self.directory / "kubelet-plugins")

    def start_proxy(self):
        kubeconfig = self.credentials("kube-proxy", "/CN=system:kube-proxy")
        config = self.directory / "kube-proxy.json"
        config.write_text(json.dumps({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
            "clientConnection": {"kubeconfig": str(kubeconfig)}, "hostnameOverride": self.name, "bindAddress": ADDRESS,
            "clusterCIDR": PODS, "detectLocalMode": "ClusterCIDR", "healthzBindAddress": f"{ADDRESS}:10256",
            "metricsBindAddress": f"{ADDRESS}:10249", "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s",
                                                                    "tcpCloseWaitTimeout": "0s"}}))
        self.spawn("kube-proxy", "--config", config)

    def start_dns(self):
        """CoreDNS on the node's address, behind the usual Service."""
        account = self.credentials("coredns", "/O=system:masters/CN=coredns")
        corefile = self.directory / "Corefile"
        corefile.write_text(f""".:53 {{
  errors
  ready {ADDRESS}:8181
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {account}
    ttl 5
  }}
}}
""")
        self.spawn("coredns", "-conf", corefile)
        ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
        self.api.call("POST", "/api/v1/namespaces/kube-system/services", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"clusterIP": DNS, "ports": ports}})
        self.api.call("POST", "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": ports,
            "metadata": {"name": "kube-dns-node", "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}]})

    # -------------------------------------------------------------------------------------------- volumes

    def make_volumes(self):
        """Folders as local volumes: the kubelet gives them to the pod's group, as it does for a disk. A claim is bound when
        a pod for it is scheduled."""
        for index, name in enumerate(control_plane.STORAGE_CLASSES):
            self.api.call("POST", "/apis/storage.k8s.io/v1/storageclasses", {
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "kubernetes.io/no-provisioner",
                "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": str(index == 0).lower()}},
                "volumeBindingMode": "WaitForFirstConsumer"})
            for number in range(VOLUMES):
                folder = self.directory / "volumes" / f"{name}-{number}"
                folder.mkdir(mode=0o700)
                self.api.call("POST", "/api/v1/persistentvolumes", {
                    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": folder.name},
                    "spec": {"capacity": {"storage": VOLUME_SIZE}, "accessModes": ["ReadWriteOnce"], "storageClassName": name,
                             "persistentVolumeReclaimPolicy": "Retain", "local": {"path": str(folder)},
                             "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                                 {"key": "kubernetes.io/hostname", "operator": "In", "values": [self.name]}]}]}}}})
