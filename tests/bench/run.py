#!/usr/bin/env python3
"""Benchmarks of the built program beside Helm and kubectl: run.py [--smoke] [--only NAME] [--pairs N] [--json FILE]

Every comparison is paired: A B C, A B C, ... in one run on one machine, medians of each, so that a busy machine slows all
of them alike. Times are wall clock, memory is the peak resident size from wait4. The cluster is a real control plane of
its own (tests/support/cluster). Deploys are asked not to wait for health, as kubectl and helm do not either.

    start     `version`
    render    the production environment, against `helm template` of the same chart and values
    deploy    a chart of 250 objects, first and unchanged, against kubectl apply --server-side and helm upgrade --install
    growth    render and deploy at 100, 1,000 and 10,000 objects: time and memory for each object
    engine    `engine bench`: books, durable orders (also on one core), order to acknowledgement, ten million events
              replayed; beside the disk's own sync. The peers of the books are engine_peers.py's

A number is never a verdict here, except for --smoke, which fails if a command does; the aims are printed beside.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support" / "cluster"))
import control_plane  # noqa: E402

BUILD = Path(os.environ.get("NAUTILUS_BUILD_DIR", ROOT / "build" / "release"))
BINARY = os.environ.get("NAUTILUSCTL", str(BUILD / "nautilusctl"))
HELM, KUBECTL = str(control_plane.BIN / "helm"), str(control_plane.BIN / "kubectl")
# Parts of the peer's time or memory that this program aims to need (issue: "Measured").
AIMS = {("render", "helm", "wall"): 1 / 10, ("deploy first", "kubectl", "wall"): 1 / 3,
        ("deploy unchanged", "kubectl", "wall"): 1 / 5, ("deploy first", "kubectl", "rss"): 1 / 4}


class Failed(Exception):
    pass


class Bench:
    def __init__(self, options):
        self.options = options
        self.scratch = Path(tempfile.mkdtemp(prefix="nautilus-bench-"))
        self.rows = []      # dictionaries; what --json writes
        self.kubeconfig = None
        self.serial = 0

    def close(self):
        control_plane.down(self.scratch / "cluster")
        shutil.rmtree(self.scratch, ignore_errors=True)

    # -------------------------------------------------------------------------------------------- measuring

    def run(self, *command, allowed=(0,)):
        """One run: (wall, cpu, KiB)."""
        out = self.scratch / "measured"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.scratch / "home"), "NO_COLOR": "1"}
        if self.kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        done = subprocess.run([sys.executable, "-I", "-S", str(Path(__file__).parent / "measure.py"), str(out), *map(str, command)],
                              capture_output=True, env=environment, cwd=self.scratch, stdin=subprocess.DEVNULL)
        status, wall, cpu, rss = out.read_text().split()
        if int(status) not in allowed:
            raise Failed(f"{' '.join(map(str, command))}: exit {status}\n{done.stderr.decode(errors='replace')[-3000:]}")
        return float(wall), float(cpu), int(rss)

    def paired(self, what, contenders, pairs, note=""):
        """contenders: name -> function that does one measured run. Adds a row for each, and the ratios to the first."""
        runs = {name: [] for name in contenders}
        for _ in range(pairs):
            for name, once in contenders.items():
                runs[name].append(once())
        medians = {name: [statistics.median(column) for column in zip(*values)] for name, values in runs.items()}
        ours = medians["nautilusctl"]
        for name, (wall, cpu, rss) in medians.items():
            self.rows.append({"benchmark": what, "program": name, "pairs": pairs, "wall_s": round(wall, 5), "cpu_s": round(cpu, 5),
                              "rss_kib": int(rss), "wall_ratio": round(ours[0] / wall, 4), "rss_ratio": round(ours[2] / rss, 4),
                              "spread": round(max(v[0] for v in runs[name]) / min(v[0] for v in runs[name]), 2), "note": note})
            print(self.line(self.rows[-1]), flush=True)

    @staticmethod
    def line(row):
        text = (f"{row['benchmark']:<26} {row['program']:<12} {row['wall_s'] * 1000:>10.1f} ms {row['cpu_s'] * 1000:>10.1f} ms cpu "
                f"{row['rss_kib'] / 1024:>8.1f} MiB")
        if row["program"] != "nautilusctl" and row["wall_ratio"]:
            text += f"   ours is {row['wall_ratio']:.3f} of the time, {row['rss_ratio']:.3f} of the memory"
            for kind, ratio in (("wall", row["wall_ratio"]), ("rss", row["rss_ratio"])):
                aim = AIMS.get((row["benchmark"], row["program"], kind))
                if aim:
                    text += f"; aim {aim:.2f} {'met' if ratio <= aim else 'missed'}"
        return text + (f"   ({row['note']})" if row["note"] else "")

    # -------------------------------------------------------------------------------------------- the material

    def project(self, name, config_maps, deployments):
        """A project with a chart of that many objects; returns (project folder, chart folder, namespace)."""
        namespace = f"bench-{name}"
        root = self.scratch / f"project-{name}"
        chart, environment = root / "templates" / "bench", root / "manifests" / "environments" / "bench"
        if chart.exists():
            return root, chart, namespace
        (chart / "templates").mkdir(parents=True)
        environment.mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: bench\nversion: 0.1.0\nappVersion: \"1\"\n")
        (chart / "values.yaml").write_text(f"configMaps: {config_maps}\ndeployments: {deployments}\ntag: \"1\"\n")
        (chart / "templates" / "all.yaml").write_text("""\
{{- range $i := until (int .Values.configMaps) }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ printf "settings-%05d" $i }}
  namespace: {{ $.Release.Namespace }}
  labels: {app.kubernetes.io/name: bench, app.kubernetes.io/instance: {{ $.Release.Name | quote }}, part: {{ $i | quote }}}
