"""The images of the rendered environments, made of Debian's packages and our own program, under the rendered names.

What differs from the published ones: Redis is Debian's 7.0, PostgreSQL its 15 without TimescaleDB (not to be had here; it
is found under the 17 that the chart asks for), PgBouncer its 1.18, which knows no max_prepared_statements: the line is left out. Patroni is the
image's version, from PyPI. The backend is services/backend.py, the frontend one page.
"""
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pods import pypi  # noqa: E402
from image import ImageError, Rootfs  # noqa: E402

SERVICES = Path(__file__).resolve().parent / "services"
PYTHON = ["python3-minimal", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib"]
PATRONI = ["patroni[kubernetes]==4.1.5", "psycopg2-binary==2.9.13"]

# One line of the rendered file is left out, which Debian's version does not know; the folder is the pod's, in memory.
PGBOUNCER = """#!/bin/sh
set -eu
sed '/^max_prepared_statements /d' "$1" > /run/pgbouncer/pgbouncer.ini
exec /usr/sbin/pgbouncer /run/pgbouncer/pgbouncer.ini
"""


def redis(binary, directory):
    root = Rootfs({"redis": (999, 999, "/data")})
    root.packages("redis-tools")
    root.host("/usr/bin/redis-server")
    root.folder("/data")
    return root


def postgresql(binary, directory):
    root = Rootfs({"postgres": (1000, 1000, "/nonexistent")})
    root.packages("postgresql-15", "postgresql-client-15", "tzdata", *PYTHON)
    root.link("/usr/lib/postgresql/17", "15")
    root.link("/usr/local/bin/psql", "/usr/lib/postgresql/17/bin/psql")  # the image has that folder in its PATH
    root.host("/usr/bin/curl")
    kept = pypi.environment("patroni", PATRONI)
    for packages in (kept / "lib").glob("python3.*/site-packages"):
        root.tree(packages, "/opt/patroni")
    for name, module in (("patroni", "patroni.__main__"), ("patronictl", "patroni.ctl")):
        entry = "ctl" if name == "patronictl" else "main"
        root.file(f"/usr/local/bin/{name}", f"#!/usr/bin/python3\nfrom {module} import {entry}\nif __name__ == '__main__':\n    {entry}()\n", 0o755)
    root.environment = ["PYTHONPATH=/opt/patroni", "PYTHONDONTWRITEBYTECODE=1"]
    return root


def pgbouncer(binary, directory):
    root = Rootfs({"pgbouncer": (998, 998, "/var/lib/pgbouncer")})
    root.host("/usr/sbin/pgbouncer")
    root.file("/usr/local/sbin/pgbouncer", PGBOUNCER, 0o755)
    return root


def frontend(binary, directory):
    root = Rootfs({"nginx": (101, 101, "/nonexistent")})
    root.host("/usr/sbin/nginx")
    root.host("/etc/nginx/mime.types")
    root.folder("/var/lib/nginx")
    root.folder("/var/log/nginx")
    root.file("/usr/share/nginx/html/index.html", "<!doctype html><title>Nautilus</title><h1>Nautilus</h1>\n")
    return root


def backend(binary, directory, version="0.1.0"):
    root = Rootfs({"nautilus": (10001, 10001, "/nonexistent")})
    root.packages(*PYTHON, "python3-psycopg2", "python3-redis", "python3-websockets", "python3-async-timeout", "python3-deprecated",
                  "python3-wrapt", "python3-packaging")
    root.file("/usr/local/bin/backend", (SERVICES / "backend.py").read_text(), 0o755)
    root.file("/etc/backend-version", version)
    root.command = ["/usr/local/bin/backend"]
    return root


def engine(binary, directory):
    root = Rootfs({"nautilus": (10002, 10002, "/nonexistent")})
    small = Path(directory) / "nautilusctl.stripped"
    subprocess.run(["strip", "-o", small, binary], check=True)
    root.host(small, "/usr/local/bin/nautilusctl")
    return root


RECIPES = {"redis": redis, "timescaledb-ha": postgresql, "pgbouncer": pgbouncer, "nautilus-frontend": frontend, "nautilus-backend": backend,
           "nautilusctl": engine}


def names(reference):
    """(name with the tag, the names under which the runtime looks for it): with a digest it looks past the tag."""
    tagged, _, digest = reference.partition("@")
    return tagged, [tagged] + ([re.sub(r":[^:/]+$", "", tagged) + "@" + digest] if digest else [])


def make(reference, directory, binary, **more):
    """The archive for an image reference of a rendered pod, and the names to load it under."""
    tagged, wanted = names(reference)
    repository = re.sub(r":[^:/]+$", "", tagged).rsplit("/", 1)[1]
    if repository not in RECIPES:
        raise ImageError(f"no recipe for {reference}; known: {', '.join(RECIPES)}")
    root = RECIPES[repository](binary, directory, **more)
    archive = Path(directory) / f"{repository}-{tagged.rsplit(':', 1)[1]}.tar"
    root.write(archive, tagged, command=getattr(root, "command", ()), environment=getattr(root, "environment", ()))
    return archive, wanted
