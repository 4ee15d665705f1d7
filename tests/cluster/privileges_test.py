#!/usr/bin/env python3
"""Who may do what, by the real API server's own answers (SubjectAccessReview): every account and every group that the
environments bind, with every system switched on, over verbs and resources, beside tables that a person can read
(tests/golden/rbac/<environment>.tsv; `--update` writes them anew). Whatever is not in a table was asked for and refused.
"""
import concurrent.futures
import itertools
import json
import re
import sys
import threading

import yaml

from harness import ROOT, ClusterCase, control_plane, main

sys.path.insert(0, str(ROOT / "tests" / "platform"))
import everything_on  # noqa: E402

UPDATE = "--update" in sys.argv
GOLDEN = ROOT / "tests" / "golden" / "rbac"
RBAC = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
CONNECTIONS = 4
EVERYWHERE = "*"
ELSEWHERE = "elsewhere"  # a namespace that the platform has nothing to do with
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# group: resources. What rendered roles name is asked for too.
RESOURCES = {
    "": """pods pods/exec pods/attach pods/portforward pods/log pods/eviction pods/ephemeralcontainers pods/proxy services services/proxy endpoints
           configmaps secrets serviceaccounts serviceaccounts/token persistentvolumeclaims events resourcequotas limitranges namespaces nodes nodes/proxy
           nodes/metrics persistentvolumes replicationcontrollers""",
    "apps": "deployments deployments/scale statefulsets statefulsets/scale daemonsets replicasets controllerrevisions",
    "batch": "jobs cronjobs",
    "autoscaling": "horizontalpodautoscalers",
    "policy": "poddisruptionbudgets",
    "networking.k8s.io": "ingresses networkpolicies",
    "rbac.authorization.k8s.io": "roles rolebindings clusterroles clusterrolebindings",
    "admissionregistration.k8s.io": "validatingwebhookconfigurations mutatingwebhookconfigurations validatingadmissionpolicies",
    "apiextensions.k8s.io": "customresourcedefinitions",
    "apiregistration.k8s.io": "apiservices",
    "certificates.k8s.io": "certificatesigningrequests certificatesigningrequests/approval",
    "coordination.k8s.io": "leases",
    "discovery.k8s.io": "endpointslices",
    "authentication.k8s.io": "tokenreviews",
    "authorization.k8s.io": "subjectaccessreviews",
    "metrics.k8s.io": "pods nodes",
    "security.istio.io": "authorizationpolicies peerauthentications",
}
# Verbs that make more rights out of few: each alone is as good as everything.
SPECIAL = [("escalate", "rbac.authorization.k8s.io", "roles"), ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
           ("bind", "rbac.authorization.k8s.io", "roles"), ("bind", "rbac.authorization.k8s.io", "clusterroles"),
           ("impersonate", "", "users"), ("impersonate", "", "groups"), ("impersonate", "", "serviceaccounts"),
           ("approve", "certificates.k8s.io", "signers"), ("sign", "certificates.k8s.io", "signers")]
PATHS = ("/metrics", "/metrics/cadvisor", "/logs", "/debug/pprof", "/configz")
# account: why it may read Secrets of a namespace.
READS_SECRETS = {"istio-ingress/nautilus-gateway": "its certificate, in a namespace that holds nothing else"}
# Questions to the API server are written as objects that nobody keeps.
QUESTIONS = {"tokenreviews.authentication.k8s.io", "subjectaccessreviews.authorization.k8s.io"}
NEVER = re.compile(r"pods/(exec|attach|portforward|proxy|ephemeralcontainers)|services/proxy|nodes/proxy|serviceaccounts/token|"
                   r"certificatesigningrequests/approval|signers|(cluster)?role(binding)?s|.*webhookconfigurations|users|groups")
# Who makes a workload runs as any account of its namespace.
WORKLOADS = re.compile(r"pods|(deployments|statefulsets|daemonsets|replicasets)(/scale)?|jobs|cronjobs|replicationcontrollers")
WRITES = set(VERBS) - {"get", "list", "watch"}

SENTINEL = [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "sentinel", **space},
             "rules": [{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}]} for kind, space, resource in
            (("Role", {"namespace": ELSEWHERE}, "pods"), ("ClusterRole", {}, "nodes"))]