data:
  index: {{ $i | quote }}
  text: {{ printf "line one of %d\\nline two" $i | quote }}
  settings.yaml: |
    {{- toYaml (dict "name" (printf "n%d" $i) "limits" (dict "cpu" "1" "memory" "1Gi") "list" (list 1 2 3)) | nindent 4 }}
{{- end }}
{{- range $i := until (int .Values.deployments) }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ printf "worker-%05d" $i }}
  namespace: {{ $.Release.Namespace }}
  labels: {app.kubernetes.io/name: bench, app.kubernetes.io/instance: {{ $.Release.Name | quote }}}
spec:
  replicas: 0
  selector: {matchLabels: {app: {{ printf "worker-%d" $i | quote }}}}
  template:
    metadata: {labels: {app: {{ printf "worker-%d" $i | quote }}}}
    spec:
      containers:
        - name: main
          image: example.test/worker:{{ $.Values.tag }}
          ports: [{name: http, containerPort: 8080}]
          env: [{name: INDEX, value: {{ $i | quote }}}, {name: MODE, value: bench}]
          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
{{- end }}
""")
        (environment / "values.yaml").write_text("{}\n")
        (environment / "environment.yaml").write_text(
            "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: bench}\nspec:\n"
            "  chart: ../../../templates/bench\n  values: [values.yaml]\n"
            f"  release: {{name: bench, namespace: {namespace}}}\n  kubeVersion: v1.37.2\n")
        return root, chart, namespace

    def cluster(self):
        if not self.kubeconfig:
            control_plane.up(self.scratch / "cluster", nodes=1, owner=os.getpid())
            self.kubeconfig = self.scratch / "cluster" / "kubeconfig-admin"
            self.api = control_plane.Api(self.scratch / "cluster")

    def namespace(self, name):
        self.api.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def drop_namespace(self, name):
        self.api.call("DELETE", f"/api/v1/namespaces/{name}")
        control_plane.wait_until(f"the end of {name}", lambda: self.api.raw("GET", f"/api/v1/namespaces/{name}")[0] == 404, 600)

    def check_arrived(self, namespaces, config_maps, deployments):
        """A program that did nothing is no fast program."""
        for space in namespaces:
            names = [m["metadata"]["name"] for m in self.api.get(f"/api/v1/namespaces/{space}/configmaps")["items"]]
            made = sum(name.startswith("settings-") for name in names)
            workers = len(self.api.get(f"/apis/apps/v1/namespaces/{space}/deployments")["items"])
            if (made, workers) != (config_maps, deployments):
                raise Failed(f"{space} has {made} of {config_maps} ConfigMaps and {workers} of {deployments} Deployments")

    def check_rendered(self):
        count = 0
        text = subprocess.run([BINARY, "--project", str(ROOT), "render", "--env", "prod"], capture_output=True, text=True).stdout
        for line in text.splitlines():
            count += line.startswith("kind: ")
        if count < 50:
            raise Failed(f"render printed {count} objects of the production environment")

    # -------------------------------------------------------------------------------------------- the benchmarks

    def floor(self):
        self.rows.append({"benchmark": "floor", "program": "/bin/true", "pairs": 1, "rss_kib": self.run("/bin/true")[2]})
        print(f"peak memory cannot be told below {self.rows[-1]['rss_kib'] / 1024:.1f} MiB here\n")

    def start(self, pairs):
        self.paired("start", {
            "nautilusctl": lambda: self.run(BINARY, "version"),
            "helm": lambda: self.run(HELM, "version"),
            "kubectl": lambda: self.run(KUBECTL, "version", "--client"),
        }, pairs)

    def render(self, pairs):
        chart = ROOT / "templates" / "nautilus-platform"
        values = ROOT / "manifests" / "environments" / "prod" / "values-production.yaml"
        self.check_rendered()
        self.paired("render", {
            "nautilusctl": lambda: self.run(BINARY, "--project", ROOT, "render", "--env", "prod"),
            "helm": lambda: self.run(HELM, "template", "nautilus-prod", chart, "-n", "nautilus-trading", "-f", values),
        }, pairs, "the production environment")

    def deploy(self, pairs, objects=250, peers=True, label="deploy"):
        """A third of the objects are Deployments. Each round starts from empty namespaces, one for each program."""
        self.cluster()
        deployments = objects // 3
        config_maps = objects - deployments
        project, chart, namespace = self.project(f"deploy-{objects}", config_maps, deployments)
        manifest = self.scratch / f"{objects}.yaml"
        by_kubectl, by_helm = f"{namespace}-kubectl", f"{namespace}-helm"
        if peers:
            text = subprocess.run([HELM, "template", "bench", str(chart), "-n", by_kubectl], capture_output=True, check=True,
                                  env={"PATH": os.environ["PATH"], "HOME": str(self.scratch / "home")}).stdout
            manifest.write_bytes(text)
        ours = [BINARY, "--project", project, "deploy", "--env", "bench", "--yes", "--no-wait", "-q"]
        kubectl = [KUBECTL, "apply", "--server-side", "-f", manifest]
        helm = [HELM, "upgrade", "--install", "bench", chart, "-n", by_helm]
        contenders = {"nautilusctl": (ours, namespace)}
        if peers:
            contenders.update({"kubectl": (kubectl, by_kubectl), "helm": (helm, by_helm)})
        results = {"first": {name: [] for name in contenders}, "unchanged": {name: [] for name in contenders}}
        for _ in range(pairs):
            for _, space in contenders.values():
                self.namespace(space)
            for stage in results:
                for name, (command, _) in contenders.items():
                    results[stage][name].append(self.run(*command))
                if stage == "first":
                    self.check_arrived([space for _, space in contenders.values()], config_maps, deployments)
            for _, space in contenders.values():
                self.drop_namespace(space)
        for stage, runs in results.items():
            replay = {name: iter(values) for name, values in runs.items()}
            self.paired(f"{label} {stage}", {name: (lambda it=it: next(it)) for name, it in replay.items()}, pairs, f"{objects} objects")

    def engine(self, orders):
        """Not paired with a program: its peer is the disk, whose sync is measured in turns with it."""
        self.engine_bench("engine", orders)
        if shutil.which("taskset"):
            core = str(min(os.sched_getaffinity(0)))
            self.engine_bench("engine on one core", orders, ["taskset", "-c", core], ["--only", "journal"])

    def engine_bench(self, what, orders, before=(), flags=()):
        self.serial += 1
        output = self.scratch / f"engine-{self.serial}.json"
        command = [*before, BINARY, "-o", "json", "engine", "bench", "--journal", str(self.scratch / "engine"), "--orders", str(orders), *flags]
        with open(output, "wb") as file:
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, cwd=self.scratch, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}")
        figures = json.loads(output.read_text())
        self.rows.append({"benchmark": what, "program": "nautilusctl", "orders": orders, "figures": figures})
        for line in self.engine_lines(figures):
            print(f"{what:<26} {line}", flush=True)

    @staticmethod
    def engine_lines(figures):
        def verdict(met):
            return "met" if met else "missed"
        if book := figures.get("book"):
            ns = book["nanoseconds"]
            yield (f"book: median {ns['median']:.0f} ns, p99 {ns['p99']:.0f} ns, p99.9 {ns['p999']:.0f} ns, {book['perSecond']:,.0f} a second, "
                   f"{book['allocationsAfterWarmUp']} allocations; aim 0 {verdict(book['allocationsAfterWarmUp'] == 0)}")
        if journal := figures.get("journal"):
            yield (f"durable: {journal['durablePerSecond']:,.0f} a second, {journal['syncs']} syncs; "
                   f"aim 200,000 {verdict(journal['durablePerSecond'] >= 200_000)}")
        if replay := figures.get("replay"):
            ten_million = 1e7 / replay["eventsPerSecond"]
            yield (f"replay: {replay['recordsPerSecond']:,.0f} commands, {replay['eventsPerSecond']:,.0f} events a second; ten million "
                   f"events in {ten_million:.2f} s; aim 5 {verdict(ten_million < 5)}")
        for name, series in figures.get("ack", {}).items():
            ack, sync = series["orderToAckMicroseconds"], series["syncMicroseconds"]
            yield (f"order to ack, {name}: median {ack['median']:.0f} us, p99 {ack['p99']:.0f} us; the disk's sync {sync['median']:.0f} and "
                   f"{sync['p99']:.0f} us; p99 is {ack['p99'] / sync['p99']:.2f} of it; aim 2 {verdict(ack['p99'] <= 2 * sync['p99'])}")

    def growth(self, sizes, deploy_sizes):
        for size in sizes:
            project, chart, _ = self.project(f"grow-{size}", size - size // 3, size // 3)
            self.paired(f"growth render {size}", {
                "nautilusctl": lambda: self.run(BINARY, "--project", project, "render", "--env", "bench"),
                "helm": lambda: self.run(HELM, "template", "bench", chart),
            }, 1 if size > 1000 else 3)
        for size in deploy_sizes:
            self.deploy(1, size, peers=False, label=f"growth deploy {size}")
        for stage in ("render", "deploy"):
            ours = [(int(r["benchmark"].split()[2]), r) for r in self.rows
                    if r["program"] == "nautilusctl" and r["benchmark"].startswith(f"growth {stage}") and "unchanged" not in r["benchmark"]]
            if len(ours) > 1:
                (small, first), (large, last) = ours[0], ours[-1]
                factor = (last["wall_s"] / first["wall_s"]) / (large / small)
                print(f"growth of {stage}: {large // small} times the objects took {last['wall_s'] / first['wall_s']:.1f} times as long "
                      f"({factor:.2f} of linear), {last['rss_kib'] / first['rss_kib']:.1f} times the memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="every benchmark once, small")
    parser.add_argument("--only", choices=["start", "render", "deploy", "engine", "growth"])
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--json", help="write the rows here")
    options = parser.parse_args()
    absent = control_plane.missing_tools() + [p for p in (BINARY, HELM, KUBECTL) if not Path(p).exists()]
    if absent:
        print(f"bench: not built: {', '.join(absent)}", file=sys.stderr)
        return 1
    bench = Bench(options)
    wanted = lambda name: options.only in (None, name)  # noqa: E731
    pairs = lambda full: options.pairs or (1 if options.smoke else full)  # noqa: E731
    failures = 0
    try:
        bench.floor()
        steps = [("start", lambda: bench.start(pairs(21))), ("render", lambda: bench.render(pairs(11))),
                 ("deploy", lambda: bench.deploy(pairs(5))),
                 ("engine", lambda: bench.engine(200_000 if options.smoke else 4_400_000)),
                 ("growth", lambda: bench.growth((100, 1000), (100,)) if options.smoke else bench.growth((100, 1000, 10000), (100, 1000, 10000)))]
        for name, step in steps:
            if wanted(name):
                try:
                    step()
                except (Failed, control_plane.ClusterError) as error:
                    failures += 1
                    print(f"bench: {name}: {error}", file=sys.stderr)
                print()
    finally:
        if options.json:
            Path(options.json).write_text(json.dumps(bench.rows, indent=1) + "\n")
        bench.close()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
