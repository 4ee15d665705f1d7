"""What the end-to-end tests share: a cluster, the program under test, and ways to look at what it left behind."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import control_plane  # noqa: E402

BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
NAMESPACE = "nautilus-trading"
COMMAND_SECONDS = 600

# Exit codes of the README's table.
DONE, ERROR, USAGE, PARTLY, DIFFERENCES, LOCKED, REFUSED, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 10, 11, 12, 13, 130


def skip_without_tools():
    """Ends the program as skipped (77) or, where the cluster is required, as failed, if the servers are not built."""
    absent = control_plane.missing_tools() + ([] if Path(BINARY).exists() else [BINARY])
    if absent:
        print(f"not built: {', '.join(absent)}", file=sys.stderr)
        sys.exit(1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77)


class ClusterCase(unittest.TestCase):
    """A class of tests on one cluster. They run in the order of their names and build on one another."""
    maxDiff = None
    nodes = 12
    address = control_plane.LOOPBACK
    broken = None  # the first step that failed: the rest of the story has no ground to stand on

    @classmethod
    def setUpClass(cls):
        cls.directory = Path(tempfile.mkdtemp(prefix="nautilus-e2e-"))
        try:
            control_plane.up(cls.directory / "cluster", cls.nodes, owner=os.getpid(), address=cls.address)
        except BaseException:
            shutil.rmtree(cls.directory, ignore_errors=True)
            raise
        cls.api = control_plane.Api(cls.directory / "cluster")
        cls.kubeconfig = cls.directory / "cluster" / "kubeconfig-admin"

    @classmethod
    def tearDownClass(cls):
        control_plane.down(cls.directory / "cluster")
        if not os.environ.get("NAUTILUS_KEEP_CLUSTER"):
            shutil.rmtree(cls.directory, ignore_errors=True)

    def run(self, result=None):
        """Notes the first step that failed, so that later ones do not pretend to have been tried."""
        before, started = len(result.failures) + len(result.errors), time.monotonic()
        done = super().run(result)
        print(f"  {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
        if len(result.failures) + len(result.errors) > before:
            type(self).broken = type(self).broken or self._testMethodName
        return done

    def setUp(self):
        if type(self).broken:
            self.skipTest(f"{type(self).broken} failed")

    # ------------------------------------------------------------------------------------------ running the program

    project = ROOT  # a class of tests may work on another

    def command(self, *arguments, kubeconfig=None, project=None):
        return [BINARY, "--project", str(project or self.project), "--kubeconfig", str(kubeconfig or self.kubeconfig), *arguments]

    # ------------------------------------------------------------------------------------------ other people's kinds

    @classmethod
    def with_operators(cls, environment):
        """The project, for a cluster on which other people have installed the environment's operators. Their charts are in
        repositories that a test cannot reach, so only their own definitions are installed (scripts/crds.sh) and their
        namespaces made. What scales by the metrics adapter is left out: on fake nodes nobody answers behind its
        APIService, and an API server with a dead one cannot delete a namespace."""
        cls.project = cls.directory / "project"
        for part in ("templates", "manifests"):
            shutil.copytree(ROOT / part, cls.project / part)
        folder = cls.project / "manifests" / "environments" / environment
        file = folder / "environment.yaml"
        text = re.sub(r"      chart: \{repository:.*\n      version:.*\n      digest:.*\n      values:.*\n", "      installedBy: other\n", file.read_text())
        # One that brings no kinds has nothing that could be waited for.
        text = re.sub(r"    - name: .*\n      namespace: .*\n      installedBy: other\n(?!      provides:)", "", text)
        assert "repository:" not in text, "an operator's chart is left"
        file.write_text(re.sub(r"\n  values: \[(.*)\]\n", r"\n  values: [\1, fake-nodes.yaml]\n", text, count=1))
        (folder / "fake-nodes.yaml").write_text("global: {observability: {autoscaling: false}}\n")
        kubectl = [str(control_plane.BIN / "kubectl"), "--kubeconfig", str(cls.kubeconfig)]

        def run(*arguments):
            done = subprocess.run([*kubectl, *arguments], capture_output=True, text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, f"kubectl {arguments}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        projects = ("cert-manager", "prometheus-operator", "istio", "vertical-pod-autoscaler", "eck", "velero", "argo-cd")
        run("create", *(word for project in projects for word in ("-f", str(cls.CRDS / f"{project}.yaml"))))
        control_plane.established(run)
        for namespace in ("velero-system", "argocd"):
            run("create", "namespace", namespace)

    CRDS = control_plane.CACHE / "crds"

    def apply_crds(self, *projects, env=None):
        """Installs the projects' own CustomResourceDefinitions (scripts/crds.sh) and waits until they are served.
        For a project whose file is not to be had, the stand-ins that nautilusctl makes from the environment's `provides`
        are installed instead, which take any content; the test then says so. Returns the projects that are genuine."""
        genuine = [project for project in projects if (self.CRDS / f"{project}.yaml").exists()]
        absent = sorted(set(projects) - set(genuine))
        files = [self.CRDS / f"{project}.yaml" for project in genuine]
        if absent:
            self.assertIsNotNone(env, f"not fetched: {', '.join(absent)} (scripts/crds.sh), and no environment to stand in")
            print(f"  stand-ins without a schema for: {', '.join(absent)}", file=sys.stderr)
            files.append(self.directory / "stand-ins.yaml")
            files[-1].write_text(self.tool("render", "--env", env, "--stand-in-crds").stdout)
        for file in files:
            # The stand-ins cover every kind of the environment: a genuine definition, applied before, keeps its own.
            if file.name == "stand-ins.yaml":
                subprocess.run([str(control_plane.BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), "create", "-f", str(file)],
                               capture_output=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
            else:
                self.kubectl("apply", "--server-side", "-f", str(file))
        control_plane.established(self.kubectl)
        return genuine

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "USER", "ASAN_OPTIONS")}
        return {**kept, "NO_COLOR": "1"}

    def tool(self, *arguments, expect=DONE, **more):
        """Runs the program; the exit code must be `expect`. Returns the finished process, with text output."""
        done = subprocess.run(self.command(*arguments, **more), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=COMMAND_SECONDS, env=self.environment(), cwd=self.directory)
        self.assertEqual(done.returncode, expect, f"nautilusctl {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}")
        return done

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=self.environment(), cwd=self.directory, start_new_session=True)

    def kubectl(self, *arguments, expect=0):
        done = subprocess.run([str(control_plane.BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments],
                              capture_output=True, text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, f"kubectl {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done

    def established(self):
        control_plane.established(self.kubectl)

    # ------------------------------------------------------------------------------------------ looking at the cluster

    def wait_until(self, what, check, seconds=120):
        try:
            control_plane.wait_until(what, check, seconds)
        except control_plane.ClusterError as error:
            self.fail(str(error))

    def workloads(self):
        found = []
        for kind in ("deployments", "statefulsets", "daemonsets"):
            found += [(kind, item) for item in self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/{kind}")["items"]]
        return found

    def not_ready(self):
        """Names of the workloads that have not all their wished-for pods updated and ready."""
        waiting = []
        for kind, item in self.workloads():
            status, wish = item.get("status", {}), item["spec"].get("replicas", 1)
            good = status.get("observedGeneration", 0) >= item["metadata"]["generation"] and status.get("readyReplicas", 0) == wish
            if kind == "deployments":
                good = good and status.get("updatedReplicas", 0) == wish and status.get("availableReplicas", 0) == wish
            if kind == "statefulsets":
                good = good and status.get("currentRevision") == status.get("updateRevision")
            if not good:
                waiting.append(f"{kind}/{item['metadata']['name']}: {status.get('readyReplicas', 0)} of {wish} ready")
        return waiting

    def image(self, kind, name):
        return self.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/{kind}/{name}")["spec"]["template"]["spec"]["containers"][0]["image"]

    def listable(self):
        """(path, kind) of every resource that can be listed, in its preferred version."""
        paths = [("/api/v1", resource) for resource in self.api.get("/api/v1")["resources"]]
        for group in self.api.get("/apis")["groups"]:
            version = group["preferredVersion"]["groupVersion"]
            paths += [(f"/apis/{version}", resource) for resource in self.api.get(f"/apis/{version}")["resources"]]
        return [(f"{base}/{resource['name']}", resource["kind"]) for base, resource in paths
                if "list" in resource["verbs"] and "/" not in resource["name"]]

    # Written by the cluster itself all the time, or as a by-product.
    NOISE = {"Event", "Lease", "ComponentStatus", "PodMetrics", "NodeMetrics"}

    def listed(self, path):
        """The items of a list. A definition that is new answers 429 for a moment while its storage comes up."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.api.get(path)["items"]
            except control_plane.ClusterError as error:
                if ": 429: " not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def objects(self):
        """kind/namespace/name -> object, of everything in the cluster that is not noise. One object has one entry."""
        found, seen = {}, set()
        for path, kind in self.listable():
            if kind in self.NOISE:
                continue
            for item in self.listed(path):
                meta = item["metadata"]
                if meta["uid"] not in seen:
                    seen.add(meta["uid"])
                    found[f"{kind}/{meta.get('namespace', '')}/{meta['name']}"] = item
        return found

    def revisions(self):
        return {name: item["metadata"]["resourceVersion"] for name, item in self.objects().items() if not name.startswith("Node/")}

    def audit(self, mark):
        """The API server's account of the writes since `mark` (a length of the audit log), dry runs and questions left out."""
        with open(self.directory / "cluster" / "audit.log", "rb") as log:
            log.seek(mark)
            lines = log.read().split(b"\n")[:-1]  # what is behind the last line feed is still being written
        found = []
        for event in map(json.loads, lines):
            aim = event.get("objectRef", {})
            # A SelfSubjectAccessReview and its kin are questions, put as a POST.
            if "dryRun=All" not in event["requestURI"] and not aim.get("resource", "").endswith("reviews"):
                found.append((event.get("userAgent", "").split("/")[0], event["verb"], aim))
        return found

    def writes_since(self, mark):
        """What nautilusctl wrote since `mark`: "verb resource namespace/name"."""
        return [f"{verb} {aim.get('resource')} {aim.get('namespace', '')}/{aim.get('name', '')}"
                for agent, verb, aim in self.audit(mark) if agent == "nautilusctl"]

    REST_SECONDS = 3

    def settle(self, seconds=90):
        """Waits until nothing in the cluster has changed for REST_SECONDS; returns the revisions of that state."""
        deadline, since, last = time.monotonic() + seconds, time.monotonic(), self.revisions()
        while time.monotonic() - since < self.REST_SECONDS:
            time.sleep(0.5)
            now = self.revisions()
            if now != last:
                last, since = now, time.monotonic()
            self.assertLess(time.monotonic(), deadline, "the controllers do not come to rest")
        return last

    def assert_unchanged(self, before, mark):
        """Fails if nautilusctl wrote anything since `mark`, or any object changed, and says who changed it."""
        self.assertEqual(self.writes_since(mark), [])
        after = self.revisions()
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        names = {name.rsplit("/", 1)[1] for name in changed}
        writers = sorted({f"{agent} {verb} {aim.get('resource')}/{aim.get('subresource', '')} {aim.get('name')}"
                          for agent, verb, aim in self.audit(mark) if aim.get("name") in names})
        self.assertEqual(changed, [], f"written by: {writers}")

    def wait_until_only(self, names, seconds):
        """Waits until the cluster holds exactly the objects of that set of names."""
        deadline = time.monotonic() + seconds
        while True:
            now = set(self.objects())
            if now == names or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        self.assertEqual(sorted(now - names), [], "left over")
        self.assertEqual(sorted(names - now), [], "nothing of anybody else's is gone")

    def mark(self):
        """The length of the audit log's whole lines."""
        with open(self.directory / "cluster" / "audit.log", "rb") as log:
            return log.read().rfind(b"\n") + 1

    def holds_no_lock(self):
        """True if no lease of ours has a holder."""
        return all(not lease["spec"].get("holderIdentity") for lease in
                   self.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")["items"])


def main():
    skip_without_tools()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unittest.main()
