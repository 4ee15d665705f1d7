#!/usr/bin/env python3
"""Third-party operators, run as a person would: without a cluster, on the embedded one, with bad sources."""
import json
import shutil
import subprocess
import unittest

from command_line_test import BINARY, DIFFERENCES, DONE, ERROR, USAGE, Case

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
                      "(example.io/v1 Widget, example.io/v1beta1 Gadget)", done.stdout)
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


if __name__ == "__main__":
    unittest.main()
