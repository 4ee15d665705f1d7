#!/usr/bin/env python3
"""Holds the tree to its own rules; the declared layers and the exceptions are data, in layers.json.

    tidy.py [ROOT]       prints one line per finding, FILE:LINE: RULE: what; status 1 if there is any

Rules
  layers     an #include goes only down the declared arrows; cmake/modules.cmake declares the same ones
  libraries  a third-party library is included only where its owner lives
  calls      time, environment, files, chance and processes come through ports: raw only in core/host and engine/host
  sleeps     no test waits by sleeping, none reads the wall clock
  paths      nothing names a machine's folders or a package registry's host
  flags      every command-line flag is mentioned by a test
  links      every relative link in a Markdown file leads somewhere
  exceptions an exception that excuses nothing is itself a finding

Only the standard library is used. The files looked at are those git knows (tracked, or new and not ignored).
"""
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SOURCE = {".h", ".cpp"}
TEXT = SOURCE | {".md", ".py", ".sh", ".cmake", ".txt", ".json", ".yaml", ".yml", ".tpl", ".tsv", ".mod", ""}
MAX_TEXT = 4 << 20  # larger files are data made elsewhere

# Written so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(ro[o]t|ho[m]e/[a-z]\w\w+|wo[r]k/(shared|main)|tm[p]/nx)(/|\b)")
REGISTRY_HOSTS = re.compile(r"\b(pypi\.or[g]|files\.pythonhosted\.or[g]|proxy\.golang\.or[g]|sum\.golang\.or[g]|deb\.debian\.or[g]|"
                            r"registry\.npmjs\.or[g]|static\.crates\.i[o]|repo\.maven\.apache\.or[g]|repo1\.maven\.or[g])\b")
