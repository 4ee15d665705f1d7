#!/usr/bin/env python3
"""nautilusctl calendar: what it says, when it refuses, whose signatures count. What the calendars hold is tests/platform/calendar_test.py's."""
import json
import subprocess
import unittest

from command_line_test import DONE, ERROR, REFUSED, ROOT, USAGE, Case

TUESDAY = "2026-12-01"
CALENDARS = "manifests/calendars"


class Calendar(Case):
    def told(self, *arguments, expect=DONE):
        return json.loads(self.run_tool("calendar", *arguments, "-o", "json", expect=expect).stdout)

    def refused(self, *arguments, expect=REFUSED):
        done = self.run_tool("calendar", *arguments, expect=expect)
        return done.stdout + done.stderr

    # ----- answers

    def test_check_says_yes_or_no_with_the_reason(self):
        no = self.told("check", "--env", "prod", "--at", f"{TUESDAY}T10:00", expect=REFUSED)
        self.assertEqual((no["allowed"], no["cause"], no["at"], no["until"]), (False, "market_open", "2026-12-01T15:00:00Z", "2026-12-02T01:00:00Z"))
        self.assertIn("XNYS trades: regular session 09:30 EST to 16:00 EST", no["reason"])
        self.assertEqual([venue["venue"] for venue in no["venues"]], ["XNYS", "XNAS"])
        self.assertEqual(no["venues"][0]["file"], f"{CALENDARS}/XNYS.yaml")
        self.assertEqual(no["nextWindow"]["start"], "2026-12-02T01:00:00Z")
        self.assertTrue(self.told("check", "--env", "prod", "--at", f"{TUESDAY}T21:00")["allowed"])
        text = self.refused("check", "--env", "prod", "--at", f"{TUESDAY}T10:00")
        for words in ("refused  XNYS trades", "Tue 2026-12-01 20:00 EST (Wed 01:00 UTC)", "version 1", "next-window"):
            self.assertIn(words, text)

    def test_the_whole_change_has_to_fit(self):
        self.run_tool("calendar", "check", "--venue", "XNYS", "--at", f"{TUESDAY}T03:15", "--for", "45m")
        self.assertIn("45m0s do not fit, only 44m0s are left", self.refused("check", "--venue", "XNYS", "--at", f"{TUESDAY}T03:16", "--for", "45m"))
        window = self.told("next-window", "--venue", "XNYS", "--from", f"{TUESDAY}T03:16", "--for", "45m")
        self.assertEqual(window["startLocal"], "2026-12-01T20:00:00-05:00")
        self.assertIn("start  Tue 2026-12-01 20:00 EST", self.run_tool("calendar", "next-window", "--venue", "XNYS", "--from", f"{TUESDAY}T03:16", "--for", "45m").stdout)

    def test_explain_shows_the_day(self):
        text = self.run_tool("calendar", "explain", "--venue", "XHKG", "--at", "2026-02-16T11:00").stdout
        for words in ("XHKG  Hong Kong Stock Exchange", "half day: Lunar New Year's Eve", "regular (morning)", "now, ends in 60m", "01:30 UTC", "blocks   window trading-hours"):
            self.assertIn(words, text)
        day = self.told("explain", "--venue", "XNYS", "--at", "2025-01-09T10:00")["days"][0]
        self.assertEqual((day["kind"], day["name"], day["sessions"]), ("ad-hoc closure", "National Day of Mourning for President Carter", []))

    def test_zone_reads_and_shows_times(self):
        answer = self.told("check", "--venue", "XNYS", "--at", f"{TUESDAY}T15:00", "--zone", "Europe/London", expect=REFUSED)
        self.assertEqual(answer["at"], "2026-12-01T15:00:00Z")
        self.assertIn("Tue 2026-12-01 15:00 GMT", self.refused("check", "--venue", "XNYS", "--at", f"{TUESDAY}T15:00", "--zone", "Europe/London"))
        for zone in ("Mars/Olympus", "../../etc/passwd", "/etc/passwd"):
            self.assertIn("no such time zone", self.refused("check", "--venue", "XNYS", "--zone", zone, expect=USAGE))

    def test_timeline(self):
        text = self.run_tool("calendar", "timeline", "--venue", "XCME", "--from", "2026-12-04T12:00", "--until", "2026-12-06T20:00").stdout
        self.assertIn("Fri 2026-12-04 18:00 CST     Sun 2026-12-06 17:00 CST     closed allowed", text)
        self.refused("timeline", "--venue", "XCME", "--from", "2026-12-04", "--until", "2026-12-04", expect=USAGE)

    def test_list_and_verify(self):
        self.assertIn("America/New_York", self.run_tool("calendar", "list").stdout)
        rows = self.told("verify", "--env", "prod")
        self.assertEqual([(row["venue"], row["good"]) for row in rows], [("XNYS", True), ("XNAS", True)])

    # ----- refusals

    def test_a_time_that_is_none_or_two(self):
        for text in ("noon", "2026-13-01", "2026-12-01T25:00", "2026-12-01T10:00+99:00"):
            self.assertIn("is not a time", self.refused("check", "--venue", "XNYS", "--at", text, expect=USAGE))
        self.assertIn("does not exist in America/New_York", self.refused("check", "--venue", "XNYS", "--at", "2026-03-08T02:30", expect=USAGE))
        self.assertIn("2026-11-01T01:30:00-04:00 or 2026-11-01T01:30:00-05:00", self.refused("check", "--venue", "XNYS", "--at", "2026-11-01T01:30", expect=USAGE))
        self.refused("check", "--venue", "XNYS", "--for", "soon", expect=USAGE)
        self.refused("check", expect=USAGE)

    def test_unknown_venues_and_expired_calendars(self):
        self.assertIn("did you mean XNYS?", self.refused("check", "--venue", "XNYC"))
        text = self.refused("check", "--venue", "XNYS", "--at", "2029-01-06T12:00")
        self.assertIn("expired with 2028-12-31", text)
        self.assertIn("get a signed calendar", text)
        self.assertIn("never closes", self.refused("next-window", "--venue", "24X7", "--for", "1h"))
        self.run_tool("calendar", "check", "--env", "dev", "--at", f"{TUESDAY}T10:00")

    def test_a_team_signs_its_own_closure(self):
        project = self.project()
        file = project / CALENDARS / "XNYS.yaml"
        where = ["--project", str(project)]
        file.write_text(file.read_text().replace("  adHoc:\n", "  adHoc:\n    - {date: 2026-12-01, name: Flood, announced: 2026-11-30}\n"))
        self.assertIn("changed after it was signed", self.refused("check", "--venue", "XNYS", *where))
        self.assertIn("refused:", self.refused("verify", *where))
        key, public = self.dir / "desk-key.pem", project / "desk.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
        public.write_bytes(subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True).stdout)
        self.run_tool("calendar", "sign", "--key", str(key), str(file))
        self.assertIn("signed by nobody trusted", self.refused("check", "--env", "prod", *where))
        environment = project / "manifests" / "environments" / "prod" / "environment.yaml"
        environment.write_text(environment.read_text().replace("    venues: [XNYS, XNAS]\n", "    venues: [XNYS, XNAS]\n    publicKeys: [../../../desk.pem]\n"))
        answer = self.told("check", "--env", "prod", "--at", f"{TUESDAY}T10:00", *where, expect=REFUSED)
        self.assertEqual(answer["venues"][0]["holiday"], "Flood")
        self.assertEqual(answer["venues"][0]["cause"], "blocked_window")
        # The key as text, and what is no key.
        (self.dir / "none.pem").write_text("-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n")
        self.assertNotIn("MC4", self.refused("sign", "--key", str(self.dir / "none.pem"), str(file), expect=ERROR))
        self.refused("sign", str(file), expect=USAGE)
        file.write_text(file.read_text() + "  color: red\n")
        self.assertIn("spec.color", self.refused("sign", "--key", str(key), str(file), expect=ERROR))

    def test_render_refuses_what_no_calendar_can_answer(self):
        project = self.project()
        file = project / "manifests" / "environments" / "prod" / "environment.yaml"
        good = file.read_text()
        for line, where, words in (
                ("venues: [XNYS, XNYC]", "spec.calendar.venues[1]", "did you mean XNYS?"),
                ("venues: [nyse]", "spec.calendar.venues[0]", "is no MIC"),
                ("venues: [XNYS, XNYS]", "spec.calendar.venues[1]", "listed twice"),
                ("venues: [XNYS]\n    policy: {windows: [{name: night, kind: allow, days: [Mon], from: \"18:00\", to: \"08:00\"}, "
                 "{name: early, kind: block, days: [Tue], from: \"07:00\", to: \"09:00\"}]}", "spec.calendar.policy.windows[1].from", "overlap"),
                ("venues: [XNYS]\n    policy: {windows: [{name: day, kind: block, days: [Mon], from: \"09:00\", to: \"17:00\"}]}", "spec.calendar.policy.windows", "allow nothing")):
            with self.subTest(line=line):
                file.write_text(good.replace("venues: [XNYS, XNAS]", line))
                done = self.run_tool("render", "--env", "prod", "--project", str(project), expect=ERROR)
                self.assertIn(where, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertRegex(done.stderr, r"environment\.yaml:\d+: ")
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
