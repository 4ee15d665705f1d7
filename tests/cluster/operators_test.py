#!/usr/bin/env python3
"""Third-party operators on a real control plane: their own definitions, and an operator that the deploy installs itself."""
import json
import shutil

import harness
from harness import DIFFERENCES, ERROR, ClusterCase

PROVIDES = """      provides:
        - {group: elasticsearch.k8s.elastic.co, version: v1, kind: Elasticsearch, plural: elasticsearches}
        - {group: kibana.k8s.elastic.co, version: v1, kind: Kibana, plural: kibanas}
"""
SEARCH = """apiVersion: v1
kind: Namespace
metadata: {name: search}
---
apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: logs, namespace: search}
spec:
  version: 9.1.0
  nodeSets: [{name: all, count: 3, config: {node.store.allow_mmap: false}}]
"""


class Operators(ClusterCase):
    nodes = 3

    def project(self, operator, objects):
        folder = self.directory / "project"
        environment, chart = folder / "manifests" / "environments" / "prod", folder / "templates" / "app"
        environment.mkdir(parents=True, exist_ok=True)
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (environment / "environment.yaml").write_text(
            "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  chart: ../../../templates/app\n"
            "  release: {name: app, namespace: search}\n  operators:\n" + operator)
        (environment / "eck.yaml").write_text("webhook: {enabled: false}\n")
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: app\nversion: 0.1.0\n")
        (chart / "templates" / "all.yaml").write_text(objects)
        return folder

    OTHER = "    - name: eck\n      namespace: elastic-system\n      installedBy: other\n" + PROVIDES
    OURS = ("    - name: eck\n      namespace: elastic-system\n      version: 3.5.0\n      values: [eck.yaml]\n"
            "      chart: {directory: ../../../charts/eck}\n" + PROVIDES)

    def on(self, project, *arguments, expect=0):
        return self.tool(*arguments, "--env", "prod", project=project, expect=expect)

    def test_01_without_the_operator_nothing_is_written(self):
        project = self.project(self.OTHER, SEARCH)
        mark = self.mark()
        for command in (("diff",), ("deploy", "--yes")):
            said = self.on(project, *command, expect=ERROR).stderr
            self.assertEqual(said.count("operator eck is not on this cluster: it provides Elasticsearch (elasticsearch.k8s.elastic.co/v1), "
                                        "Kibana (kibana.k8s.elastic.co/v1)"), 1, said)
        self.assertEqual(self.writes_since(mark), [])
        self.assertEqual(len(json.loads(self.on(project, "status", "-o", "json", expect=ERROR).stdout)["missingOperators"]), 1)

    def test_02_stand_ins_are_accepted_by_the_real_server(self):
        project = self.project(self.OTHER.replace(".k8s.elastic.co", ".stand-in.k8s.io"), "")
        file = self.directory / "definitions.yaml"
        file.write_text(self.on(project, "render", "--stand-in-crds").stdout)
        self.kubectl("create", "-f", str(file))
        self.established()

    def test_03_the_deploy_installs_an_operator_from_its_own_chart(self):
        chart = self.CRDS.parent / "charts" / "eck"
        if not chart.exists():
            self.skipTest("no chart: scripts/crds.sh")
        project = self.project(self.OURS, SEARCH)
        shutil.copytree(chart, project / "charts" / "eck", dirs_exist_ok=True)
        told = json.loads(self.on(project, "diff", "-o", "json", expect=DIFFERENCES).stdout)
        self.assertEqual(told["operators"][0]["problems"] + told["problems"], [])
        told = json.loads(self.on(project, "deploy", "--yes", "--timeout", "5m", "-o", "json").stdout)
        self.assertEqual((told["revision"], told["operators"][0]["revision"]), (1, 1))
        operators = self.api.get("/apis/apps/v1/namespaces/elastic-system/statefulsets")["items"]
        self.assertEqual([operator["status"]["readyReplicas"] for operator in operators], [1])
        search = self.api.get("/apis/elasticsearch.k8s.elastic.co/v1/namespaces/search/elasticsearches/logs")
        self.assertEqual(search["spec"]["nodeSets"][0]["count"], 3)
        self.on(project, "status")

    def test_04_a_second_deploy_writes_nothing(self):
        project = self.directory / "project"
        before, mark = self.settle(), self.mark()
        self.on(project, "deploy", "--yes")
        self.on(project, "diff")
        self.assert_unchanged(before, mark)

    def test_05_a_field_that_the_operators_schema_does_not_know_is_refused(self):
        project = self.project(self.OURS, SEARCH.replace("count: 3", "cuont: 3"))
        self.assertIn("cuont", self.on(project, "deploy", "--yes", expect=ERROR).stderr)
        self.project(self.OURS, SEARCH)

    def test_06_environment_and_operator_are_removed_apart(self):
        project = self.directory / "project"
        self.on(project, "destroy", "--yes", "--delete-data")
        self.on(project, "status", "--operator", "eck")
        self.on(project, "destroy", "--operator", "eck", "--yes")
        names = [item["metadata"]["name"] for item in self.api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]]
        self.assertIn("elasticsearches.elasticsearch.k8s.elastic.co", names)
        self.assertEqual(self.api.get("/apis/apps/v1/namespaces/elastic-system/statefulsets")["items"], [])

    def test_07_every_projects_own_definitions_are_served(self):
        wanted = ["istio", "gateway-api", "prometheus-operator", "argo-cd", "velero", "cert-manager", "vertical-pod-autoscaler", "external-secrets"]
        there = [name for name in wanted if (self.CRDS / f"{name}.yaml").exists()]
        if there != wanted:
            print(f"  not fetched: {sorted(set(wanted) - set(there))}", flush=True)
        self.assertEqual(self.apply_crds(*there), there)
        kinds = {kind for _, kind in self.listable()}
        for project, kind in (("istio", "VirtualService"), ("gateway-api", "HTTPRoute"), ("prometheus-operator", "ServiceMonitor"),
                              ("argo-cd", "Application"), ("velero", "Schedule"), ("cert-manager", "Certificate"),
                              ("vertical-pod-autoscaler", "VerticalPodAutoscaler"), ("external-secrets", "ExternalSecret")):
            if project in there:
                self.assertIn(kind, kinds)


if __name__ == "__main__":
    harness.main()
