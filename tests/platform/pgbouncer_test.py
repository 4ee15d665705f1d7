#!/usr/bin/env python3
"""The rendered PgBouncer before the rendered database; database.py says what stands in for what.

    pgbouncer_test.py        NAUTILUSCTL names the program

A failover behind it is postgresql_test.py's story. Here: its settings are live, its users come from the Secret, its pools
hold under more clients than they have room for, and a transaction is what a client owns.
"""
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import database  # noqa: E402
from database import sql, whole  # noqa: E402
from pods.world import World, wait  # noqa: E402

# The rest of the pool's room is not this test's matter: one member is enough.
ALONE = ["--set", "postgresql.standbys=0", "--set", "postgresql.synchronous.enabled=false", "--set", "postgresql.synchronous.strict=false",
         "--set", "postgresql.walArchive.enabled=false", "--set", "global.safetyChecks=false"]
CLIENTS = 120


def directives(text):
    """Sections of a pgbouncer.ini: name to {key: value}."""
    found, section = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            section[key.strip()] = value.strip()
    return found


class PgBouncer(unittest.TestCase):
    def connect(self, pod, user="nautilus", name="nautilus", password=None):
        import psycopg2
        connection = psycopg2.connect(host=pod.address, port=5432, user=user, dbname=name, connect_timeout=30,
                                      password=password or self.cluster.secrets["postgresql-credentials"]["app-password"])
        connection.autocommit = True
        return connection

    def console(self, pod, command, user="pgbouncer_admin", password=None):
        """PgBouncer's console: rows as dictionaries. The administrator's password is this test's."""
        import psycopg2
        connection = psycopg2.connect(host=pod.address, port=5432, user=user, dbname="pgbouncer", password=password or self.admin)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(command)
            rows = [dict(zip([c.name for c in cursor.description], row)) for row in cursor]
        connection.close()
        return rows

    def test_story(self):
        import psycopg2
        with World("prod", database.objects("prod", *ALONE)) as self.cluster:
            cluster = self.cluster
            database.serve(cluster, "Embedded")
            database.members(cluster)
            leader = wait("one member leads", lambda: whole(cluster, 1, 0), database.START_SECONDS)
            pod = cluster.pod(("Deployment", "pgbouncer"), 0, image={"user": "pgbouncer"}).start()
            wait("PgBouncer is ready", lambda: pod.ready)
            self.refused(psycopg2, pod)
            self.settings(pod)
            self.bounded(psycopg2, pod, leader)
            self.prepared(pod)

    def refused(self, driver, pod):
        for user, name, password in (("nautilus", "nautilus", "wrong"), ("postgres", "nautilus", None), ("nautilus", "postgres", None),
                                     ("pgbouncer_admin", "pgbouncer", None), ("nautilus", "pgbouncer", None)):
            with self.assertRaises(driver.OperationalError, msg=f"{user} to {name}"):
                self.connect(pod, user, name, password).close()
        with self.connect(pod).cursor() as cursor:
            cursor.execute("SELECT current_user")
            self.assertEqual(cursor.fetchone()[0], "nautilus")
        # The console's administrator has no password at all, so nobody is let in as one from outside.
        users = {line.split('"')[1] for line in pod.execute("cat", "/run/pgbouncer/userlist.txt").splitlines()}
        self.assertEqual(users, {"nautilus", "pgbouncer_exporter"})
        exporter = self.cluster.secrets["pgbouncer-exporter"]["exporter-password"]
        self.assertIn("nautilus", {row["database"] for row in self.console(pod, "SHOW STATS", "pgbouncer_exporter", exporter)})
        with self.assertRaises(driver.Error, msg="who may look stopped the pools"):
            self.console(pod, "PAUSE", "pgbouncer_exporter", exporter)
        with self.assertRaises(driver.OperationalError, msg="who may look came into the database"):
            self.connect(pod, "pgbouncer_exporter", "nautilus", exporter).close()
        self.assertEqual(pod.execute("stat", "-c", "%a", "/run/pgbouncer/userlist.txt"), "600")
        print("ok: one user comes in, to one database; the exporter sees the console and changes nothing")
        self.admin = "of-this-test"
        pod.execute("sh", "-c", f"printf '\"pgbouncer_admin\" \"{self.admin}\"\\n' >> /run/pgbouncer/userlist.txt && kill -HUP 1")
        wait("the test is let into the console", lambda: self.asked(driver, pod))

    def asked(self, driver, pod):
        try:
            return self.console(pod, "SHOW VERSION")
        except driver.OperationalError:
            return None

    def settings(self, pod):
        """Every line of pgbouncer.ini is what SHOW CONFIG and SHOW DATABASES say."""
        wanted = directives(self.cluster.find("ConfigMap", "pgbouncer-config")["data"]["pgbouncer.ini"])
        live = {row["key"]: row["value"] for row in self.console(pod, "SHOW CONFIG")}
        known = wanted["pgbouncer"]
        self.assertEqual({name: live.get(name) for name in known}, known)
        rows = {row["name"]: row for row in self.console(pod, "SHOW DATABASES")}
        for name, line in wanted["databases"].items():
            told = dict(part.split("=") for part in line.split())
            row = {key: str(value) for key, value in rows[name].items()}
            self.assertEqual((row["host"], row["port"], row["database"], row["pool_size"], row["max_connections"]),
                             (told["host"], told["port"], told["dbname"], told["pool_size"], told["max_db_connections"]))
        self.bound = int(dict(part.split("=") for part in wanted["databases"]["nautilus"].split())["max_db_connections"])
        print(f"ok: {len(known)} settings and {len(wanted['databases'])} databases are as rendered")

    def bounded(self, driver, pod, leader):
        """More clients than the pool has room for: all are served, in turns, over no more connections than rendered."""
        self.assertGreater(CLIENTS, self.bound)
        holding, served, failed, release = [], [], [], threading.Event()

        def client():
            """Holds one transaction open until it is told to end it. Who waits longer than rendered is sent away, and comes again."""
            while True:
                try:
                    connection = self.connect(pod)
                    with connection.cursor() as cursor:
                        cursor.execute("BEGIN; SELECT pg_backend_pid()")
                        holding.append(cursor.fetchone()[0])
                        release.wait()
                        cursor.execute("COMMIT")
                    served.append(1)
                    return connection.close()
                except driver.Error as error:
                    if "query_wait_timeout" not in str(error):
                        return failed.append(str(error))

        threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()

        def pool():
            return next(row for row in self.console(pod, "SHOW POOLS") if row["database"] == "nautilus")

        wait("the pool is full, and clients wait", lambda: (now := pool())["sv_active"] >= self.bound and now["cl_waiting"] > 0 and len(holding) >= self.bound, 120)
        self.assertEqual((len(set(holding)), sql(leader, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'nautilus'"), failed), (self.bound, str(self.bound), []))
        release.set()
        wait("all are served", lambda: not any(thread.is_alive() for thread in threads), 120)
        self.assertEqual((failed, len(served)), ([], CLIENTS))
        print(f"ok: {CLIENTS} clients are served over {self.bound} connections, as rendered")

    def prepared(self, pod):
        """Transaction pooling: what one transaction sets is not what the next client finds."""
        one, other = self.connect(pod), self.connect(pod)
        with one.cursor() as cursor:
            cursor.execute("BEGIN; SET LOCAL work_mem = '1MB'; SELECT pg_backend_pid()")
            held = cursor.fetchone()[0]
            with other.cursor() as second:
                second.execute("SELECT pg_backend_pid(), current_setting('work_mem')")
                pid, memory = second.fetchone()
            self.assertNotEqual(pid, held)
            self.assertEqual(memory, "16MB")
            cursor.execute("COMMIT")
        print("ok: a transaction has its connection for itself")


if __name__ == "__main__":
    database.main(__file__)
