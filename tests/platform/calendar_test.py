#!/usr/bin/env python3
"""The trading calendars against a second reading of the rules they follow.

    calendar_test.py Oracle       sessions and windows of 2024 to 2028, minute by minute, against rules written here
    calendar_test.py Published    days without trading against lists that others publish (tests/golden/calendars)
    calendar_test.py Shipped      every calendar is signed, by the key that OpenSSL knows too

Nothing here reads manifests/calendars: holidays come from laws and rule books (third Mondays, Easter, new moons, equinoxes), the clock
from Python's zoneinfo.
"""
import base64
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ["NAUTILUSCTL"]
UTC = timezone.utc
FIRST, LAST = date(2024, 1, 1), date(2028, 12, 31)
PUBLISHED = date(2026, 12, 31)
DAY = timedelta(days=1)
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def days(first=FIRST, last=LAST):
    while first <= last:
        yield first
        first += DAY


# ----- rules that several countries share

def nth(year, month, weekday, n):
    """The n-th such weekday of a month; the last one with n = -1."""
    found = [d for d in days(date(year, month, 1), (date(year, month, 28) + 4 * DAY).replace(day=1) - DAY) if d.weekday() == weekday]
    return found[n - 1 if n > 0 else n]


def easter(year):
    """Gauss's computus, in the form of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * l) // 451
    month, day = divmod(h + l - 7 * m + 114, 31)
    return date(year, month, day + 1)


# ----- the United States (NYSE rule 7.2, Nasdaq the same)

def american(year):
    closed = {nth(year, 1, MON, 3): "king", nth(year, 2, MON, 3): "washington", easter(year) - 2 * DAY: "good friday", nth(year, 5, MON, -1): "memorial",
              nth(year, 9, MON, 1): "labor", nth(year, 11, THU, 4): "thanksgiving"}
    for month, day, name in ((6, 19, "juneteenth"), (7, 4, "independence"), (12, 25, "christmas"), (1, 1, "new year")):
        on = date(year, month, day)
        # A Saturday is kept on Friday, but not into the last day of a year; a Sunday on Monday.
        on += {SAT: -DAY, SUN: DAY}.get(on.weekday(), timedelta())
        if on.year == year:
            closed[on] = name
    return closed


def american_early(year):
    closed = american(year)
    before = [date(year, 7, 3), nth(year, 11, THU, 4) + DAY, date(year, 12, 24)]
    return {d for d in before if d.weekday() < SAT and d not in closed and (d.month != 7 or (d + DAY) in closed)}


MOURNING = date(2025, 1, 9)


def new_york(d):
    if d.weekday() >= SAT or d in american(d.year) or d == MOURNING:
        return []
    if d in american_early(d.year):
        return [("pre", "04:00", "09:30"), ("regular", "09:30", "13:00"), ("post", "13:00", "17:00")]
    return [("pre", "04:00", "09:30"), ("regular", "09:30", "16:00"), ("post", "16:00", "20:00")]


def globex(d):
    """Equity index futures: they stop early where the cash market is closed, and are closed at Christmas, New Year and on Good Friday
    (unless the employment report, of the month's first Friday, comes out on it)."""
    why = american(d.year).get(d)
    end = "16:00"
    if d.weekday() >= SAT or why in ("christmas", "new year"):
        return []
    if why == "good friday":
        if d != nth(d.year, d.month, FRI, 1):
            return []
        end = "08:15"
    elif why:
        end = "12:00"
    elif d in american_early(d.year):
        end = "12:15"
    elif d == MOURNING:
        end = "08:30"
    return [("regular", "-17:00", end)]


# ----- England (Banking and Financial Dealings Act 1971) and Germany (Deutsche Boerse's calendar)

def english(year):
    closed = {easter(year) - 2 * DAY, easter(year) + DAY, nth(year, 5, MON, 1), nth(year, 5, MON, -1), nth(year, 8, MON, -1)}
    for on in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        while on.weekday() >= SAT or on in closed:
            on += DAY
        closed.add(on)
    return closed


def last_before(limit, closed):
    limit -= DAY
    while limit.weekday() >= SAT or limit in closed:
        limit -= DAY
    return limit


def london(d):
    closed = english(d.year)
    if d.weekday() >= SAT or d in closed:
        return []
    if d in (last_before(date(d.year, 12, 25), closed), last_before(date(d.year + 1, 1, 1), closed)):
        return [("auction", "07:50", "08:00"), ("regular", "08:00", "12:30"), ("auction", "12:30", "12:35"), ("post", "12:35", "12:40")]
    return [("auction", "07:50", "08:00"), ("regular", "08:00", "12:00"), ("auction", "12:00", "12:02"), ("regular", "12:02", "16:30"),
            ("auction", "16:30", "16:35"), ("post", "16:35", "16:40")]


def german(year):
    return {date(year, 1, 1), easter(year) - 2 * DAY, easter(year) + DAY, date(year, 5, 1), date(year, 12, 24), date(year, 12, 25), date(year, 12, 26), date(year, 12, 31)}


def frankfurt(d):
    closed = german(d.year)
    if d.weekday() >= SAT or d in closed:
        return []
    start = [("pre", "07:30", "08:50"), ("auction", "08:50", "09:00")]
    if d == last_before(date(d.year + 1, 1, 1), closed):
        return start + [("regular", "09:00", "14:00"), ("auction", "14:00", "14:05"), ("post", "14:05", "14:15")]
    return start + [("regular", "09:00", "13:00"), ("auction", "13:00", "13:02"), ("regular", "13:02", "17:30"), ("auction", "17:30", "17:35"),
                    ("post", "17:35", "17:45"), ("post", "17:45", "20:30")]


# ----- Japan (Act on National Holidays, article 3, and the exchange's New Year)

def japanese(year):
    def equinox(base):  # of the almanac: good for 1980 to 2099
        return int(base + 0.242194 * (year - 1980) - (year - 1980) // 4)
    law = {date(year, *md) for md in ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23), (3, equinox(20.8431)), (9, equinox(23.2488)))}
    law |= {nth(year, 1, MON, 2), nth(year, 7, MON, 3), nth(year, 9, MON, 3), nth(year, 10, MON, 2)}
    off = set(law)
    for d in sorted(law):
        if d.weekday() == SUN:  # the next day that is no holiday
            while d in off:
                d += DAY
            off.add(d)
    off |= {d for d in days(date(year, 1, 2), date(year, 12, 30)) if d - DAY in law and d + DAY in law and d not in law}
    return off | {date(year, 1, 2), date(year, 1, 3), date(year, 12, 31)}


