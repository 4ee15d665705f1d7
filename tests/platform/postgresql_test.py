#!/usr/bin/env python3
"""The rendered database on real Patroni, PostgreSQL, PgBouncer and pgBackRest; database.py says what stands in for what.

    postgresql_test.py [Prod] [Dev] [RealApi]      NAUTILUSCTL names the program

Prod is one story: four members form, every rendered setting is read back from the running servers, the leader dies with
its node while clients write through PgBouncer, comes back by pg_rewind, is stopped as a kubelet stops it; then the database
of a marked moment is restored from the encrypted archive. RealApi forms and hands over on a real kube-apiserver with the
rendered Role, and no more rights than that.
"""
import datetime
import json
import os
import sys
import threading
import time
import unittest
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import database  # noqa: E402
from database import listed, pgbackrest, sql, whole  # noqa: E402
from pods.world import World, wait  # noqa: E402

FAILOVER_SECONDS = 300   # ttl 30 and a round of 10 at most in a quiet place; this is for a busy machine
# Where times are not what is judged.
QUICK = ["--set", "postgresql.patroni.ttl=20", "--set", "postgresql.patroni.loopWait=3", "--set", "postgresql.patroni.retryTimeout=5"]
UNITS = {"": 1, "B": 1, "kB": 1 << 10, "8kB": 8 << 10, "MB": 1 << 20, "GB": 1 << 30, "ms": 1, "s": 1000, "min": 60000, "h": 3600000}
MARK = "only-in-the-clear-text"
# The guide's four, as findings 10 and 11 leave them: two kept, two corrected. In prod.
GUIDE = {"shared_buffers": "4GB", "effective_cache_size": "12GB", "work_mem": "16MB", "max_connections": "200"}


def rendered_settings(cluster, pool):
    """name to value: what the ConfigMap says PostgreSQL runs with."""
    data = cluster.find("ConfigMap", "postgresql-config")["data"]
    own = yaml.safe_load(data[f"patroni-{pool}.yaml"])["postgresql"]["parameters"]
    return {**own, **yaml.safe_load(data["dcs.yaml"])["postgresql"]["parameters"]}


def settings(cluster, pod):
    """name to (as SHOW says it, raw value, unit, type), asked over TCP: a socket has no keepalives to tell."""
    import psycopg2
    with psycopg2.connect(host=pod.address, user="postgres", dbname="postgres", password=cluster.secrets["postgresql-credentials"]["superuser-password"]) as asked:
        with asked.cursor() as cursor:
            cursor.execute("SELECT name, current_setting(name), setting, coalesce(unit, ''), vartype FROM pg_settings")
            return {name: rest for name, *rest in cursor}


