"""Python programs that Debian does not have, or has too old: a virtual environment in the tools' cache, made once."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nautilusctl-tools"
SECONDS = 300


def environment(name, requirements):
    """The folder of the environment; its programs are in bin. Made anew when a requirement changes."""
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:12]
    kept = CACHE / f"python-{name}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"python-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / "complete").exists():
            shutil.rmtree(kept, ignore_errors=True)
            # Debian's own Python: containers see /usr, not what else may be installed.
            for command in (["/usr/bin/python3", "-m", "venv", kept],
                            [kept / "bin/pip", "--disable-pip-version-check", "--quiet", "install", *requirements]):
                done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS)
                if done.returncode:
                    sys.exit(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")
            (kept / "complete").touch()
    return kept
