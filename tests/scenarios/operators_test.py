#!/usr/bin/env python3
"""Third-party operators, run as a person would: without a cluster, on the embedded one, with bad sources."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import unittest
from pathlib import Path

import yaml

from command_line_test import BINARY, DIFFERENCES, DONE, ERROR, REFUSED, USAGE, Case

DEFINITION = "CustomResourceDefinition"


class OperatorCase(Case):
    """A small project of its own: one chart, one environment, and whatever operators a test gives it."""

    def small_project(self, operators="", more=""):
        project = self.dir / "small"
        folder = project / "manifests" / "environments" / "prod"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "environment.yaml").write_text(
            "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n"
            "  chart: ../../../templates/app\n  release: {name: app, namespace: app}\n" + more + operators)
        chart = project / "templates" / "app"
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
        (chart / "templates" / "all.yaml").write_text(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: app}\n---\n"
            "apiVersion: example.io/v1\nkind: Widget\nmetadata: {name: one, namespace: app}\nspec: {size: 3, any: {thing: goes}}\n---\n"
            "apiVersion: example.io/v1beta1\nkind: Gadget\nmetadata: {name: wide}\nspec: {}\n")
        return project

    OTHER = """  operators:
    - name: widgets
      namespace: widgets
      installedBy: other
      provides:
        - {group: example.io, version: v1, kind: Widget, plural: widgets}
        - {group: example.io, version: v1beta1, kind: Gadget, plural: gadgets, scope: Cluster}
"""


class StandIns(OperatorCase):
    def test_a_rehearsal_stands_in_for_an_operator_and_says_so(self):
        project = str(self.small_project(self.OTHER))
        done = self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "3", "--project", project)
        self.assertIn("operator widgets is stood in for: its 2 kinds are not checked against a schema "
                      "(Widget, Gadget)", done.stdout)
        told = json.loads(self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "3", "--project", project, "-o", "json").stdout)
        self.assertEqual(told["standIns"], [{"operator": "widgets", "kinds": ["example.io/v1 Widget", "example.io/v1beta1 Gadget"]}])
        self.assertTrue(told["good"])

    def test_a_kind_that_no_operator_provides_is_refused(self):
        project = str(self.small_project(self.OTHER.replace("v1beta1", "v1")))
        done = self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "3", "--project", project, expect=ERROR)
        self.assertIn("this cluster has no kind Gadget in example.io/v1beta1", done.stderr)

    def test_the_definitions_can_be_printed_for_a_test_cluster(self):
        project = str(self.small_project(self.OTHER.replace("scope: Cluster}", "scope: Cluster}\n        - "
                                                            "{group: example.io, version: v2, kind: Widget, plural: widgets}")))
        told = json.loads(self.run_tool("render", "--env", "prod", "--stand-in-crds", "-o", "json", "--project", project).stdout)
        self.assertEqual([item["kind"] for item in told["items"]], [DEFINITION] * 2)
        widgets, gadgets = told["items"]
        self.assertEqual(widgets["metadata"]["name"], "widgets.example.io")
        self.assertEqual([(v["name"], v["storage"]) for v in widgets["spec"]["versions"]], [("v1", True), ("v2", False)])
        self.assertEqual(gadgets["spec"]["scope"], "Cluster")
        self.assertIn("kind: CustomResourceDefinition", self.run_tool("render", "--env", "prod", "--stand-in-crds", "--project", project).stdout)
        self.assertEqual(self.run_tool("render", "--env", "prod", "--stand-in-crds", "--output-dir", str(self.dir / "k8s"),
                                       "--project", project, expect=USAGE).stdout, "")


class OnTheEmbeddedCluster(OperatorCase):
    def setUp(self):
        super().setUp()
        self.config = self.dir / "kubeconfig"
        self.server = subprocess.Popen([BINARY, "sim", "serve", "--nodes", "3", "--write-kubeconfig", str(self.config)],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment())
        self.addCleanup(self.stop)
        self.assertTrue(self.server.stdout.readline())

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=30)
        self.server.stdout.close()

    def on(self, project, *arguments, expect=DONE):
        return self.run_tool(*arguments, "--project", str(project), "--kubeconfig", str(self.config), expect=expect)


class WithoutTheOperator(OnTheEmbeddedCluster):
    def test_each_command_names_the_operator_and_its_kinds(self):
        project = self.small_project(self.OTHER)
        said = "operator widgets is not on this cluster: it provides Widget (example.io/v1), Gadget (example.io/v1beta1)"
        for command in (("diff",), ("deploy", "--yes"), ("deploy", "--dry-run", "server")):
            done = self.on(project, *command, "--env", "prod", expect=ERROR)
            self.assertEqual(done.stderr.count(said), 1, done.stderr)
            self.assertIn("somebody else installs it (installedBy: other, namespace widgets)", done.stderr)
        told = json.loads(self.on(project, "status", "--env", "prod", "-o", "json", expect=ERROR).stdout)
        self.assertEqual([entry["message"] for entry in told["missingOperators"]], [said])
        self.assertIn(said, self.on(project, "status", "--env", "prod", expect=ERROR).stderr)

    def test_when_the_operator_is_there_the_environment_deploys(self):
        project, operator = self.small_project(self.OTHER), self.dir / "operator"
        shutil.copytree(project, operator)
        definitions = self.run_tool("render", "--env", "prod", "--stand-in-crds", "--project", str(project)).stdout
        (operator / "templates" / "app" / "templates" / "all.yaml").write_text(definitions)
        environment = operator / "manifests" / "environments" / "prod" / "environment.yaml"
        environment.write_text(environment.read_text().split("  operators:")[0].replace("{name: app, namespace: app}", "{name: op, namespace: default}"))
        self.on(operator, "deploy", "--env", "prod", "--yes")
        self.on(project, "diff", "--env", "prod", expect=DIFFERENCES)
        self.on(project, "deploy", "--env", "prod", "--yes")
        told = json.loads(self.on(project, "status", "--env", "prod", "-o", "json").stdout)
        self.assertTrue(told["healthy"])
        self.assertEqual(told["missingOperators"], [])
        self.on(project, "diff", "--env", "prod")


WIDGETS = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.io}
spec:
  group: example.io
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: widget-operator\nversion: 1.2.3\n",
    "values.yaml": "replicas: 1\nimage: example.test/widget-operator:1.2.3\n",
    "crds/widgets.yaml": WIDGETS,
    "templates/all.yaml": """apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      containers: [{name: operator, image: {{ .Values.image }}}]
