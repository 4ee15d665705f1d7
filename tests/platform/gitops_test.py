#!/usr/bin/env python3
"""The platform as an Argo CD application: who may do what, and when nothing may change.

    gitops_test.py Rendered    from the rendered objects (NAUTILUSCTL names the program)
    gitops_test.py Refused     settings that would hurt
    gitops_test.py Served      a real API server takes them, strictly (scripts/build-tools.sh, which gets Argo CD's kinds)
"""
import os
import shutil
import sys
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from backup_test import field
from mesh_test import BINARY, ENVIRONMENTS, ROOT, control_plane, needed, run


def render(environment, *more, expect=0):
    return run(BINARY, "--project", ROOT, "render", "--env", environment, "--set", "gitops.enabled=true", *more, expect=expect)


def objects(environment="prod", *more):
    return {o["kind"]: o for o in yaml.safe_load_all(render(environment, *more).stdout) if o and o["apiVersion"].startswith("argoproj.io/")}


def blocked(window, moment):
    """Whether the window is open at that moment, in its own zone, whatever the clock did meanwhile."""
    minutes, hours, days, months, weekdays = (field(text, *span) for text, span in
                                              zip(window["schedule"].split(), ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))))
    length = timedelta(**{{"h": "hours", "m": "minutes"}[window["duration"][-1]]: int(window["duration"][:-1])})
    here = moment.astimezone(ZoneInfo(window["timeZone"])).replace(tzinfo=None)
    begin = here.replace(second=0, microsecond=0)
    while here - begin < length:
        if begin.minute in minutes and begin.hour in hours and begin.day in days and begin.month in months and begin.isoweekday() % 7 in weekdays:
            return True
        begin -= timedelta(minutes=1)
    return False


class Rendered(unittest.TestCase):
    def test_nothing_changes_while_new_york_trades(self):
        windows = objects()["AppProject"]["spec"]["syncWindows"]
        self.assertEqual({w["kind"] for w in windows}, {"deny"})
        self.assertFalse(any(w["manualSync"] for w in windows))
        there = ZoneInfo("America/New_York")
        for monday in (datetime(2026, 1, 5), datetime(2026, 7, 6), datetime(2026, 3, 9), datetime(2026, 11, 2)):  # two just after the clocks moved
            for day in range(5):
                for text in ("04:00", "09:29", "09:30", "12:00", "15:59", "16:00", "19:59"):
                    moment = datetime.combine((monday + timedelta(days=day)).date(), datetime.strptime(text, "%H:%M").time(), there)
                    self.assertTrue(any(blocked(w, moment) for w in windows), moment)
                for text in ("03:59", "20:00", "23:00"):
                    moment = datetime.combine((monday + timedelta(days=day)).date(), datetime.strptime(text, "%H:%M").time(), there)
                    self.assertFalse(any(blocked(w, moment) for w in windows), moment)
            self.assertFalse(any(blocked(w, (monday - timedelta(days=1)).replace(hour=12, tzinfo=there)) for w in windows))

    def test_production_waits_for_a_person_and_a_repository_brings_no_power(self):
        found = objects()
        self.assertNotIn("automated", found["Application"]["spec"]["syncPolicy"])
        project = found["AppProject"]["spec"]
        allowed = project["clusterResourceWhitelist"]
        self.assertFalse({kind["kind"] for kind in allowed} & {"CustomResourceDefinition", "*"})
        for kind in allowed:
            if kind["group"] in ("rbac.authorization.k8s.io", "apiregistration.k8s.io"):
                self.assertRegex(kind["name"], r"^[a-z0-9.-]+$", "one name, no pattern")
        self.assertIn({"group": "", "kind": "Secret"}, project["namespaceResourceBlacklist"])

    def test_every_rendered_object_may_be_synced(self):
        for environment in ENVIRONMENTS:
            project = objects(environment)["AppProject"]["spec"]
            places = {d["namespace"] for d in project["destinations"]}
            allowed = {(kind["group"], kind["kind"], kind.get("name")) for kind in project["clusterResourceWhitelist"]}
            for o in yaml.safe_load_all(render(environment, "--set", "backup.enabled=true", "--set", "policy.enabled=true").stdout):
                place = o["metadata"].get("namespace")
                if place:
                    self.assertIn(place, places, o["kind"])
                else:
                    kind = (o["apiVersion"].rpartition("/")[0], o["kind"])
                    self.assertTrue(allowed & {(*kind, None), (*kind, o["metadata"]["name"])}, (kind, o["metadata"]["name"]))

    def test_an_autoscaler_keeps_what_it_owns(self):
        ignored = objects()["Application"]["spec"]["ignoreDifferences"]
        self.assertIn({"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}, ignored)


class Refused(unittest.TestCase):
    def test_settings(self):
        for environment, setting, reason in (
                ("prod", "gitops.sync=automatic", "without anybody having said so"), ("prod", "gitops.blocked.session=null", "finding 6"),
                ("prod", "gitops.source.repoURL=https://me:secret@git.example/x", "/source/repoURL"),
                ("prod", "gitops.blocked.session.timeZone=EST5", "/blocked/session/timeZone"),
                ("prod", "gitops.blocked.session.duration=long", "/blocked/session/duration")):
            self.assertIn(reason, render(environment, "--set", setting, expect=1).stderr, setting)
        self.assertIn("automated", objects("dev", "--set", "gitops.sync=automatic")["Application"]["spec"]["syncPolicy"])


class Served(unittest.TestCase):
    def test_every_object_is_taken_without_a_warning(self):
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        crds = needed("crds/argo-cd.yaml")
        folder = Path(tempfile.mkdtemp(prefix="nautilus-gitops-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        supervisor = [sys.executable, "-B", ROOT / "tests" / "support" / "cluster" / "control_plane.py"]
        run(*supervisor, "up", folder / "cluster", "--owner", os.getpid(), "--nodes", 1)
        self.addCleanup(run, *supervisor, "down", folder / "cluster")

        def kubectl(*arguments):
            return run(control_plane.BIN / "kubectl", "--kubeconfig", folder / "cluster" / "kubeconfig-admin", *arguments)
        kubectl("apply", "--server-side", "-f", crds)
        control_plane.established(kubectl)
        kubectl("create", "namespace", "argocd")
        for environment in ENVIRONMENTS:
            (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects(environment).values()))
            self.assertEqual(kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", folder / "objects.yaml").stderr, "")


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