def tokyo(d):
    if d.weekday() >= SAT or d in japanese(d.year):
        return []
    rest = [("regular", "12:30", "15:25"), ("auction", "15:25", "15:30")] if d >= date(2024, 11, 5) else [("regular", "12:30", "15:00")]
    return [("pre", "08:00", "09:00"), ("regular", "09:00", "11:30"), ("pre", "12:05", "12:30"), *rest]


# ----- Hong Kong (General Holidays Ordinance): the moon and the sun, after Meeus, Astronomical Algorithms

CHINA = timezone(timedelta(hours=8))
J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def solar_longitude(moment):
    t = (moment - J2000).total_seconds() / 86400 / 36525 + 69 / 86400 / 36525
    mean = 280.46646 + 36000.76983 * t
    anomaly = math.radians(357.52911 + 35999.05029 * t)
    centre = (1.914602 - 0.004817 * t) * math.sin(anomaly) + 0.019993 * math.sin(2 * anomaly) + 0.000289 * math.sin(3 * anomaly)
    return (mean + centre - 0.00569 - 0.00478 * math.sin(math.radians(125.04 - 1934.136 * t))) % 360


def new_moon(k):
    """The k-th after January 2000, within a minute or two."""
    t = k / 1236.85
    jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t
    e = 1 - 0.002516 * t
    sun, moon = math.radians(2.5534 + 29.1053567 * k), math.radians(201.5643 + 385.81693528 * k)
    node, far = math.radians(160.7108 + 390.67050284 * k), math.radians(124.7746 - 1.56375588 * k)
    jde += (-0.4072 * math.sin(moon) + 0.17241 * e * math.sin(sun) + 0.01608 * math.sin(2 * moon) + 0.01039 * math.sin(2 * node) + 0.00739 * e * math.sin(moon - sun)
            - 0.00514 * e * math.sin(moon + sun) + 0.00208 * e * e * math.sin(2 * sun) - 0.00111 * math.sin(moon - 2 * node) - 0.00057 * math.sin(moon + 2 * node)
            + 0.00056 * e * math.sin(2 * moon + sun) - 0.00042 * math.sin(3 * moon) + 0.00042 * e * math.sin(sun + 2 * node) + 0.00038 * e * math.sin(sun - 2 * node)
            - 0.00024 * e * math.sin(2 * moon - sun) - 0.00017 * math.sin(far))
    return J2000 + timedelta(days=jde - 2451545.0, seconds=-69)