---
apiVersion: example.io/v1
kind: Widget
metadata: {name: own, namespace: {{ .Release.Namespace }}}
spec: {size: 1}
---
apiVersion: batch/v1
kind: Job
metadata: {name: check, annotations: {helm.sh/hook: post-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: check, image: example.test/check:1}]}}}
""",
}


def packaged(chart, name="widget-operator"):
    """A .tgz as `helm package` would make it, the same bytes each time."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, text in sorted(chart.items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Repository:
    """A chart repository on a loopback port; what it answers is a table that a test fills."""

    def __init__(self, case):
        self.answers, self.asked, self.credentials = {}, [], None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                wanted = outer.credentials and "Basic " + base64.b64encode(outer.credentials.encode()).decode()
                if wanted and self.headers.get("Authorization") != wanted:
                    return self.answer(401, b"", {})
                found = outer.answers.get(self.path, (404, b"", {}))
                self.answer(*found)

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    if value is not None:
                        self.send_header(name, value)
                if headers.get("Content-Length", "") is None:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the client had enough

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        case.addCleanup(self.stop)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/charts"

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def offer(self, package, version="1.2.3", **entry):
        index = {"apiVersion": "v1", "entries": {"widget-operator": [
            {"name": "widget-operator", "version": version, "urls": [f"widget-operator-{version}.tgz"], **entry}]}}
        self.answers["/charts/index.yaml"] = (200, yaml.safe_dump(index).encode(), {})
        self.answers[f"/charts/widget-operator-{version}.tgz"] = (200, package, {})


