#!/usr/bin/env python3
"""Runs the Redis cluster's own configuration and keeper script on real redis-server processes.

    redis_cluster_test.py RENDERED_YAML      the rendered objects of prod

Six nodes on six loopback addresses: they form the cluster, survive a full restart in which every address is new, and
take in a node that lost its disk. Needs redis-server, redis-cli and python3-yaml; Linux, because all of 127/8 is used.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PORT = 17379
NODES, MASTERS = 6, 3
DEADLINE_SECONDS = 60
POLL_SECONDS = 0.2
PASSWORD = "only-for-this-test"


class Nodes:
    def __init__(self, directory, files):
        self.directory, self.files = directory, files
        self.running = {}
        (directory / "password").write_text(PASSWORD)
        (directory / "keeper.sh").write_text(files["keeper.sh"])

    def start(self, ordinal, network):
        address, home = f"127.0.{network}.{ordinal}", self.directory / str(ordinal)
        home.mkdir(exist_ok=True)
        (home / "secret.conf").write_text(f'requirepass "{PASSWORD}"\nmasterauth "{PASSWORD}"\n')
        config = self.files["redis.conf"]
        for old, new in (("/run/redis/secret.conf", f"{home}/secret.conf"), ("dir /data", f"dir {home}"),
                         ("bind * -::*", f"bind {address}"), ("\nport 6379", f"\nport {PORT}")):
            assert old in config, f"redis.conf lost its line {old!r}"
            config = config.replace(old, new)
        (home / "redis.conf").write_text(config)
        environment = dict(os.environ, POD_NAME=f"redis-cluster-{ordinal}", POD_IP=address, REDIS_PORT=str(PORT),
                           REDIS_PEERS=" ".join(f"127.0.{network}.{i}" for i in range(NODES)), REDIS_MASTERS=str(MASTERS),
                           REDIS_REPLICAS="1", KEEPER_PERIOD="1", REDIS_PASSWORD_FILE=str(self.directory / "password"))
        commands = (["redis-server", str(home / "redis.conf"), "--cluster-announce-ip", address],
                    ["sh", str(self.directory / "keeper.sh")])
        log = open(self.directory / f"{ordinal}.log", "a")
        self.running[ordinal] = [subprocess.Popen(c, env=environment, stdout=log, stderr=log, start_new_session=True)
                                 for c in commands]

    def stop(self, ordinal):
        for process in self.running.pop(ordinal, []):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)

    def stop_all(self):
        for ordinal in list(self.running):
            self.stop(ordinal)


def ask(address, *words):
    return subprocess.run(["redis-cli", "-c", "-h", address, "-p", str(PORT), *words], capture_output=True, text=True,
                          env=dict(os.environ, REDISCLI_AUTH=PASSWORD)).stdout.replace("\r", "").strip()


def whole(network):
    """Every node sees the same six, three of them masters with one replica in sync each, and all slots owned."""
    for ordinal in range(NODES):
        address = f"127.0.{network}.{ordinal}"
        if "cluster_state:ok" not in ask(address, "cluster", "info"):
            return False
        lines = [line.split() for line in ask(address, "cluster", "nodes").splitlines()]
        if len(lines) != NODES or any("fail" in line[2] or line[7] != "connected" for line in lines):
            return False
        masters = [line for line in lines if "master" in line[2]]
        followed = sorted(line[3] for line in lines if "slave" in line[2])
        if any(len(line) == 8 for line in masters) or followed != sorted(line[0] for line in masters):
            return False
        if any(not line[1].startswith(f"127.0.{network}.") for line in lines):
            return False
        # A replica that has not caught up since its start may not take over.
        replication = ask(address, "info", "replication")
        if "role:slave" in replication and "master_link_status:up" not in replication:
            return False
    return True


def wait(what, condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(POLL_SECONDS)
    print(f"ok: {what}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    objects = [o for o in yaml.safe_load_all(Path(sys.argv[1]).read_text()) if o]
    files = next(o["data"] for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "redis-cluster-config")
    directory = Path(tempfile.mkdtemp(prefix="redis-cluster-test-"))
    nodes = Nodes(directory, files)
    passed = False
    try:
        for ordinal in range(NODES):
            nodes.start(ordinal, 101)
        wait("six empty nodes form one cluster", lambda: whole(101))
        assert ask("127.0.101.0", "set", "order", "42") == "OK"

        nodes.stop_all()
        for ordinal in range(NODES):
            nodes.start(ordinal, 102)
        wait("after a full restart at new addresses it is whole again", lambda: whole(102))
        assert ask("127.0.102.0", "get", "order") == "42", "the restart lost data"

        nodes.stop(1)
        shutil.rmtree(directory / "1")
        wait("the replica of a lost master takes over", lambda: "cluster_state:ok" in ask("127.0.102.0", "cluster", "info")
             and any("fail" in line.split()[2] and len(line.split()) == 8
                     for line in ask("127.0.102.0", "cluster", "nodes").splitlines()))
        nodes.start(1, 102)
        wait("a node that lost its disk comes back as a replica, and its old entry is forgotten", lambda: whole(102))
        assert ask("127.0.102.1", "get", "order") == "42"

        for ordinal in range(NODES):  # more than fits: the writer is refused, nothing is evicted
            assert ask(f"127.0.102.{ordinal}", "config", "get", "maxmemory-policy").split() == ["maxmemory-policy", "noeviction"]
        print("ok: nothing may be evicted")
        passed = True
    finally:
        nodes.stop_all()
        if passed:
            shutil.rmtree(directory)
        else:
            print(f"logs: {directory}")


if __name__ == "__main__":
    main()