# A string literal that is nothing but option names, as the parser takes them: "-n,--namespace", "--wait,!--no-wait".
FLAG_NAMES = re.compile(r'"(!?-{1,2}[A-Za-z][\w-]*(?:,!?-{1,2}[A-Za-z][\w-]*)*)"')
LINK = re.compile(r"(?<!\!)\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def known_files(root):
    """Paths relative to the root. Without git (a self-test's tree) everything below it."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True)
    if listed.returncode == 0 and (Path(root) / ".git").exists():
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        names = [str(path.relative_to(root)) for path in Path(root).rglob("*")]
    return sorted(name for name in set(names) if (Path(root) / name).is_file())


def blank_comments(text, strings=True):
    """C++ text with comments (and the insides of string literals) as spaces; line breaks stay, so lines keep numbers."""
    out, at, length = [], 0, len(text)
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'', re.S)
    while at < length:
        found = token.search(text, at)
        if not found:
            out.append(text[at:])
            break
        out.append(text[at:found.start()])
        piece = found.group()
        if piece.startswith("/"):
            out.append(re.sub(r"[^\n]", " ", piece))
        elif strings and not piece.startswith("'"):
            out.append('"' + re.sub(r"[^\n]", " ", piece[1:-1]) + '"')
        else:
            out.append(piece)
        at = found.end()
    return "".join(out)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Tree:
    def __init__(self, root, rules):
        self.root = Path(root)
        self.rules = rules
        self.files = known_files(root)
        self.texts = {}
        for name in self.files:
            path = self.root / name
            if path.suffix in TEXT and path.stat().st_size <= MAX_TEXT:
                try:
                    self.texts[name] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue
        self.closure = {module: self.reach(module, set()) for module in rules["modules"]}

    def reach(self, module, seen):
        for below in self.rules["modules"].get(module, []):
            if below not in seen:
                seen.add(below)
                self.reach(below, seen)
        return seen

    def module_of(self, name):
        """The declared module a source belongs to; the folder itself for one nobody declared."""
        parts = name.split("/")
        if parts[0] in ("core", "engine") and len(parts) > 2:
            return "/".join(parts[:2])
        return parts[0] if parts[0] == "cli" else None

    def sources(self, *prefixes):
        return [(name, text) for name, text in self.texts.items()
                if Path(name).suffix in SOURCE and name.startswith(prefixes)]


def check_layers(tree):
    for module, below in tree.closure.items():
        if module in below:
            yield Finding("tests/tidy/layers.json", 1, "layers", f"{module} depends on itself")
    for name, text in tree.sources("core/", "cli/", "engine/"):
        module = tree.module_of(name)
        if module not in tree.rules["modules"]:
            yield Finding(name, 1, "layers", f"{module} is not a declared module")
            continue
        for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*["<]((?:core|cli|engine|tests)/[^">]+)[">]', text, re.M):
            target = tree.module_of(found.group(1))
            if target is None or (target != module and target not in tree.closure[module]):
                yield Finding(name, line_of(text, found.start()), "layers",
                              f"{module} may not include {found.group(1)}: no arrow leads there")
    yield from check_cmake_arrows(tree)


def check_cmake_arrows(tree):
    name = "cmake/modules.cmake"
    text = re.sub(r"#[^\n]*", "", tree.texts.get(name, ""))
    declared = {}
    for found in re.finditer(r"\bnautilus_module\(\s*(\S+?)\s*(?:\)|\s([^)]*)\))", text):
        words = (found.group(2) or "").split()
        deps = []
        if "DEPS" in words:
            for word in words[words.index("DEPS") + 1:]:
                if word.isupper():
                    break
                deps.append(word)
        declared[found.group(1)] = deps
    for module, deps in declared.items():
        wanted = tree.rules["modules"].get(module)
        if wanted is None or sorted(wanted) != sorted(deps):
            yield Finding(name, 1, "layers", f"{module}: DEPS {sorted(deps)} differ from layers.json {sorted(wanted or [])}")


def check_libraries(tree):
    for name, text in tree.sources("core/", "cli/", "engine/"):
        module = tree.module_of(name)
        for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M):
            for library in tree.rules["libraries"]:
                if re.search(library["include"], found.group(1)) and module not in library["only"]:
                    where = " and ".join(library["only"]) or "nothing"
                    yield Finding(name, line_of(text, found.start()), "libraries", f"{library['name']} belongs to {where}")


HOSTS = ("core/host", "engine/host")


def check_calls(tree):
    for name, text in tree.sources("core/", "cli/", "engine/"):
        if tree.module_of(name) in HOSTS:
            continue
        code = blank_comments(text)
        seen = set()
        for call in tree.rules["calls"]:
            for found in re.finditer(call["pattern"], code):
                where = (line_of(code, found.start()), call["name"])
                if where not in seen:
                    seen.add(where)
                    yield Finding(name, where[0], "calls", f"{call['name']} ({found.group().strip()}) outside {' and '.join(HOSTS)}")


SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|(?<![\w.>])sleep)\s*\(")
WALL = re.compile(r"\bsystem_clock::now\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)")


def check_sleeps(tree):
    for name, text in tree.sources("tests/unit/", "tests/contract/", "tests/scenarios/", "tests/golden/"):
        code = blank_comments(text)
        for found in SLEEP.finditer(code):
            yield Finding(name, line_of(code, found.start()), "sleeps", f"{found.group(1)}: wait for the event, on the port's clock")
        for found in WALL.finditer(code):
            yield Finding(name, line_of(code, found.start()), "sleeps", "the wall clock in a test: use a fixed time")


def check_paths(tree):
    for name, text in tree.texts.items():
        for pattern, what in ((MACHINE_PATHS, "a path of one machine"), (REGISTRY_HOSTS, "a package registry's host")):
            for found in pattern.finditer(text):
                if found.group().startswith("/ho") and name.startswith(("templates/", "manifests/")):
                    continue  # a home folder inside a container
                yield Finding(name, line_of(text, found.start()), "paths", f"{what}: {found.group()}")


def check_flags(tree):
    tests = "\n".join(text for name, text in tree.texts.items() if name.startswith("tests/") and not name.startswith("tests/tidy/"))
    for name, text in tree.sources("cli/"):
        code = blank_comments(text, strings=False)
        for found in FLAG_NAMES.finditer(code):
            for flag in re.findall(r"--[a-z][\w-]*", found.group(1)):
                if not re.search(re.escape(flag) + r"(?![\w-])", tests):
                    yield Finding(name, line_of(code, found.start()), "flags", f"no test mentions {flag}")


def anchors(text):
    """The fragment names that a Markdown file's headings get."""
    names = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", re.sub(r"```.*?```", "", text, flags=re.S), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        names.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return names


def check_links(tree):
    for name, text in tree.texts.items():
        if not name.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```|`[^`\n]*`", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
        for found in LINK.finditer(prose):
            target = found.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, fragment = target.partition("#")
            here = (tree.root / name).parent
            aim = here / path if path else tree.root / name
            line = line_of(prose, found.start())
            if not aim.exists():
                yield Finding(name, line, "links", f"{target} leads nowhere")
            elif fragment and aim.suffix == ".md" and fragment not in anchors(aim.read_text(encoding="utf-8")):
                yield Finding(name, line, "links", f"{target}: no such heading")


CHECKS = [check_layers, check_libraries, check_calls, check_sleeps, check_paths, check_flags, check_links]


def judge(root, rules):
    """All findings that no exception excuses, and the exceptions that excuse nothing."""
    tree = Tree(root, rules)
    findings, used = [], set()
    for check in CHECKS:
        for finding in check(tree):
            excuse = next((i for i, e in enumerate(rules["exceptions"])
                           if e["rule"] == finding.rule and e["path"] == finding.path and e["text"] in finding.text), None)
            if excuse is None:
                findings.append(finding)
            else:
                used.add(excuse)
    for index, exception in enumerate(rules["exceptions"]):
        if index not in used:
            findings.append(Finding("tests/tidy/layers.json", 1, "exceptions",
                                    f"nothing in {exception['path']} needs its {exception['rule']} exception any more"))
        elif len(exception.get("why", "")) < 10:
            findings.append(Finding("tests/tidy/layers.json", 1, "exceptions", f"{exception['path']}: an exception says why"))
    return findings


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    findings = judge(root, json.loads((Path(__file__).parent / "layers.json").read_text()))
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings in {len(known_files(root))} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
