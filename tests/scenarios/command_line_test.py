#!/usr/bin/env python3
"""The built program, run as a person would, without a cluster or against the embedded one on a loopback port.

Every command and flag: what it prints, where it prints it, and the code it ends with.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
SECONDS = 300

# Exit codes of the README's table.
DONE, ERROR, USAGE, DIFFERENCES, REFUSED, UNREACHABLE = 0, 1, 2, 10, 12, 13


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="nautilus-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, True)

    def environment(self):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")}
        return {**kept, "HOME": str(self.dir), "NO_COLOR": "1"}

    def run_tool(self, *arguments, expect=DONE, cwd=ROOT):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              env=self.environment(), cwd=cwd)
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
        self.assertEqual(json.loads(self.run_tool("environments", "-o", "json").stdout), ["dev", "prod", "staging"])

    def test_the_project_is_found_from_inside_it_or_named(self):
        self.assertEqual(self.run_tool("environments", cwd=ROOT / "docs").stdout.split(), ["dev", "prod", "staging"])
        self.assertEqual(self.run_tool("environments", "--project", str(ROOT), cwd="/").stdout.split(), ["dev", "prod", "staging"])

    def test_help_names_every_command(self):
        text = self.run_tool("--help").stdout
        for command in ("environments", "render", "diff", "deploy", "status", "history", "rollback", "destroy", "rehearse", "sim"):
            self.assertIn(f"  {command} ", text)

    def test_completions_are_up_to_date(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertEqual(self.run_tool("completion", shell).stdout, (ROOT / "completions" / f"nautilusctl.{shell}").read_text(),
                             f"run: nautilusctl completion {shell} > completions/nautilusctl.{shell}")

    def test_completions_know_commands_and_flags(self):
        for shell in ("bash", "zsh", "fish"):
            for word in ("rehearse", "serve", "take-from", "delete-data"):
                self.assertIn(word, self.run_tool("completion", shell).stdout, shell)
        script = self.dir / "completion.bash"
        script.write_text(self.run_tool("completion", "bash").stdout)
        self.assertEqual(subprocess.run(["bash", "-n", str(script)]).returncode, 0)

    def test_a_wrong_command_line_is_told_apart_from_a_failure(self):
        for arguments in ([], ["deplyo"], ["deploy"], ["deploy", "--no-such-flag"], ["render"], ["render", "--env"],
                          ["render", "--env", "production"], ["render", "--env", "prod", "--no-such-flag"],
                          ["render", "--env", "dev", "-o", "xml"], ["version", "--output", "xml"],
                          ["deploy", "--env", "dev", "--timeout", "soon"], ["deploy", "--env", "dev", "--lock-timeout", "-1s"],
                          ["deploy", "--env", "dev", "--dry-run", "maybe"], ["deploy", "--env", "dev", "--plan", "p.json", "--set", "a=b"],
                          ["destroy", "--env", "dev"], ["completion", "tcsh"], ["rollback", "--env", "dev", "--to", "0"]):
            with self.subTest(arguments=arguments):
                done = self.run_tool(*arguments, expect=USAGE)
                self.assertEqual(done.stdout, "")
                self.assertIn("error: ", done.stderr)

    def test_a_key_given_twice_counts_last_in_values_for_helm_and_is_warned_of(self):
        file = self.dir / "v.yaml"
        file.write_text("backend:\n  image: {tag: first}\nbackend: {image: {tag: last}}\n")
        self.assertEqual(self.backend_tag("-f", str(file)), "last")
        told = self.run_tool("render", "--env", "dev", "-f", str(file), "-q").stderr
        self.assertEqual(told, f'warning: {file}:3:1: key "backend" is given twice: here and in line 1; this one counts\n')

    def test_an_unknown_environment_lists_the_known_ones(self):
        self.assertIn("dev, prod, staging", self.run_tool("render", "--env", "live", expect=USAGE).stderr)

    def test_render(self):
        text = self.run_tool("render", "--env", "prod").stdout
        self.assertIn("# Source: nautilus-platform/charts/", text)
        whole = json.loads(self.run_tool("render", "--env", "prod", "-o", "json").stdout)
        self.assertEqual(text.count("\n---\n") + 1, len(whole["items"]))

    def test_render_prints_every_environment_the_same_each_time(self):
        for env in ("dev", "staging", "prod"):
            first = self.run_tool("render", "--env", env).stdout
            self.assertGreater(first.count("\nkind: "), 50)
            self.assertEqual(first, self.run_tool("render", "--env", env).stdout)
            self.assertEqual(len(json.loads(self.run_tool("render", "--env", env, "-o", "json").stdout)["items"]), first.count("\nkind: "))

    def backend_tag(self, *arguments):
        items = json.loads(self.run_tool("render", "--env", "dev", "-o", "json", *arguments).stdout)["items"]
        found = [item for item in items if item["kind"] == "Deployment" and item["metadata"]["name"] == "nautilus-backend"]
        return found[0]["spec"]["template"]["spec"]["containers"][0]["image"].split("@")[0].rsplit(":", 1)[1]

    def test_values_come_from_files_and_flags_and_the_last_one_wins(self):
        file, second, text = self.dir / "v.yaml", self.dir / "w.yaml", self.dir / "tag"
        file.write_text("backend: {image: {tag: from-file}}\n")
        second.write_text("backend: {image: {tag: from-second}}\n")
        text.write_text("from-text")
        rows = [(["--values", str(file)], "from-file"), (["-f", str(file), "-f", str(second)], "from-second"),
                (["-f", str(file), "--set", "backend.image.tag=from-set"], "from-set"),
                (["--set-string", "backend.image.tag=1.10"], "1.10"), (["--set-json", 'backend.image={"tag":"from-json"}'], "from-json"),
                (["--set-file", f"backend.image.tag={text}"], "from-text"), (["--set-literal", "backend.image.tag=literal"], "literal")]
        for arguments, tag in rows:
            with self.subTest(arguments=arguments):
                self.assertEqual(self.backend_tag(*arguments), tag)

    def test_render_writes_the_tree_of_the_guide(self):
        for env in ("dev", "staging", "prod"):
            out = self.dir / env
            self.run_tool("render", "--env", env, "--output-dir", str(out), "--quiet")
            for path in ("namespaces", "statefulsets/redis-cluster.yaml", "statefulsets/redis-sentinel.yaml",
                         "statefulsets/postgresql-cluster.yaml", "deployments/pgbouncer.yaml", "deployments/backend-deployment.yaml",
                         "deployments/frontend-deployment.yaml", "deployments/nautilus-engine-deployment.yaml", "services", "ingress"):
                self.assertTrue((out / path).exists(), f"{env}: {path}")

    BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))

    def test_bad_values_are_one_clear_error(self):
        broken, bomb = self.dir / "broken.yaml", self.dir / "bomb.yaml"
        broken.write_text("backend:\n  image: [1, 2\n")
        bomb.write_text(self.BOMB)
        rows = [(["-f", str(broken)], ERROR, "broken.yaml:"), (["-f", str(bomb)], ERROR, "bomb.yaml"),
                (["-f", str(self.dir / "none")], ERROR, "none"), (["--set", "backend.image"], ERROR, "backend.image"),
                (["--set", "pgbouncer.replicas=many"], ERROR, "/replicas: got string, want integer"),
                (["--set", "backend.image=plain"], ERROR, "/image: got string, want object"), (["--env", "moon"], USAGE, "moon")]
        for arguments, code, part in rows:
            with self.subTest(arguments=arguments):
                env = [] if "--env" in arguments else ["--env", "prod"]
                done = self.run_tool("render", *env, *arguments, expect=code)
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stderr.count("error: "), 1)

    def test_bad_files_of_the_project_are_one_clear_error(self):
        project = self.project()
        chart, prod = project / "templates" / "nautilus-platform", project / "manifests" / "environments" / "prod"
        loop = '{{ define "loop" }}{{ include "loop" . }}{{ include "loop" . }}{{ end }}{{ include "loop" . }}'
        rows = [
            (chart / "templates" / "broken.yaml", "x: {{ .Values.nothing.here }}", ["broken.yaml:1:", ".Values.nothing.here", "nil pointer"]),
            (chart / "templates" / "broken.yaml", "x: {{ if }}", ["broken.yaml:1"]),
            (chart / "templates" / "broken.yaml", "kind: [", ["broken.yaml"]),
            (chart / "templates" / "broken.yaml", loop, ["broken.yaml", "deep"]),
            (prod / "values-production.yaml", "a: 1\na: 2\n", ["values-production.yaml:2", "a"]),
            (prod / "values-production.yaml", self.BOMB, ["values-production.yaml", "nodes"]),
            (prod / "environment.yaml", "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec: {chrt: x}\n",
             ["environment.yaml"]),
        ]
        for file, text, expected in rows:
            with self.subTest(text=text[:40]):
                before = file.read_text() if file.exists() else None
                file.write_text(text)
                error = self.run_tool("render", "--env", "prod", "--project", str(project), expect=ERROR).stderr
                for part in expected:
                    self.assertIn(part, error)
                self.assertEqual(error.count("error: "), 1)
                file.unlink() if before is None else file.write_text(before)

    def test_errors_as_json(self):
        told = json.loads(self.run_tool("deploy", "--env", "dev", "-o", "json", "--kubeconfig", str(self.dir / "none"), expect=ERROR).stdout)
        self.assertEqual(told["error"]["exitCode"], 1)
        self.assertTrue(told["error"]["message"])
        told = json.loads(self.run_tool("render", "--env", "moon", "--output", "json", expect=USAGE).stdout)["error"]
        self.assertEqual((told["code"], told["exitCode"]), ("usage", USAGE))
        self.assertIn("moon", told["message"])

    def test_no_cluster(self):
        self.assertIn("kubeconfig", self.run_tool("status", "--env", "dev", expect=ERROR).stderr)
        self.assertIn("none", self.run_tool("status", "--env", "dev", "--kubeconfig", str(self.dir / "none"), expect=ERROR).stderr)
        config = self.dir / "config"
        for context in ({"cluster": "c"}, {"cluster": "c", "user": ""}):
            config.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": [], "current-context": "c",
                                          "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                                          "contexts": [{"name": "c", "context": context}]}))
            self.run_tool("status", "--env", "dev", "--kubeconfig", str(config), expect=UNREACHABLE)
            done = self.run_tool("status", "--env", "dev", "--kubeconfig", str(config), "--context", "nowhere", expect=ERROR)
            self.assertIn('"nowhere"', done.stderr)

    def test_a_full_disk_is_said(self):
        for arguments in (["version"], ["render", "--env", "dev"]):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=SECONDS,
                                      env=self.environment())
                self.assertEqual(done.returncode, ERROR, done.stderr)
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
        self.assertIn("prod", page.read_text())
        self.assertGreater(page.stat().st_size, 5000)
        other = json.loads(self.run_tool("rehearse", "deploy", "--env", "prod", "--seed", "8", "--nodes", "15", "-o", "json", "-q").stdout)
        self.assertTrue(other["good"], other)
        self.assertNotEqual(first["transcript"], other["transcript"])
        self.assertIn("would fail", self.run_tool("rehearse", "deploy", "--env", "prod", "--nodes", "1", expect=ERROR).stdout)


class Doctor(Case):
    def test_it_explains_itself_without_a_cluster(self):
        listed = json.loads(self.run_tool("doctor", "explain", "-o", "json").stdout)
        self.assertEqual(len({check["id"] for check in listed}), len(listed))
        for check in listed:
            self.assertTrue((ROOT / check["runbook"]).is_file(), check)
        self.assertIn("docs/runbooks/NautilusPodCrashLooping.md", self.run_tool("doctor", "explain", "pods.crash-loop").stdout)
        self.assertIn("did you mean pods.crash-loop", self.run_tool("doctor", "explain", "pods.crashloop", expect=USAGE).stderr)
        self.assertIn("is a flow", self.run_tool("doctor", "explain", "pods", expect=USAGE).stderr)

    def test_a_wrong_command_line(self):
        self.assertIn("--env", self.run_tool("doctor", expect=USAGE).stderr)
        self.assertIn("there is no check pods.nothing", self.run_tool("doctor", "--env", "dev", "pods.nothing", expect=USAGE).stderr)


class Serving(Case):
    def test_what_it_says_for_people_and_how_it_ends(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            config = self.dir / how.name
            server = subprocess.Popen([BINARY, "sim", "serve", "--write-kubeconfig", str(config)], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True, env=self.environment())
            self.assertIn(str(config), server.stdout.readline())
            server.send_signal(how)
            server.communicate(timeout=SECONDS)
            self.assertEqual(server.returncode, DONE)

    def test_it_refuses_to_listen_beyond_this_machine(self):
        self.run_tool("sim", "serve", "--address", "0.0.0.0", expect=REFUSED)


class OnTheEmbeddedCluster(Case):
    def setUp(self):
        super().setUp()
        self.config = self.dir / "kubeconfig"
        self.server = subprocess.Popen([BINARY, "sim", "serve", "--address", "127.0.0.1", "--port", "0", "--write-kubeconfig", str(self.config),
                                        "--speed", "100", "--seed", "3", "--nodes", "12", "-o", "json"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment())
        self.addCleanup(self.stop)
        said = ""
        while not said.strip().endswith("}"):  # one JSON value, on one line or several
            line = self.server.stdout.readline()
            self.assertTrue(line, "the server ended before it said where it is")
            said += line
        self.url = json.loads(said)["url"]

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(timeout=SECONDS)
        self.server.stdout.close()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def tool(self, *arguments, expect=DONE):
        return self.run_tool("--kubeconfig", str(self.config), *arguments, expect=expect)

    def test_a_platform_is_deployed_healthy_and_removed(self):
        self.assertEqual(len(self.get("/api/v1/nodes")["items"]), 12)
        self.tool("deploy", "--env", "dev", "--yes", "--wait", "--verbose", "--context", "sim")
        self.assertEqual(self.get("/api/v1/namespaces/nautilus-trading/services/nautilus-backend")["kind"], "Service")
        self.tool("status", "--env", "dev")
        self.tool("diff", "--env", "dev")
        self.tool("destroy", "--env", "dev", "--yes", "--delete-data")
        with self.assertRaises(urllib.error.HTTPError) as gone:
            self.get("/api/v1/namespaces/nautilus-trading/services/nautilus-backend")
        self.assertEqual(gone.exception.code, 404)

    def test_the_life_of_a_release(self):
        self.assertIn("to create", self.tool("diff", "--env", "dev", expect=DIFFERENCES).stdout)
        self.tool("deploy", "--env", "dev", "--yes", "--wait", "--verbose", "--no-wait")
        self.tool("deploy", "--env", "dev", "--dry-run", "server", "--set", "backend.image.tag=2.0.0")
        plan = self.dir / "plan.json"
        self.tool("diff", "--env", "dev", "--set", "backend.image.tag=2.0.0", "--save-plan", str(plan), expect=DIFFERENCES)
        edited = self.dir / "edited.json"
        edited.write_text(plan.read_text().replace("2.0.0", "6.6.6"))
        self.assertIn("digest", self.tool("deploy", "--plan", str(edited), "--yes", expect=REFUSED).stderr)
        self.tool("deploy", "--plan", str(plan), "--yes", "--no-wait")
        history = json.loads(self.tool("history", "--env", "dev", "-o", "json").stdout)
        self.assertEqual([entry["status"] for entry in history], ["superseded", "deployed"])
        self.assertNotRegex(json.dumps(history), r"password\S*: ")
        self.tool("rollback", "backend", "--env", "dev", "--to", "1", "--reason", "a test", "--yes", "--no-wait")
        self.assertIn("rollback backend to 1: a test", self.tool("history", "--env", "dev").stdout)
        self.assertIn("nothing to do", self.tool("deploy", "--env", "dev", "--yes").stdout)
        self.tool("destroy", "--env", "dev", "--yes")
        self.tool("destroy", "--env", "dev", "--yes", "--delete-data")
        self.assertIn("not deployed", self.tool("status", "--env", "dev", "--all", expect=ERROR).stdout)

    def test_doctor_finds_what_was_broken(self):
        self.tool("deploy", "--env", "dev", "--yes", "--no-wait", "--set", "backend.image.tag=sim-image-pull-error")
        deadline = time.monotonic() + SECONDS
        while True:  # the cluster's time runs a hundred times as fast, and the kubelet needs some of it
            done = subprocess.run([BINARY, "--kubeconfig", str(self.config), "doctor", "--env", "dev", "pods.image-pull", "-o", "json"],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS, env=self.environment(), cwd=ROOT)
            if done.returncode == REFUSED or time.monotonic() > deadline:
                break
        found = json.loads(done.stdout)["checks"][0]
        self.assertEqual((found["id"], found["state"]), ("pods.image-pull", "fail"))
        self.assertEqual([f["object"] for f in found["findings"]], ["Deployment nautilus-trading/nautilus-backend"])
        self.assertTrue((ROOT / found["runbook"]).is_file())
        report = self.dir / "reports" / "doctor.xml"
        self.tool("doctor", "--env", "dev", "--junit", str(report), "pods.image-pull", expect=REFUSED)
        suites = ElementTree.parse(report).getroot()
        self.assertEqual((suites.get("tests"), suites.get("failures"), suites.get("errors")), ("1", "1", "0"))

    def test_backups_without_velero_and_wrong_ways_to_ask_for_a_restore(self):
        for arguments in (("backup", "list"), ("backup", "status"), ("backup", "describe", "b", "--insecure-skip-tls-verify"),
                          ("backup", "create", "--include-namespaces", "a,b", "--location", "primary", "--keep", "2h"),
                          ("backup", "list", "--velero-namespace", "velero"),
                          ("restore", "create", "--from", "b", "--allow-partial", "--existing", "keep", "--yes")):
            self.assertIn("Velero is not installed", self.tool(*arguments, "--env", "dev", expect=ERROR).stderr)
        for arguments, words in ((("--from", "b", "--to-time", "2026-11-29T07:00:00Z"), "--from-schedule"),
                                 (("--from-schedule", "s", "--to-time", "yesterday"), "yesterday"), ((), "--from BACKUP"),
                                 (("--from", "b", "--namespace-map", "a"), "FROM:TO"), (("--from", "b", "--existing", "maybe"), "maybe"),
                                 (("--from", "b", "--timeout", "soon"), "soon")):
            self.assertIn(words, self.tool("restore", "create", "--env", "dev", *arguments, expect=USAGE).stderr)
        self.assertIn("none.pem", self.tool("restore", "logs", "r", "--env", "dev", "--cacert", "none.pem", expect=ERROR).stderr)

    def test_removing_what_holds_data_has_to_be_asked_for(self):
        project = self.project()
        self.tool("deploy", "--env", "dev", "--yes", "--no-wait", "--project", str(project))
        file = project / "templates" / "nautilus-platform" / "charts" / "redis-sentinel" / "templates"
        shutil.rmtree(file)
        refused = self.tool("deploy", "--env", "dev", "--yes", "--project", str(project), expect=REFUSED).stderr
        object_id = re.search(r'"(StatefulSet [^"]+)"', refused).group(1)
        plan = self.tool("diff", "--env", "dev", "--project", str(project), "--allow-removal", object_id, "-o", "json", expect=REFUSED)
        self.assertTrue(json.loads(plan.stdout.split('\n{\n  "error"')[0])["problems"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