SENTINEL += [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": f"{o['kind']}Binding", "metadata": o["metadata"],
              "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": o["kind"], "name": "sentinel"},
              "subjects": [{"kind": "ServiceAccount", "namespace": ELSEWHERE, "name": "sentinel"}]} for o in SENTINEL]


class Asker:
    """SubjectAccessReviews over a few connections, each of its own thread."""

    def __init__(self, cluster):
        self.cluster, self.local = cluster, threading.local()
        self.pool, self.opened = concurrent.futures.ThreadPoolExecutor(CONNECTIONS), []

    def close(self):
        self.pool.shutdown()
        for api in self.opened:
            if api.connection:
                api.connection.close()

    def ask(self, spec):
        if not hasattr(self.local, "api"):
            self.local.api = control_plane.Api(self.cluster)
            self.opened.append(self.local.api)
        status = self.local.api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                     {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})["status"]
        assert not status.get("evaluationError"), status
        return status["allowed"]

    def all(self, specs):
        return list(self.pool.map(self.ask, specs, chunksize=1))


def subject(kind, namespace, name):
    if kind == "Group":
        return {"user": "somebody", "groups": [name, "system:authenticated"]}
    return {"user": f"system:serviceaccount:{namespace}:{name}", "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]}


class Environment:
    """What one environment renders about accounts."""

    def __init__(self, name):
        self.objects = everything_on.objects(name)
        self.rbac = [o for o in self.objects if o["kind"] in RBAC]
        self.accounts = sorted((o["metadata"]["namespace"], o["metadata"]["name"]) for o in self.objects if o["kind"] == "ServiceAccount")
        self.namespaces = sorted({o["metadata"]["name"] for o in self.objects if o["kind"] == "Namespace"} | {space for space, _ in self.accounts})
        self.bound = {}  # subject -> namespaces in which something is bound to it
        for o in self.rbac:
            for s in o.get("subjects") or []:
                key = (s["kind"], s.get("namespace", ""), s["name"])
                self.bound.setdefault(key, set()).add(o["metadata"].get("namespace", EVERYWHERE))
        self.resources = sorted({(group, resource) for group, listed in RESOURCES.items() for resource in listed.split()} | {
            (group, resource) for o in self.rbac for rule in o.get("rules") or [] for group in rule.get("apiGroups") or [] for resource in rule.get("resources") or []})
        # (group, resource) -> names that a role singles out; the first is what the built-in role for aggregated APIs does
        self.named = {("", "configmaps"): {"extension-apiserver-authentication"}}
        for o in self.rbac:
            for rule in o.get("rules") or []:
                for key in itertools.product(rule.get("apiGroups") or [], rule.get("resources") or []):
                    self.named.setdefault(key, set()).update(rule.get("resourceNames") or [])

    def subjects(self):
        return [("ServiceAccount", *account) for account in self.accounts] + sorted(key for key in self.bound if key[0] == "Group")

    def told(self, key):
        """Everything that is said about that subject, in a form that can be compared."""
        bindings = [o for o in self.rbac if any((s["kind"], s.get("namespace", ""), s["name"]) == key for s in o.get("subjects") or [])]
        roles = {(o["roleRef"]["kind"], o["roleRef"]["name"], o["metadata"].get("namespace")) for o in bindings}
        said = [(o["kind"], o["metadata"]["name"], o["metadata"].get("namespace"), o.get("rules"), o.get("roleRef")) for o in self.rbac if o in bindings or any(
            (o["kind"], o["metadata"]["name"]) == role[:2] and (o["kind"] == "ClusterRole" or o["metadata"].get("namespace") == role[2]) for role in roles)]
        return json.dumps([key, sorted(said, key=str), self.resources if said else []])

    def questions(self, key):
        """(namespace, verb, group, resource, name) of everything that is asked about that subject."""
        kind, home, _ = key
        if key not in self.bound and kind == "ServiceAccount":
            # Bound to nothing: what matters most, where it lives and everywhere.
            for space, (group, resource) in itertools.product((home, EVERYWHERE), (("", "secrets"), ("", "configmaps"), ("", "pods"), ("", "pods/exec"),
                                                              ("", "serviceaccounts/token"), ("apps", "deployments"), ("coordination.k8s.io", "leases"))):
                yield from ((space, verb, group, resource, "") for verb in ("get", "list", "create", "update", "delete"))
            yield from ((EVERYWHERE, verb, group, resource, "") for verb, group, resource in SPECIAL)
            return
        spaces = sorted(({home} if home else set()) | self.bound.get(key, set()) | {EVERYWHERE, ELSEWHERE, "kube-system"})
        for space, (group, resource) in itertools.product(spaces, self.resources):
            for verb in VERBS:
                yield space, verb, group, resource, ""
                if space in self.bound.get(key, ()) and verb not in ("list", "watch", "create", "deletecollection"):
                    yield from ((space, verb, group, resource, name) for name in sorted(self.named.get((group, resource), ())))
        yield from ((space, verb, group, resource, "") for space in spaces for verb, group, resource in SPECIAL)


def spec(key, question):
    space, verb, group, resource, name = question
    resource, _, part = resource.partition("/")
    wanted = {"verb": verb, "group": group, "resource": resource, "version": "*"}
    wanted.update({"subresource": part} if part else {}, **({"name": name} if name else {}), **({} if space == EVERYWHERE else {"namespace": space}))
    return {**subject(*key), "resourceAttributes": wanted}


def shown(key):
    return f"group {key[2]}" if key[0] == "Group" else f"{key[1]}/{key[2]}"


class Privileges(ClusterCase):
    nodes = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asker = Asker(cls.directory / "cluster")
        cls.addClassCleanup(cls.asker.close)
        cls.answers, cls.kept = {}, {}

    def apply(self, objects, verb):
        file = self.directory / "rbac.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        self.kubectl(*(["apply", "--server-side", "--validate=strict"] if verb == "apply" else ["delete", "--wait"]), "-f", str(file))

    def ask(self, name):
        """{subject: {(where, verb, resource, name)}} of what is allowed in that environment."""
        environment = Environment(name)
        known = {item["metadata"]["name"] for item in self.api.get("/api/v1/namespaces")["items"]}
        self.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}} for space in {*environment.namespaces, ELSEWHERE} - known] or
                   [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}}], "apply")
        self.apply(environment.rbac, "apply")
        # Roles and bindings are read by watches of their own kinds, each in order: once the last of each is in force, all are.
        self.apply(SENTINEL, "apply")
        last = ("ServiceAccount", ELSEWHERE, "sentinel")
        for space, resource in ((ELSEWHERE, "pods"), (EVERYWHERE, "nodes")):
            self.wait_until("the roles to be in force", lambda what=(space, "get", "", resource, ""): self.asker.ask(spec(last, what)))
        allowed, fresh = {}, []
        for key in environment.subjects():
            # Told by the same roles and bindings as in an environment before: the answers are the same.
            kept = self.kept.get(environment.told(key))
            if kept is None:
                fresh.append(key)
            else:
                allowed[key] = kept
        asked = [(key, question) for key in fresh for question in environment.questions(key)]
        answers = self.asker.all(spec(key, question) for key, question in asked)
        paths = [(key, path) for key in fresh for path in PATHS]
        allowed.update((key, set()) for key in fresh)
        for (key, (where, verb, group, resource, thing)), yes in zip(asked, answers):
            if yes:
                allowed[key].add((where, verb, f"{resource}.{group}" if group else resource, thing))
        for (key, path), yes in zip(paths, self.asker.all({**subject(*key), "nonResourceAttributes": {"path": path, "verb": "get"}} for key, path in paths)):
            if yes:
                allowed[key].add((EVERYWHERE, "get", path, ""))
        self.kept.update((environment.told(key), allowed[key]) for key in fresh)
        print(f"  {name}: {len(asked) + len(paths)} questions, {sum(map(len, allowed.values()))} yes", file=sys.stderr)
        defaults = self.defaults(environment)
        self.apply(environment.rbac + SENTINEL, "delete")
        return environment, allowed, defaults

    def defaults(self, environment):
        """What the account `default` of each namespace may do, beyond what a stranger's account may."""
        def rules(namespace, name, space):
            with_rights = self.kubectl("auth", "can-i", "--list", "-n", space, f"--as=system:serviceaccount:{namespace}:{name}",
                                       "--as-group=system:serviceaccounts", f"--as-group=system:serviceaccounts:{namespace}", "--as-group=system:authenticated")
            return {" ".join(line.split()) for line in with_rights.stdout.splitlines()}
        return {space: sorted(rules(space, "default", space) - rules(ELSEWHERE, "stranger", space)) for space in environment.namespaces}

    def table(self, allowed, environment):
        """Lines: who, where, what, verbs. A right to single objects names them."""
        rows = []
        for key in environment.subjects():
            cells = {}
            for where, verb, resource, thing in allowed.get(key, ()):
                if where != EVERYWHERE and (EVERYWHERE, verb, resource, "") in allowed[key]:
                    continue
                if thing and (where, verb, resource, "") in allowed[key]:
                    continue
                cells.setdefault((where, resource, thing), set()).add(verb)
            names = {}
            for (where, resource, thing), verbs in cells.items():
                names.setdefault((where, resource, tuple(sorted(verbs))), []).append(thing)
            for (where, resource, verbs), things in names.items():
                rows.append((shown(key), where, resource, " ".join(sorted(filter(None, things))) or EVERYWHERE, " ".join(v for v in sorted(verbs))))
            if not cells:
                rows.append((shown(key), "-", "nothing", "-", "-"))
        return "# who\tnamespace (* all)\tresource\tnames\tverbs\n" + "".join("\t".join(row) + "\n" for row in sorted(rows))

    def check_table(self, name):
        environment, allowed, defaults = self.ask(name)
        type(self).answers[name] = (allowed, defaults)
        text, file = self.table(allowed, environment), GOLDEN / f"{name}.tsv"
        if UPDATE:
            GOLDEN.mkdir(exist_ok=True)
            file.write_text(text)
        self.assertEqual(text, file.read_text(), f"{file.relative_to(ROOT)} says otherwise; --update writes it anew")
        self.assertGreater(sum(map(len, allowed.values())), 50)

    def test_1_the_tables(self):
        for name in everything_on.ENVIRONMENTS:
            with self.subTest(name):
                self.check_table(name)

    def test_2_no_account_has_what_makes_more_of_it(self):
        readers = set()
        for name, (allowed, _) in self.answers.items():
            for key, cells in allowed.items():
                if key[0] == "Group":
                    continue
                account = f"{key[1]}/{key[2]}"
                for where, verb, resource, thing in cells:
                    bare = resource.split(".")[0]
                    with self.subTest(name, account=account, verb=verb, resource=resource, where=where):
                        self.assertIsNone(NEVER.fullmatch(bare))
                        self.assertNotIn(verb, ("escalate", "bind", "impersonate", "approve", "sign"))
                        if bare == "secrets":
                            self.assertIn(account, READS_SECRETS)
                            self.assertEqual(where, key[1])
                            readers.add(account)
                        if verb in WRITES and resource not in QUESTIONS:
                            self.assertEqual(where, key[1], "writes outside its namespace")
                            if WORKLOADS.fullmatch(bare):
                                # Patroni, Vault and the engine mark their own pods, each of which is named.
                                self.assertTrue(bare == "pods" and verb in ("patch", "update") and thing, "changes a workload")
        self.assertEqual(readers, set(READS_SECRETS), "no longer read Secrets")

    def test_3_default_accounts_have_nothing(self):
        for name, (_, defaults) in self.answers.items():
            self.assertIn("nautilus-trading", defaults)
            for space, beyond in defaults.items():
                self.assertEqual(beyond, [], f"{name}: {space}")

    def test_4_a_right_too_many_is_seen(self):
        """The same questions, with one role too many."""
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "too-much"},
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}
        binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "too-much"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "too-much"},
                   "subjects": [{"kind": "ServiceAccount", "namespace": "nautilus-trading", "name": who} for who in ("nautilus-backend", "default")]}
        self.apply([role, binding], "apply")
        key = ("ServiceAccount", "nautilus-trading", "nautilus-backend")
        environment = Environment("prod")
        self.assertIn((EVERYWHERE, "get", "", "secrets", ""), list(environment.questions(key)))
        self.wait_until("the role to be in force", lambda: self.asker.ask(spec(key, (EVERYWHERE, "get", "", "secrets", ""))))
        self.assertTrue(any("secrets" in line for line in self.defaults(environment)["nautilus-trading"]))


if __name__ == "__main__":
    if UPDATE:
        sys.argv.remove("--update")
    main()