class OwnOperator(OnTheEmbeddedCluster):
    def setUp(self):
        super().setUp()
        self.repository = Repository(self)
        self.package = packaged(CHART)
        self.repository.offer(self.package)

    def operator(self, pin=True, more="", chart=None, values="replicas: 2\n"):
        chart = chart or f'{{repository: "{self.repository.url}", name: widget-operator{more}}}'
        project = self.small_project(
            f"  operators:\n    - name: widgets\n      namespace: widgets\n      chart: {chart}\n      version: 1.2.3\n"
            + (f"      digest: {pin if isinstance(pin, str) else digest(self.package)}\n" if pin else "")
            + "      values: [widgets.yaml]\n      provides:\n"
            "        - {group: example.io, version: v1, kind: Widget, plural: widgets}\n"
            "    - name: gadgets\n      namespace: gadgets\n      installedBy: other\n      provides:\n"
            "        - {group: example.io, version: v1beta1, kind: Gadget, plural: gadgets, scope: Cluster}\n",
            more="  requireDigests: true\n")
        (project / "manifests" / "environments" / "prod" / "widgets.yaml").write_text(values)
        return project

    def with_gadgets(self):
        """Somebody else's operator, for the tests that are not about it."""
        folder = self.dir / "gadgets" / "manifests" / "environments" / "prod"
        folder.mkdir(parents=True)
        (folder / "environment.yaml").write_text(
            "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n"
            "  chart: ../../../templates/app\n  release: {name: gadgets, namespace: default}\n")
        chart = self.dir / "gadgets" / "templates" / "app"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
        (chart / "templates" / "crd.yaml").write_text(
            WIDGETS.replace("widgets", "gadgets").replace("widget", "gadget").replace("Widget", "Gadget")
            .replace("Namespaced", "Cluster").replace("name: v1\n", "name: v1beta1\n"))
        self.on(self.dir / "gadgets", "deploy", "--env", "prod", "--yes")

    def objects(self, project, *arguments):
        told = json.loads(self.run_tool("render", "--env", "prod", "-o", "json", *arguments, "--project", str(project)).stdout)
        return [(item["kind"], item["metadata"]["name"]) for item in told["items"]]

    def test_the_life_of_an_operator(self):
        self.with_gadgets()
        project = self.operator()
        told = self.on(project, "diff", "--env", "prod", expect=DIFFERENCES).stdout
        self.assertIn("operator widgets (widget-operator-1.2.3, sha256:", told)
        self.assertIn("+ create  namespaces CustomResourceDefinition widgets.example.io", told)
        self.assertIn("hooks of its chart are not run: Job check (post-install)", told)
        told = json.loads(self.on(project, "diff", "--env", "prod", "--operator", "widgets", "-o", "json", expect=DIFFERENCES).stdout)
        self.assertEqual([op["chartDigest"] for op in told["operators"]], [digest(self.package)])
        self.assertNotIn("items", told)
        self.on(project, "deploy", "--env", "prod", "--yes", "--dry-run", "server")

        told = json.loads(self.on(project, "deploy", "--env", "prod", "--yes", "-o", "json").stdout)
        self.assertEqual([(op["name"], op["revision"]) for op in told["operators"]], [("widgets", 1)])
        self.assertEqual([wave["wave"] for wave in told["operators"][0]["waves"]], ["namespaces", "storage", "workloads"])
        self.assertEqual(told["revision"], 1)
        again = self.on(project, "deploy", "--env", "prod", "--yes").stdout
        self.assertIn("operator widgets: nothing to do", again)
        self.assertIn("prod: nothing to do", again)
        self.on(project, "diff", "--env", "prod")
        self.on(project, "diff", "--env", "prod", "--operator", "widgets")

        told = json.loads(self.on(project, "status", "--env", "prod", "-o", "json").stdout)
        self.assertTrue(told["healthy"])
        self.assertEqual([op["release"] for op in told["operators"]], ["widgets"])
        only = json.loads(self.on(project, "status", "--env", "prod", "--operator", "widgets", "-o", "json").stdout)
        self.assertNotIn("release", only)
        history = json.loads(self.on(project, "history", "--env", "prod", "-o", "json").stdout)
        self.assertEqual([entry.get("operator") for entry in history], [None, "widgets"])
        self.assertIn("operator widgets", self.on(project, "history", "--env", "prod", "--operator", "widgets").stdout)

        # A newer chart without its definition: the workload changes, the definition stays.
        self.package = packaged({**{k: v for k, v in CHART.items() if not k.startswith("crds/")}})
        self.repository.offer(self.package)
        project = self.operator(values="replicas: 3\n")
        told = self.on(project, "deploy", "--env", "prod", "--operator", "widgets", "--yes").stdout
        self.assertIn("operator widgets: revision 2 deployed", told)
        self.on(project, "status", "--env", "prod")

        # The environment goes without its operator, and the operator without its definition.
        self.on(project, "destroy", "--env", "prod", "--yes", "--delete-data")
        self.on(project, "status", "--env", "prod", "--operator", "widgets")
        self.on(project, "destroy", "--env", "prod", "--operator", "widgets", "--yes")
        self.assertEqual(self.on(project, "diff", "--env", "prod", "--operator", "widgets", expect=DIFFERENCES).stdout.count("create  namespaces"), 0)

    def test_an_operator_that_is_not_there_or_not_ours_is_a_usage_error(self):
        project = self.operator()
        for name, said in (("nothing", "has no operator nothing"), ("gadgets", "is installed by somebody else")):
            for command in (("render",), ("diff",), ("deploy", "--yes"), ("status",), ("history",), ("destroy", "--yes")):
                self.assertIn(said, self.on(project, *command, "--env", "prod", "--operator", name, expect=USAGE).stderr)

    def test_pins_are_held(self):
        other = "sha256:" + "a" * 64
        done = self.run_tool("render", "--env", "prod", "--operator", "widgets", "--project", str(self.operator(pin=other)), expect=REFUSED)
        self.assertIn(f"the chart of operator widgets has the digest {digest(self.package)}, the environment says {other}", done.stderr)
        done = self.on(self.operator(pin=None), "deploy", "--env", "prod", "--yes", expect=REFUSED)
        self.assertIn("environment prod requires digests, and operator widgets has none", done.stderr)
        self.assertIn(f"hint:  if this is the package you mean: digest: {digest(self.package)}", done.stderr)
        self.package = packaged({**CHART, "Chart.yaml": CHART["Chart.yaml"].replace("1.2.3", "9.9.9")})
        self.repository.offer(self.package)
        done = self.run_tool("render", "--env", "prod", "--operator", "widgets", "--project", str(self.operator()), expect=REFUSED)
        self.assertIn("is version 9.9.9, the environment says 1.2.3", done.stderr)

    def test_bad_repositories(self):
        index, package = "/charts/index.yaml", "/charts/widget-operator-1.2.3.tgz"
        good = dict(self.repository.answers)
        half = self.package[:len(self.package) // 2]
        rows = [
            ("no index", {index: (404, b"", {})}, ERROR, "does not exist (404)"),
            ("no package", {package: (404, b"", {})}, ERROR, "widget-operator-1.2.3.tgz does not exist (404)"),
            ("a redirect loop", {index: (302, b"", {"Location": index})}, ERROR, "redirected more than 5 times"),
            ("an index that says it is too large", {index: (200, b"x", {"Content-Length": str(100 << 20)})}, ERROR, "larger than 64 MiB"),
            ("an index that is too large", {index: (200, b"#" * (65 << 20), {"Content-Length": None})}, ERROR, "larger than 64 MiB"),
            ("a web page", {index: (200, b"<html>", {})}, ERROR, "has no entries"),
            ("another version", {index: (200, good[index][1].replace(b"version: 1.2.3", b"version: 1.2.4"), {})}, ERROR, "it has 1.2.4"),
            ("half a package", {package: (200, half, {})}, ERROR, "archive"),
            ("no package at all", {package: (200, b"hello", {})}, ERROR, "not a gzipped archive"),
        ]
        for what, answers, code, said in rows:
            with self.subTest(what):
                self.repository.answers = {**good, **answers}
                pin = digest(answers[package][1]) if package in answers and answers[package][0] == 200 else digest(self.package)
                done = self.run_tool("render", "--env", "prod", "--operator", "widgets", "--project", str(self.operator(pin=pin)), expect=code)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stdout, "")
        self.repository.answers = {**good, "/moved": good[index], index: (301, b"", {"Location": "/charts/../moved"})}
        self.repository.answers["/charts/../moved"] = good[index]
        self.repository.answers["/moved"] = good[index]
        self.repository.answers["/widget-operator-1.2.3.tgz"] = good[package]
        self.assertIn(("Deployment", "widgets"), self.objects(self.operator(), "--operator", "widgets"))

    def test_credentials_come_from_the_environment_only(self):
        self.repository.credentials = "ann:open sesame"
        project = self.operator(more=", credentials: {usernameVariable: CHARTS_USER, passwordVariable: CHARTS_PASSWORD}")
        done = self.run_tool("render", "--env", "prod", "--operator", "widgets", "--project", str(project), expect=ERROR)
        self.assertIn("the environment variable CHARTS_USER is not set", done.stderr)
        for password, code in (("open sesame", DONE), ("wrong", ERROR)):
            done = subprocess.run([BINARY, "render", "--env", "prod", "--operator", "widgets", "--project", str(project)],
                                  capture_output=True, text=True, timeout=60,
                                  env={**self.environment(), "CHARTS_USER": "ann", "CHARTS_PASSWORD": password})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("sesame", done.stdout + done.stderr)

    def test_a_bundle_needs_no_network(self):
        project, bundle = self.operator(), self.dir / "bundle.tar"
        made = json.loads(self.run_tool("bundle", "create", "--env", "prod", "--output", str(bundle), "-o", "json", "--project", str(project)).stdout)
        self.assertEqual(made["bundle"]["digest"], digest(bundle.read_bytes()))
        self.assertEqual([op["package"] for op in made["operators"]], ["operators/widgets-1.2.3.tgz"])
        self.assertEqual([image["image"] for image in made["images"]], ["example.test/widget-operator:1.2.3"])
        first = bundle.read_bytes()
        self.assertIn("1 operators, 1 images (1 without a digest)",
                      self.run_tool("bundle", "create", "--env", "prod", "--output", str(bundle), "--project", str(project)).stdout)
        self.assertEqual(bundle.read_bytes(), first)
        wanted = self.objects(project, "--operator", "widgets")
        self.repository.stop()
        shutil.rmtree(project)

        self.assertIn("every file is what the index says", self.run_tool("bundle", "verify", str(bundle), cwd=self.dir).stdout)
        with tarfile.open(bundle) as archive:  # any tar can read it
            self.assertEqual(archive.getnames()[0], "index.json")
        self.assertEqual(self.objects(self.dir, "--operator", "widgets", "--bundle", str(bundle)), wanted)
        rehearsed = self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "3", "--bundle", str(bundle), "-o", "json", cwd=self.dir)
        told = json.loads(rehearsed.stdout)
        self.assertTrue(told["good"], told["verdict"])
        self.assertEqual([op["name"] for op in told["operators"]], ["widgets"])
        self.assertEqual([entry["operator"] for entry in told["standIns"]], ["gadgets"])
        self.with_gadgets()
        self.run_tool("deploy", "--env", "prod", "--bundle", str(bundle), "--yes", "--kubeconfig", str(self.config), cwd=self.dir)
        self.run_tool("diff", "--env", "prod", "--bundle", str(bundle), "--kubeconfig", str(self.config), cwd=self.dir)
        self.assertIn("holds prod", self.run_tool("render", "--env", "dev", "--bundle", str(bundle), expect=USAGE).stderr)
        for what, change, code in (("cut", first[:-1500], ERROR), ("changed", first.replace(b"replicas: 2", b"replicas: 9"), REFUSED)):
            with self.subTest(what):
                bundle.write_bytes(change)
                self.run_tool("bundle", "verify", str(bundle), expect=code)
                self.run_tool("render", "--env", "prod", "--bundle", str(bundle), expect=code)

    def test_a_chart_that_would_be_fetched_is_stood_in_for_in_a_rehearsal(self):
        told = json.loads(self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "3", "-o", "json", "--project", str(self.operator())).stdout)
        self.assertEqual([entry["operator"] for entry in told["standIns"]], ["widgets", "gadgets"])
        self.assertEqual(self.repository.asked, [])

    def test_an_oci_reference_is_refused_with_a_way_out(self):
        project = self.operator(chart='{oci: "oci://registry.example/charts/widget-operator"}')
        done = self.run_tool("render", "--env", "prod", "--operator", "widgets", "--project", str(project), expect=REFUSED)
        self.assertIn("helm pull oci://registry.example/charts/widget-operator --version 1.2.3", done.stderr)


