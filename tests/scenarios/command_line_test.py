#!/usr/bin/env python3
"""Every command and flag, run as a person would, against the embedded cluster on a loopback port."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
SECONDS = 120


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="nautilus-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, True)

    def run_tool(self, *arguments, expect=0, env=None, cwd=None):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")}
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              env={**kept, "HOME": str(self.dir), **(env or {})}, cwd=cwd or ROOT)
        self.assertEqual(done.returncode, expect, f"nautilusctl {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def project(self):
        """A copy of the project that a test may break."""
        copy = self.dir / "project"
        for part in ("templates", "manifests"):
            shutil.copytree(ROOT / part, copy / part)
        return copy


class WithoutCluster(Case):
    def test_version_and_environments(self):
        self.assertRegex(self.run_tool("version").stdout, r"^nautilusctl \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.run_tool("version", "--output", "json").stdout))
        self.assertEqual(self.run_tool("environments").stdout.split(), ["dev", "prod", "staging"])
        self.assertEqual(self.run_tool("environments", "--project", str(ROOT), cwd="/").stdout.split(), ["dev", "prod", "staging"])

    def test_completions_are_up_to_date(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertEqual(self.run_tool("completion", shell).stdout, (ROOT / "completions" / f"nautilusctl.{shell}").read_text(),
                             f"run: nautilusctl completion {shell} > completions/nautilusctl.{shell}")

    def test_a_wrong_command_line_is_exit_code_2(self):
        for arguments in (["deplyo"], ["deploy", "--no-such-flag"], ["deploy"], ["render"], ["render", "--env", "production"],
                          ["deploy", "--env", "dev", "--timeout", "soon"], ["deploy", "--env", "dev", "--lock-timeout", "-1s"],
                          ["destroy", "--env", "dev"], ["completion", "tcsh"], ["rollback", "--env", "dev", "--to", "0"],
                          ["deploy", "--env", "dev", "--dry-run", "maybe"], ["render", "--env", "dev", "-o", "xml"]):
            with self.subTest(arguments=arguments):
                self.assertIn("error:", self.run_tool(*arguments, expect=2).stderr)

    def test_an_unknown_environment_lists_the_known_ones(self):
        self.assertIn("dev, prod, staging", self.run_tool("render", "--env", "live", expect=2).stderr)

    def test_render(self):
        text = self.run_tool("render", "--env", "prod").stdout
        self.assertIn("# Source: nautilus-platform/charts/", text)
        whole = json.loads(self.run_tool("render", "--env", "prod", "-o", "json").stdout)
        self.assertEqual(text.count("\n---\n") + 1, len(whole["items"]))
        changed = self.run_tool("render", "--env", "prod", "--set", "backend.image.tag=9.9.9").stdout
        self.assertIn("nautilus-backend:9.9.9", changed)
        more = self.dir / "more.yaml"
        more.write_text("backend: {image: {tag: 8.8.8}}\n")
        self.assertIn(":8.8.8", self.run_tool("render", "--env", "prod", "--values", str(more)).stdout)
        (self.dir / "tag").write_text("7.7.7")
        for flag in (["--set-string", "backend.image.tag=7.7.7"], ["--set-json", 'backend.image={"tag":"7.7.7"}'],
                     ["--set-file", f"backend.image.tag={self.dir}/tag"], ["--set-literal", "backend.image.tag=7.7.7"]):
            self.assertIn(":7.7.7", self.run_tool("render", "--env", "prod", *flag).stdout)

    def test_render_writes_the_tree_of_the_guide(self):
        for env in ("dev", "staging", "prod"):
            out = self.dir / env
            self.run_tool("render", "--env", env, "--output-dir", str(out), "--quiet")
            for path in ("namespaces", "statefulsets/redis-cluster.yaml", "statefulsets/redis-sentinel.yaml",
                         "statefulsets/postgresql-cluster.yaml", "deployments/pgbouncer.yaml", "deployments/backend-deployment.yaml",
                         "deployments/frontend-deployment.yaml", "deployments/nautilus-engine-deployment.yaml", "services", "ingress"):
                self.assertTrue((out / path).exists(), f"{env}: {path}")

    def test_bad_input_is_one_clear_error(self):
        project = self.project()
        chart, prod = project / "templates" / "nautilus-platform", project / "manifests" / "environments" / "prod"
        loop = '{{ define "loop" }}{{ include "loop" . }}{{ include "loop" . }}{{ end }}{{ include "loop" . }}'
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [" + ",".join([f"*{a}"] * 9) + "]\n" for a, b in zip("abcdefgh", "bcdefghi"))
        rows = [
            (chart / "templates" / "broken.yaml", "x: {{ .Values.nothing.here }}", ["broken.yaml:1:", ".Values.nothing.here", "nil pointer"]),
            (chart / "templates" / "broken.yaml", "x: {{ if }}", ["broken.yaml:1"]),
            (chart / "templates" / "broken.yaml", "kind: [", ["broken.yaml"]),
            (chart / "templates" / "broken.yaml", loop, ["broken.yaml", "deep"]),
            (prod / "values-production.yaml", "a: 1\na: 2\n", ["values-production.yaml:2", "a"]),
            (prod / "values-production.yaml", bomb, ["values-production.yaml", "nodes"]),
            (prod / "environment.yaml", "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec: {chrt: x}\n",
             ["environment.yaml"]),
        ]
        for file, text, expected in rows:
            with self.subTest(text=text[:40]):
                before = file.read_text() if file.exists() else None
                file.write_text(text)
                error = self.run_tool("render", "--env", "prod", "--project", str(project), expect=1).stderr
                for part in expected:
                    self.assertIn(part, error)
                file.unlink() if before is None else file.write_text(before)

    def test_a_value_of_the_wrong_type_names_both_types(self):
        error = self.run_tool("render", "--env", "prod", "--set", "pgbouncer.replicas=many", expect=1).stderr
        self.assertIn("replicas", error)
        self.assertIn("string", error)
        self.assertIn("integer", error)

    def test_errors_as_json(self):
        told = json.loads(self.run_tool("deploy", "--env", "prod", "-o", "json", "--kubeconfig", str(self.dir / "none"), expect=1).stdout)
        self.assertEqual(told["error"]["exitCode"], 1)
        self.assertTrue(told["error"]["message"])

    def test_no_cluster(self):
        self.assertIn("kubeconfig", self.run_tool("status", "--env", "dev", expect=1).stderr)
        config = self.dir / "config"
        config.write_text('{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],'
                          '"users":[],"contexts":[{"name":"c","context":{"cluster":"c"}}],"current-context":"c"}')
        self.run_tool("status", "--env", "dev", "--kubeconfig", str(config), expect=13)
        self.assertIn('"nowhere"', self.run_tool("status", "--env", "dev", "--kubeconfig", str(config), "--context", "nowhere", expect=1).stderr)

    def test_a_full_disk_is_said(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "render", "--env", "dev"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=SECONDS)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)

    def test_rehearsal(self):
        page = self.dir / "report.html"
        first = json.loads(self.run_tool("rehearse", "deploy", "--env", "prod", "--seed", "7", "--nodes", "12", "-o", "json",
                                         "--report", str(page)).stdout)
        self.assertTrue(first["good"], first)
        self.assertEqual(first["repeatWrites"], 0)
        again = json.loads(self.run_tool("rehearse", "deploy", "--env", "prod", "--seed", "7", "-o", "json").stdout)
        self.assertEqual(first["transcript"], again["transcript"], "the same seed gives the same run")
        self.assertIn("<svg", page.read_text())
        self.assertIn("would fail", self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "1", expect=1).stdout)


class OnTheEmbeddedCluster(Case):
    def setUp(self):
        super().setUp()
        self.config = self.dir / "kubeconfig"
        self.server = subprocess.Popen([BINARY, "sim", "serve", "--address", "127.0.0.1", "--port", "0", "--write-kubeconfig", str(self.config),
                                        "--speed", "100", "--seed", "3", "--nodes", "12"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.stop)
        self.assertIn(str(self.config), self.server.stdout.readline())

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(timeout=SECONDS)
        self.server.stdout.close()

    def tool(self, *arguments, expect=0):
        return self.run_tool("--kubeconfig", str(self.config), *arguments, expect=expect)

    def test_the_life_of_a_release(self):
        self.assertIn("to create", self.tool("diff", "--env", "dev", expect=10).stdout)
        self.tool("deploy", "--env", "dev", "--yes", "--wait", "--verbose", "--no-wait")
        self.tool("deploy", "--env", "dev", "--dry-run", "server", "--set", "backend.image.tag=2.0.0")
        plan = self.dir / "plan.json"
        self.tool("diff", "--env", "dev", "--set", "backend.image.tag=2.0.0", "--save-plan", str(plan), expect=10)
        edited = self.dir / "edited.json"
        edited.write_text(plan.read_text().replace("2.0.0", "6.6.6"))
        self.assertIn("digest", self.tool("deploy", "--plan", str(edited), "--yes", expect=12).stderr)
        self.tool("deploy", "--plan", str(plan), "--yes", "--no-wait")
        history = json.loads(self.tool("history", "--env", "dev", "-o", "json").stdout)
        self.assertEqual([entry["status"] for entry in history], ["superseded", "deployed"])
        self.assertNotRegex(json.dumps(history), r"password\S*: ")
        self.tool("rollback", "backend", "--env", "dev", "--to", "1", "--reason", "a test", "--yes", "--no-wait")
        self.assertIn("rollback backend to 1: a test", self.tool("history", "--env", "dev").stdout)
        self.assertIn("nothing to do", self.tool("deploy", "--env", "dev", "--yes").stdout)
        self.tool("destroy", "--env", "dev", "--yes")
        self.tool("destroy", "--env", "dev", "--yes", "--delete-data")
        self.assertIn("not deployed", self.tool("status", "--env", "dev", "--all", expect=1).stdout)

    def test_removing_what_holds_data_has_to_be_asked_for(self):
        project = self.project()
        self.tool("deploy", "--env", "dev", "--yes", "--no-wait", "--project", str(project))
        file = project / "templates" / "nautilus-platform" / "charts" / "redis-sentinel" / "templates"
        shutil.rmtree(file)
        refused = self.tool("deploy", "--env", "dev", "--yes", "--project", str(project), expect=12).stderr
        object_id = re.search(r'"(StatefulSet [^"]+)"', refused).group(1)
        plan = self.tool("diff", "--env", "dev", "--project", str(project), "--allow-removal", object_id, "-o", "json", expect=12)
        self.assertTrue(json.loads(plan.stdout.split('\n{\n  "error"')[0])["problems"])

if __name__ == "__main__":
    unittest.main(verbosity=2)
