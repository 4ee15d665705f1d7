#!/usr/bin/env python3
"""Other people's linters over production, as shipped and with everything switched on: kube-score and checkov find nothing, or
lint/reasons.tsv says why what they found is right (NAUTILUSCTL names the program; scripts/build-tools.sh brings the linters).

A reason that excuses nothing any more is a failure.
"""
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

import everything_on
from everything_on import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import control_plane  # noqa: E402

REASONS = Path(__file__).resolve().parent / "lint" / "reasons.tsv"
SECONDS = 300
GOOD = 10  # kube-score's grade of a check that found nothing
TOOLS = ("kube-score", "checkov")


def kube_score(file):
    """{(check, "Kind/namespace/name or Kind/namespace/name:container")}"""
    done = subprocess.run([control_plane.BIN / "kube-score", "score", "--kubernetes-version", "v1.37", "--output-format", "json", file],
                          capture_output=True, text=True, timeout=SECONDS)
    assert done.stdout.startswith("["), done.stderr[-3000:]
    found = set()
    for scored in json.loads(done.stdout):
        meta = scored["object_meta"]
        name = f"{scored['type_meta']['kind']}/{meta.get('namespace', '')}/{meta['name']}"
        for check in scored["checks"]:
            if not check["skipped"] and check["grade"] < GOOD:
                found |= {(check["check"]["id"], f"{name}:{comment['path']}" if comment["path"] else name) for comment in check["comments"] or [{"path": ""}]}
    return found


def checkov(file):
    done = subprocess.run([control_plane.BIN / "checkov", "-f", file, "--framework", "kubernetes", "--skip-download", "--compact", "--quiet", "-o", "json"],
                          capture_output=True, text=True, timeout=SECONDS, env={**os.environ, "LOG_LEVEL": "ERROR"})
    assert done.returncode in (0, 1) and done.stdout.lstrip().startswith("{"), done.stdout[-2000:] + done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0 and report["summary"]["passed"] > 0, report["summary"]
    return {(check["check_id"], "/".join(check["resource"].split(".", 2))) for check in report["results"]["failed_checks"]}


FINDS = {"kube-score": kube_score, "checkov": checkov}


def reasons(text):
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    for row in rows:
        assert len(row) == 4 and all(part.strip() for part in row), f"not tool, check, object, reason: {row}"
    return rows


def judged(tool, found, rows):
    """(findings without a reason, rows that excuse nothing)"""
    used, without = set(), []
    for check, name in sorted(found):
        fits = [i for i, row in enumerate(rows) if row[0] == tool and row[1] == check and fnmatch.fnmatchcase(name, row[2])]
        used |= set(fits)
        if not fits:
            without.append((check, name))
    return without, ["\t".join(row[:3]) for i, row in enumerate(rows) if row[0] == tool and i not in used]


class Lint(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="nautilus-lint-")
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)

    def tool(self, name):
        if not (control_plane.BIN / name).exists():
            if os.environ.get("NAUTILUS_REQUIRE_CLUSTER"):
                self.fail(f"{name} is not there; scripts/build-tools.sh brings it")
            self.skipTest(f"{name} is not there; scripts/build-tools.sh brings it")
        return FINDS[name]

    def findings(self, tool, name, objects):
        file = self.folder / f"{name}.yaml"
        file.write_text(objects if isinstance(objects, str) else yaml.safe_dump_all(objects))
        return self.tool(tool)(file)

    def test_production_has_no_finding_without_a_reason(self):
        rows = reasons(REASONS.read_text())
        self.assertEqual({row[0] for row in rows} - set(TOOLS), set())
        for tool in TOOLS:
            with self.subTest(tool):
                found = set()
                for everything in (True, False):
                    found |= self.findings(tool, f"prod-{everything}", everything_on.rendered("prod", everything))
                without, idle = judged(tool, found, rows)
                self.assertEqual(without, [], "mend it, or write the reason into lint/reasons.tsv")
                self.assertEqual(idle, [], "reasons that excuse nothing any more")

    def test_the_linters_see_what_is_wrong(self):
        """One workload of ours, broken in one way at a time: each linter names what changed."""
        def backend():
            return next(o for o in everything_on.objects("prod") if o["kind"] == "Deployment" and o["metadata"]["name"] == "nautilus-backend")

        def broken(change):
            workload = backend()
            change(workload["spec"]["template"]["spec"], workload["spec"]["template"]["spec"]["containers"][0])
            return [workload]
        cases = [("limits", lambda pod, container: container.pop("resources"), "container-resources", "CKV_K8S_13"),
                 ("privileged", lambda pod, container: container["securityContext"].update(privileged=True), "container-security-context-privileged", "CKV_K8S_16"),
                 ("writable", lambda pod, container: container["securityContext"].pop("readOnlyRootFilesystem"), "container-security-context-readonlyrootfilesystem",
                  "CKV_K8S_22"),
                 ("tag", lambda pod, container: container.update(image="example.test/app:latest"), "container-image-tag", "CKV_K8S_14"),
                 ("disk", lambda pod, container: container["resources"]["limits"].pop("ephemeral-storage"), "container-ephemeral-storage-request-and-limit", None)]
        for column, tool in ((2, "kube-score"), (3, "checkov")):
            good = {check for check, _ in self.findings(tool, "good", [backend()])}
            for case in cases:
                # checkov takes seconds for each: one case shows that it sees.
                if case[column] and (tool == "kube-score" or case[0] == "privileged"):
                    with self.subTest(tool, case=case[0]):
                        self.assertNotIn(case[column], good)
                        self.assertIn(case[column], {check for check, _ in self.findings(tool, case[0], broken(case[1]))})

    def test_reasons_that_excuse_nothing_are_seen(self):
        rows = reasons("checkov\tCKV_1\tDeployment/a/*\tbecause\ncheckov\tCKV_2\t*\tbecause\n")
        self.assertEqual(judged("checkov", {("CKV_1", "Deployment/a/b"), ("CKV_1", "Deployment/c/d")}, rows), ([("CKV_1", "Deployment/c/d")], ["checkov\tCKV_2\t*"]))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
