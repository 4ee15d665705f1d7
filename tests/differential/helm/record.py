#!/usr/bin/env python3
"""Records what real Helm makes of the expressions and charts here.

    record.py HELM            all expression families and all charts
    record.py HELM strings    one family

Each line of expressions/FAMILY.txt is a template; a line that begins with '!' must fail. All good lines of a family go
into one generated chart, so Helm is started once for them, and once for each line that must fail. The result,
expressions/FAMILY.json, is what the unit tests compare with; it is checked in. charts/CASE is rendered to
charts/CASE.json in the same way.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KUBE_VERSION = "v1.37.2"


def run(helm, chart, extra=()):
    environment = dict(os.environ, TZ="UTC", HOME=tempfile.gettempdir(), SOURCE_DATE_EPOCH="0")
    return subprocess.run([helm, "template", "rel", str(chart), "--namespace", "ns", "--kube-version", KUBE_VERSION, *extra],
                          capture_output=True, text=True, env=environment, check=False)


def make_chart(directory, lines):
    source = HERE / "expressions"
    (directory / "templates").mkdir()
    shutil.copy(source / "files" / "Chart.yaml", directory)
    shutil.copy(source / "values.yaml", directory)
    shutil.copytree(source / "files" / "data", directory / "data")
    shutil.copy(source / "files" / "_named.tpl", directory / "templates")
    defines, body = [], ["kind: Probe", "results:"]
    for number, line in lines:
        defines.append('{{- define "case.%d" -}}%s{{- end -}}' % (number, line))
        body.append('  "%d": {{ toJson (include "case.%d" .) }}' % (number, number))
    (directory / "templates" / "_cases.tpl").write_text("\n".join(defines))
    (directory / "templates" / "probe.yaml").write_text("\n".join(body) + "\n")


def render(helm, lines):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        make_chart(directory, lines)
        done = run(helm, directory)
    if done.returncode != 0:
        return None, done.stderr
    found = {}
    for match in re.finditer(r'^  "(\d+)": (.*)$', done.stdout, re.M):
        found[int(match.group(1))] = json.loads(match.group(2))
    return found, ""


def last_words(stderr):
    lines = [line.strip() for line in stderr.strip().splitlines() if line.strip() and "--debug" not in line]
    return lines[-1] if lines else ""


def record_family(helm, family):
    lines = (HERE / "expressions" / (family + ".txt")).read_text().splitlines()
    good = [(n, line) for n, line in enumerate(lines) if line and not line.startswith("!")]
    outputs, error = render(helm, good)
    if outputs is None:  # find the culprits one by one
        print("a line of %s fails: %s" % (family, error), file=sys.stderr)
        for number, line in good:
            one, why = render(helm, [(number, line)])
            if one is None:
                print("  line %d: %s\n    %s" % (number + 1, line, last_words(why)), file=sys.stderr)
        sys.exit(1)
    results = []
    for number, line in enumerate(lines):
        if line.startswith("!"):
            one, why = render(helm, [(number, line[1:])])
            if one is not None:
                print("line %d of %s does not fail: %s -> %r" % (number + 1, family, line, one[number]), file=sys.stderr)
                sys.exit(1)
            results.append({"expression": line[1:], "error": last_words(why)})
        elif line:
            results.append({"expression": line, "output": outputs[number]})
    text = ",\n".join(json.dumps(result, ensure_ascii=True) for result in results)
    (HERE / "expressions" / (family + ".json")).write_text("[\n%s\n]\n" % text)
    print("%s: %d" % (family, len(results)))


def record_chart(helm, case):
    flags = case / "flags"
    extra = flags.read_text().split("\n") if flags.exists() else []
    done = run(helm, case / "chart", [flag.replace("CASE", str(case)) for flag in extra if flag] + ["--include-crds"])
    if done.returncode == 0:
        result = {"output": done.stdout}
    else:
        result = {"error": last_words(done.stderr).replace(str(case), "CASE")}
    (case / "golden.json").write_text(json.dumps(result, indent=1) + "\n")
    print("chart %s: %s" % (case.name, "ok" if "output" in result else result["error"]))


def main():
    helm, only = sys.argv[1], sys.argv[2:]
    for path in sorted((HERE / "expressions").glob("*.txt")):
        if not only or path.stem in only:
            record_family(helm, path.stem)
    for case in sorted(path for path in (HERE / "charts").glob("*") if path.is_dir()):
        if not only or case.name in only:
            record_chart(helm, case)


if __name__ == "__main__":
    main()
