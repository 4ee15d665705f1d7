"""One pod: its volumes, its address, its containers. World.pod makes them."""
import os
import shutil

from .container import Container
from .run import run

UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Pod:
    """start(), kill() and stop() are a node's deeds on the containers; delete() takes the pod itself, all but its claims."""

    def __init__(self, world, workload, name, address, image, containers):
        self.world, self.name, self.address, self.image = world, name, address, image
        self.template = workload["spec"]["template"]
        self.namespace = workload["metadata"]["namespace"]
        self.spec = self.template["spec"]
        self.labels = dict(self.template["metadata"]["labels"])
        self.folder = world.folder / "pods" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.security = self.spec["securityContext"]
        self.mounted = []
        self.volumes = {volume["name"]: self.make_volume(volume) for volume in self.spec.get("volumes", [])}
        for claim in workload["spec"].get("volumeClaimTemplates", []):
            self.volumes[claim["metadata"]["name"]] = self.directory("claim", claim["metadata"]["name"])
        chosen = self.spec["containers"][:1] if containers is None else [c for c in self.spec["containers"] if c["name"] in containers]
        self.containers = [Container(self, one) for one in chosen]
        self.main = self.containers[0]

    @property
    def ready(self):
        return all(one.ready for one in self.containers)

    @property
    def restarts(self):
        return sum(one.restarts for one in self.containers)

    def start(self):
        """Starts the rendered commands; from now on they are started again whenever they end."""
        for one in self.containers:
            one.start()
        return self

    def execute(self, *command, **more):
        return self.main.execute(*command, **more)

    def kill(self, restart=False):
        """kill -9 of everything inside. Without restart the node is gone: nothing comes back until start()."""
        for one in self.containers:
            one.kill(restart)

    def stop(self):
        """What a kubelet does: preStop, SIGTERM, after the grace SIGKILL. Whether all ended by themselves."""
        return all([one.stop() for one in self.containers])

    def delete(self):
        self.kill()
        for one in self.containers:
            one.over.set()
        for path in self.mounted:
            run("umount", path)
        shutil.rmtree(self.folder / "volumes")
        self.world.forget(self)

    def cut(self, off=True):
        """Takes the network of this pod away, or gives it back."""
        run("ip", "-n", self.name, "link", "set", "eth0", "down" if off else "up")
        if not off:
            self.world.routes(self)

    def port(self, port):
        return port if isinstance(port, int) else next(p["containerPort"] for c in self.spec["containers"] for p in c.get("ports", []) if p["name"] == port)

    # -------------------------------------------------------------------------------------------- volumes

    def directory(self, *parts):
        path = self.folder.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, 0, self.security["fsGroup"])
        path.chmod(0o2775)
        return path

    def make_volume(self, volume):
        path = self.directory("volumes", volume["name"])
        if "emptyDir" in volume:
            size = volume["emptyDir"].get("sizeLimit")
            if size:  # those on disk as well: past its limit a pod is evicted, here its writes fail
                run("mount", "-t", "tmpfs", "-o", f"size={int(size[:-2]) * UNITS[size[-2:]]},mode=2777,gid={self.security['fsGroup']}", volume["name"], path)
                self.mounted.append(path)
        elif "configMap" in volume:
            self.write(path, self.world.find("ConfigMap", volume["configMap"]["name"])["data"], volume["configMap"])
        elif "secret" in volume:
            self.write(path, self.world.secrets[volume["secret"]["secretName"]], volume["secret"])
        elif "projected" in volume:
            for source in volume["projected"]["sources"]:
                kind, value = next(iter(source.items()))
                data = self.world.secrets[value["name"]] if kind == "secret" else self.world.find("ConfigMap", value["name"])["data"]
                self.write(path, data, {**value, "defaultMode": volume["projected"].get("defaultMode", 0o644)})
        else:
            raise AssertionError(f"{self.name}: a kind of volume that is not known here: {volume}")
        return path

    def write(self, path, data, source):
        wanted = {item["key"]: item["path"] for item in source["items"]} if "items" in source else {key: key for key in data}
        for key, name in wanted.items():
            (path / name).write_text(data[key])
            os.chown(path / name, 0, self.security["fsGroup"])
            (path / name).chmod(source.get("defaultMode", 0o644))
