#!/usr/bin/env python3
"""The built program without a cluster: what it prints, the codes it ends with, and the cluster it carries inside."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import harness
from harness import BINARY, DONE, ERROR, ROOT, UNREACHABLE, USAGE

SECONDS = 300


class Offline(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="nautilus-offline-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "ASAN_OPTIONS")}
        return {**kept, "HOME": str(self.directory), "NO_COLOR": "1"}

    def tool(self, *arguments, expect=DONE, project=True):
        command = [BINARY, *(["--project", str(ROOT)] if project else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS,
                              env=self.environment(), cwd=self.directory)
        self.assertEqual(done.returncode, expect, f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        return done

    def test_version_and_environments_are_data(self):
        self.assertRegex(self.tool("version").stdout, r"^nautilusctl \d+\.\d+\.\d+\n$")
        self.assertIn("version", json.loads(self.tool("version", "--output", "json").stdout))
        self.assertEqual(self.tool("environments").stdout.split(), ["dev", "prod", "staging"])
        self.assertEqual(json.loads(self.tool("environments", "-o", "json").stdout), ["dev", "prod", "staging"])

    def test_the_project_is_found_from_inside_it(self):
        done = subprocess.run([BINARY, "environments"], capture_output=True, text=True, cwd=ROOT / "docs", env=self.environment())
        self.assertEqual(done.stdout.split(), ["dev", "prod", "staging"], done.stderr)

    def test_a_wrong_command_line_is_told_apart_from_a_failure(self):
        for arguments in ([], ["fly"], ["render"], ["render", "--env"], ["render", "--env", "prod", "--no-such-flag"],
                          ["deploy", "--env", "prod", "--dry-run", "perhaps"], ["rollback", "--env", "prod", "--to", "0"],
                          ["deploy", "--env", "prod", "--timeout", "soon"], ["version", "--output", "xml"],
                          ["deploy", "--env", "prod", "--plan", "p.json", "--set", "a=b"], ["deploy"],
                          ["destroy", "--env", "dev"]):
            with self.subTest(arguments):
                done = self.tool(*arguments, expect=USAGE)
                self.assertEqual(done.stdout, "")
                self.assertIn("error: ", done.stderr)

    def test_help_names_every_command(self):
        text = self.tool("--help").stdout
        for command in ("environments", "render", "diff", "deploy", "status", "history", "rollback", "destroy", "rehearse", "sim"):
            self.assertIn(f"  {command} ", text)

    def test_render_prints_every_environment_the_same_each_time(self):
        for name in ("dev", "staging", "prod"):
            first = self.tool("render", "--env", name).stdout
            self.assertGreater(first.count("\nkind: "), 50)
            self.assertEqual(first, self.tool("render", "--env", name).stdout)
            items = json.loads(self.tool("render", "--env", name, "-o", "json").stdout)["items"]
            self.assertEqual(len(items), first.count("\nkind: "))

    def image_of(self, *arguments):
        items = json.loads(self.tool("render", "--env", "dev", "-o", "json", *arguments).stdout)["items"]
        found = [item for item in items if item["kind"] == "Deployment" and item["metadata"]["name"] == "nautilus-backend"]
        return found[0]["spec"]["template"]["spec"]["containers"][0]["image"].rsplit(":", 1)[1]

    def test_values_come_from_files_and_flags_and_the_last_one_wins(self):
        file, second, text = self.directory / "v.yaml", self.directory / "w.yaml", self.directory / "tag"
        file.write_text("backend: {image: {tag: from-file}}\n")
        second.write_text("backend: {image: {tag: from-second}}\n")
        text.write_text("from-text")
        self.assertEqual(self.image_of("--values", str(file)), "from-file")
        self.assertEqual(self.image_of("-f", str(file), "-f", str(second)), "from-second")
        self.assertEqual(self.image_of("-f", str(file), "--set", "backend.image.tag=from-set"), "from-set")
        self.assertEqual(self.image_of("--set-string", "backend.image.tag=1.10"), "1.10")
        self.assertEqual(self.image_of("--set-json", 'backend.image={"tag":"from-json"}'), "from-json")
        self.assertEqual(self.image_of("--set-file", f"backend.image.tag={text}"), "from-text")
        self.assertEqual(self.image_of("--set-literal", "backend.image.tag=literal"), "literal")

    def test_bad_input_is_one_error_that_says_where(self):
        broken = self.directory / "broken.yaml"
        broken.write_text("backend:\n  image: [1, 2\n")
        bomb = self.directory / "bomb.yaml"
        bomb.write_text("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{n}: &{n} [{','.join(['*' + p] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi")))
        cases = [(["-f", str(broken)], "broken.yaml:"), (["-f", str(bomb)], "bomb.yaml"), (["-f", str(self.directory / "none")], "none"),
                 (["--set", "backend.image"], "backend.image"), (["--set", "pgbouncer.replicas=many"], "replicas"),
                 (["--set", "backend.image=plain"], "/image: got string, want object"),
                 (["--env", "moon"], "moon")]
        for arguments, part in cases:
            with self.subTest(arguments):
                env = [] if "--env" in arguments else ["--env", "prod"]
                done = self.any_failure("render", *env, *arguments)
                self.assertIn(part, done.stderr)
                self.assertEqual(done.stderr.count("error: "), 1)

    def any_failure(self, *arguments):
        done = subprocess.run([BINARY, "--project", str(ROOT), *arguments], capture_output=True, text=True, timeout=SECONDS,
                              env=self.environment(), cwd=self.directory)
        self.assertIn(done.returncode, (ERROR, USAGE), done.stderr)
        return done

    def test_an_error_is_data_too_when_data_was_asked_for(self):
        told = json.loads(self.tool("render", "--env", "moon", "--output", "json", expect=USAGE).stdout)["error"]
        self.assertEqual((told["code"], told["exitCode"]), ("usage", USAGE))
        self.assertIn("moon", told["message"])

    def test_a_full_disk_is_an_error(self):
        for arguments in (["version"], ["render", "--env", "dev"]):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, "--project", str(ROOT), *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                                      env=self.environment())
                self.assertEqual(done.returncode, ERROR, done.stderr)

    def test_a_kubeconfig_that_is_not_there_or_names_nothing(self):
        self.tool("status", "--env", "dev", "--kubeconfig", str(self.directory / "none"), expect=ERROR)
        file = self.directory / "kubeconfig"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "a",
                                    "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
                                    "contexts": [{"name": "a", "context": {"cluster": "a", "user": ""}}]}))
        done = self.tool("status", "--env", "dev", "--kubeconfig", str(file), "--context", "b", expect=ERROR)
        self.assertIn('"b"', done.stderr.replace("'", '"'))
        self.tool("status", "--env", "dev", "--kubeconfig", str(file), expect=UNREACHABLE)

    def test_a_rehearsal_is_the_same_for_the_same_seed(self):
        report = self.directory / "report.html"
        first = json.loads(self.tool("rehearse", "deploy", "--env", "prod", "-o", "json", "-q", "--seed", "7", "--report", str(report)).stdout)
        self.assertTrue(first["good"])
        self.assertEqual(first["repeatWrites"], 0)
        self.assertGreater(report.stat().st_size, 5000)
        self.assertIn("prod", report.read_text())
        again = json.loads(self.tool("rehearse", "deploy", "--env", "prod", "-o", "json", "-q", "--seed", "7").stdout)
        self.assertEqual(again["transcript"], first["transcript"])
        other = json.loads(self.tool("rehearse", "deploy", "--env", "prod", "-o", "json", "-q", "--seed", "8", "--nodes", "15").stdout)
        self.assertTrue(other["good"])
        self.assertNotEqual(other["transcript"], first["transcript"])

    def test_completion_knows_commands_and_flags(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.tool("completion", shell).stdout
            for word in ("rehearse", "serve", "take-from", "delete-data"):
                self.assertIn(word, script, shell)
        script = self.directory / "completion.bash"
        script.write_text(self.tool("completion", "bash").stdout)
        self.assertEqual(subprocess.run(["bash", "-n", str(script)]).returncode, 0)


class Served(unittest.TestCase):
    """`sim serve`: the embedded cluster behind a real socket, and the program against it."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="nautilus-served-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.kubeconfig = self.directory / "kubeconfig"
        self.server = subprocess.Popen(
            [BINARY, "sim", "serve", "--address", "127.0.0.1", "--port", "0", "--write-kubeconfig", str(self.kubeconfig), "--speed", "60",
             "--seed", "3", "--nodes", "12", "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory)})
        self.addCleanup(self.stop)
        line = ""
        while not line.strip().endswith("}"):  # one JSON value, on one line or several
            more = self.server.stdout.readline()
            self.assertTrue(more, "the server ended before it said where it is")
            line += more
        self.url = json.loads(line)["url"]

    def stop(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)
        self.server.communicate(timeout=30)

    def tool(self, *arguments, expect=DONE):
        done = subprocess.run([BINARY, "--project", str(ROOT), "--kubeconfig", str(self.kubeconfig), *arguments], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=SECONDS, env={"PATH": os.environ["PATH"], "HOME": str(self.directory)})
        self.assertEqual(done.returncode, expect, f"{' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        return done

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def test_a_platform_lives_and_dies_on_it(self):
        self.assertEqual(len(self.get("/api/v1/nodes")["items"]), 12)
        self.tool("deploy", "--env", "dev", "--yes", "--wait", "--verbose", "--context", "sim")
        self.tool("status", "--env", "dev")
        self.tool("diff", "--env", "dev")
        self.tool("destroy", "--env", "dev", "--yes", "--delete-data")
        with self.assertRaises(urllib.error.HTTPError) as gone:
            self.get("/api/v1/namespaces/nautilus-trading/services/nautilus-backend")
        self.assertEqual(gone.exception.code, 404)

    def test_it_refuses_to_listen_beyond_this_machine(self):
        done = subprocess.run([BINARY, "sim", "serve", "--address", "0.0.0.0"], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, harness.REFUSED, done.stderr)


if __name__ == "__main__":
    unittest.main()
