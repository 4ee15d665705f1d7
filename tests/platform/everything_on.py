"""An environment with every system of the chart switched on: the conditions of Chart.yaml say what there is to switch."""
import functools
import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("NAUTILUSCTL", str(ROOT / "build" / "release" / "nautilusctl"))
ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / "manifests" / "environments").glob("*/environment.yaml"))
SECONDS = 300
# What a system needs beside its switch.
BESIDES = ["global.edge.kind=istio", "global.vault.inject=true", "vault.seal.awskms.keyId=mrk-0123456789abcdef0123456789abcdef",
           "global.vault.caCertificate=-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"]


def settings():
    chart = yaml.safe_load((ROOT / "templates" / "nautilus-platform" / "Chart.yaml").read_text())
    switches = sorted({dependency["condition"] for dependency in chart["dependencies"] if "condition" in dependency})
    return [part for switch in [f"{name}=true" for name in switches] + BESIDES for part in ("--set", switch)]


@functools.lru_cache(maxsize=None)
def rendered(environment, everything=True):
    """Its objects, as text; as it is shipped if not everything."""
    done = subprocess.run([BINARY, "--project", str(ROOT), "render", "--env", environment, *(settings() if everything else [])],
                          capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AssertionError(f"render of {environment}: {done.stderr[-3000:]}")
    return done.stdout


def objects(environment, everything=True):
    return [o for o in yaml.load_all(rendered(environment, everything), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if o]