def same(shown, setting, unit, kind, value):
    """Whether a server's value is the rendered one, whatever units either is written in."""
    text = {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if text == shown:
        return True
    digits = text.rstrip("kMGBminsh")
    return bool(digits) and kind in ("integer", "real") and float(setting) * UNITS[unit] == float(digits) * UNITS[text[len(digits):] or unit]


class Writer(threading.Thread):
    """Commits numbered rows through PgBouncer, one at a time, and remembers which were acknowledged."""

    def __init__(self, cluster, driver):
        super().__init__(daemon=True)
        self.cluster, self.driver = cluster, driver
        self.acknowledged, self.done, self.gap, self.last, self.number = [], threading.Event(), 0.0, None, 0

    def connect(self):
        connection = self.driver.connect(host=self.cluster.virtual["pgbouncer"], port=5432, dbname="nautilus", user="nautilus", connect_timeout=3,
                                         password=self.cluster.secrets["postgresql-credentials"]["app-password"])
        connection.autocommit = True
        return connection

    def run(self):
        connection = None
        while not self.done.is_set():
            self.number += 1
            try:
                connection = connection or self.connect()
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO orders VALUES (%s, %s)", (self.number, MARK))
                now = time.monotonic()
                self.gap = max(self.gap, now - (self.last or now))
                self.last = now
                self.acknowledged.append(self.number)
            except self.driver.Error:
                if connection:
                    connection.close()
                connection = None
                self.done.wait(0.05)

    def outage(self):
        """Seconds of the longest pause between two acknowledgements since the last call."""
        gap, self.gap = self.gap, 0.0
        return gap

    def missing(self, pod):
        """Acknowledged rows that the server does not have."""
        known = list(self.acknowledged)
        have = set(map(int, sql(pod, "SELECT id FROM orders", "nautilus").split()))
        return [number for number in known if number not in have]


class Database(unittest.TestCase):
    def check_settings(self, cluster, pods):
        """Every rendered parameter is what SHOW says, on every member, and none waits for a restart."""
        for pod in pods:
            wanted = rendered_settings(cluster, "primary" if pod.name.startswith("postgresql-primary") else "standby")
            live = settings(cluster, pod)
            wrong = [f"{name} is {live[name][0]}, rendered {value}" for name, value in wanted.items() if not same(*live[name], value)]
            self.assertEqual(wrong, [], pod.name)
            self.assertEqual(sql(pod, "SELECT name FROM pg_settings WHERE pending_restart"), "", pod.name)
            self.assertEqual(sql(pod, "SELECT name FROM pg_file_settings WHERE error IS NOT NULL"), "", pod.name)
            hba = yaml.safe_load(cluster.find("ConfigMap", "postgresql-config")["data"]["patroni-standby.yaml"])["postgresql"]["pg_hba"]
            self.assertEqual(sql(pod, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL"), str(len(hba)))
            self.assertEqual(sql(pod, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL"), "0")
        print(f"ok: {len(wanted)} rendered parameters are live on {len(pods)} members, none pending a restart")


class Prod(Database):
    api = "Embedded"

    def test_story(self):
        import psycopg2
        with World("prod", database.objects("prod")) as self.cluster:
            cluster = self.cluster
            database.serve(cluster, self.api)
            self.pods = database.members(cluster)
            self.synchronous = yaml.safe_load(cluster.find("ConfigMap", "postgresql-config")["data"]["dcs.yaml"])["synchronous_node_count"]
            first = wait("four members: a leader, its synchronous standbys, all streaming", self.whole, database.START_SECONDS)
            self.check_settings(cluster, self.pods)
            for name, value in GUIDE.items():
                self.assertEqual(sql(first, f"SHOW {name}"), value)
            self.refused(psycopg2, first)
            bouncers = [cluster.pod(("Deployment", "pgbouncer"), n, image={"user": "pgbouncer"}).start() for n in range(5)]
            wait("five PgBouncers are ready", lambda: all(p.ready for p in bouncers))
            sql(first, "CREATE TABLE orders (id bigint PRIMARY KEY, note text); ALTER TABLE orders OWNER TO nautilus", "nautilus")
            writer = Writer(cluster, psycopg2)
            writer.start()
            wait("a client commits through PgBouncer", lambda: len(writer.acknowledged) > 100)
            self.backed_up(first)
            second = self.lost_node(writer, first)
            self.stopped(writer, second)
            mark = self.marked(writer)
            writer.done.set()
            writer.join()
            self.assertEqual(writer.missing(self.whole()), [])
            self.assertTrue(self.full_backups(self.whole()), "two changes of the leader made a backup that was not due")
            self.restored(*mark)
            print(f"measured: {len(writer.acknowledged)} acknowledged commits, none lost")

    def whole(self):
        return whole(self.cluster, len(self.pods), self.synchronous)

    def refused(self, driver, leader):
        """Only the application's role, only to its own database, only with its password, from another pod's address."""
        good = self.cluster.secrets["postgresql-credentials"]["app-password"]
        for user, name, password, wanted in (("nautilus", "nautilus", good, None), ("nautilus", "nautilus", "wrong", "password authentication failed"),
                                             ("nautilus", "postgres", good, "no pg_hba.conf entry"), ("standby", "nautilus", good, "no pg_hba.conf entry"),
                                             ("nobody", "nautilus", good, "no pg_hba.conf entry")):
            told = ""
            try:
                driver.connect(host=leader.address, user=user, dbname=name, password=password, connect_timeout=5).close()
            except driver.OperationalError as error:
                told = str(error)
            self.assertIn(wanted or "", told, f"{user} to {name}")
            self.assertEqual(bool(told), wanted is not None, f"{user} to {name}: {told}")
        print("ok: only the application's role comes in, only to its own database")

    def full_backups(self, pod):
        """What the repositories hold, if each of them holds exactly one full backup and nothing else."""
        told = json.loads(pgbackrest(pod, "--output=json", "info"))[0]
        made = sorted((backup["database"]["repo-key"], backup["type"]) for backup in told["backup"])
        return told if made == [(number, "full") for number in self.cluster.store.repositories] else None

    def backed_up(self, leader):
        pgbackrest(leader, "check")
        begin = time.monotonic()
        told = wait("the leader makes a full backup in every repository, by itself", lambda: self.full_backups(leader), FAILOVER_SECONDS)
        self.assertEqual((told["status"]["code"], told["cipher"]), (0, "aes-256-cbc"), told)
        self.began = datetime.datetime.fromtimestamp(told["backup"][0]["timestamp"]["start"], datetime.timezone.utc)
        files = self.cluster.store.files()
        self.assertTrue(files)
        for file in files:
            data = file.read_bytes()
            self.assertEqual(data[:8], b"Salted__", f"{file.name} is not encrypted")
            self.assertNotIn(MARK.encode(), data, file.name)
        wrong = leader.execute("env", "PGBACKREST_REPO1_CIPHER_PASS=wrong", "PGBACKREST_REPO2_CIPHER_PASS=wrong", "pgbackrest", database.CONFIG, "--stanza=nautilus",
                               *(f"--repo{n}-{key}={value}" for n in self.cluster.store.repositories for key, value in database.Store.KEYS.items()),
                               "--repo=1", "info", check=False)
        self.assertTrue(wrong.returncode or "error" in wrong.stdout, "another passphrase read the archive")
        print(f"measured: full backup in {time.monotonic() - begin:.1f} s, {len(files)} objects in the store, all encrypted")

    def lost_node(self, writer, first):
        """kill -9 of the leader's whole pod, holding WAL that nobody else has; then the pod comes back."""
        sql(first, "SELECT 1")
        for pid in sql(first, "SELECT pid FROM pg_stat_replication").split():
            first.execute("sh", "-c", f"kill -STOP {pid}")
        # On this disk alone, so never acknowledged as durable: what a rewind has to undo.
        sql(first, "SET synchronous_commit = local; SELECT pg_logical_emit_message(true, 'lost', repeat('x', 100000))")
        writer.outage()
        seen = len(writer.acknowledged)
        first.kill()
        second = wait("the leader's node is gone: a synchronous standby leads",
                      lambda: next((p for p in self.pods if p is not first and p.ready and self.cluster.api.labels.get(p.name, {}).get(database.ROLE) == "primary"), None),
                      FAILOVER_SECONDS)
        wait("clients commit again, through the same PgBouncers", lambda: len(writer.acknowledged) > seen + 50, FAILOVER_SECONDS)
        self.assertEqual(writer.missing(second), [], "acknowledged commits are lost")
        print(f"measured: {writer.outage():.1f} s without a commit after kill -9 of the leader; 0 of {len(writer.acknowledged)} acknowledged commits lost")
        first.start()
        wait("the old leader comes back as a standby", self.whole, FAILOVER_SECONDS)
        log = (first.folder / "postgresql.log").read_text()
        self.assertIn("pg_rewind exit code=0", log, "it came back in another way than by pg_rewind")
        return second

    def stopped(self, writer, leader):
        writer.outage()
        seen = len(writer.acknowledged)
        self.assertTrue(leader.stop(), "the leader did not end within its grace")
        wait("a leader that is stopped hands over first", lambda: len(writer.acknowledged) > seen + 50, FAILOVER_SECONDS)
        print(f"measured: {writer.outage():.1f} s without a commit when the leader is stopped")
        leader.start()
        current = wait("and follows when it is back", self.whole, FAILOVER_SECONDS)
        self.assertEqual(writer.missing(current), [])

    def marked(self, writer):
        """A moment with rows before and after it, all of them archived. Its time, the last row before, the first after."""
        leader = self.whole()
        before = writer.acknowledged[-1]
        moment = sql(leader, "SELECT clock_timestamp()")
        seen = len(writer.acknowledged)
        wait("rows are committed after the mark", lambda: len(writer.acknowledged) > seen + 50)
        after = writer.acknowledged[-1]
        segment = sql(leader, "SELECT pg_walfile_name(pg_switch_wal())")
        wait("the mark's WAL is archived", lambda: sql(leader, "SELECT last_archived_wal FROM pg_stat_archiver") >= segment)
        return moment, before, after

    def restorer(self, number):
        """A pod as rendered, that stops short of Patroni."""
        pod = self.cluster.pod(("StatefulSet", "postgresql-replica"), number, image=self.cluster.image,
                               command=["sh", "-c", "sed '/^patronictl/,$d' /etc/patroni/start.sh > /tmp/prepare.sh && sh /tmp/prepare.sh && touch /tmp/prepared && exec sleep infinity"])
        pod.start()
        wait(f"{pod.name} waits for a restore", lambda: pod.main.init() and pod.execute("test", "-e", "/tmp/prepared", check=False).returncode == 0)
        return pod

    def control(self, pod, *words, **more):
        return pod.execute(f"{database.BIN}/pg_ctl", "-D", self.patroni()["postgresql"]["data_dir"], *words, **more)

    def patroni(self):
        return yaml.safe_load(self.cluster.find("ConfigMap", "postgresql-config")["data"]["patroni-standby.yaml"])

    def restored(self, moment, before, after):
        pod = self.restorer(8)
        # There are only so many: what is not in the archive is refused, by name.
        early = (self.began - datetime.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S+00")
        done = pgbackrest(pod, "--type=time", f"--target={early}", "restore", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unable to find backup set", done.stdout + done.stderr)
        begin = time.monotonic()
        pgbackrest(pod, "--type=time", f"--target={moment}", "--target-action=promote", "restore")
        self.control(pod, "-w", "-t", "120", "-l", "/tmp/log", "-o", "-c archive_mode=off", "start", timeout=150)
        wait("the restored database is open", lambda: sql(pod, "SELECT pg_is_in_recovery()") == "f")
        have = set(map(int, sql(pod, "SELECT id FROM orders", "nautilus").split()))
        self.assertIn(before, have, "a row from before the mark is absent")
        self.assertEqual([row for row in have if row >= after], [], "rows from after the mark are there")
        print(f"measured: restore to a marked moment in {time.monotonic() - begin:.1f} s, {len(have)} rows; none of after it")
        self.control(pod, "-w", "-m", "fast", "stop")
        late = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S+00")
        pgbackrest(pod, "--type=time", f"--target={late}", "--target-action=promote", "restore")
        # It may open for reading on its way, but ends before it takes a write.
        self.control(pod, "-w", "-t", "120", "-l", "/tmp/late", "-o", "-c archive_mode=off", "start", check=False, timeout=150)
        wait("a moment that the archive does not reach is not taken for another", lambda: self.control(pod, "status", check=False).returncode == 3)
        self.assertIn("recovery ended before configured recovery target was reached", pod.execute("cat", "/tmp/late"))
        print("ok: moments before the first backup and after the last WAL are refused")


class Dev(Database):
    """One member without standby and archive: the same settings files, other values."""

    def test_settings(self):
        with World("dev", database.objects("dev")) as cluster:
            database.serve(cluster, "Embedded")
            pods = database.members(cluster)
            wait("one member leads alone", lambda: whole(cluster, 1, 0), database.START_SECONDS)
            self.check_settings(cluster, pods)


class RealApi(Prod):
    """A real kube-apiserver: Patroni has the rights of the rendered Role and no others. Forming and handing over touch all
    that it writes: its four ConfigMaps and the labels of its pods."""
    api = "Real"

    def test_story(self):
        with World("prod", database.objects("prod", *QUICK)) as self.cluster:
            database.serve(self.cluster, self.api)
            self.pods = database.members(self.cluster)
            self.synchronous = yaml.safe_load(self.cluster.find("ConfigMap", "postgresql-config")["data"]["dcs.yaml"])["synchronous_node_count"]
            leader = wait("four members form with the rendered Role", self.whole, database.START_SECONDS)
            self.assertTrue(leader.stop(), "the leader did not end within its grace")
            wait("a leader that is stopped hands over first", lambda: (rows := listed(self.cluster)) and any(
                row["Role"] == "Leader" and name != leader.name and row["State"] == "running" for name, row in rows.items()), FAILOVER_SECONDS)


if __name__ == "__main__":
    database.main(__file__)