@lru_cache(maxsize=None)
def term(year, longitude, month):
    """The day in China on which the sun reaches a longitude, near the month given."""
    low = datetime(year, month, 1, tzinfo=UTC)
    high = low + timedelta(days=45)
    low -= timedelta(days=15)
    while high - low > timedelta(seconds=30):
        middle = low + (high - low) / 2
        if (solar_longitude(middle) - longitude + 180) % 360 >= 180:
            high = middle
        else:
            low = middle
    return high.astimezone(CHINA).date()


@lru_cache(maxsize=None)
def lunar_year(year):
    """First days of the months of the Chinese year that begins in that year: {number: day}, leap months left out."""
    solstices = [term(year - 1, 270, 12), term(year, 270, 12)]
    k = round((year - 2000) * 12.3685) - 4
    firsts = [new_moon(i).astimezone(CHINA).date() for i in range(k, k + 24)]
    eleventh = [max(d for d in firsts if d <= s) for s in solstices]
    months = [d for d in firsts if eleventh[0] <= d < eleventh[1]]
    following = {d: firsts[firsts.index(d) + 1] for d in firsts[:-1]}
    leap = None
    if len(months) == 13:
        def sector(d):
            return int(solar_longitude(datetime(d.year, d.month, d.day, tzinfo=CHINA)) // 30)
        leap = next(d for d in months if sector(d) == sector(following[d]))
    numbers, number = {}, 10
    for d in months:
        if d != leap:
            number = number % 12 + 1
            numbers[number] = d
    return numbers


def hong_kong_days(year):
    moon = lunar_year(year)
    off = {date(year, 7, 1), date(year, 10, 1), date(year, 5, 1), date(year, 1, 1), easter(year) - 2 * DAY, easter(year) - DAY, easter(year) + DAY}
    off |= {date(year, 12, 25), moon[4] + 7 * DAY, moon[5] + 4 * DAY, moon[9] + 8 * DAY, term(year, 15, 4)}
    new_year = [moon[1] + i * DAY for i in range(3)]
    if any(d.weekday() == SUN for d in new_year):
        new_year.append(moon[1] + 3 * DAY)
    off |= set(new_year) | {moon[8] + 15 * DAY, date(year, 12, 26)}
    # What falls on a Sunday, or on another holiday, is kept on the next day that is neither.
    singles = [date(year, 1, 1), term(year, 15, 4), easter(year) + DAY, date(year, 5, 1), moon[4] + 7 * DAY, moon[5] + 4 * DAY, date(year, 7, 1), date(year, 10, 1),
               moon[9] + 8 * DAY, date(year, 12, 25), date(year, 12, 26)]
    taken = set()
    for d in sorted(singles):
        kept = d
        while kept.weekday() == SUN or kept in taken:
            kept += DAY
        taken.add(kept)
        off.add(kept)
    return off


def hong_kong(d):
    off = hong_kong_days(d.year)
    if d.weekday() >= SAT or d in off or d == date(2024, 9, 6):  # a typhoon
        return []
    start = [("pre", "09:00", "09:30"), ("regular", "09:30", "12:00")]
    if d in (date(d.year, 12, 24), date(d.year, 12, 31), lunar_year(d.year)[1] - DAY):
        return start + [("auction", "12:00", "12:10")]
    return start + [("regular", "13:00", "16:00"), ("auction", "16:00", "16:10")]


def always(_):
    return [("regular", "00:00", "24:00")]


#          rules, zone, until when the venue has published its holidays, a day like all others
VENUES = {
    "XNYS": (new_york, "America/New_York", LAST, date(2027, 3, 2)),
    "XNAS": (new_york, "America/New_York", LAST, date(2027, 3, 2)),
    "XCME": (globex, "America/Chicago", PUBLISHED, date(2027, 3, 2)),
    "XLON": (london, "Europe/London", PUBLISHED, date(2027, 3, 2)),
    "XETR": (frankfurt, "Europe/Berlin", PUBLISHED, date(2027, 3, 2)),
    "XTKS": (tokyo, "Asia/Tokyo", PUBLISHED, date(2027, 3, 2)),
    "XHKG": (hong_kong, "Asia/Hong_Kong", PUBLISHED, date(2027, 3, 2)),
    "24X7": (always, "UTC", LAST, date(2027, 3, 2)),
}


def moment(d, text, zone):
    if text.startswith("-"):
        d, text = d - DAY, text[1:]
    hour, minute = int(text[:2]), int(text[3:])
    if hour == 24:
        d, hour = d + DAY, 0
    return datetime(d.year, d.month, d.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@lru_cache(maxsize=None)
def relied_on(mic):
    """{day: (sessions, whether the rules expect something that is not published)}; such a day counts as an ordinary one."""
    rules, zone, published, ordinary = VENUES[mic]
    found = {}
    for d in days(FIRST - DAY, LAST + DAY):
        sessions = rules(d)
        expected = d > published and d.weekday() < SAT and sessions != rules(ordinary)
        if expected:
            sessions = rules(ordinary)
        found[d] = ([(phase, moment(d, a, zone), moment(d, b, zone)) for phase, a, b in sessions], expected)
    return found


def told(*arguments):
    done = subprocess.run([BINARY, "--project", str(ROOT), "calendar", *arguments, "-o", "json"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def read(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


START, END = datetime(2024, 1, 2, tzinfo=UTC), datetime(2028, 12, 31, tzinfo=UTC)
MINUTES = int((END - START).total_seconds()) // 60


def minute(at):
    return max(0, min(MINUTES, round((at - START).total_seconds()) // 60))


def open_minutes(mic):
    marks = bytearray(MINUTES)
    for sessions, _ in relied_on(mic).values():
        for _, opens, closes in sessions:
            a, b = minute(opens), minute(closes)
            marks[a:b] = b"\1" * (b - a)
    return marks


def guide_minutes(zone):
    """The guide's windows by the clock on the wall: 18 to 8 and weekends are allowed, 9 to 17 is not, and the rest is nobody's."""
    marks = bytearray(MINUTES)
    there = ZoneInfo(zone)
    at = START
    for hour in range(MINUTES // 60):  # clocks of these zones change on the hour
        here = at.astimezone(there)
        weekend = here.weekday() >= SAT
        if weekend or here.hour >= 18 or here.hour < 8:
            marks[hour * 60:hour * 60 + 60] = b"\1" * 60
        at += timedelta(hours=1)
    return marks


class Oracle(unittest.TestCase):
    def timeline(self, *venues):
        flags = [part for venue in venues for part in ("--venue", venue)]
        return told("timeline", *flags, "--from", START.isoformat().replace("+00:00", "Z"), "--until", END.isoformat().replace("+00:00", "Z"))

    def marks(self, answer, chosen):
        marks = bytearray(MINUTES)
        self.assertEqual(read(answer["stretches"][0]["from"]), START)
        self.assertEqual(read(answer["stretches"][-1]["until"]), END)
        for one in answer["stretches"]:
            if chosen(one):
                a, b = minute(read(one["from"])), minute(read(one["until"]))
                marks[a:b] = b"\1" * (b - a)
        return marks

    def same(self, got, expected, what):
        if got == expected:
            return
        first = next(i for i in range(MINUTES) if got[i] != expected[i])
        wrong = sum(a != b for a, b in zip(got, expected))
        self.fail(f"{what}: {wrong} minutes differ, first {START + timedelta(minutes=first)}: told {got[first]}, expected {expected[first]}")

    def test_sessions_of_every_day(self):
        for mic in VENUES:
            with self.subTest(venue=mic):
                told_days = {date.fromisoformat(day["date"]): day for day in self.timeline(mic)["venues"][mic]}
                self.assertGreater(len(told_days), 1800)
                for d, day in told_days.items():
                    sessions, expected = relied_on(mic)[d]
                    got = [(s["phase"], read(s["opens"]), read(s["closes"])) for s in day["sessions"]]
                    self.assertEqual(got, sessions, f"{mic} {d} {day['name']}")
                    self.assertEqual(day["provisional"], expected, f"{mic} {d} {day['name']}")

    def test_every_minute_of_five_years(self):
        for mic, (_, zone, _, _) in VENUES.items():
            with self.subTest(venue=mic):
                answer = self.timeline(mic)
                trades, guide = open_minutes(mic), guide_minutes(zone)
                self.same(self.marks(answer, lambda one: one["open"]), trades, f"{mic} open")
                allowed = bytes(a & (1 - b) for a, b in zip(guide, trades))
                self.same(self.marks(answer, lambda one: one["cause"] == "allowed"), allowed, f"{mic} allowed")

    def test_two_venues_are_as_strict_as_each(self):
        answer = self.timeline("XNYS", "XTKS")
        both = [self.marks(self.timeline(mic), lambda one: one["cause"] == "allowed") for mic in ("XNYS", "XTKS")]
        self.same(self.marks(answer, lambda one: one["cause"] == "allowed"), bytes(a & b for a, b in zip(*both)), "both")

    def test_the_next_window_is_the_first_that_is_long_enough(self):
        for mic in ("XNYS", "XCME", "XHKG"):
            _, zone, _, _ = VENUES[mic]
            trades, guide = open_minutes(mic), guide_minutes(zone)
            allowed = bytes(a & (1 - b) for a, b in zip(guide, trades))
            for start, length in (("2024-03-08T12:00:00Z", 45), ("2024-11-02T23:30:00Z", 600), ("2026-12-24T10:00:00Z", 90), ("2027-05-31T05:00:00Z", 1500)):
                with self.subTest(venue=mic, start=start):
                    begin = minute(read(start))
                    first = allowed.find(b"\1" * length, begin)
                    window = told("next-window", "--venue", mic, "--from", start, "--for", f"{length}m")
                    self.assertEqual(minute(read(window["start"])), first)
                    self.assertEqual(minute(read(window["end"])), allowed.find(b"\0", first))


class Published(unittest.TestCase):
    def test_days_without_trading_and_early_closes(self):
        for file in sorted((ROOT / "tests" / "golden" / "calendars").glob("*.tsv")):
            mic = file.stem
            with self.subTest(venue=mic):
                lines = [line.split("\t") for line in file.read_text().splitlines() if line and not line.startswith("#")]
                published = {date.fromisoformat(day): what for day, what in lines}
                self.assertGreater(len(published), 25)
                zone = ZoneInfo(VENUES[mic][1])
                last = max(published).replace(month=12, day=31)
                told_days = told("timeline", "--venue", mic, "--from", "2024-01-01", "--until", f"{last + DAY}")["venues"][mic]
                usual = "16:00" if mic in ("XNYS", "XNAS", "XHKG", "XCME") else "16:30" if mic == "XLON" else "17:30" if mic == "XETR" else None
                got = {}
                for day in told_days:
                    d = date.fromisoformat(day["date"])
                    regular = [s for s in day["sessions"] if s["phase"] == "regular"]
                    if d.weekday() >= SAT:
                        self.assertFalse(regular, d)
                    elif not regular:
                        got[d] = "closed"
                    elif usual and (close := read(regular[-1]["closes"]).astimezone(zone).strftime("%H:%M")) != usual:
                        got[d] = close
                self.assertEqual(got, published)


class Shipped(unittest.TestCase):
    def test_every_calendar_is_signed_by_the_projects_key(self):
        folder = ROOT / "manifests" / "calendars"
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        self.assertEqual(names, sorted(VENUES))
        rows = told("verify")
        self.assertEqual([row["venue"] for row in rows], names)
        self.assertTrue(all(row["good"] for row in rows), rows)
        with tempfile.TemporaryDirectory() as scratch:
            for name in names:  # by a second reader
                line = (folder / f"{name}.yaml.sig").read_text().split()
                signature = Path(scratch) / "signature"
                signature.write_bytes(base64.b64decode(line[2]))
                subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "project-key.pem", "-rawin", "-in", folder / f"{name}.yaml",
                                "-sigfile", signature], check=True, capture_output=True)

    def test_no_private_key_is_in_the_tree(self):
        found = subprocess.run(["git", "grep", "-l", "-E", "^-----BEGIN (ENCRYPTED )?PRIVATE KEY", "--", "manifests", "core", "cli", "docs", "scripts"], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(found.stdout, "")


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    sys.exit(0 if result.wasSuccessful() else 1)
