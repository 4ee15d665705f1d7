#!/usr/bin/env python3
"""verify and explain, run as a person would; the verdicts of the guide's own numbers and of our environments are golden.

    verify_test.py [--update]    writes tests/golden/verify/*.tsv anew
"""
import json
import resource
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

from command_line_test import BINARY, DONE, ERROR, REFUSED, ROOT, SECONDS, USAGE, Case

GOLDEN = ROOT / "tests" / "golden" / "verify"
GUIDE = GOLDEN / "guide"
# Ends of life are judged as of a day, so that time alone changes no verdict.
DAY = "2026-11-24"
UPDATE = "--update" in sys.argv


class Verify(Case):
    def guide(self):
        project = self.project()
        shutil.copytree(GUIDE, project / "manifests" / "environments" / "guide")
        return ["--env", "guide", "--project", str(project), "--with", str(GUIDE / "objects.yaml"), "--date", DAY]

    def told(self, *arguments, expect=DONE):
        """The answer as JSON; with expect=None the exit code has to be what the answer itself says."""
        if expect is None:
            done = subprocess.run([BINARY, "verify", *arguments, "-o", "json"], capture_output=True, text=True, timeout=SECONDS,
                                  stdin=subprocess.DEVNULL, env=self.environment(), cwd=ROOT)
            answer = json.loads(done.stdout)
            self.assertEqual(done.returncode, REFUSED if answer["refused"] else DONE, done.stderr)
            return answer
        return json.loads(self.run_tool("verify", *arguments, "-o", "json", expect=expect).stdout)

    def golden(self, name, answer):
        got = "".join(f"{check['id']}\t{check['verdict']}\n" for check in answer["checks"])
        file = GOLDEN / f"{name}.tsv"
        if UPDATE:
            file.write_text(got)
        self.assertEqual(got, file.read_text(), f"if this is meant: {sys.argv[0]} --update")

    # ----- verdicts

    def test_the_guides_own_numbers_are_refuted_with_their_arithmetic(self):
        answer = self.told(*self.guide(), expect=REFUSED)
        self.golden("guide", answer)
        checks = {check["id"]: check for check in answer["checks"]}
        # What stands in the findings as [calc] is worked out here again, from the objects.
        rows = {"capacity.prescale": "10 pods x 200 = 2000 < 10000", "recovery.region-rpo": "604800 s", "recovery.operator-error-rpo": "900 s",
                "database.pool-budget": "500 > 494", "database.memory": "39.4 GiB > 16.0 GiB", "capacity.metrics-storage": "> 50.0 GiB",
                "schedule.windows": "10.0 h a week are neither allowed nor denied", "schedule.time-zone": "may not exist",
                "engine.single-owner": "is a Deployment", "redis.eviction-policy": "allkeys-lru", "scaling.hpa-vpa": "act on cpu",
                "secrets.literals": "a URL carries a password"}
        for name, words in rows.items():
            with self.subTest(check=name):
                self.assertEqual(checks[name]["verdict"], "refuted")
                self.assertIn(words, " ".join(line["text"] for line in checks[name]["chain"]))
                self.assertTrue(checks[name]["findings"], name)
        self.assertNotIn("nautilus123", json.dumps(answer))

    def test_our_environments_have_the_verdicts_that_are_written_down(self):
        for name in ("prod", "staging", "dev"):
            with self.subTest(environment=name):
                answer = self.told("--env", name, "--date", DAY, expect=None)
                self.assertEqual(answer["refused"], answer["counts"]["refuted"] > 0)
                self.golden(name, answer)

    def test_every_fact_says_where_it_was_read(self):
        for check in self.told("--env", "prod", "--date", DAY, expect=None)["checks"]:
            for line in check["chain"]:
                if line["kind"] == "read":
                    self.assertRegex(line["where"], r"^(environment prod|[A-Z]\w+ [\w./-]+)", check["id"])
                    self.assertIn("value", line)
            if check["verdict"] != "not-applicable":
                self.assertTrue(check["chain"], check["id"])

    # ----- flags

    def test_only_takes_checks_and_areas(self):
        one = self.told("--env", "dev", "--only", "database.memory")
        self.assertEqual([c["id"] for c in one["checks"]], ["database.memory"])
        some = self.told("--env", "dev", "--only", "redis", "--only", "database.memory")
        self.assertEqual({c["area"] for c in some["checks"]}, {"redis", "database"})
        wrong = self.run_tool("verify", "--env", "dev", "--only", "databse.memory", expect=USAGE)
        self.assertIn("did you mean database.memory", wrong.stderr)

    def test_a_value_that_breaks_a_promise_is_refused_with_twelve(self):
        arguments = ["--env", "dev", "--only", "database.memory"]
        self.run_tool("verify", *arguments)
        done = self.run_tool("verify", *arguments, "--set", "postgresql.tuning.workMemMiB=4096", expect=REFUSED)
        self.assertIn("refuted        database.memory", done.stdout)
        self.assertIn("to do", done.stdout)

    def test_strict_refuses_what_is_unknown(self):
        job = self.dir / "job.yaml"
        job.write_text("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: nautilus-trading}\n"
                       "spec:\n  schedule: 5 4 * * *\n  jobTemplate: {spec: {template: {spec: {containers: []}}}}\n")
        arguments = ["--env", "dev", "--only", "schedule.time-zone", "--with", str(job)]
        self.assertIn("unknown ", self.run_tool("verify", *arguments).stdout)
        self.run_tool("verify", *arguments, "--strict", expect=REFUSED)
        job.write_text(job.read_text().replace("  schedule", "  timeZone: Etc/UTC\n  schedule"))
        self.run_tool("verify", *arguments, "--strict")

    def test_with_takes_the_place_of_what_is_rendered(self):
        objects = json.loads(self.run_tool("render", "--env", "dev", "-o", "json").stdout)["items"]
        bouncer = next(o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"] == "pgbouncer")
        bouncer["spec"]["replicas"] = 400
        file = self.dir / "pgbouncer.yaml"
        file.write_text(json.dumps(bouncer))
        self.run_tool("verify", "--env", "dev", "--only", "database.pool-budget", "--with", str(file), expect=REFUSED)
        file.write_text("just: text\n")
        done = self.run_tool("verify", "--env", "dev", "--with", str(file), expect=ERROR)
        self.assertIn("without kind and metadata.name", done.stderr)
        self.run_tool("verify", "--env", "dev", "--with", str(self.dir / "none.yaml"), expect=ERROR)

    def test_date_moves_the_ends_of_life(self):
        arguments = ["--env", "dev", "--only", "versions.end-of-life"]
        self.run_tool("verify", *arguments, "--date", DAY)
        done = self.run_tool("verify", *arguments, "--date", "2040-01-01", expect=REFUSED)
        self.assertIn("not mended since", done.stdout)
        for day in ("tomorrow", "2026-02-30", "2026-1-1", "2026-11-24x"):
            self.assertIn("not a day", self.run_tool("verify", *arguments, "--date", day, expect=USAGE).stderr)

    def test_junit_counts_failures_and_skips(self):
        guide = self.guide()
        done = self.run_tool("verify", *guide, "-o", "junit", expect=REFUSED)
        root = xml.fromstring(done.stdout)
        cases = root.findall("./testsuite/testcase")
        self.assertEqual(int(root.get("tests")), len(cases))
        self.assertEqual(int(root.get("failures")), len(root.findall(".//failure")))
        self.assertEqual(int(root.get("skipped")), len(root.findall(".//skipped")))
        told = {c["id"]: c["verdict"] for c in self.told(*guide, expect=REFUSED)["checks"]}
        for case in cases:
            inner = {"proved": None, "refuted": "failure"}.get(told[case.get("name")], "skipped")
            self.assertEqual([child.tag for child in case], [inner] if inner else [], case.get("name"))
        self.assertIn("only verify and doctor have junit output", self.run_tool("render", "--env", "dev", "-o", "junit", expect=USAGE).stderr)

    def test_text_is_grouped_and_says_its_verdicts_in_words(self):
        done = self.run_tool("verify", *self.guide(), expect=REFUSED)
        self.assertRegex(done.stdout, r"(?m)^database\n  refuted        database\.pool-budget ")
        self.assertRegex(done.stdout, r"guide as of 2026-11-24: \d+ proved, \d+ refuted, \d+ unknown, \d+ not applicable\n$")
        self.assertNotIn("\x1b", done.stdout)
        short = self.run_tool("verify", "--env", "dev", "--only", "database.memory").stdout
        self.assertGreater(len(self.run_tool("verify", "--env", "dev", "--only", "database.memory", "--verbose").stdout), len(short))

    # ----- what render refuses before verify is asked

    def test_an_impossible_demand_is_refused_by_render_with_the_path_and_the_reason(self):
        rows = [("backend.autoscaling.minReplicas=200", "backend.autoscaling: minReplicas 200 is above maxReplicas 100"),
                ("backend.autoscaling.minReplicas=300,backend.autoscaling.maxReplicas=400", "308 pods at least, and the quota of nautilus-trading has room for 250"),
                ("backend.autoscaling.minReplicas=150,backend.autoscaling.maxReplicas=200,backend.resources.requests.cpu=2", "300800m of cpu at least, and the quota"),
                ("redis-sentinel.sentinel.replicas=4", "/sentinel/replicas: must be one of 1, 3, 5, 7"),
                ("redis-cluster.masters=2", "/masters: must be one of"),
                ("global.topology.zones=2", "redis-cluster.masters: 3 masters keep a majority when a zone is lost only over three zones"),
                ("global.topology.zones=1,redis-cluster.masters=1,redis-cluster.replicasPerMaster=0", "engine.standby.enabled: the two engines of a shard insist on two zones"),
                ("global.topology.zones=1,redis-cluster.masters=1,redis-cluster.replicasPerMaster=0,engine.standby.enabled=false",
                 "postgresql.synchronous.enabled: both copies would be in one zone"),
                ("global.topology.zones=0", "/global/topology/zones: must be at least 1"),
                ("postgresql.synchronous.nodes=4", "4 synchronous standbys are wanted but there are 3"),
                ("pgbouncer.connectionsPerInstance=100", "5 pgbouncer replicas x connectionsPerInstance 100 = 500"),
                ("backup.enabled=true,backup.schedules.complete.retentionHours=12", "kept for 12 hours and made every 1440 minutes")]
        for values, reason in rows:
            with self.subTest(values=values):
                done = self.run_tool("render", "--env", "prod", "--set", values, expect=ERROR)
                self.assertEqual(done.stdout, "")
                self.assertIn(reason, done.stderr)

    def test_what_is_rendered_all_the_same_is_refuted(self):
        unsafe = "global.safetyChecks=false,"
        rows = [("scaling.quota", "backend.autoscaling.minReplicas=300,backend.autoscaling.maxReplicas=400", "even the minimum of all needs"),
                ("scaling.bounds", "backend.autoscaling.minReplicas=101", "101 > 100"),
                ("database.pool-budget", "pgbouncer.connectionsPerInstance=100", "postgresql-primary: 500 > 19")]
        for name, values, words in rows:
            with self.subTest(check=name):
                done = self.run_tool("verify", "--env", "prod", "--only", name, "--set", unsafe + values, expect=REFUSED)
                self.assertIn(words, done.stdout)

    # ----- explain

    def test_every_check_can_be_explained(self):
        listed = json.loads(self.run_tool("explain", "-o", "json").stdout)
        self.assertEqual([c["id"] for c in listed], [c["id"] for c in self.told("--env", "dev", expect=None)["checks"]])
        self.assertEqual(len({c["id"] for c in listed}), len(listed))
        text = self.run_tool("explain").stdout
        for check in listed:
            self.assertRegex(check["id"], r"^[a-z]+\.[a-z-]+$")
            self.assertIn(check["id"], text)
            for field in ("promise", "decided", "why", "todo"):
                self.assertGreater(len(check[field]), 10, check["id"])
        one = self.run_tool("explain", "database.pool-budget").stdout
        for title in ("What is promised", "How it is decided", "Why it matters", "Findings on the platform guide", "What to do"):
            self.assertIn(title, one)
        self.assertEqual(json.loads(self.run_tool("explain", "database.pool-budget", "-o", "json").stdout)["findings"], ["11", "12"])
        self.assertIn("did you mean", self.run_tool("explain", "database.pool-bugdet", expect=USAGE).stderr)
        self.assertIn("is an area", self.run_tool("explain", "database", expect=USAGE).stderr)

    def test_verify_is_quick(self):
        """Rendering included, in processor time, the best of three; the benchmark has the figure."""
        spent = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.told("--env", "prod", expect=None)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.assertLess(min(spent), 1.0)


if __name__ == "__main__":
    if UPDATE:
        sys.argv.remove("--update")
    unittest.main()
