"""The Kubernetes API that pods talk to: the embedded one (nautilusctl sim serve), or a real kube-apiserver with RBAC."""
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))
import control_plane  # noqa: E402

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
START_SECONDS = 60


class Api:
    """What a node does with it: pods are made known, their labels are read back."""

    def __init__(self, world):
        self.world, self.labels = world, {}
        self.folder = world.folder / "api"
        self.folder.mkdir()

    def create(self, path, body):
        return self.call("POST", path, body)

    def create_pod(self, pod):
        path = f"/api/v1/namespaces/{pod.namespace}/pods"
        restricted = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]},
                      "seccompProfile": {"type": "RuntimeDefault"}}
        self.create(path, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod.name, "labels": pod.labels},
                           "spec": {"serviceAccountName": pod.spec["serviceAccountName"], "automountServiceAccountToken": False, "nodeName": self.node,
                                    "containers": [{"name": "one", "image": "none.invalid/none:1", "securityContext": restricted}]}})

    def delete_pod(self, pod):
        self.call("DELETE", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}?gracePeriodSeconds=0")
        self.labels.pop(pod.name, None)

    def refresh(self):
        namespaces = {pod.namespace for pod in self.world.pods.values()}
        for namespace in namespaces:
            for pod in self.call("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]:
                self.labels[pod["metadata"]["name"]] = pod["metadata"].get("labels", {})

    def populate(self):
        """The namespaces, and the rendered accounts and rights."""
        for kind, path in (("Namespace", "/api/v1/namespaces"), ("ServiceAccount", "/api/v1/namespaces/{}/serviceaccounts"),
                           ("Role", "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles"),
                           ("RoleBinding", "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings")):
            for one in (o for o in self.world.objects if o["kind"] == kind):
                self.create(path.format(one["metadata"].get("namespace")), one)


class Embedded(Api):
    """Everybody is an administrator here; the Role is judged by Real."""
    node = None

    def start(self):
        port, = control_plane.free_ports(1)
        self.listens = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([os.environ["NAUTILUSCTL"], "sim", "serve", "--port", str(port), "--nodes", "0", "--write-kubeconfig",
                                         str(self.folder / "own")], stdin=subprocess.DEVNULL, stdout=open(self.folder / "log", "w"), stderr=subprocess.STDOUT)
        control_plane.wait_until("the embedded cluster", self.answers, START_SECONDS)
        token = self.folder / "account"
        token.mkdir()
        # Without an account's token Patroni reads a kubeconfig, in it the context of this name.
        config = {"apiVersion": "v1", "kind": "Config", "contexts": [{"name": "kind-kind", "context": {"cluster": "one", "user": "one"}}],
                  "clusters": [{"name": "one", "cluster": {"server": "http://10.96.0.1:443"}}], "users": [{"name": "one", "user": {}}]}
        (token / "kubeconfig").write_text(json.dumps(config))
        self.populate()
        return self

    def answers(self):
        try:
            return self.call("GET", "/version")
        except OSError:
            return None

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.listens}{path}", method=method, data=json.dumps(body).encode() if body else None,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def access(self, pod):
        """What a pod's container is given to reach it: binds, environment."""
        return [[str(self.folder / "account"), ACCOUNT, False]], {"KUBECONFIG": f"{ACCOUNT}/kubeconfig"}

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bare(control_plane.Servers):
    """Only the store and the API server: pods run here, not where a scheduler says."""

    def start_controllers(self, *_):
        pass

    def populate(self, _):
        pass


class Real(Api):
    node = "nowhere"

    def start(self):
        (self.folder / "logs").mkdir()
        control_plane.make_pki(self.folder / "pki")
        self.servers = Bare(self.folder, 0)
        self.servers.start()
        self.listens = (self.folder / "server").read_text().strip().removeprefix("https://")
        self.populate()
        return self

    def call(self, method, path, body=None):
        # A connection for each call: several threads ask.
        return control_plane.Api(self.folder).call(method, path, body)

    def access(self, pod):
        account = self.folder / "accounts" / pod.name
        if not account.exists():
            account.mkdir(parents=True)
            name = pod.spec["serviceAccountName"]
            token = self.create(f"/api/v1/namespaces/{pod.namespace}/serviceaccounts/{name}/token",
                                {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}})
            (account / "token").write_text(token["status"]["token"])
            (account / "ca.crt").write_text((self.folder / "pki" / "ca.crt").read_text())
            (account / "namespace").write_text(pod.namespace)
        return [[str(account), ACCOUNT, False]], {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}

    def stop(self):
        self.servers.stop()
