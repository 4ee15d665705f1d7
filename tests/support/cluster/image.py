"""Container images without a registry, made of what is on this machine: Debian packages, programs, files.

A `Rootfs` is filled with packages, programs (with the shared objects they load), trees and files, and written as an
archive in Docker's format: one layer, one configuration. What goes in is sorted and carries no times and no owners, so
the same input gives the same bytes. `ctr -n k8s.io images import` takes it (see node.Node.load).
"""
import functools
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

ROOT_DIRECTORIES = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
# What a shell script needs, and a person who looks.
BASE = "dash cat chmod cp date env grep head id ls mkdir mv rm sed seq sleep sort stat tail test timeout touch tr true wc getent awk".split()
LOCALE = "/usr/lib/locale/C.utf8"
# Of a package: what is for people and for the init system, and what PostgreSQL compiles queries with (a hundred megabytes).
LEFT_OUT = re.compile(r"^/usr/share/(doc|man|locale|lintian|bash-completion|info|bug|initramfs-tools)/|^/(usr/)?lib/(systemd|udev|tmpfiles\.d)/"
                      r"|^/etc/(init\.d|logrotate\.d|default|cron)|^/usr/lib/postgresql/[0-9]+/lib/(bitcode/|llvmjit)|/__pycache__/|/site-packages/(pip|setuptools|pkg_resources)/")


class ImageError(Exception):
    """An image cannot be made: something that goes into it is not on this machine."""


def canonical(path):
    """The path with the links of its folders resolved, and the last part as it is: /bin/sh is /usr/bin/sh."""
    path = Path(path)
    return str(Path(os.path.realpath(path.parent)) / path.name)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


@functools.cache
def libraries():
    """Name of a shared object -> its path, as the dynamic linker's cache has it. The first of a name is the one it takes."""
    found = {}
    for line in subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.splitlines():
        match = re.match(r"\s+(\S+) \(libc6,x86-64.*\) => (/\S+)", line)
        if match:
            found.setdefault(match.group(1), match.group(2))
    return found


def needed(files):
    """(file, name of a shared object that it asks for, its own search path) for all of these files; one process for all."""
    file, path = "", ""
    names = []
    for line in subprocess.run(["objdump", "-p", *files], capture_output=True, text=True).stdout.splitlines():
        match = re.match(r"(/\S.*):\s+file format |\s+(NEEDED|RUNPATH|RPATH)\s+(\S+)", line)
        if match and match.group(1):
            yield from ((file, name, path) for name in names)
            file, path, names = match.group(1), "", []
        elif match and match.group(2) == "NEEDED":
            names.append(match.group(3))
        elif match:
            path = match.group(3).replace("$ORIGIN", os.path.dirname(file))
    yield from ((file, name, path) for name in names)


