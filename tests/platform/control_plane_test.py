#!/usr/bin/env python3
"""The API server's own files of manifests/control-plane, in a real API server with a real etcd behind it.

    control_plane_test.py Keys       what encryption-keys.sh refuses
    control_plane_test.py Served     booted with the flags of kubeadm-config.yaml: what etcd holds, through every step of a
                                     rotation and into a key service; what the audit log holds (scripts/build-tools.sh)
"""
import base64
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

import yaml

from mesh_test import ROOT, control_plane, needed, run

FILES = ROOT / "manifests" / "control-plane"
SCRIPT = FILES / "encryption-keys.sh"
PLUGIN = ROOT / "tests" / "support" / "cluster" / "kms_plugin.py"
SPACE = "nautilus-trading"
SECONDS = 120


def keys(verb, file, expect=0):
    return run("sh", SCRIPT, verb, file, expect=expect)


def flags():
    """The API server's flags as a kubeadm cluster gets them."""
    return {one["name"]: one["value"] for one in yaml.safe_load((FILES / "kubeadm-config.yaml").read_text())["apiServer"]["extraArgs"]}


class Shipped(control_plane.Servers):
    """The test's control plane with the shipped flags in place of its own, each path below a folder that stands for the host's."""
    title = "host"

    def there(self, path):
        return self.directory / self.title / path.lstrip("/")

    def spawn(self, name, *arguments):
        if name == "etcd":
            (self.directory / "etcd-url").write_text(str(arguments[arguments.index("--listen-client-urls") + 1]))
        if name == "kube-apiserver":
            at = arguments.index("--audit-policy-file")
            kept = list(arguments[:at]) + ["--shutdown-delay-duration=0s"]
            for flag, value in flags().items():
                kept += [f"--{flag}={self.there(value) if value.startswith('/') else value}"]
            arguments = kept
        super().spawn(name, *arguments)


class Host(Shipped):
    """One more API server before the same etcd: another host of the control plane, with an encryption file of its own."""
    made = 0

    def __init__(self, directory, encryption):
        super().__init__(directory, 0)
        Host.made += 1
        self.title = f"host-{Host.made}"
        prepare(self, encryption)
        (port,) = control_plane.free_ports(1)
        etcd = (self.directory / "etcd-url").read_text().rsplit(":", 1)[1]
        self.start_apiserver(etcd, port)
        self.api = control_plane.Api(directory)
        self.api.port = port
        self.kubeconfig = self.directory / f"kubeconfig-{self.title}"
        self.kubeconfig.write_text(control_plane.kubeconfig_text(self.pki, "admin", f"https://127.0.0.1:{port}"))
        control_plane.wait_until(f"{self.title} /readyz", lambda: self.ready(self.api), control_plane.READY_SECONDS, self.check_alive)

    def audit(self):
        return self.there(flags()["audit-log-path"])


def prepare(host, encryption):
    """What is copied to a host before its API server starts."""
    files = host.there("/etc/kubernetes/nautilus")
    files.mkdir(parents=True)
    host.there(flags()["audit-log-path"]).parent.mkdir(parents=True)
    shutil.copy(FILES / "audit-policy.yaml", files)
    if encryption:
        shutil.copy(encryption, files / "encryption.yaml")
    return files


class Keys(unittest.TestCase):
    def test_the_order_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "encryption.yaml"
            self.assertIn("cannot be read", keys("promote", file, expect=1).stderr)
            keys("new", file)
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
            self.assertIn("exists", keys("new", file, expect=1).stderr)
            self.assertIn("does not write yet", keys("add", file, expect=1).stderr)
            self.assertIn("nothing to drop", keys("drop", file, expect=1).stderr)
            self.assertEqual(next(iter(yaml.safe_load(file.read_text())["resources"][0]["providers"][0])), "identity")
            keys("promote", file)
            self.assertEqual(next(iter(yaml.safe_load(file.read_text())["resources"][0]["providers"][0])), "secretbox")
            self.assertIn("'add' makes another", keys("promote", file, expect=1).stderr)
            keys("add", file)
            first = keys("show", file).stdout.split()
            self.assertIn("a rotation is going on", keys("add", file, expect=1).stderr)
            keys("promote", file)
            self.assertEqual(keys("show", file).stdout.split(), first[::-1])
            keys("drop", file)
            self.assertEqual(keys("show", file).stdout.split(), first[1:])
            self.assertEqual(run("sh", SCRIPT, expect=2).stdout, "")

    def test_no_key_is_shipped(self):
        for file in FILES.iterdir():
            self.assertNotRegex(file.read_text(), r"[A-Za-z0-9+/]{43}=", file.name)


