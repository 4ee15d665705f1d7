#!/usr/bin/env python3
"""What a real API server may say no with: quota, admission policy, webhook, immutable field, certificates.

Each must end as one clear error that names the object and the way out, and leave the cluster as it was or resumable.
"""
import base64
import http.server
import json
import re
import ssl
import subprocess
import threading

import harness
from harness import DONE, ERROR, NAMESPACE, UNREACHABLE, ClusterCase, control_plane


class Denier(http.server.BaseHTTPRequestHandler):
    """An admission webhook that denies whatever it is asked."""
    asked = 0

    def do_POST(self):
        type(self).asked += 1
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": {
            "uid": review["request"]["uid"], "allowed": False, "status": {"message": "ask the change board first"}}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Refusals(ClusterCase):
    environment_name = "dev"

    def deploy(self, *more, **options):
        return self.tool("deploy", "--env", self.environment_name, "--yes", "--timeout", "2m", *more, **options)

    def serve_tls(self, handler, certificate, key):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_address[1]

    @property
    def pki(self):
        return self.directory / "cluster" / "pki"

    def webhook(self, port, kind="configmaps"):
        self.api.call("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "board"},
            "webhooks": [{"name": "board.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                          "failurePolicy": "Fail", "timeoutSeconds": 5,
                          "matchConditions": [{"name": "ours", "expression": "request.name == 'nautilus-backend-config'"}],
                          "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": base64.b64encode((self.pki / "ca.crt").read_bytes()).decode()},
                          "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": [kind], "operations": ["*"]}]}]})
        self.addCleanup(self.api.call, "DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/board")

    def in_force(self):
        """True if the webhook stands in the way of a change of the backend's ConfigMap."""
        status, _ = self.api.raw("PATCH", f"/api/v1/namespaces/{NAMESPACE}/configmaps/nautilus-backend-config?dryRun=All",
                                 {"metadata": {"labels": {"x": "y"}}}, "application/merge-patch+json")
        return status != 200

    def refused(self, *words, expect=ERROR, arguments=("--set", "backend.logLevel=error"), **options):
        done = self.deploy(*arguments, expect=expect, **options)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertLess(len(done.stderr), 6000, "one clear error, not a page")
        self.assertTrue(self.holds_no_lock())
        return done

    def test_00_deployed(self):
        self.deploy()

    def test_01_quota(self):
        pods = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"
        self.api.call("POST", pods, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"},
                                     "spec": {"hard": {"count/services": "1"}}})
        self.addCleanup(self.api.call, "DELETE", pods + "/tight")
        self.wait_until("the quota counts", lambda: self.api.get(pods + "/tight").get("status", {}).get("used"), 60)
        self.api.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/services/nautilus-backend")
        self.refused("exceeded quota: tight", "nautilus-backend", "Raise the ResourceQuota tight", arguments=())

    def test_02_after_it_the_same_command_finishes(self):
        self.deploy()

    def test_03_admission_policy(self):
        group = "/apis/admissionregistration.k8s.io/v1/"
        self.api.call("POST", group + "validatingadmissionpolicies", {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "freeze"},
            "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["UPDATE"]}]},
                "validations": [{"expression": "object.metadata.name != 'nautilus-backend'", "message": "frozen until Monday"}]}})
        self.addCleanup(self.api.call, "DELETE", group + "validatingadmissionpolicies/freeze")
        self.api.call("POST", group + "validatingadmissionpolicybindings", {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "freeze"},
            "spec": {"policyName": "freeze", "validationActions": ["Deny"]}})
        self.addCleanup(self.api.call, "DELETE", group + "validatingadmissionpolicybindings/freeze")
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/nautilus-backend?dryRun=All"

        def in_force():
            status, body = self.api.raw("PATCH", path, {"metadata": {"labels": {"x": "y"}}}, "application/merge-patch+json")
            return status != 200 and b"frozen until Monday" in body
        self.wait_until("the policy takes hold", in_force, 60)
        self.refused("frozen until Monday", "nautilus-backend", "ValidatingAdmissionPolicy freeze",
                     arguments=("--set", "backend.image.tag=0.9.9"))
        self.doCleanups()
        self.wait_until("the policy is gone", lambda: not in_force(), 60)

    def test_04_webhook_denial(self):
        control_plane.make_certificate(self.pki, "webhook", "/CN=webhook", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        port = self.serve_tls(Denier, self.pki / "webhook.crt", self.pki / "webhook.key")
        self.webhook(port, "configmaps")
        self.wait_until("the webhook is called", self.in_force, 60)
        self.refused("ask the change board first", "board.example.com")
        self.assertGreater(Denier.asked, 0)
        self.doCleanups()
        self.wait_until("the webhook is gone", lambda: not self.in_force(), 60)

    def test_05_webhook_that_does_not_answer(self):
        self.webhook(1, "configmaps")
        self.wait_until("the webhook is called", self.in_force, 60)
        self.refused("board.example.com", "does not answer: check its Service and pods")
        self.doCleanups()
        self.wait_until("the webhook is gone", lambda: not self.in_force(), 60)

    def test_06_immutable_field(self):
        done = self.refused("postgresql-primary", "volumeClaimTemplates", arguments=("--set", "postgresql.storage.size=77Gi"))
        self.assertIn("--cascade=orphan", done.stderr)
        self.assertLess(len(done.stderr), 1200)

    def test_07_still_the_same_cluster(self):
        done = self.tool("diff", "--env", self.environment_name, expect=DONE)
        self.assertEqual(self.not_ready(), [], done.stdout)

    def config(self, name, edit):
        config = json.loads(self.kubeconfig.read_text())
        edit(config)
        path = self.directory / name
        path.write_text(json.dumps(config))
        return path

    def expired(self, name, subject, extensions):
        control_plane.make_key(self.pki / f"{name}.key")
        (self.pki / f"{name}.ext").write_text(extensions)
        control_plane.openssl("req", "-new", "-key", self.pki / f"{name}.key", "-subj", subject, "-out", self.pki / f"{name}.csr")
        control_plane.openssl("x509", "-req", "-in", self.pki / f"{name}.csr", "-CA", self.pki / "ca.crt", "-CAkey", self.pki / "ca.key",
                              "-CAcreateserial", "-days", "-1", "-extfile", self.pki / f"{name}.ext", "-out", self.pki / f"{name}.crt")

    def test_08_expired_client_certificate(self):
        self.expired("late", "/O=system:masters/CN=late", "extendedKeyUsage=clientAuth\n")

        def edit(config):
            for key in ("certificate", "key"):
                suffix = "crt" if key == "certificate" else "key"
                config["users"][0]["user"][f"client-{key}-data"] = base64.b64encode((self.pki / f"late.{suffix}").read_bytes()).decode()
        done = self.deploy(kubeconfig=self.config("late", edit), expect=ERROR)
        self.assertRegex(done.stderr, r"certificate.*expired|expired.*certificate")

    def test_09_expired_server_certificate(self):
        self.expired("stale", "/CN=kube-apiserver", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        port = self.serve_tls(Denier, self.pki / "stale.crt", self.pki / "stale.key")

        def edit(config):
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        done = self.deploy(kubeconfig=self.config("stale", edit), expect=UNREACHABLE)
        self.assertRegex(done.stderr, r"certificate.*expired")

    def test_10_wrong_authority(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=other", "-days", "1",
                        "-out", str(self.directory / "other.crt")], check=True, capture_output=True)

        def edit(config):
            config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode((self.directory / "other.crt").read_bytes()).decode()
        done = self.deploy(kubeconfig=self.config("other", edit), expect=UNREACHABLE)
        self.assertRegex(done.stderr, r"certificate")
        self.assertTrue(re.search("certificate-authority", done.stderr), done.stderr)


if __name__ == "__main__":
    harness.main()
