#!/usr/bin/env python3
"""`nautilusctl engine bench`: what it measures is what it says, and it leaves nothing behind."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

BINARY = os.environ["NAUTILUSCTL"]
USAGE, REFUSED = 2, 12
DEFINITIONS, EPOCH = 128, 1  # of 64 instruments and 64 accounts; begin_epoch


class EngineBench(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="nautilus-bench-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def bench(self, *flags, output="json"):
        return subprocess.run([BINARY, "-o", output, "engine", "bench", *map(str, flags)], cwd=self.scratch,
                              capture_output=True, text=True, timeout=240)

    def measured(self, *flags):
        done = self.bench(*flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def check_spread(self, spread, count):
        self.assertEqual(spread["count"], count)
        self.assertGreater(spread["median"], 0)
        self.assertLessEqual(spread["median"], spread["p99"])
        self.assertLessEqual(spread["p99"], spread["p999"])
        self.assertLessEqual(spread["p999"], spread["max"])

    def test_everything_at_once(self):
        got, progress = self.measured("--journal", "deep/er", "--orders", 1500, "--seed", 7)
        self.assertEqual(set(got), {"book", "journal", "replay", "ack"})
        self.assertGreater(got["book"]["perSecond"], 0)
        self.check_spread(got["book"]["nanoseconds"], 1500 - (1500 // 3 + 63) // 64 * 64)  # without the warm-up
        self.assertEqual(got["journal"]["commands"], 1500 + DEFINITIONS + EPOCH)
        self.assertGreater(got["journal"]["durablePerSecond"], 0)
        self.check_spread(got["journal"]["syncMicroseconds"], 300)
        self.assertEqual(got["replay"]["records"], got["journal"]["commands"])
        self.assertEqual(got["replay"]["events"], got["journal"]["events"])
        self.check_spread(got["ack"]["alone"]["orderToAckMicroseconds"], 1500)
        self.check_spread(got["ack"]["alone"]["syncMicroseconds"], 1500)
        self.check_spread(got["ack"]["burst"]["orderToAckMicroseconds"], 1500 // 16 * 16)
        self.assertIn("journal: 1500 orders", progress)
        self.assertFalse((self.scratch / "deep" / "er").exists())

    def test_one_part(self):
        for part in ("journal", "replay", "ack"):
            got, _ = self.measured("--journal", "here", "--orders", 1000, "--only", part)
            self.assertEqual(list(got), [part])
        got, _ = self.measured("--only", "book", "--orders", 1000)
        self.assertEqual(list(got), ["book"])
        self.assertEqual(os.listdir(self.scratch), [])

    def test_the_seed_is_the_flow(self):
        events = [self.measured("--only", "book", "--orders", 5000, "--seed", seed)[0]["book"]["events"] for seed in (1, 1, 2)]
        self.assertEqual(events[0], events[1])
        self.assertNotEqual(events[0], events[2])

    def test_a_directory_that_has_something_is_left_alone(self):
        there = self.scratch / "journal"
        there.mkdir()
        (there / "journal-00000000000000000001.log").write_bytes(b"somebody's orders")
        done = self.bench("--journal", "journal", "--orders", 1000)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("not empty", done.stderr)
        self.assertEqual(os.listdir(there), ["journal-00000000000000000001.log"])
        self.assertEqual((there / "journal-00000000000000000001.log").read_bytes(), b"somebody's orders")

    def test_an_empty_directory_stays(self):
        (self.scratch / "mount").mkdir()
        self.measured("--journal", "mount", "--orders", 1000, "--only", "journal")
        self.assertEqual(os.listdir(self.scratch / "mount"), [])

    def test_what_is_wrong_with_the_command_line(self):
        for flags in (["--orders", 1000], ["--only", "everything"], ["--journal", "j", "--orders", 999]):
            done = self.bench(*flags)
            self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_for_people(self):
        done = self.bench("--journal", "j", "--orders", 1000, "--only", "journal", output="text")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^durable orders +\d+ a second \(1129 commands")
        self.assertRegex(done.stdout, r"(?m)^the disk's sync \(fdatasync\) +median \d+ us, p99 \d+ us$")


if __name__ == "__main__":
    unittest.main()
