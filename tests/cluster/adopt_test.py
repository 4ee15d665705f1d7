#!/usr/bin/env python3
"""What `helm install` or `kubectl apply` installed is taken over: no pod is replaced, no generation moves."""
import json
import subprocess

import harness
from harness import COMMAND_SECONDS, DIFFERENCES, DONE, NAMESPACE, REFUSED, ROOT, ClusterCase, control_plane

RELEASE = "nautilus-dev"


class Adoption(ClusterCase):
    nodes = 3
    left = ()

    def helm(self, *arguments, expect=0, program="helm"):
        done = subprocess.run([str(control_plane.BIN / program), "--kubeconfig", str(self.kubeconfig), *arguments], capture_output=True,
                              text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, expect, f"{program} {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done

    def chart(self):
        return (RELEASE, str(ROOT / "templates" / "nautilus-platform"), "--namespace", NAMESPACE,
                "--values", str(ROOT / "manifests" / "environments" / "dev" / "values-development.yaml"))

    def running(self):
        """Everything that runs, and what was asked for: identity, and generation or (of a Deployment, whose generation
        counts its annotations) the spec."""
        kinds = ("/apis/apps/v1/namespaces/{}/deployments", "/apis/apps/v1/namespaces/{}/statefulsets",
                 "/apis/apps/v1/namespaces/{}/replicasets", "/api/v1/namespaces/{}/pods")
        return {(item["metadata"]["uid"], item["metadata"]["name"], json.dumps(item["spec"], sort_keys=True) if "deployments" in kind or "replicasets" in kind else item["metadata"].get("generation"))
                for kind in kinds for item in self.api.get(kind.format(NAMESPACE))["items"]}

    def records(self):
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"]
                for item in self.api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets")["items"] if item["type"] == "helm.sh/release.v1"}

    def clean(self):
        """Removes what a story left: the environment, and Helm's records with it."""
        self.tool("destroy", "--env", "dev", "--yes", "--delete-data", "--timeout", "3m")

    def taken_over(self, *flags):
        """Takes everything over and holds it to its promise."""
        self.wait_until("every workload", lambda: self.workloads() and not self.not_ready(), 120)
        self.settle()
        before, records, mark = self.running(), self.records(), self.mark()
        shown = json.loads(self.tool("adopt", "--env", "dev", "--dry-run", "-o", "json", *flags, expect=DIFFERENCES).stdout)
        self.assertEqual(self.writes_since(mark), [], "--dry-run")
        self.assertEqual([o for o in shown["objects"] if o["restarts"] or o["removes"] or o["changes"]], [])
        self.tool("adopt", "--env", "dev", "--yes", *flags)
        self.assertEqual(self.running(), before)
        self.assertEqual(self.records(), records, "Helm's records stay as they are")
        self.assertTrue(self.holds_no_lock())
        again = self.mark()
        self.assertIn("nothing to take over", self.tool("adopt", "--env", "dev", "--yes", *flags).stdout)
        self.assertEqual(self.writes_since(again), [])
        history = json.loads(self.tool("history", "--env", "dev", "-o", "json").stdout)
        self.assertEqual([(h["operation"], h["status"]) for h in history], [("adopt", "deployed")])
        plan = json.loads(self.tool("diff", "--env", "dev", "-o", "json", expect=None).stdout)
        # Nobody owns the empty podSelector of a policy that was not applied on the server: a deploy claims it, no more.
        self.assertEqual([i for i in plan["items"] if i["action"] not in ("unchanged", "create") and i["changes"] != ["(field ownership)"]], [])
        return before

    def tool(self, *arguments, expect=DONE, **more):
        if expect is None:  # 0 or 10: whether anything is missing is not the question
            done = subprocess.run(self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                  timeout=COMMAND_SECONDS, env=self.environment(), cwd=self.directory)
            self.assertIn(done.returncode, (DONE, DIFFERENCES), done.stderr[-4000:])
            return done
        return super().tool(*arguments, expect=expect, **more)

    def test_00_what_helm_4_installed(self):
        self.helm("install", *self.chart(), "--create-namespace")
        before = self.taken_over("--from-helm", RELEASE)
        self.assertIn(RELEASE, self.helm("list", "--namespace", NAMESPACE).stdout)
        self.assertIn("kind: StatefulSet", self.helm("get", "manifest", RELEASE, "--namespace", NAMESPACE).stdout)
        self.helm("get", "all", RELEASE, "--namespace", NAMESPACE)
        self.tool("deploy", "--env", "dev", "--yes", "--timeout", "3m")
        self.assertEqual(self.running(), before)

    def test_01_helm_4_is_stopped_afterwards(self):
        before = self.running()
        done = self.helm("upgrade", *self.chart(), expect=1)
        self.assertIn("nautilusctl-adopt", done.stderr)
        self.assertEqual(self.running(), before)
        # Helm leaves what does not carry its name; only its records go.
        self.helm("uninstall", RELEASE, "--namespace", NAMESPACE)
        self.assertEqual(self.running(), before)
        self.clean()

    def test_02_what_kubectl_applied(self):
        tree = str(self.directory / "k8s")
        self.tool("render", "--env", "dev", "--output-dir", tree)
        self.kubectl("apply", "-f", tree + "/namespaces/")
        self.kubectl("apply", "-R", "-f", tree)
        self.taken_over("--from-kubectl")
        self.assertNotIn("last-applied", json.dumps([item["metadata"].get("annotations") for _, item in self.workloads()]))
        self.clean()

    def test_03_what_kubectl_applied_on_the_server(self):
        tree = str(self.directory / "k8s")
        self.kubectl("apply", "--server-side", "-f", tree + "/namespaces/")
        self.kubectl("apply", "--server-side", "-R", "-f", tree)
        # A change that would replace pods is refused unless it is said; adopting it changes nothing yet.
        done = self.tool("adopt", "--env", "dev", "--yes", "--set", "backend.image.tag=9.9.9", expect=REFUSED)
        self.assertIn("--allow-restart", done.stderr)
        self.taken_over()
        self.clean()


if __name__ == "__main__":
    harness.main()
