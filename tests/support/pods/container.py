"""One container of a pod: its process, restarts and probes; a kubelet's part of it."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import root

RESTART_SECONDS = 1.0   # a kubelet waits ten seconds and longer; this only spares the processor
POLL_SECONDS = 0.05


class Container:
    def __init__(self, pod, template):
        self.pod, self.template, self.name = pod, template, template["name"]
        self.restarts, self.ready, self.why = 0, False, ""
        self.wanted, self.process, self.lock = False, None, threading.RLock()
        self.over = threading.Event()
        self.log = pod.folder / f"{self.name}.log"
        threading.Thread(target=self.keep, daemon=True).start()

    def environment(self):
        pod, image = self.pod, self.pod.image
        fields = {"metadata.name": pod.name, "metadata.namespace": pod.namespace, "status.podIP": pod.address}
        values = {"PATH": ":".join([*image.get("path", []), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"]), "HOME": "/tmp",
                  **image.get("environment", {}), **self.access()[1]}
        for entry in self.template.get("env", []):
            if "value" in entry:
                value = entry["value"]
                for known, text in list(values.items()):
                    value = value.replace(f"$({known})", text)
            elif "fieldRef" in entry["valueFrom"]:
                value = fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
            else:
                reference = entry["valueFrom"]["secretKeyRef"]
                value = pod.world.secrets[reference["name"]][reference["key"]]
            values[entry["name"]] = value
        return values

    def access(self):
        """What the API server's account brings: binds and environment."""
        api = self.pod.world.api
        return api.access(self.pod) if api and self.pod.spec.get("automountServiceAccountToken") else ([], {})

    def specification(self, command):
        pod, image = self.pod, self.pod.image
        user, group = pod.security["runAsUser"], pod.security["runAsGroup"]
        name = image.get("user", "app")
        binds = [[str(pod.world.hosts), "/etc/hosts", False]] + [[str(source), str(path), False] for source, path in image.get("binds", [])]
        binds += [[str(pod.volumes[m["name"]]), m["mountPath"], not m.get("readOnly", False)] for m in self.template.get("volumeMounts", [])]
        binds += self.access()[0]
        files = {"/etc/passwd": f"root:x:0:0::/:/bin/sh\n{name}:x:{user}:{group}::/tmp:/bin/sh\n", "/etc/group": f"root:x:0:\n{name}:x:{group}:\n",
                 "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n", "/etc/resolv.conf": "", **image.get("files", {})}
        place = pod.folder / f"{self.name}.root"
        place.mkdir(exist_ok=True)
        return {"root": str(place), "binds": binds, "files": files, "environment": self.environment(), "command": command,
                "user": user, "group": group, "groups": [pod.security["fsGroup"]]}

    # -------------------------------------------------------------------------------------------- the process

    def start(self):
        with self.lock:
            self.wanted = True
            self.spawn()

    def spawn(self):
        path = self.pod.folder / f"{self.name}.json"
        path.write_text(json.dumps(self.specification(self.template["command"] + self.template.get("args", []))))
        with open(self.log, "a") as log:
            os.chmod(self.log, 0o666)  # a program may open /dev/stderr anew
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--propagation", "private", "nsenter", f"--net=/run/netns/{self.pod.name}",
                 "/usr/bin/python3", "-I", root.__file__, str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def init(self):
        """The container's first process, as seen from here; none if it is not there (yet)."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            return int(children[0]) if children else None
        except (OSError, AttributeError):
            return None

    def execute(self, *command, check=True, timeout=60, given=None):
        """`kubectl exec`: a command inside, with the container's user, rights and environment. Its output; unchecked, all of it."""
        init = self.init()
        if init is None:
            raise AssertionError(f"{self.pod.name}: {self.name} does not run")
        spec = self.specification([])
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            for one in (out, err):
                os.chmod(one.fileno(), 0o666)  # a program may open /dev/stderr anew, as above
            done = subprocess.run(["nsenter", f"--target={init}", "--mount", "--pid", "--ipc", "--uts", "--net", "--root", "--wd", "/usr/bin/env", "-i",
                                   *[f"{k}={v}" for k, v in spec["environment"].items()], *root.rights(spec), *map(str, command)],
                                  stdout=out, stderr=err, text=True, timeout=timeout, input=given, cwd="/")
            for name, one in (("stdout", out), ("stderr", err)):
                one.seek(0)
                setattr(done, name, one.read())
        if check and done.returncode:
            raise AssertionError(f"{self.pod.name}: {' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout.strip() if check else done

    def kill(self, restart=False):
        with self.lock:
            self.wanted, self.ready = restart, False
            # Asked for again: right after a start there is no first process yet.
            while self.process and self.process.poll() is None:
                init = self.init()
                if init:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(init, signal.SIGKILL)
                time.sleep(POLL_SECONDS)
        self.pod.world.changed.set()

    def stop(self):
        grace = self.pod.spec["terminationGracePeriodSeconds"]
        deadline = time.monotonic() + grace
        self.wanted = False
        hook = self.template.get("lifecycle", {}).get("preStop", {}).get("exec")
        if hook:
            self.execute(*hook["command"], check=False, timeout=grace)
        init = self.init()
        if init:
            os.kill(init, signal.SIGTERM)
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(POLL_SECONDS)
        self.set_ready(False)
        return True

    # -------------------------------------------------------------------------------------------- restarts and probes

    def keep(self):
        """Starts again what ended; asks the startup probe, then readiness and liveness, as the template says."""
        failed, due, started, of = {}, {}, False, None
        while not self.over.wait(POLL_SECONDS):
            with self.lock:
                process = self.process
                if self.wanted and process and process.poll() is not None:
                    self.set_ready(False)
                    if self.over.wait(RESTART_SECONDS):
                        return
                    self.restarts += 1
                    self.spawn()
                    continue
            if not process or process.poll() is not None:
                continue
            if process is not of:
                of, failed, due, started = process, {}, {}, "startupProbe" not in self.template
            for kind in ("readiness", "liveness") if started else ("startup",):
                probe = self.template.get(f"{kind}Probe")
                if not probe and kind == "readiness":
                    self.set_ready(True)
                if not probe or time.monotonic() < due.get(kind, 0):
                    continue
                due[kind] = time.monotonic() + probe.get("periodSeconds", 10)
                good = self.probe(probe)
                if self.process is not process or process.poll() is not None:
                    break
                failed[kind] = 0 if good else failed.get(kind, 0) + 1
                enough = failed[kind] >= probe.get("failureThreshold", 3)
                if kind == "startup":
                    started = good
                if kind == "readiness" and (good or enough):
                    self.set_ready(good)
                if kind != "readiness" and enough:
                    print(f"{self.pod.name}: {kind} of {self.name} failed: {self.why}", file=sys.stderr)
                    self.kill(restart=self.wanted)

    def set_ready(self, ready):
        if self.ready != ready:
            self.ready = ready
            self.pod.world.changed.set()

    def probe(self, probe):
        timeout = probe.get("timeoutSeconds", 1)
        try:
            if "httpGet" in probe:
                url = f"http://{self.pod.address}:{self.pod.port(probe['httpGet']['port'])}{probe['httpGet']['path']}"
                with urllib.request.urlopen(url, timeout=timeout) as answer:
                    return answer.status < 400
            if "tcpSocket" in probe:
                socket.create_connection((self.pod.address, self.pod.port(probe["tcpSocket"]["port"])), timeout=timeout).close()
                return True
            done = self.execute(*probe["exec"]["command"], check=False, timeout=timeout)
            self.why = done.stdout + done.stderr
            return done.returncode == 0
        except (OSError, urllib.error.URLError, AssertionError, subprocess.TimeoutExpired, ValueError) as trouble:
            self.why = str(trouble)
            return False
