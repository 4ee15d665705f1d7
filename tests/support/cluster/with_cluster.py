#!/usr/bin/env python3
"""Runs a command against a fresh control plane: with_cluster.py [--nodes N] [--keep] COMMAND...

The command's environment names the cluster (see control_plane.write_env). Exit status: the command's; 77, which ctest
counts as skipped, if the servers are not built and NAUTILUS_REQUIRE_CLUSTER is not set.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import control_plane


def main(arguments):
    nodes, keep = 12, False
    while arguments and arguments[0].startswith("--"):
        if arguments[0] == "--nodes":
            nodes = int(arguments[1])
            arguments = arguments[2:]
        elif arguments[0] == "--keep":
            keep = True
            arguments = arguments[1:]
        else:
            sys.exit(f"with_cluster: unknown option {arguments[0]}")
    if not arguments:
        sys.exit("with_cluster: a command is needed")
    absent = control_plane.missing_tools()
    if absent:
        print(f"with_cluster: not built: {', '.join(absent)} (scripts/build-tools.sh)", file=sys.stderr)
        return 1 if os.environ.get("NAUTILUS_REQUIRE_CLUSTER") else 77
    directory = tempfile.mkdtemp(prefix="nautilus-cluster-")
    try:
        control_plane.up(directory, nodes, owner=os.getpid())
        settings = dict(os.environ)
        settings.update(control_plane.read_env(directory))
        child = subprocess.Popen(arguments, env=settings)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
        if status and keep:
            print(f"with_cluster: logs are in {directory}/logs", file=sys.stderr)
        return status if status >= 0 else 128 - status
    except control_plane.ClusterError as error:
        print(f"with_cluster: {error}", file=sys.stderr)
        return 1
    finally:
        control_plane.down(directory)
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
