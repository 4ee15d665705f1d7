#!/usr/bin/env python3
"""Velero's locations and schedules of the platform's chart.

    backup_test.py Rendered    the guide's five schedules, told apart in time, kept long enough (NAUTILUSCTL names the program)
    backup_test.py Refused     settings that would leave nothing to restore are refused, with the reason
    backup_test.py Served      a real API server takes every object, strictly (scripts/build-tools.sh, which gets Velero's kinds)
"""
import os
import re
import shutil
import sys
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from mesh_test import BINARY, ENVIRONMENTS, ROOT, control_plane, needed, run

GUIDE = {"critical-data": 24, "applications": 72, "complete": 7 * 24, "disaster-recovery": 90 * 24, "session": 48}  # hours kept


def render(environment, *more, expect=0):
    return run(BINARY, "--project", ROOT, "render", "--env", environment, "--set", "backup.enabled=true", *more, expect=expect)


def objects(environment="prod", *more):
    return [o for o in yaml.safe_load_all(render(environment, *more).stdout) if o and o["apiVersion"].startswith("velero.io/")]


def field(text, least, most):
    """The values of one field of a cron line."""
    out = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = (least, most) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        out |= set(range(first, last + 1, int(step or 1)))
    return out


def runs(schedule, week):
    """Every minute of one week at which it begins."""
    zone, cron = re.fullmatch(r"CRON_TZ=(\S+) (.*)", schedule["spec"]["schedule"]).groups()
    assert zone == "UTC", zone
    minutes, hours, days, months, weekdays = (field(text, *span) for text, span in zip(cron.split(), ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))))
    moments = (week + timedelta(minutes=m) for m in range(7 * 24 * 60))
    return [m for m in moments if m.minute in minutes and m.hour in hours and m.day in days and m.month in months and m.isoweekday() % 7 in weekdays]


class Rendered(unittest.TestCase):
    WEEK = datetime(2026, 1, 4)  # a Sunday

    def setUp(self):
        self.schedules = {o["metadata"]["name"]: o for o in objects() if o["kind"] == "Schedule"}
        self.locations = {o["metadata"]["name"]: o["spec"] for o in objects() if o["kind"] == "BackupStorageLocation"}

    def test_the_guides_five_with_their_retention(self):
        kept = {name: int(re.match(r"(\d+)h", s["spec"]["template"]["ttl"])[1]) for name, s in self.schedules.items()}
        self.assertEqual(kept, GUIDE)

    def test_none_begins_with_another_and_none_is_rarer_than_it_says(self):
        taken = {}
        for name, schedule in self.schedules.items():
            when = runs(schedule, self.WEEK)
            promised = timedelta(minutes=int(schedule["metadata"]["annotations"]["nautilusctl.io/backup-every"][:-1]))
            if name == "session":  # in sessions only
                self.assertEqual({m.isoweekday() for m in when}, {1, 2, 3, 4, 5})
                self.assertLessEqual(max(b - a for a, b in zip(when, when[1:]) if a.date() == b.date()), promised)
            else:
                when_and_next = when + [when[0] + timedelta(days=7)]
                self.assertLessEqual(max(b - a for a, b in zip(when_and_next, when_and_next[1:])), promised, name)
            for moment in when:
                self.assertNotIn(moment, taken, name)
                taken[moment] = name

    def test_sessions_are_covered_in_summer_and_in_winter(self):
        from zoneinfo import ZoneInfo
        for week in (datetime(2026, 1, 4), datetime(2026, 7, 5)):
            there = [m.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("America/New_York")) for m in runs(self.schedules["session"], week)]
            for day in {m.date() for m in there}:
                of_day = [m.strftime("%H:%M") for m in there if m.date() == day]
                self.assertLess(min(of_day), "09:30")
                self.assertGreater(max(of_day), "16:00")

    def test_what_another_region_must_read_is_copied_there(self):
        self.assertEqual([name for name, spec in self.locations.items() if spec["default"]], ["primary"])
        template = self.schedules["disaster-recovery"]["spec"]["template"]
        self.assertEqual((template["storageLocation"], template["snapshotMoveData"]), ("disaster-recovery", True))
        self.assertNotEqual(self.locations["primary"]["config"]["region"], self.locations["disaster-recovery"]["config"]["region"])

    def test_a_restored_lease_never_says_who_may_trade(self):
        for schedule in self.schedules.values():
            self.assertIn("leases.coordination.k8s.io", schedule["spec"]["template"]["excludedResources"])

    def test_every_component_that_is_named_exists(self):
        pods = [o["spec"]["template"]["metadata"]["labels"] for o in yaml.safe_load_all(render("prod").stdout) if o and o["kind"] == "StatefulSet"]
        for name, schedule in self.schedules.items():
            for selector in schedule["spec"]["template"].get("orLabelSelectors", []):
                self.assertTrue(any(selector["matchLabels"].items() <= labels.items() for labels in pods), f"{name}: {selector}")


class Refused(unittest.TestCase):
    def test_what_would_leave_nothing(self):
        for setting, reason in (
                ("backup.schedules.disaster-recovery.retentionHours=168", "one missed run would leave none"),
                ("backup.schedules.session.location=moon", "there is no location moon"),
                ("backup.schedules.session.cron=20 7 * * *", "begins at the same times as complete"),
                ("backup.locations.primary.default=false", "exactly one must be"),
                ("backup.locations.disaster-recovery.default=true", "exactly one must be"),
                ("backup.schedules.complete.cron=daily", "/schedules/complete/cron"),
                ("backup.schedules.complete.volumes=copy", "/schedules/complete/volumes")):
            self.assertIn(reason, render("prod", "--set", setting, expect=1).stderr, setting)


class Served(unittest.TestCase):
    def test_every_object_is_taken_without_a_warning(self):
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        crds = needed("crds/velero.yaml")
        folder = Path(tempfile.mkdtemp(prefix="nautilus-backup-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        supervisor = [sys.executable, "-B", ROOT / "tests" / "support" / "cluster" / "control_plane.py"]
        run(*supervisor, "up", folder / "cluster", "--owner", os.getpid(), "--nodes", 1)
        self.addCleanup(run, *supervisor, "down", folder / "cluster")

        def kubectl(*arguments, expect=0):
            return run(control_plane.BIN / "kubectl", "--kubeconfig", folder / "cluster" / "kubeconfig-admin", *arguments, expect=expect)
        kubectl("apply", "--server-side", "-f", crds)
        control_plane.established(kubectl)
        kubectl("create", "namespace", "velero-system")
        for environment in ENVIRONMENTS:
            (folder / "objects.yaml").write_text(yaml.safe_dump_all(objects(environment)))
            done = kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", folder / "objects.yaml")
            self.assertEqual(done.stderr, "")
            self.assertEqual(done.stdout.count("schedule.velero.io/"), 5)
        wrong = objects()
        wrong[-1]["spec"]["shedule"] = "* * * * *"
        (folder / "objects.yaml").write_text(yaml.safe_dump_all(wrong))
        self.assertIn("shedule", kubectl("apply", "--server-side", "--validate=strict", "-f", folder / "objects.yaml", expect=1).stderr)


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
