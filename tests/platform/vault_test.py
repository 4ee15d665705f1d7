#!/usr/bin/env python3
"""Vault of the platform's chart.

    vault_test.py Rendered    the objects fit together, in every environment and with the mesh (NAUTILUSCTL names the program)
    vault_test.py Refused     settings that would lock everybody out, or let too many in, are refused with the reason
    vault_test.py Served      a real API server takes every object, strictly, and asks no account for more than its role says
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

import check_rendered
from mesh_test import BINARY, ENVIRONMENTS, ROOT, control_plane, needed, objects_of, run, settings

KEY = "mrk-0123456789abcdef0123456789abcdef"
FOLDER = Path(tempfile.mkdtemp(prefix="nautilus-vault-"))
ON = ["--set", f"global.vault.enabled=true,vault.seal.awskms.keyId={KEY}", "--set-file", f"global.vault.caCertificate={FOLDER / 'ca.crt'}"]
BUILT_IN = ("", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "rbac.authorization.k8s.io", "scheduling.k8s.io", "admissionregistration.k8s.io")
INJECT = ["--set", "global.vault.inject=true"]


def setUpModule():
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", FOLDER / "ca.key",
        "-out", FOLDER / "ca.crt", "-subj", "/CN=vault-ca", "-days", "30")


def tearDownModule():
    shutil.rmtree(FOLDER, ignore_errors=True)


def render(environment, *more, expect=0):
    return run(BINARY, "--project", ROOT, "render", "--env", environment, *ON, *more, expect=expect)


def named(objects, kind, name, namespace=None):
    (found,) = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name) and namespace in (None, o["metadata"].get("namespace"))]
    return found


def environment_file(name, meshed=False):
    """The environment with the Secrets that change hands when Vault hands them out."""
    told = yaml.safe_load((ROOT / "manifests" / "environments" / name / "environment.yaml").read_text())
    spec = told["spec"]
    spec["chart"] = str(ROOT / "templates" / "nautilus-platform")
    spec["generatedSecrets"] = [s for s in spec["generatedSecrets"] if s["name"] != "nautilus-backend-secrets"]
    spec["externalSecrets"] = [s for s in spec["externalSecrets"] if s["name"] != "engine-credentials"]
    spec["externalSecrets"].append({"name": "vault-tls", "namespace": "vault", "why": "Vault's certificate"})
    for secret in spec["externalSecrets"]:
        if meshed and secret["name"] == "nautilus-tls":
            secret["namespace"] = "istio-ingress"
    path = FOLDER / f"{name}.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


class Rendered(unittest.TestCase):
    def test_every_environment_fits_together(self):
        for name in ENVIRONMENTS:
            for mesh in ([], settings("istio")):
                with self.subTest(name, mesh=bool(mesh)):
                    text = render(name, *INJECT, *mesh).stdout
                    self.assertEqual(check_rendered.check(environment_file(name, bool(mesh)), text)[1], [])

    def test_the_servers_alone_change_no_pod_of_the_platform(self):
        before = run(BINARY, "--project", ROOT, "render", "--env", "prod").stdout
        pods = [{(o["kind"], o["metadata"]["name"]): o["spec"] for o in objects_of(text)
                 if o["kind"] in ("Deployment", "StatefulSet", "CronJob") and o["metadata"]["namespace"] == "nautilus-trading"}
                for text in (before, render("prod").stdout)]
        self.assertEqual(*pods)

    def test_three_servers_apart_with_two_records_and_a_key_of_two_regions(self):
        objects = objects_of(render("prod").stdout)
        servers = named(objects, "StatefulSet", "vault")["spec"]
        self.assertEqual(servers["replicas"], 3)
        spread = servers["template"]["spec"]["topologySpreadConstraints"][0]
        self.assertEqual((spread["topologyKey"], spread["whenUnsatisfiable"]), ("topology.kubernetes.io/zone", "DoNotSchedule"))
        config = named(objects, "ConfigMap", "vault-config")["data"]["vault.hcl"]
        self.assertEqual(config.count("retry_join"), 3)
        self.assertIn(f'kms_key_id = "{KEY}"', config)
        begin = named(objects, "ConfigMap", "vault-begin")["data"]["begin.sh"]
        self.assertEqual(begin.count("vault audit enable"), 2)
        dr = named(objects_of(render("prod", "--set", "vault.seal.awskms.region=us-west-2").stdout), "ConfigMap", "vault-config")["data"]["vault.hcl"]
        self.assertEqual([(a, b) for a, b in zip(config.splitlines(), dr.splitlines()) if a != b], [('  region     = "us-east-1"', '  region     = "us-west-2"')])

    def test_what_is_injected_is_on_no_disk_and_in_no_secret_of_the_cluster(self):
        objects = objects_of(render("prod", *INJECT).stdout)
        for kind, name, gone in (("StatefulSet", "nautilus-engine", "engine-credentials"), ("Deployment", "nautilus-backend", "nautilus-backend-secrets")):
            pod = named(objects, kind, name)["spec"]["template"]["spec"]
            self.assertNotIn(gone, str(pod))
            volumes = {v["name"]: v for v in pod["volumes"]}
            self.assertEqual(volumes["vault-secrets"]["emptyDir"]["medium"], "Memory")
            token = volumes["vault-token"]["projected"]["sources"][0]["serviceAccountToken"]
            self.assertEqual(token["audience"], "vault")
            (agent,) = pod["initContainers"]
            self.assertEqual(agent["restartPolicy"], "Always")
            self.assertEqual([m["name"] for m in pod["containers"][0]["volumeMounts"] if m["name"] == "vault-token"], [])

    def test_a_changed_template_restarts_who_reads_by_it_and_nobody_else(self):
        first = objects_of(render("prod", *INJECT).stdout)
        other = objects_of(render("prod", *INJECT, "--set", "global.vault.agent.renewSeconds=60").stdout)
        moved = {o["metadata"]["name"] for o, p in zip(first, other) if o != p and o["kind"] in ("Deployment", "StatefulSet")}
        self.assertEqual(moved, {"nautilus-engine", "nautilus-engine-standby", "nautilus-backend"})

    def test_no_account_has_a_wildcard_over_the_store(self):
        declared = named(objects_of(render("prod").stdout), "ConfigMap", "vault-declared")["data"]
        self.assertEqual({name.rpartition(".")[0] for name in declared}, {"nautilus-" + n for n in ("backend", "engine", "snapshot", "key-rotation")})
        for name, text in declared.items():
            if name.endswith(".hcl"):
                self.assertNotIn("*", text)
                self.assertNotIn("delete", text)
                self.assertNotIn("sudo", text)
            else:
                role = yaml.safe_load(text)
                self.assertEqual((role["audience"], len(role["bound_service_account_names"]), len(role["bound_service_account_namespaces"])), ("vault", 1, 1))


class Refused(unittest.TestCase):
    def test_settings(self):
        for more, reason in (
                (["vault.seal.awskms.keyId=01234567-89ab-cdef-0123-456789abcdef"], "finding 22"),
                (["vault.seal.awskms.keyId=arn:aws:kms:us-east-1:1:key/mrk-1"], "/seal/awskms/keyId"),
                (["vault.seal.kind=shamir"], "finding 22"),
                (["vault.replicas=4"], "/replicas"),
                (["vault.replicas=1"], "production needs three"),
                (["global.topology.zones=2", "redis-cluster.enabled=false"], "only over three zones"),
                (["vault.snapshots.enabled=false"], "finding 22"),
                (["vault.keyRotation.graceHours=720"], "a third key would be good"),
                (["vault.roles.engine.rules[0].path=*", "vault.roles.engine.rules[0].capabilities={read}"], "/roles/engine/rules/0/path"),
                (["vault.roles.engine.rules[0].path=data/*", "vault.roles.engine.rules[0].capabilities={read}"], "/roles/engine/rules/0/path"),
                (["vault.roles.engine.rules[0].path=data/engine/principals", "vault.roles.engine.rules[0].capabilities={sudo}"], "/capabilities/0"),
                (["vault.roles.backend=null", "global.vault.inject=true"], "no engine or no backend"),
                (["global.vault.enabled=false", "global.vault.inject=true"], "nobody serves"),
                (["global.vault.caCertificate="], "global.vault.caCertificate is empty"),
                (["global.vault.caCertificate=hello"], "/global/vault/caCertificate")):
            # --set comes before --set-file: an empty authority is said by a file.
            arguments = [part for one in more for part in ("--set", one)]
            if more[0].startswith("global.vault.caCertificate"):
                (FOLDER / "other").write_text(more[0].partition("=")[2])
                arguments = ["--set-file", f"global.vault.caCertificate={FOLDER / 'other'}"]
            self.assertIn(reason, render("prod", *arguments, expect=1).stderr, more)

    def test_a_private_key_is_no_authority(self):
        done = render("prod", "--set-file", f"global.vault.caCertificate={FOLDER / 'ca.key'}", expect=1)
        self.assertIn("/global/vault/caCertificate", done.stderr)
        self.assertNotIn("PRIVATE", done.stderr)


class Served(unittest.TestCase):
    def test_every_object_is_taken_and_the_rights_are_the_least(self):
        for name in ("etcd", "kube-apiserver", "kubectl"):
            needed(f"bin/{name}")
        supervisor = [sys.executable, "-B", ROOT / "tests" / "support" / "cluster" / "control_plane.py"]
        run(*supervisor, "up", FOLDER / "cluster", "--owner", os.getpid(), "--nodes", 3)
        self.addCleanup(run, *supervisor, "down", FOLDER / "cluster")

        def kubectl(*arguments, given=None, expect=0):
            done = subprocess.run([str(a) for a in (control_plane.BIN / "kubectl", "--kubeconfig", FOLDER / "cluster" / "kubeconfig-admin", *arguments)],
                                  input=given, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, expect, f"{arguments}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
            return done
        # Production last, and for good; the others only as far as the API server's judgement.
        for name in sorted(ENVIRONMENTS, key="prod".__eq__):
            # The kinds that operators bring have suites of their own.
            objects = [o for o in objects_of(render(name, *INJECT).stdout) if o["apiVersion"].rpartition("/")[0] in BUILT_IN]
            first = [o for o in objects if o["kind"] in ("Namespace", "PriorityClass")]
            for part, dry in ((first, []), ([o for o in objects if o not in first], [] if name == "prod" else ["--dry-run=server"])):
                done = kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", *dry, "-f", "-", given=yaml.safe_dump_all(part))
                # Pod Security speaks of a pod template it would refuse in a warning.
                self.assertEqual(done.stderr, "", name)
        kubectl("create", "secret", "generic", "vault-tls", "-n", "vault", "--from-literal=tls.crt=a", "--from-literal=tls.key=b")
        kubectl("rollout", "status", "statefulset/vault", "-n", "vault", "--timeout=120s")
        nodes = {p["spec"]["nodeName"] for p in yaml.safe_load(kubectl("get", "pods", "-n", "vault", "-l", "app.kubernetes.io/name=vault", "-o", "yaml").stdout)["items"]}
        self.assertEqual(len(nodes), 3)
        for account, verb, resource, allowed in (
                ("vault:vault", "create", "tokenreviews.authentication.k8s.io", True), ("vault:vault", "create", "subjectaccessreviews.authorization.k8s.io", False),
                ("vault:vault", "patch", "pods/vault-0", True), ("vault:vault", "patch", "pods/other", False), ("vault:vault", "get", "secrets", False),
                ("vault:vault", "list", "pods", False), ("vault:vault-configure", "get", "secrets", False), ("vault:vault-key-rotation", "create", "tokenreviews.authentication.k8s.io", False),
                ("nautilus-trading:nautilus-backend", "get", "secrets", False)):
            done = subprocess.run([str(a) for a in (control_plane.BIN / "kubectl", "--kubeconfig", FOLDER / "cluster" / "kubeconfig-admin", "auth", "can-i", verb, resource,
                                                    "-n", "vault", "--as", f"system:serviceaccount:{account}")], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.stdout.strip(), "yes" if allowed else "no", (account, verb, resource, done.stderr))


if __name__ == "__main__":
    try:
        result = unittest.main(exit=False, verbosity=2).result
    except unittest.SkipTest as skip:
        print(skip)
        sys.exit(77)
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped and result.testsRun == len(result.skipped) else 0)
