#!/usr/bin/env python3
"""The engine and its peers on the same seeded flow, in turns, so that a busy machine is busy for all of them.

    engine_peers.py --bench build/release/tests/bench/engine_book_bench [--messages N] [--resting N] [--turns N]

Builds the drivers in tests/bench/peers with cargo and Maven (versions in their Cargo.toml and pom.xml), runs every program `turns`
times in turn, and prints one JSON list with the best mean of each and the percentiles of that turn. A peer that cannot
be built is named with the reason and left out. What the peers do less is said in docs/engine/matching.md.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"matchcore": "peer-matchcore", "orderbook_rs": "peer-orderbook-rs"}


def build(name, program, target):
    """The path of a peer's driver, or None and why not."""
    if not shutil.which("cargo"):
        return None, "cargo is not installed"
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target))
    done = subprocess.run(["cargo", "build", "--release"], cwd=HERE / "peers" / name, env=environment,
                          capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "cargo failed"
    return target / "release" / program, None


def build_java(target):
    """The command that runs exchange-core's driver, or None and why not."""
    if not shutil.which("mvn") or not shutil.which("javac"):
        return None, "Maven or a JDK is not installed"
    folder, jars, classes = HERE / "peers" / "exchange_core", target / "jars", target / "classes"
    classes.mkdir(parents=True, exist_ok=True)
    for command in (["mvn", "-q", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
                    ["javac", "-cp", f"{jars}/*", "-d", str(classes), str(folder / "src" / "Peer.java")]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            return None, f"{command[0]} failed"
    return ["java", "-Xmx2g", "-cp", f"{classes}:{jars}/*", "Peer"], None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--bench", required=True, help="engine_book_bench of a release build")
    arguments.add_argument("--messages", type=int, default=3_000_000)
    arguments.add_argument("--resting", type=int, default=50_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--turns", type=int, default=5)
    arguments.add_argument("--target", help="where cargo builds; a temporary directory if not given")
    chosen = arguments.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        target = pathlib.Path(chosen.target or scratch).resolve()
        flow = pathlib.Path(scratch) / "flow.bin"
        numbers = [str(chosen.messages), str(chosen.resting), str(chosen.seed)]
        subprocess.run([chosen.bench, "--write", str(flow), *numbers], check=True)
        programs = {"nautilus": [chosen.bench, *numbers, "1"]}
        for name, program in PEERS.items():
            path, why_not = build(name, program, target)
            if path:
                programs[name] = [str(path), str(flow), "1"]
            else:
                print(f"{name}: left out: {why_not}", file=sys.stderr)
        command, why_not = build_java(target)
        if command:
            programs["exchange_core"] = [*command, str(flow), "1"]
        else:
            print(f"exchange_core: left out: {why_not}", file=sys.stderr)
        best = {}
        for _ in range(chosen.turns):
            for name, command in programs.items():
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                figures = json.loads(done.stdout)
                if name not in best or figures["mean_ns"] < best[name]["mean_ns"]:
                    best[name] = figures
    print(json.dumps(list(best.values()), indent=1))


if __name__ == "__main__":
    main()
