#!/usr/bin/env python3
"""As much of the vault command as charts/vault/files/rotate.sh uses, over a folder FAKE_VAULT: a version-2 store with
check-and-set. For the script's own logic where no Vault is built; it judges nothing about Vault.

FAKE_VAULT_CUT=N: the N-th write is the last thing that happens, as if the pod had been killed after it.
"""
import json
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ["FAKE_VAULT"])
STORE, WRITES = FOLDER / "store.json", FOLDER / "writes"


def main():
    words = [a for a in sys.argv[1:] if not a.startswith("-")]
    flags = dict((a[1:].split("=", 1) + [""])[:2] for a in sys.argv[1:] if a.startswith("-"))
    store = json.loads(STORE.read_text()) if STORE.exists() else {}
    if words[:2] == ["write", "auth/kubernetes/login"]:
        assert words[2:] == ["role=nautilus-key-rotation", "jwt=-"] and sys.stdin.read(), words
        print("token")
        return 0
    assert os.environ["VAULT_TOKEN"] == "token"
    if words[0] == "read":
        versions = store.get(words[1].removeprefix("nautilus/metadata/"))
        if not versions:
            print(f"No value found at {words[1]}", file=sys.stderr)
            return 2
        print(len(versions))
        return 0
    assert words[0] == "kv" and flags["mount"] == "nautilus", words
    path = words[2]
    if words[1] == "get":
        print(store[path][-1][flags["field"]])
        return 0
    assert words[1] == "put" and words[3].endswith("=-"), "a secret in an argument"
    versions = store.setdefault(path, [])
    if "cas" in flags and int(flags["cas"]) != len(versions):
        print("check-and-set parameter did not match the current version", file=sys.stderr)
        return 2
    versions.append({words[3][:-2]: sys.stdin.read()})
    STORE.with_suffix(".new").write_text(json.dumps(store))
    os.replace(STORE.with_suffix(".new"), STORE)
    with WRITES.open("a") as out:
        out.write(path + "\n")
    if os.environ.get("FAKE_VAULT_CUT") == str(len(WRITES.read_text().splitlines())):
        os.kill(os.getppid(), 9)
    return 0


if __name__ == "__main__":
    sys.exit(main())
