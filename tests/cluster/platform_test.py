#!/usr/bin/env python3
"""The production environment on a real control plane, from the first deploy to nothing left."""
import json
import shutil

import harness
from harness import DIFFERENCES, ERROR, NAMESPACE, REFUSED, ClusterCase


class Production(ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.with_operators("prod")

    def test_00_before(self):
        type(self).empty = set(self.objects())
        self.assertEqual(self.tool("diff", "--env", "prod", expect=DIFFERENCES).returncode, DIFFERENCES)
        self.assertEqual(set(self.objects()), self.empty, "diff must not write")

    def test_01_first_deploy_brings_everything_up(self):
        self.tool("deploy", "--env", "prod", "--yes", "--timeout", "5m")
        self.assertEqual(self.not_ready(), [])
        names = {f"{kind}/{item['metadata']['name']}" for kind, item in self.workloads()}
        for wanted in ("statefulsets/redis-cluster", "statefulsets/redis-sentinel", "statefulsets/postgresql-primary",
                       "statefulsets/postgresql-replica", "deployments/pgbouncer", "deployments/nautilus-backend",
                       "deployments/nautilus-frontend", "statefulsets/nautilus-engine"):
            self.assertIn(wanted, names)
        claims = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims")["items"]
        self.assertTrue(claims)
        self.assertEqual([c["metadata"]["name"] for c in claims if c["status"]["phase"] != "Bound"], [])
        self.assertTrue(self.holds_no_lock())

    def test_02_status_says_healthy(self):
        self.tool("status", "--env", "prod", "--all")
        told = json.loads(self.tool("status", "--env", "prod", "-o", "json").stdout)
        self.assertTrue(told["healthy"])
        self.assertEqual(told["revision"]["number"], 1)

    def test_03_second_deploy_writes_nothing(self):
        before, mark = self.settle(), self.mark()
        self.tool("deploy", "--env", "prod", "--yes")
        self.assert_unchanged(before, mark)
        self.tool("diff", "--env", "prod")

    def test_04_a_dry_run_on_the_server_writes_nothing(self):
        before, mark = self.settle(), self.mark()
        self.tool("deploy", "--env", "prod", "--dry-run", "server", "--set", "backend.image.tag=0.2.0")
        self.tool("deploy", "--env", "prod", "--dry-run", "client")
        self.assert_unchanged(before, mark)

    def test_05_a_changed_image_rolls_only_its_workload(self):
        done = self.tool("diff", "--env", "prod", "--set", "backend.image.tag=0.2.0", expect=DIFFERENCES)
        self.assertIn("nautilus-backend", done.stdout)
        generations = {f"{k}/{w['metadata']['name']}": w["metadata"]["generation"] for k, w in self.workloads()}
        mark = self.mark()
        self.tool("deploy", "--env", "prod", "--yes", "--set", "backend.image.tag=0.2.0")
        self.assertTrue(self.image("deployments", "nautilus-backend").endswith(":0.2.0"))
        self.assertEqual(self.not_ready(), [])
        moved = {f"{k}/{w['metadata']['name']}" for k, w in self.workloads()
                 if w["metadata"]["generation"] != generations[f"{k}/{w['metadata']['name']}"]}
        self.assertEqual(moved, {"deployments/nautilus-backend"})
        applied = [write for write in self.writes_since(mark) if not any(own in write for own in (" leases ", " configmaps ", " secrets "))]
        # The version label moves on what carries it; of the workloads only the one is written.
        self.assertEqual([w for w in applied if " deployments " in w or " statefulsets " in w], [f"patch deployments {NAMESPACE}/nautilus-backend"])
        self.assertEqual([w for w in applied if not w.endswith("/nautilus-backend")], [])

    def test_06_a_saved_plan_is_refused_once_the_cluster_has_moved(self):
        plan = str(self.directory / "plan.json")
        self.tool("diff", "--env", "prod", "--set", "backend.image.tag=0.2.0", "--set", "frontend.image.tag=0.3.0",
                  "--save-plan", plan, expect=DIFFERENCES)
        self.api.call("PATCH", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-frontend",
                      {"metadata": {"annotations": {"example.test/touched": "yes"}}}, "application/merge-patch+json")
        self.tool("deploy", "--plan", plan, "--yes", expect=REFUSED)
        self.assertTrue(self.image("deployments", "nautilus-frontend").endswith(":0.1.0"))
        self.tool("diff", "--env", "prod", "--set", "backend.image.tag=0.2.0", "--set", "frontend.image.tag=0.3.0",
                  "--save-plan", plan, expect=DIFFERENCES)
        self.tool("deploy", "--plan", plan, "--yes")
        self.assertTrue(self.image("deployments", "nautilus-frontend").endswith(":0.3.0"))

    def test_07_rollback_of_one_component(self):
        self.tool("rollback", "backend", "--env", "prod", "--yes", "--to", "1", "--reason", "end to end")
        self.assertTrue(self.image("deployments", "nautilus-backend").endswith(":0.1.0"))
        self.assertTrue(self.image("deployments", "nautilus-frontend").endswith(":0.3.0"), "the others stay")
        self.assertEqual(self.not_ready(), [])
        history = json.loads(self.tool("history", "--env", "prod", "-o", "json").stdout)
        self.assertEqual(max(entry["revision"] for entry in history), len(history))
        self.assertGreaterEqual(len(history), 4)

    def test_08_a_field_somebody_else_owns_is_a_conflict(self):
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nautilus-backend", "namespace": NAMESPACE},
                "spec": {"template": {"spec": {"terminationGracePeriodSeconds": 77}}}}
        self.api.call("PATCH", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend?fieldManager=night-shift&force=true",
                      body, "application/apply-patch+yaml")
        mark = self.mark()
        done = self.tool("deploy", "--env", "prod", "--yes", expect=ERROR)
        self.assertIn("night-shift", done.stderr)
        self.assertIn("terminationGracePeriodSeconds", done.stderr)
        self.assertEqual([w for w in self.writes_since(mark) if " leases " not in w], [], "a conflict is found before anything is written")
        self.tool("deploy", "--env", "prod", "--yes", "--take-from", "night-shift")
        self.assertEqual(self.not_ready(), [])
        self.tool("diff", "--env", "prod")

    def test_09_another_cluster_is_refused(self):
        project = self.directory / "pinned"
        for part in ("templates", "manifests"):
            shutil.copytree(self.project / part, project / part)
        file = project / "manifests" / "environments" / "prod" / "environment.yaml"
        file.write_text(file.read_text().replace('kubeSystemUID: ""', 'kubeSystemUID: "00000000-1111-2222-3333-444444444444"'))
        mark = self.mark()
        for command in (["deploy", "--yes"], ["destroy", "--yes"], ["rollback", "--yes"]):
            self.tool(*command, "--env", "prod", project=project, expect=REFUSED)
        self.assertEqual(self.writes_since(mark), [])
        uid = self.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        file.write_text(file.read_text().replace("00000000-1111-2222-3333-444444444444", uid))
        self.tool("diff", "--env", "prod", project=project)

    def test_10_destroy_spares_the_data(self):
        self.tool("destroy", "--env", "prod", "--yes", "--timeout", "5m")
        self.assertEqual(self.api.raw("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend")[0], 404)
        self.assertEqual(self.api.raw("GET", f"/api/v1/namespaces/{NAMESPACE}")[0], 200)
        claims = {c["metadata"]["name"] for c in self.api.get(f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims")["items"]}
        self.assertIn("data-postgresql-primary-0", claims)
        self.assertEqual(self.api.raw("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/postgresql-credentials")[0], 200,
                         "data without its password is lost")

    def test_11_what_was_spared_is_taken_up_again(self):
        volume = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/data-postgresql-primary-0"
        before = self.api.get(volume)["metadata"]["uid"]
        self.tool("deploy", "--env", "prod", "--yes", "--timeout", "5m")
        self.assertEqual(self.not_ready(), [])
        self.assertEqual(self.api.get(volume)["metadata"]["uid"], before)

    def test_12_destroy_with_the_data_leaves_nothing(self):
        self.tool("destroy", "--env", "prod", "--yes", "--delete-data", "--timeout", "5m")
        self.wait_until_only(self.empty, 60)
        self.tool("destroy", "--env", "prod", "--yes", "--delete-data")


if __name__ == "__main__":
    harness.main()
