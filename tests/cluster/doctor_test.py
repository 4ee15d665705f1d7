#!/usr/bin/env python3
"""Faults planted in a running platform on a real control plane: doctor finds each, names it, and finds nothing else.

What kwok's nodes cannot show by themselves (an image that cannot be pulled, a container that ends again and again) is
written into the status of a pod, as a kubelet would.
"""
import base64
import contextlib
import copy
import json
import subprocess
import time
from xml.etree import ElementTree

import harness
from harness import DONE, NAMESPACE, PARTLY, REFUSED, ClusterCase

CORE = f"/api/v1/namespaces/{NAMESPACE}"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
NET = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}"
HPA = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
BACKEND = f"Deployment {NAMESPACE}/nautilus-backend"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
SECONDS = 120  # a claim has a minute to be bound before it counts

# Allowed by the rules of the namespace (Pod Security restricted, quota), so that only what is planted is wrong.
CONTAINER = {"name": "app", "image": "registry.example/app:1",
             "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}, "limits": {"cpu": "1m", "memory": "4Mi"}},
             "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
POD = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}, "containers": [CONTAINER]}


def certificate(directory, days):
    """(certificate, key) as PEM bytes."""
    key, request = directory / "tls.key", directory / "tls.csr"
    for arguments in (["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                      ["req", "-new", "-key", key, "-subj", "/CN=dev.nautilus.trading.com", "-out", request]):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    made = subprocess.run(["openssl", "x509", "-req", "-in", str(request), "-signkey", str(key), "-days", str(days)],
                          check=True, capture_output=True)
    return made.stdout, key.read_bytes()


class Doctor(ClusterCase):
    nodes = 3

    # ------------------------------------------------------------------------------------------ asking

    def doctor(self, *arguments, kubeconfig=None):
        """(exit code, report)"""
        done = subprocess.run(self.command("doctor", "--env", "dev", "-o", "json", *arguments, kubeconfig=kubeconfig),
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=harness.COMMAND_SECONDS,
                              env=self.environment(), cwd=self.directory)
        self.assertIn(done.returncode, (DONE, PARTLY, REFUSED), f"{done.stdout}\n{done.stderr}")
        report = json.loads(done.stdout)
        self.assertEqual(report["exitCode"], done.returncode)
        return done.returncode, report

    @staticmethod
    def found(report):
        return {(check["id"], finding["object"]): finding for check in report["checks"] for finding in check["findings"]}

    def wait_for(self, wanted):
        """Polls until exactly these (id, object) are found; returns the findings."""
        deadline = time.monotonic() + SECONDS
        while True:
            code, report = self.doctor()
            found = self.found(report)
            if set(found) == set(wanted) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        told = "\n".join(f"{key}: {value['evidence']}" for key, value in found.items())
        self.assertEqual(sorted(found), sorted(wanted), told)
        self.assertEqual(code, REFUSED if wanted else DONE, told)
        self.assertEqual([c["id"] for c in report["checks"] if c["state"] == "could-not-check"], [])
        return found

    @contextlib.contextmanager
    def planted(self, *wanted, evidence=(), heal):
        """After the body planted a fault: exactly `wanted` is found, with that evidence; `heal` takes it away again."""
        try:
            yield
            found = self.wait_for(wanted)
            told = json.dumps(list(found.values()))
            for words in evidence:
                self.assertIn(words, told)
            for finding in found.values():
                self.assertTrue(finding["hint"], finding)
        finally:
            heal()
        self.wait_for(())

    # ------------------------------------------------------------------------------------------ hands

    def patch(self, path, body, content_type=MERGE):
        return self.api.call("PATCH", path, body, content_type)

    def delete(self, path):
        self.api.call("DELETE", f"{path}?gracePeriodSeconds=0", ok=(200, 202, 404))

    def again(self, item, path):
        """Makes an object anew from what it was."""
        item = copy.deepcopy(item)
        for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"):
            item["metadata"].pop(field, None)
        item.pop("status", None)
        self.api.call("POST", path, item)

    def pod(self, name="nautilus-backend"):
        pods = self.api.get(f"{CORE}/pods?labelSelector=app.kubernetes.io/name={name}")["items"]
        return next(p for p in pods if not p["metadata"].get("deletionTimestamp"))

    def status_of_pod(self, container, ready="False", **more):
        """Writes what a kubelet would say of one backend pod; returns its path."""
        pod = self.pod()
        path = f"{CORE}/pods/{pod['metadata']['name']}"
        statuses = [{"name": c["name"], "image": c["image"], "imageID": "", "ready": False, "restartCount": 9, **container}
                    for c in pod["spec"]["containers"]]
        conditions = [{**c, "status": ready if c["type"] in ("Ready", "ContainersReady") else c["status"]}
                      for c in pod["status"]["conditions"]]
        self.patch(f"{path}/status", {"status": {"containerStatuses": statuses, "conditions": conditions, **more}})
        return path

    # ------------------------------------------------------------------------------------------ the story

    def test_00_a_healthy_platform_yields_nothing(self):
        # A second backend, so that one that is planted does not take the Service away.
        self.tool("deploy", "--env", "dev", "--yes", "--timeout", "5m", "--set", "backend.replicas=2")
        crt, key = certificate(self.directory, 90)
        self.api.call("POST", f"{CORE}/secrets", {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "nautilus-tls"}, "type": "kubernetes.io/tls",
            "data": {"tls.crt": base64.b64encode(crt).decode(), "tls.key": base64.b64encode(key).decode()}})
        self.api.call("POST", "/apis/networking.k8s.io/v1/ingressclasses", {
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "nginx"},
            "spec": {"controller": "nginx.org/ingress-controller"}})
        # Patroni's hand: nobody else says who leads.
        self.patch(f"{CORE}/pods/postgresql-primary-0", {"metadata": {"labels": {"nautilus.trading.com/postgresql-role": "primary"}}})
        mark = self.mark()
        self.wait_for(())
        self.assertEqual(self.writes_since(mark), [], "doctor writes nothing")
        _, report = self.doctor()
        ok = {check["id"] for check in report["checks"] if check["state"] == "ok"}
        for flow in ("pods", "database", "websocket", "nodes", "services", "certificates", "webhook", "events"):
            self.assertTrue(any(name.startswith(flow + ".") for name in ok), f"nothing of {flow} was looked at: {ok}")
        self.assertNotIn(base64.b64encode(key).decode()[:40], json.dumps(report))

    def test_01_pods_as_their_kubelet_would_tell(self):
        def heal():
            self.delete(path)
            self.wait_until("the backend", lambda: "deployments/nautilus-backend" not in " ".join(self.not_ready()))

        waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image: manifest unknown"}}}
        with self.planted(("pods.image-pull", BACKEND), evidence=("manifest unknown", "1 of 2 pods"), heal=heal):
            path = self.status_of_pod(waiting)
        loop = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}}}
        with self.planted(("pods.crash-loop", BACKEND), evidence=("last exit code 3", "--previous"), heal=heal):
            path = self.status_of_pod(loop)
        running = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
        with self.planted(("pods.probe-failing", BACKEND), evidence=("not ready",), heal=heal):
            path = self.status_of_pod(running)
        config = {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key app-password"}}}
        with self.planted(("pods.missing-config", BACKEND), evidence=("couldn't find key app-password",), heal=heal):
            path = self.status_of_pod(config)
        ended = {"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "ready": True,
                 "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled",
                                              "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}}
        with self.planted(("pods.evicted-or-oom", BACKEND), evidence=("OOMKilled",), heal=heal):
            path = self.status_of_pod(ended, ready="True")

    def test_02_what_pods_need(self):
        path = f"{CORE}/secrets/nautilus-backend-secrets"
        secret = self.api.get(path)
        with self.planted(("pods.missing-config", BACKEND), evidence=("nautilus-backend-secrets does not exist", "deploy makes it"),
                          heal=lambda: self.again(secret, f"{CORE}/secrets")):
            self.delete(path)

        def lone(name, **spec):
            self.api.call("POST", f"{CORE}/pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**POD, **spec}})
            return lambda: self.delete(f"{CORE}/pods/{name}")
        heal = []
        with self.planted(("pods.unschedulable", f"Pod {NAMESPACE}/nowhere"), evidence=("0/3 nodes are available",), heal=lambda: heal.pop()()):
            heal.append(lone("nowhere", nodeSelector={"kubernetes.io/hostname": "nowhere"}))
        with self.planted(("pods.pvc-unbound", f"Pod {NAMESPACE}/without"), evidence=("not found",), heal=lambda: heal.pop()()):
            heal.append(lone("without", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}]))

    def test_03_pods_that_are_refused(self):
        quota = self.api.get(f"{CORE}/resourcequotas")["items"][0]
        path, hard = f"{CORE}/resourcequotas/{quota['metadata']['name']}", quota["spec"]["hard"]["pods"]
        scale = f"{APPS}/deployments/nautilus-backend/scale"

        def heal():
            self.patch(path, {"spec": {"hard": {"pods": hard}}})
            self.patch(scale, {"spec": {"replicas": 2}})
        with self.planted(("pods.quota", BACKEND), evidence=("exceeded quota", "limited: pods="), heal=heal):
            used = self.api.get(path)["status"]["used"]["pods"]
            self.patch(path, {"spec": {"hard": {"pods": used}}})
            self.wait_until("the quota", lambda: self.api.get(path)["status"]["hard"]["pods"] == used)
            self.patch(scale, {"spec": {"replicas": 3}})

        labels = {"app": "root"}
        with self.planted(("pods.admission-denied", f"Deployment {NAMESPACE}/root"), evidence=("violates PodSecurity", "securityContext"),
                          heal=lambda: self.delete(f"{APPS}/deployments/root")):
            self.api.call("POST", f"{APPS}/deployments", {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "root"},
                "spec": {"selector": {"matchLabels": labels}, "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{**CONTAINER, "securityContext": {"allowPrivilegeEscalation": True}}]}}}})

    def test_04_the_database(self):
        service = f"{CORE}/services/pgbouncer"
        right = self.api.get(service)["spec"]["selector"]
        with self.planted(("database.service-without-endpoints", f"Service {NAMESPACE}/pgbouncer"),
                          evidence=("app.kubernetes.io/name=pgbuoncer", "carry app.kubernetes.io/name=pgbouncer"),
                          heal=lambda: self.patch(service, {"spec": {"selector": right}})):
            self.patch(service, {"spec": {"selector": {"app.kubernetes.io/name": "pgbuoncer"}}})

        policy = self.api.get(f"{NET}/networkpolicies/pgbouncer")
        with self.planted(("database.network-policy-blocks", f"{BACKEND} to Deployment {NAMESPACE}/pgbouncer port 5432"),
                          ("database.network-policy-blocks",
                           f"Deployment {NAMESPACE}/pgbouncer to StatefulSet {NAMESPACE}/postgresql-primary port 5432"),
                          evidence=("no policy lets it in", "no policy lets it out"), heal=lambda: self.again(policy, f"{NET}/networkpolicies")):
            self.delete(f"{NET}/networkpolicies/pgbouncer")

        primary, label = f"{CORE}/pods/postgresql-primary-0", "nautilus.trading.com/postgresql-role"
        with self.planted(("database.no-primary", f"PostgreSQL {NAMESPACE} (1 members)"),
                          ("database.service-without-endpoints", f"Service {NAMESPACE}/postgresql-primary"),
                          ("database.service-without-endpoints", f"Service {NAMESPACE}/postgresql-replica"), evidence=("patronictl list",),
                          heal=lambda: self.patch(primary, {"metadata": {"labels": {label: "primary"}}})):
            self.patch(primary, {"metadata": {"labels": {label: None}}})

        scale = f"{APPS}/deployments/pgbouncer/scale"
        had = self.api.get(scale)["spec"]["replicas"]
        with self.planted(("database.pgbouncer-down", f"Deployment {NAMESPACE}/pgbouncer"),
                          ("database.service-without-endpoints", f"Service {NAMESPACE}/pgbouncer"), evidence=("scaled to 0",),
                          heal=lambda: self.patch(scale, {"spec": {"replicas": had}})):
            self.patch(scale, {"spec": {"replicas": 0}})

    def test_05_the_websocket(self):
        path = f"{NET}/ingresses/nautilus-websocket"
        before = self.api.get(path)

        def heal():
            self.patch(path, {"spec": {"rules": before["spec"]["rules"]}, "metadata": {"annotations": before["metadata"]["annotations"]}})
        with self.planted(("websocket.ingress-without-backend", f"Ingress {NAMESPACE}/nautilus-websocket"),
                          evidence=("nautilus-websockets, which does not exist",), heal=heal):
            rules = copy.deepcopy(before["spec"]["rules"])
            rules[0]["http"]["paths"][0]["backend"]["service"]["name"] = "nautilus-websockets"
            self.patch(path, {"spec": {"rules": rules}})
        with self.planted(("websocket.idle-timeout", f"Ingress {NAMESPACE}/nautilus-websocket"), evidence=("proxy-read-timeout 60s",), heal=heal):
            self.patch(path, {"metadata": {"annotations": {"nginx.org/proxy-read-timeout": "60s"}}})

    def test_06_autoscaling(self):
        def scaler(resource):
            self.api.call("POST", HPA, {
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "planted"},
                "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nautilus-backend"},
                         "minReplicas": 2, "maxReplicas": 3, "metrics": [{"type": "Resource", "resource": {
                             "name": resource, "target": {"type": "Utilization", "averageUtilization": 60}}}]}})

        def heal():
            self.delete(f"{HPA}/planted")
        none = ("autoscaling.no-metrics-api", "API metrics.k8s.io")
        with self.planted(none, evidence=("needed by HorizontalPodAutoscaler planted", "metrics-server"), heal=heal):
            scaler("cpu")
        with self.planted(none, ("autoscaling.missing-requests", BACKEND), evidence=("requests no hugepages-2Mi",), heal=heal):
            scaler("hugepages-2Mi")
        quota = self.api.get(f"{CORE}/resourcequotas")["items"][0]["metadata"]["name"]
        with self.planted(none, ("autoscaling.quota-too-small", f"ResourceQuota {NAMESPACE}/{quota}"), evidence=("planted 2 to 300",), heal=heal):
            scaler("cpu")
            self.patch(f"{HPA}/planted", {"spec": {"maxReplicas": 300}})
        with self.planted(none, ("autoscaling.target-missing", f"HorizontalPodAutoscaler {NAMESPACE}/planted"), evidence=("does not exist",), heal=heal):
            scaler("cpu")
            self.patch(f"{HPA}/planted", {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"}}})

    def test_07_certificates(self):
        path = f"{CORE}/secrets/nautilus-tls"
        good = self.api.get(path)
        crt, key = certificate(self.directory, -1)
        with self.planted(("certificates.expiring", f"Secret {NAMESPACE}/nautilus-tls"), evidence=("expired",),
                          heal=lambda: self.patch(path, {"data": good["data"]})):
            self.patch(path, {"data": {"tls.crt": base64.b64encode(crt).decode(), "tls.key": base64.b64encode(key).decode()}})
        ingresses = [f"Ingress {NAMESPACE}/{i['metadata']['name']}" for i in self.api.get(f"{NET}/ingresses")["items"]]
        with self.planted(("certificates.missing", ingresses[0]), evidence=("nautilus-tls does not exist",),
                          heal=lambda: self.again(good, f"{CORE}/secrets")):
            self.delete(path)

    def test_08_the_cluster(self):
        hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        with self.planted(("webhook.unreachable", "ValidatingWebhookConfiguration planted"), evidence=("does not exist; failurePolicy Fail",),
                          heal=lambda: self.delete(f"{hooks}/planted")):
            self.api.call("POST", hooks, {
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "planted"},
                "webhooks": [{"name": "planted.nautilus.example", "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                              "clientConfig": {"service": {"namespace": "gone", "name": "gone"}},
                              "rules": [{"apiGroups": ["nobody.example"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"]}]}]})

        services = "/apis/apiregistration.k8s.io/v1/apiservices"
        with self.planted(("cluster.api-unavailable", "APIService v1.nobody.example"), evidence=("ServiceNotFound",),
                          heal=lambda: self.delete(f"{services}/v1.nobody.example")):
            self.api.call("POST", services, {
                "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.nobody.example"},
                "spec": {"group": "nobody.example", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
                         "insecureSkipTLSVerify": True, "service": {"namespace": "gone", "name": "gone"}}})

        with self.planted(("nodes.not-ready", "Node lost"), evidence=("Ready is",), heal=lambda: self.delete("/api/v1/nodes/lost")):
            self.api.call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "lost"},
                                                    "spec": {"unschedulable": True}})
            self.patch("/api/v1/nodes/lost/status", {"status": {"conditions": [
                {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "planted",
                 "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})

        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self.planted(("events.warnings", f"Service {NAMESPACE}/nautilus-frontend"), evidence=("Odd: it hums (5 times",),
                          heal=lambda: self.delete(f"{CORE}/events/planted")):
            self.api.call("POST", f"{CORE}/events", {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "planted"}, "type": "Warning", "reason": "Odd", "message": "it hums",
                "count": 5, "firstTimestamp": now, "lastTimestamp": now,
                "involvedObject": {"apiVersion": "v1", "kind": "Service", "namespace": NAMESPACE, "name": "nautilus-frontend"}})

    def test_09_what_may_not_be_read_is_not_ok(self):
        nobody = self.directory / "cluster" / "kubeconfig-nobody"
        everything = {check["id"] for check in self.doctor()[1]["checks"]}
        code, report = self.doctor(kubeconfig=nobody)
        self.assertEqual(code, PARTLY)
        blind = {c["id"] for c in report["checks"] if c["state"] == "could-not-check"}
        addons = {c["id"] for c in report["checks"] if c["state"] == "not-applicable"}
        self.assertEqual(blind | addons, everything, "without any right nothing is ok")
        self.assertIn("may not list", json.dumps(report))

        def allow(kind, namespace, resources):
            path = "/apis/rbac.authorization.k8s.io/v1" + (f"/namespaces/{namespace}" if namespace else "")
            role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "planted"},
                    "rules": [{"apiGroups": ["*"], "resources": resources, "verbs": ["list"]}]}
            binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": f"{kind}Binding", "metadata": {"name": "planted"},
                       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "planted"},
                       "subjects": [{"kind": "User", "name": "nobody", "apiGroup": "rbac.authorization.k8s.io"}]}
            self.api.call("POST", f"{path}/{kind.lower()}s", role)
            self.api.call("POST", f"{path}/{kind.lower()}bindings", binding)

        # Everything of the namespace but Secrets, and nothing of the cluster.
        allow("Role", NAMESPACE, ["pods", "services", "events", "configmaps", "persistentvolumeclaims", "resourcequotas", "limitranges",
                                  "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "horizontalpodautoscalers",
                                  "networkpolicies", "ingresses", "endpointslices"])
        deadline = time.monotonic() + SECONDS
        while True:
            code, report = self.doctor(kubeconfig=nobody)
            states = {c["id"]: c["state"] for c in report["checks"]}
            if states["pods.image-pull"] == "ok" or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self.assertEqual(code, PARTLY)
        self.assertEqual({name for name, state in states.items() if state == "could-not-check"},
                         {"nodes.not-ready", "nodes.pressure", "cluster.api-unavailable", "pods.missing-config", "certificates.expiring",
                          "certificates.missing", "webhook.unreachable"})
        crash = next(c for c in report["checks"] if c["id"] == "pods.crash-loop")
        self.assertIn(f"Pods of the namespace {NAMESPACE} only", " ".join(crash["notes"]))
        secrets = next(c for c in report["checks"] if c["id"] == "pods.missing-config")
        self.assertIn("may not list secrets", json.dumps(secrets["couldNot"]))

    def test_10_for_people_and_for_ci(self):
        text = self.tool("doctor", "--env", "dev", "--verbose").stdout
        self.assertRegex(text, r"0 failed, 0 warned, 0 could not be checked, \d+ ok, \d+ not applicable\n$")
        self.assertIn("  ok               pods.crash-loop", text)
        file = self.directory / "doctor.xml"
        self.tool("doctor", "--env", "dev", "--junit", str(file), "database")
        root = ElementTree.parse(file).getroot()
        self.assertEqual((root.get("failures"), root.get("errors")), ("0", "0"))
        self.assertGreaterEqual(int(root.get("tests")), 5)

    def test_11_a_volume_that_nobody_makes(self):
        """kwok binds every claim that names a storage class. The minute that a claim has to be bound is waited for."""
        claim = f"{CORE}/persistentvolumeclaims/spare"
        with self.planted(("pods.pvc-unbound", f"PersistentVolumeClaim {NAMESPACE}/spare"),
                          evidence=("phase Pending",), heal=lambda: self.delete(claim)):
            self.api.call("POST", f"{CORE}/persistentvolumeclaims", {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "spare"},
                "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}})


if __name__ == "__main__":
    harness.main()