class Rootfs:
    """The content of an image: path in it -> (mode, bytes), a link's target, or a folder."""

    def __init__(self, users=()):
        """users: {name: (uid, gid, home)}, beside root."""
        self.entries = {}
        self.elf = set()
        for name, target in ROOT_DIRECTORIES.items():
            self.link("/" + name, target)
        for folder, mode in (("/proc", 0o555), ("/sys", 0o555), ("/dev", 0o755), ("/run", 0o755), ("/tmp", 0o1777), ("/var", 0o755)):
            self.folder(folder, mode)
        self.link("/var/run", "/run")
        users = {"root": (0, 0, "/"), **dict(users)}
        self.file("/etc/passwd", "".join(f"{name}:x:{uid}:{gid}::{home}:/bin/sh\n" for name, (uid, gid, home) in users.items()))
        self.file("/etc/group", "".join(f"{name}:x:{gid}:\n" for name, (_, gid, _) in users.items()))
        self.file("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        for program in BASE:
            self.host(f"/usr/bin/{program}")
        self.tree(LOCALE, LOCALE)
        self.link("/usr/bin/sh", "dash")

    @classmethod
    def empty(cls):
        """For a program that needs nothing around it."""
        root = cls.__new__(cls)
        root.entries, root.elf = {}, set()
        return root

    def folder(self, path, mode=0o755):
        self.entries[path] = ("folder", mode)

    def link(self, path, target):
        self.entries[path] = ("link", target)

    def file(self, path, content, mode=0o644):
        self.entries[path] = ("file", mode, content.encode() if isinstance(content, str) else content)

    def host(self, path, to=None):
        """A file of this machine, with what a link points at. `to`: another path in the image."""
        source = canonical(path)
        if (to or source) in self.entries:
            return
        if os.path.islink(source):
            target = os.readlink(source)
            self.link(to or source, target)
            resolved = canonical(os.path.join(os.path.dirname(source), target))
            if os.path.lexists(resolved) and not os.path.isdir(resolved):
                self.host(resolved)
            return
        if not os.path.isfile(source):
            raise ImageError(f"{path} is not on this machine; scripts/bootstrap.sh installs what the tests need")
        mode = 0o755 if os.access(source, os.X_OK) and os.stat(source).st_mode & 0o111 else 0o644
        self.entries[to or source] = ("host", mode, source)
        if is_elf(source):
            self.elf.add(source)

    def packages(self, *names):
        """All files of installed Debian packages; not of those they depend on, but for shared objects (see write)."""
        done = subprocess.run(["dpkg", "-L", *names], capture_output=True, text=True)
        if done.returncode:
            raise ImageError(f"dpkg: {done.stderr.strip()}; scripts/bootstrap.sh installs what the tests need")
        for path in done.stdout.splitlines():
            if path.startswith("/") and not LEFT_OUT.search(path) and os.path.lexists(path) and (os.path.islink(path) or os.path.isfile(path)):
                self.host(path)

    def tree(self, source, to):
        """A folder of this machine at another place."""
        for folder, _, names in os.walk(source):
            for name in names:
                path = os.path.join(folder, name)
                if not LEFT_OUT.search(path):
                    self.host(path, os.path.join(to, os.path.relpath(path, source)))

    def close(self):
        """Adds the shared objects that programs ask for, and those that these ask for. What is found by a search path of
        its own came with its tree."""
        asked, todo = set(), set(self.elf)
        if todo:
            self.host("/lib64/ld-linux-x86-64.so.2")
        while todo:
            asked |= todo
            for file, name, path in needed(sorted(todo)):
                if any(os.path.exists(os.path.join(folder, name)) for folder in path.split(":") if folder):
                    continue
                if name not in libraries():
                    raise ImageError(f"{file} needs {name}, which is not on this machine")
                self.host(libraries()[name])
            todo = self.elf - asked

    def layer(self):
        """The bytes of the layer: a tar, sorted, without times and owners."""
        self.close()
        for path in list(self.entries):
            for parent in Path(path).parents:
                self.entries.setdefault(str(parent), ("folder", 0o755))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self.entries):
                if path == "/":
                    continue
                kind, *rest = self.entries[path]
                info = tarfile.TarInfo(path[1:])
                if kind == "folder":
                    info.type, info.mode = tarfile.DIRTYPE, rest[0]
                    tar.addfile(info)
                elif kind == "link":
                    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, rest[0]
                    tar.addfile(info)
                else:
                    content = rest[1] if kind == "file" else Path(rest[1]).read_bytes()
                    info.mode, info.size = rest[0], len(content)
                    tar.addfile(info, io.BytesIO(content))
        return out.getvalue()

    def write(self, archive, name, command=(), environment=(), user=""):
        """Writes the archive; `name` is the image's in it, like example.test/redis:1."""
        layer = self.layer()
        digest = hashlib.sha256(layer).hexdigest()
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
            "config": {"Env": [path, *environment], "Cmd": list(command), "User": user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }, sort_keys=True).encode()
        manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": [f"{digest}.tar"]}]).encode()
        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
            for member, content in (("manifest.json", manifest), ("config.json", config), (f"{digest}.tar", layer)):
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return Path(archive)