class BesideHelm(OperatorCase):
    """What an operator's own chart renders here is what Helm renders, object by object."""
    CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nautilusctl-tools"

    def compare(self, name, chart, version, values):
        helm = self.CACHE / "bin" / "helm"
        if not helm.exists() or not chart.exists():
            self.skipTest("no helm or no chart: scripts/build-tools.sh helm crds")
        project = self.small_project(
            f"  operators:\n    - {{name: {name}, namespace: their-place, version: {version}, values: [v.yaml], "
            f"chart: {{directory: ../../../charts/{name}}}}}\n", more="  kubeVersion: v1.37.2\n")
        shutil.copytree(chart, project / "charts" / name)
        file = project / "manifests" / "environments" / "prod" / "v.yaml"
        file.write_text(values)
        ours = json.loads(self.run_tool("render", "--env", "prod", "--operator", name, "-o", "json", "--project", str(project)).stdout)["items"]
        done = subprocess.run([str(helm), "template", name, str(chart), "-n", "their-place", "-f", str(file), "--include-crds", "--no-hooks",
                               "--kube-version", "v1.37.2"], capture_output=True, text=True, timeout=120, env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        theirs = [document for document in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if document]
        key = lambda item: (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])  # noqa: E731
        self.assertEqual(sorted(map(key, ours)), sorted(map(key, theirs)))
        self.assertGreater(len(ours), 10)
        for mine, helms in zip(sorted(ours, key=key), sorted(theirs, key=key)):
            self.assertEqual(mine, helms, key(mine))

    def test_elastics_operator(self):
        for values in ("{}\n", "installCRDs: false\nreplicaCount: 2\nconfig: {logVerbosity: 1}\npodDisruptionBudget: {enabled: true}\n"):
            with self.subTest(values):
                shutil.rmtree(self.dir / "small", ignore_errors=True)
                self.compare("elastic-operator", self.CACHE / "charts" / "eck", "3.5.0", values)


if __name__ == "__main__":
    unittest.main()
