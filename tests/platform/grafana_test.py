#!/usr/bin/env python3
"""Dashboards by Grafana's own schema (its foundation SDK, which is generated from it; scripts/build-tools.sh grafana-schema), and
the files by which Grafana is provisioned by the words that its documentation knows. No registry has Grafana itself.
NAUTILUSCTL names the program.
"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema
import yaml

import everything_on
from everything_on import ROOT

sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import control_plane  # noqa: E402

SCHEMA = Path(__file__).resolve().parent / "observability" / "provisioning.schema.json"


def config(name):
    return next(o["data"] for o in everything_on.objects("prod") if o["kind"] == "ConfigMap" and o["metadata"]["name"] == name)


class Dashboards(unittest.TestCase):
    def faults(self, board):
        tool = control_plane.BIN / "grafana-schema"
        if not tool.exists():
            if os.environ.get("NAUTILUS_REQUIRE_CLUSTER"):
                self.fail("grafana-schema is not there; scripts/build-tools.sh makes it")
            self.skipTest("grafana-schema is not there; scripts/build-tools.sh makes it")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(board, file)
            file.flush()
            done = subprocess.run([tool, file.name], capture_output=True, text=True, timeout=60)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(done.returncode == 0, done.stdout == "", done.stdout)
        return done.stdout

    def test_every_dashboard_is_one(self):
        boards = config("grafana-dashboards")
        self.assertEqual(len(boards), 5)
        for name, text in boards.items():
            with self.subTest(name):
                self.assertEqual(self.faults(json.loads(text)), "")

    def test_what_is_wrong_is_seen(self):
        board = json.loads(config("grafana-dashboards")["trading-overview.json"])
        at = next(i for i, panel in enumerate(board["panels"]) if panel.get("targets") and panel.get("options"))
        for name, change in (("refreshh", lambda b: b.update(refreshh="5s")), ("gridPosition", lambda b: b["panels"][at].update(gridPosition={})),
                             ("expression", lambda b: b["panels"][at]["targets"][0].update(expression="up")),
                             ("colour", lambda b: b["panels"][at]["options"].update(colour="red")),
                             ("editable", lambda b: b.update(editable="yes"))):
            with self.subTest(name):
                wrong = copy.deepcopy(board)
                change(wrong)
                self.assertIn(name, self.faults(wrong))


class Provisioning(unittest.TestCase):
    def test_the_files_are_what_grafana_reads(self):
        schema = json.loads(SCHEMA.read_text())
        for name in ("datasources.yaml", "dashboards.yaml"):
            with self.subTest(name):
                check = jsonschema.Draft7Validator({**schema, "$ref": f"#/definitions/{name}"})
                told = yaml.safe_load(config("grafana-config")[name])
                self.assertEqual([error.message for error in check.iter_errors(told)], [])
                for key in list(told):
                    wrong = {**told, key + "s": told[key]}
                    self.assertTrue(list(check.iter_errors(wrong)), key)
        uids = {source["uid"] for source in yaml.safe_load(config("grafana-config")["datasources.yaml"])["datasources"]}
        for name, text in config("grafana-dashboards").items():
            fixed = {panel["datasource"]["uid"] for panel in json.loads(text)["panels"] if isinstance(panel.get("datasource"), dict)} - {"${datasource}"}
            self.assertLessEqual(fixed, uids, f"{name}: a source that is not provisioned")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
