"""The last step of starting a container: builds its root, drops every right, becomes its command. Run by container.py, as root,
inside the namespaces of one container, with the path of a specification (JSON):

    root        an empty directory to build on
    binds       [[source, path in the container, writable]]: volumes, and what an image would hold
    files       {path: text}: what an image would hold of /etc
    environment, command, user, group, groups

The host's /usr stands in for the image's. All else is what the rendered pod mounts: the root is read-only.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

# Of the host's /etc: what programs of /usr need to start at all.
ETC = ["alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ssl"]


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def build(root, binds, files):
    mount("-t", "tmpfs", "-o", "mode=0755,size=16m", "root", root)
    for name in ("bin", "lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("usr", "proc", "dev", "sys", "etc"):
        (root / name).mkdir()
    mount("--rbind", "/usr", root / "usr")
    mount("--rbind", "/dev", root / "dev")
    mount("-t", "tmpfs", "-o", "mode=1777,size=64m", "shm", root / "dev/shm")  # what a container runtime gives
    mount("-t", "proc", "proc", root / "proc")
    for path, text in files.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_text(text)
    for source, path, writable in [[f"/etc/{name}", f"/etc/{name}", False] for name in ETC] + binds:
        target = root / path[1:]
        if Path(source).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        mount("--bind", source, target)
        if not writable:
            mount("-o", "remount,bind,ro", target)
    mount("-o", "remount,ro", root)


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    root = Path(spec["root"])
    build(root, spec["binds"], spec["files"])
    os.chroot(root)
    os.chdir("/")
    os.execve("/usr/bin/setpriv", rights(spec) + spec["command"], spec["environment"])


def rights(spec):
    """setpriv's arguments for a container with no capability and no way to gain one."""
    return ["setpriv", f"--reuid={spec['user']}", f"--regid={spec['group']}", f"--groups={','.join(map(str, spec['groups']))}",
            "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]


if __name__ == "__main__":
    main()
