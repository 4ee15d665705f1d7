#!/usr/bin/env python3
"""Proves that every rule of tidy.py can fail, and that it lets pass what it should."""
import tempfile
import unittest
from pathlib import Path

import tidy

RULES = {
    "modules": {"core/base": [], "core/port": ["core/base"], "core/host": ["core/port"], "core/value": ["core/base"],
                "core/kube": ["core/value", "core/port"], "cli": ["core/kube", "core/host"]},
    "libraries": [{"include": "^curl/", "only": ["core/host"], "name": "curl"}],
    "calls": [{"pattern": r"\bsystem_clock::now\b", "name": "a raw clock"}, {"pattern": r"\bgetenv\s*\(", "name": "the environment"}],
    "exceptions": [],
}
HOME = "/ho" + "me/ada/x"
HOST = "deb.debian." + "org"


def judge(files, **changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return [str(finding) for finding in tidy.judge(folder, {**RULES, **changes})]


class Rules(unittest.TestCase):
    def check(self, files, *expected, **changes):
        found = judge(files, **changes)
        self.assertEqual(len(found), len(expected), found)
        for part in expected:
            self.assertTrue(any(part in finding for finding in found), f"{part!r} is not among {found}")

    def test_an_include_goes_down(self):
        self.check({"core/kube/a.cpp": '#include "core/base/error.h"\n#include "core/kube/b.h"\n#include <vector>\n'})

    def test_an_include_goes_up(self):
        self.check({"core/base/a.h": "\n#include \"core/kube/b.h\"\n"}, "core/base/a.h:2: layers: core/base may not include core/kube/b.h")

    def test_an_include_goes_sideways(self):
        self.check({"core/kube/a.h": '#include "core/host/b.h"\n'}, "layers: core/kube may not include core/host/b.h")

    def test_core_includes_the_engine(self):
        self.check({"core/kube/a.h": '#include "engine/book.h"\n'}, "layers: core/kube may not include engine/book.h")

    def test_core_includes_a_test(self):
        self.check({"core/kube/a.h": '#include "tests/x.h"\n'}, "layers: core/kube may not include tests/x.h")

    def test_a_module_nobody_declared(self):
        self.check({"core/extra/a.cpp": "int x;\n"}, "core/extra is not a declared module")

    def test_arrows_in_a_circle(self):
        found = judge({}, modules={"core/a": ["core/b"], "core/b": ["core/a"]})
        self.assertTrue(any("depends on itself" in line for line in found), found)

    def test_the_build_declares_another_arrow(self):
        self.check({"cmake/modules.cmake": "nautilus_module(core/base)\nnautilus_module(core/port DEPS core/base core/value LIBS x)\n"},
                   "core/port: DEPS ['core/base', 'core/value'] differ")

    def test_a_library_away_from_home(self):
        self.check({"core/kube/a.cpp": "#include <curl/curl.h>\n", "core/host/a.cpp": "#include <curl/curl.h>\n"},
                   "core/kube/a.cpp:1: libraries: curl belongs to core/host")

    def test_raw_calls(self):
        code = "// std::getenv( in a comment\nconst char* s = \"system_clock::now\";\nauto t = std::chrono::system_clock::now();\nauto e = getenv(\"X\");\n"
        self.check({"core/kube/a.cpp": code, "core/host/a.cpp": code},
                   "core/kube/a.cpp:3: calls: a raw clock", "core/kube/a.cpp:4: calls: the environment")

    def test_a_raw_string_hides_nothing_after_it(self):
        self.check({"core/kube/a.cpp": 'auto s = R"(getenv("x") // )"; auto t = getenv("y");\n'}, "calls: the environment")

    def test_a_sleep_in_a_test(self):
        self.check({"tests/unit/core/base/a_test.cpp": "// sleep_for(\nstd::this_thread::sleep_for(1s);\nclock.now();\n"},
                   "a_test.cpp:2: sleeps: sleep_for")

    def test_the_wall_clock_in_a_test(self):
        self.check({"tests/unit/core/base/a_test.cpp": "auto t = std::chrono::system_clock::now();\n"}, "sleeps: the wall clock")

    def test_a_path_of_a_machine(self):
        self.check({"docs/a.md": f"see {HOME}\n", "docs/b.md": "see $HOME/x and build/root/y\n",
                    "templates/a.tpl": f"{HOME}\n"}, "docs/a.md:1: paths: a path of one machine")

    def test_a_registry(self):
        self.check({"scripts/a.sh": f"\ncurl {HOST}\n"}, "scripts/a.sh:2: paths: a package registry's host")

    def test_a_flag_without_a_test(self):
        cli = 'app.add_option("-n,--namespace", ns, "help");\napp.add_flag(\n  "--yes,!--no", yes);\n// add_flag("--old")\n'
        self.check({"cli/a.cpp": cli, "tests/cluster/b.py": "run('--namespace')  # not --yes-really\n"}, "cli/a.cpp:3: flags: no test mentions --yes", "no test mentions --no")
        self.check({"cli/a.cpp": cli, "tests/cluster/b.py": "run('--namespace', '--yes', '--no')\n"})

    def test_links(self):
        self.check({"docs/a.md": "[x](b.md) [y](b.md#the-part) [z](https://example.test/) [s](#here)\n# Here\n`[no](code.md)`\n", "docs/b.md": "# The part\n"})
        self.check({"docs/a.md": "\n[x](none.md)\n[y](b.md#other)\n", "docs/b.md": "# The part\n"},
                   "docs/a.md:2: links: none.md leads nowhere", "docs/a.md:3: links: b.md#other: no such heading")

    def test_exceptions_excuse_and_grow_stale(self):
        files = {"core/kube/a.cpp": "getenv(\"X\");\n"}
        good = {"rule": "calls", "path": "core/kube/a.cpp", "text": "environment", "why": "a reason of some length"}
        self.check(files, exceptions=[good])
        self.check(files, "an exception says why", exceptions=[{**good, "why": ""}])
        self.check({"core/kube/a.cpp": "\n"}, "nothing in core/kube/a.cpp needs its calls exception", exceptions=[good])


if __name__ == "__main__":
    unittest.main()