class Served(unittest.TestCase):
    """Steps of one story, in the order of their names."""

    @classmethod
    def setUpClass(cls):
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        cls.folder = Path(tempfile.mkdtemp(prefix="nautilus-control-plane-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.cluster = cls.folder / "cluster"
        first = Shipped(cls.cluster, 1)
        cls.encryption = prepare(first, None) / "encryption.yaml"
        cls.audit = first.there(flags()["audit-log-path"])
        keys("new", cls.encryption)
        control_plane.Servers, before = Shipped, control_plane.Servers
        cls.addClassCleanup(setattr, control_plane, "Servers", before)
        control_plane.up(cls.cluster, 1, owner=os.getpid())
        cls.addClassCleanup(control_plane.down, cls.cluster)
        cls.api = control_plane.Api(cls.cluster)
        cls.etcd = (cls.cluster / "etcd-url").read_text()
        cls.secrets = {}  # name: its content, which may be found nowhere
        cls.hosts = []
        cls.addClassCleanup(lambda: [host.stop() for host in cls.hosts])
        cls.kubectl("create", "namespace", SPACE)

    @classmethod
    def kubectl(cls, *arguments, expect=0, given=None, user="admin", host=None):
        config = host.kubeconfig if host else cls.cluster / f"kubeconfig-{user}"
        done = subprocess.run([str(a) for a in (control_plane.BIN / "kubectl", "--kubeconfig", config, *arguments)],
                              input=given, capture_output=True, text=True, timeout=SECONDS)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def another(self, encryption):
        host = Host(self.cluster, encryption)
        self.hosts.append(host)
        return host

    def write(self, name, host=None):
        self.secrets[name] = content = base64.b32encode(os.urandom(20)).decode()
        (host or self).api.call("POST", f"/api/v1/namespaces/{SPACE}/secrets", {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": content}})
        return content

    def read(self, name, host=None):
        return base64.b64decode((host or self).api.get(f"/api/v1/namespaces/{SPACE}/secrets/{name}")["data"]["password"]).decode()

    def everything_is_read(self, host=None):
        for name, content in self.secrets.items():
            self.assertEqual(self.read(name, host), content)

    def stored(self, prefix):
        """Key and value of everything below a prefix, as etcd has it."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        body = json.dumps({"key": base64.b64encode(prefix.encode()).decode(), "range_end": base64.b64encode(end.encode()).decode()}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.etcd + "/v3/kv/range", data=body), timeout=SECONDS) as answer:
            found = json.load(answer).get("kvs", [])
        return {base64.b64decode(kv["key"]).decode(): base64.b64decode(kv["value"]) for kv in found}

    def stored_secret(self, name):
        return self.stored(f"/registry/secrets/{SPACE}/{name}")[f"/registry/secrets/{SPACE}/{name}"]

    def written_again(self, host):
        """Step 3 of a rotation, as it is documented: repeated until nothing conflicts."""
        def done():
            everything = self.kubectl("get", "secrets,configmaps", "-A", "-o", "json", host=host).stdout
            return self.kubectl("replace", "-f", "-", given=everything, host=host, expect=None).returncode == 0
        control_plane.wait_until("everything is written again", done, SECONDS)

    def all_begin_with(self, prefix):
        found = {**self.stored("/registry/secrets/"), **self.stored("/registry/configmaps/")}
        self.assertGreater(len(found), 3)
        self.assertEqual([key for key, value in found.items() if not value.startswith(prefix.encode())], [])

    def nowhere_on_disk(self, content):
        files = [f for f in (self.cluster / "etcd").rglob("*") if f.is_file()]
        return not any(content.encode() in f.read_bytes() for f in files)

    def test_01_without_encryption_it_is_found(self):
        content = self.write("clear")
        self.assertIn(content.encode(), self.stored_secret("clear"))
        self.assertFalse(self.nowhere_on_disk(content))
        keys("promote", self.encryption)  # read by the running API server in its own time; test_10 waits for that

    # ------------------------------------------------------------------------------------------------ what is written down

    def lines(self, wanted):
        """Lines that fit; waits until there is one. A line that is still being written is not read."""
        found = []

        def look():
            text = self.audit.read_text()
            entries = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
            found[:] = [e for e in entries if wanted(e)]
            return found
        control_plane.wait_until("a line of the audit log", look, 30)
        return found

    def about(self, resource, name, *verbs, subresource=None, user=None):
        def wanted(e):
            ref = e.get("objectRef", {})
            return (ref.get("resource") == resource and ref.get("name") == name and ref.get("subresource") == subresource and
                    (not verbs or e["verb"] in verbs) and (not user or e["user"].get("username") == user))
        return self.lines(wanted)

    def test_02_secrets_are_named_and_never_shown(self):
        content = self.write("told")
        self.read("told")
        for verb in ("create", "get"):
            found = self.about("secrets", "told", verb)
            self.assertEqual([line["level"] for line in found], ["Metadata"])
            self.assertFalse({"requestObject", "responseObject"} & set(found[0]))
        token = self.kubectl("create", "token", "default", "-n", SPACE).stdout.strip()
        self.assertGreater(len(token), 100)
        self.about("serviceaccounts", "default", "create", subresource="token")
        for secret in (content, base64.b64encode(content.encode()).decode(), token, token.split(".")[2]):
            self.assertNotIn(secret, self.audit.read_text())

    def test_03_what_decides_about_trading_is_written_whole(self):
        marker = "limit-" + base64.b32encode(os.urandom(10)).decode().lower()
        self.kubectl("create", "configmap", "engine-limits", "-n", SPACE, f"--from-literal=max={marker}")
        (line,) = self.about("configmaps", "engine-limits", "create")
        self.assertEqual((line["level"], line["requestObject"]["data"]["max"], line["responseObject"]["data"]["max"]), ("RequestResponse", marker, marker))
        self.assertNotIn("managedFields", line["responseObject"]["metadata"])
        self.api.call("POST", f"/apis/coordination.k8s.io/v1/namespaces/{SPACE}/leases", {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "nautilus-engine-0"}, "spec": {"holderIdentity": "somebody"}})
        (line,) = self.about("leases", "nautilus-engine-0", "create")
        self.assertEqual(line["requestObject"]["spec"]["holderIdentity"], "somebody")
        self.kubectl("create", "rolebinding", "extra", "-n", "default", "--clusterrole=view", "--user=visitor")
        (line,) = self.about("rolebindings", "extra", "create")
        self.assertEqual(line["requestObject"]["subjects"][0]["name"], "visitor")
        # Elsewhere a write is on record by name.
        self.kubectl("create", "configmap", "elsewhere", "-n", "default", "--from-literal=a=b")
        (line,) = self.about("configmaps", "elsewhere", "create")
        self.assertEqual((line["level"], "requestObject" in line), ("Metadata", False))
        # So is what the programs renew every few seconds.
        self.kubectl("create", "configmap", "nautilus-postgresql-leader", "-n", SPACE, "--as", f"system:serviceaccount:{SPACE}:postgresql", expect=None)
        (line,) = self.lines(lambda e: e.get("impersonatedUser", {}).get("username") == f"system:serviceaccount:{SPACE}:postgresql")
        self.assertEqual(line["user"]["username"], "admin")

    def test_04_into_a_pod(self):
        self.kubectl("run", "target", "-n", SPACE, "--image=docker.io/library/redis:8")
        self.kubectl("wait", "--for=condition=Ready", "pod/target", "-n", SPACE, "--timeout=60s")
        self.kubectl("exec", "target", "-n", SPACE, "--", "cat", "/etc/shadow", expect=None)
        self.kubectl("port-forward", "target", "-n", SPACE, ":6379", expect=None)
        line = self.about("pods", "target", subresource="exec")[0]
        self.assertIn("command=cat&command=%2Fetc%2Fshadow", line["requestURI"])
        self.assertEqual(line["user"]["username"], "admin")
        self.about("pods", "target", subresource="portforward")

    def test_05_who_was_refused(self):
        address = (self.cluster / "server").read_text().strip()
        self.kubectl("get", "secrets", "-n", SPACE, user="nobody", expect=1)
        (line,) = self.lines(lambda e: e["user"].get("username") == "nobody" and e.get("objectRef", {}).get("resource") == "secrets")
        self.assertEqual((line["responseStatus"]["code"], line["annotations"]["authorization.k8s.io/decision"]), (403, "forbid"))
        run("curl", "-sk", "-H", "Authorization: Bearer no-such-token", f"{address}/api/v1/namespaces/{SPACE}/secrets/told")
        lines = self.lines(lambda e: e.get("responseStatus", {}).get("code") == 401)
        self.assertTrue(any(e["requestURI"].endswith("/secrets/told") for e in lines))
        self.assertNotIn("no-such-token", self.audit.read_text())

    def test_06_noise_is_left_out(self):
        self.api.raw("GET", "/readyz")
        self.api.call("POST", f"/api/v1/namespaces/{SPACE}/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "last"}})
        self.about("configmaps", "last", "create")
        entries = [json.loads(line) for line in self.audit.read_text().splitlines() if line.endswith("}")]
        for e in entries:
            self.assertNotIn(e["requestURI"].partition("?")[0], ("/readyz", "/livez", "/healthz"))
            self.assertNotEqual(e.get("objectRef", {}).get("resource"), "events")
            self.assertNotEqual(e["stage"], "RequestReceived")
        self.assertTrue(any(e["verb"] in ("get", "list") for e in entries))  # reads are there

    # ------------------------------------------------------------------------------------------------ what etcd holds

    def test_07_the_first_key(self):
        self.__class__.one = self.another(self.encryption)
        content = self.write("first", self.one)
        (name,) = keys("show", self.encryption).stdout.split()
        self.assertTrue(self.stored_secret("first").startswith(f"k8s:enc:secretbox:v1:{name}:".encode()))
        self.assertTrue(self.nowhere_on_disk(content))
        self.assertEqual(self.read("first"), content)  # by a host that may not have read the promoted file yet
        self.written_again(self.one)
        self.all_begin_with(f"k8s:enc:secretbox:v1:{name}:")

    def test_08_a_rotation_host_by_host(self):
        file = self.folder / "rotated.yaml"
        shutil.copy(self.encryption, file)
        keys("add", file)
        old, new = keys("show", file).stdout.split()
        two = self.another(file)
        self.write("between", two)
        self.assertTrue(self.stored_secret("between").startswith(f"k8s:enc:secretbox:v1:{old}:".encode()))
        self.assertEqual(self.read("between", self.one), self.secrets["between"])
        keys("promote", file)
        three = self.another(file)
        self.write("second", three)
        self.assertTrue(self.stored_secret("second").startswith(f"k8s:enc:secretbox:v1:{new}:".encode()))
        self.everything_is_read(two)
        # Why the order is that order: the host that was not given the new key first cannot serve what was written with it.
        self.assertEqual(self.one.api.raw("GET", f"/api/v1/namespaces/{SPACE}/secrets/second")[0], 500)
        self.written_again(three)
        self.all_begin_with(f"k8s:enc:secretbox:v1:{new}:")
        keys("drop", file)
        self.everything_is_read(self.another(file))
        self.__class__.rotated = file

    def test_09_into_a_key_service(self):
        try:
            import grpc  # noqa: F401
        except ImportError:
            self.skipTest("python3-grpcio is not installed")
        socket = self.folder / "kms.sock"
        plugin = subprocess.Popen([sys.executable, "-B", PLUGIN, socket], stdout=subprocess.PIPE, text=True, preexec_fn=control_plane.die_with_parent)
        self.__class__.addClassCleanup(plugin.wait)
        self.__class__.addClassCleanup(plugin.send_signal, signal.SIGKILL)
        self.__class__.addClassCleanup(plugin.stdout.close)
        self.assertEqual(plugin.stdout.readline(), "ready\n")
        config = yaml.safe_load((FILES / "encryption-kms.yaml").read_text())
        providers = config["resources"][0]["providers"]
        providers[0]["kms"]["endpoint"] = f"unix://{socket}"
        shipped, both = self.folder / "kms.yaml", self.folder / "both.yaml"
        shipped.write_text(yaml.safe_dump(config))
        providers.insert(1, next(p for p in yaml.safe_load(self.rotated.read_text())["resources"][0]["providers"] if "secretbox" in p))
        both.write_text(yaml.safe_dump(config))
        host = self.another(both)
        content = self.write("kms", host)
        self.assertTrue(self.stored_secret("kms").startswith(b"k8s:enc:kms:v2:nautilus-kms:"))
        self.assertTrue(self.nowhere_on_disk(content))
        self.everything_is_read(host)
        self.written_again(host)
        self.all_begin_with("k8s:enc:kms:v2:nautilus-kms:")
        self.everything_is_read(self.another(shipped))

    def test_10_a_changed_file_is_read_without_a_restart(self):
        def reloaded():
            text = self.api.raw("GET", "/metrics")[1].decode()
            return any(line.startswith("apiserver_encryption_config_controller_automatic_reloads_total") and 'status="success"' in line and
                       float(line.split()[-1]) > 0 for line in text.splitlines())
        control_plane.wait_until("the API server reads its encryption file again", reloaded, SECONDS)
        self.write("later")
        self.assertTrue(self.stored_secret("later").startswith(b"k8s:enc:secretbox:v1:"))

    def test_11_no_host_wrote_a_secret_down(self):
        logs = [self.audit, *(host.audit() for host in self.hosts)]
        self.assertGreater(len(self.secrets), 5)
        for log in logs:
            text = log.read_text()
            self.assertIn('"resource":"secrets"', text)
            for content in self.secrets.values():
                self.assertNotIn(content, text)
                self.assertNotIn(base64.b64encode(content.encode()).decode(), text)


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
