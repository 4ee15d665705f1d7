#!/usr/bin/env python3
"""`render --output-dir` gives a tree that plain kubectl can apply in the deployment guide's order."""
import json

import harness
from harness import NAMESPACE, ClusterCase

# As the guide says it. Operators (cert-manager, Istio, Prometheus, ECK, Velero, Argo CD) are there before.
ORDER = [
    "namespaces/",
    "statefulsets/redis-cluster.yaml",
    "statefulsets/redis-sentinel.yaml",
    "statefulsets/postgresql-cluster.yaml",
    "deployments/pgbouncer.yaml",
    "deployments/backend-deployment.yaml",
    "deployments/frontend-deployment.yaml",
    "deployments/nautilus-engine-deployment.yaml",
    "services/",
    "ingress/",
    "istio/",
    "monitoring/",
    "argocd/",
]


class Guide(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.with_operators("prod")

    def test_00_the_tree(self):
        tree = self.directory / "k8s"
        self.tool("render", "--env", "prod", "--output-dir", str(tree))
        written = {str(path.relative_to(tree)) for path in tree.rglob("*.yaml")}
        for part in ORDER:
            self.assertTrue(any(name.startswith(part) for name in written), f"{part} is not in {sorted(written)}")
        rendered = json.loads(self.tool("render", "--env", "prod", "-o", "json").stdout)["items"]
        count = sum(text.count("\nkind: ") + text.startswith("kind: ") for text in (path.read_text() for path in tree.rglob("*.yaml")))
        self.assertEqual(count, len(rendered), "every object is in the tree once")

    def test_01_kubectl_takes_it_in_the_guides_order(self):
        for part in ORDER:
            done = self.kubectl("apply", "--validate=strict", "-f", str(self.directory / "k8s" / part))
            self.assertNotIn("Warning", done.stderr)

    def test_02_the_rest_of_the_tree_goes_too_and_everything_is_ready(self):
        self.kubectl("apply", "--validate=strict", "-R", "-f", str(self.directory / "k8s"))
        self.wait_until("every workload", lambda: not self.not_ready(), 180)
        self.assertGreaterEqual(len(self.workloads()), 8)
        pods = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        self.assertEqual([p["metadata"]["name"] for p in pods if p["status"]["phase"] != "Running"], [])

    def wishes(self):
        """What was asked for in every workload, budget and pod: identity and generation."""
        kinds = ("/apis/apps/v1/namespaces/{}/deployments", "/apis/apps/v1/namespaces/{}/statefulsets",
                 "/apis/policy/v1/namespaces/{}/poddisruptionbudgets", "/api/v1/namespaces/{}/pods")
        return {(item["metadata"]["uid"], item["metadata"]["name"], item["metadata"].get("generation"))
                for kind in kinds for item in self.api.get(kind.format(NAMESPACE))["items"]}

    def test_03_applying_the_tree_again_asks_for_nothing_new(self):
        # kubectl compares on its side: it always sends a budget's selector (its patch strategy is `replace`) and a
        # stateful set's volumeClaimTemplates (an atomic list in which the server has set `status`). The server finds
        # nothing new in either, so no generation moves and no pod is replaced; from then on not even a revision does.
        tree, wishes = str(self.directory / "k8s"), self.wishes()
        self.kubectl("apply", "--validate=strict", "-R", "-f", tree)
        self.assertEqual(self.wishes(), wishes)
        before, mark = self.settle(), self.mark()
        self.kubectl("apply", "--validate=strict", "-R", "-f", tree)
        self.assert_unchanged(before, mark)


if __name__ == "__main__":
    harness.main()
