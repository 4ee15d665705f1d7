#!/usr/bin/env python3
"""Runs the Redis cluster's own configuration and keeper script on real redis-server processes.

    NAUTILUSCTL=build/release/nautilusctl redis_cluster_test.py      what that program renders for prod
    redis_cluster_test.py RENDERED_YAML                              or the output of `helm template`

Six nodes on six loopback addresses: they form the cluster, survive a full restart in which every address is new, and
take in a node that lost its disk. Needs redis-server, redis-cli and python3-yaml; Linux, because all of 127/8 is used.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUS_OFFSET = 10000  # a node's second port, for the cluster's own talk, lies this far above the first
NODES, MASTERS = 6, 3
NETWORKS = (101, 102)  # third byte of the addresses before and after the restart
DEADLINE_SECONDS = 60
POLL_SECONDS = 0.2
PASSWORD = "only-for-this-test"


def free_port():
    """A port that is free, with its second one, on all addresses of this test."""
    for port in random.SystemRandom().sample(range(20000, 30000), 50):
        try:
            for address in (f"127.0.{network}.{ordinal}" for network in NETWORKS for ordinal in range(NODES)):
                for one in (port, port + BUS_OFFSET):
                    with socket.socket() as probe:
                        probe.bind((address, one))
            return port
        except OSError:
            continue
    sys.exit("no free port")


PORT = free_port()


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


seen = []


def wait(what, condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}")
        time.sleep(POLL_SECONDS)
    print(f"ok: {what}")
    seen.append(what)


def rendered():
    if len(sys.argv) == 2:
        return Path(sys.argv[1]).read_text()
    if len(sys.argv) > 2 or "NAUTILUSCTL" not in os.environ:
        sys.exit(__doc__)
    return subprocess.run([os.environ["NAUTILUSCTL"], "--project", str(ROOT), "render", "--env", "prod"], check=True, capture_output=True,
                          text=True).stdout


def crowd():
    """Makes one replica follow the master of another, so that one master has two and one has none."""
    replicas = [line.split() for line in ask("127.0.102.0", "cluster", "nodes").splitlines() if "slave" in line]
    first, second = replicas[:2]
    address = first[1].split(":")[0]
    assert ask(address, "cluster", "replicate", second[3]) == "OK"
    assert not whole(102)


def main():
    for program in ("redis-server", "redis-cli"):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed; scripts/bootstrap.sh installs it")
    objects = [o for o in yaml.safe_load_all(rendered()) if o]
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

        crowd()
        wait("a replica that followed the wrong master moves to the one that has none", lambda: whole(102))

        for ordinal in range(NODES):  # more than fits: the writer is refused, nothing is evicted
            assert ask(f"127.0.102.{ordinal}", "config", "get", "maxmemory-policy").split() == ["maxmemory-policy", "noeviction"]
        print("ok: nothing may be evicted")
        print(f"{len(seen) + 1} passed, 0 failed")
        passed = True
    finally:
        nodes.stop_all()
        if passed:
            shutil.rmtree(directory)
        else:
            print(f"logs: {directory}")


if __name__ == "__main__":
    main()
