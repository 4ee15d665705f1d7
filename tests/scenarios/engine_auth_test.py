"""Who gets in and who does not: tokens of every algorithm, client certificates, and the rotation of both."""
import hmac
import json
import os
import ssl
import subprocess
import tempfile
import time
import unittest

from engine_client import Closed, Demo, WebSocket
from engine_session_test import b64, eventually

SECRET = b"0123456789abcdef0123456789abcdef"
PRINCIPALS = """principals:
- {name: desk, accounts: [alice], permissions: [trade], certificates: ["CN=desk-a,O=Desk"]}
- {name: viewer, accounts: ["*"], permissions: [read]}
"""


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="nautilus-auth-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.credentials = cls.path("credentials.yaml")
        cls.addresses = iter(range(2, 250))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def openssl(cls, *arguments, data=None):
        done = subprocess.run(["openssl", *arguments], cwd=cls.folder.name, input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name) + ".new", "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())
        os.replace(cls.path(name) + ".new", cls.path(name))

    def connect(self, demo, **how):
        """From an address that has not failed yet: ten failures and it would not be listened to."""
        client = WebSocket(demo.port, source=f"127.0.1.{next(self.addresses)}", **how)
        self.addCleanup(client.close)
        return client


class Tokens(Folder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("rsa", "rsa2"):
            cls.openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", name + ".key")
        for name in ("ed", "ed2"):
            cls.openssl("genpkey", "-algorithm", "ED25519", "-out", name + ".key")
        for name in ("rsa", "rsa2", "ed", "ed2"):
            cls.openssl("pkey", "-in", name + ".key", "-pubout", "-out", name + ".pem")
        cls.write("hs.key", SECRET)
        with open(cls.path("rsa.pem"), "rb") as file:
            cls.rsa_pem = file.read()
        cls.rsa_der = cls.openssl("pkey", "-pubin", "-in", "rsa.pem", "-outform", "DER")

    def configure(self, *kids, skew=30):
        known = {"r": ("RS256", "rsa.pem"), "r2": ("RS256", "rsa2.pem"), "e": ("EdDSA", "ed.pem"), "h": ("HS256", "hs.key")}
        keys = ", ".join(f"{{kid: {kid}, algorithm: {known[kid][0]}, file: {self.path(known[kid][1])}}}" for kid in kids)
        self.write("credentials.yaml", PRINCIPALS + f"tokens: {{issuer: iss, audience: aud, clock_skew_seconds: {skew}, max_life_seconds: 3600, keys: [{keys}]}}\n")

    def sign(self, how, signed):
        if how == "none":
            return b""
        if isinstance(how, bytes):
            return hmac.digest(how, signed, "sha256")
        self.write("signed", signed)
        if how.startswith("ed"):
            return self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", how + ".key", "-in", "signed")
        return self.openssl("dgst", "-sha256", "-sign", how + ".key", "signed")

    def token(self, how, algorithm, kid, claims=None, header=None):
        now = int(time.time())
        good = {"iss": "iss", "aud": "aud", "sub": "desk", "nbf": now - 5, "exp": now + 600}
        all_claims = {key: value for key, value in {**good, **(claims or {})}.items() if value is not None}
        all_header = {key: value for key, value in {"alg": algorithm, "kid": kid, **(header or {})}.items() if value is not None}
        signed = b64(json.dumps(all_header).encode()) + "." + b64(json.dumps(all_claims).encode())
        return signed + "." + b64(self.sign(how, signed.encode()))

    def taken(self, demo, token):
        return self.connect(demo).logon(token=token)

    def refused(self, demo, token):
        client = self.connect(demo)
        client.send({"type": "logon", "token": token})
        answer = client.read()
        self.assertEqual((answer["type"], answer.get("code")), ("error", "unauthorized"))
        self.assertEqual(client.expect_close(), 4001)

    def test_what_is_right_is_taken(self):
        now = int(time.time())
        self.configure("r", "e", "h")
        with Demo(credentials=self.credentials) as demo:
            for how, algorithm, kid in (("rsa", "RS256", "r"), ("ed", "EdDSA", "e"), (SECRET, "HS256", "h")):
                for claims in ({}, {"aud": ["other", "aud"]}, {"exp": now - 10, "nbf": now - 60}, {"nbf": now + 10, "exp": now + 60}, {"exp": now + 60.5}):
                    with self.subTest(algorithm, **claims):
                        self.assertEqual(self.taken(demo, self.token(how, algorithm, kid, claims))["principal"], "desk")
            good = self.token("rsa", "RS256", "r")
            self.assertEqual(self.connect(demo, headers={"Authorization": "Bearer " + good}).logon()["principal"], "desk")
            self.assertEqual(demo.http("GET", "/v1/positions?account=alice", headers={"Authorization": "Bearer " + good})[0], 200)
            viewer = self.token("ed", "EdDSA", "e", {"sub": "viewer"})
            order = {"account": "alice", "client_id": "v", "symbol": "ACME", "side": "buy", "order_type": "limit", "price": "1.00", "quantity": "1"}
            self.assertEqual(demo.http("POST", "/v1/orders", order, {"Authorization": "Bearer " + viewer})[0], 403)

    def test_what_is_wrong_is_refused(self):
        now = int(time.time())
        self.configure("r", "e", "h")
        good = self.token("rsa", "RS256", "r")
        head, body, signature = good.split(".")
        flipped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
        ed = self.token("ed", "EdDSA", "e")
        ed_flipped = ed[:-10] + ("A" if ed[-10] != "A" else "B") + ed[-9:]
        other_body = b64(json.dumps({"iss": "iss", "aud": "aud", "sub": "viewer", "nbf": now, "exp": now + 60}).encode())
        cases = {
            "alg none": self.token("none", "none", "r"), "alg none, signed": self.token("rsa", "none", "r"),
            "alg None": self.token("none", "None", "r"), "no alg": self.token("rsa", None, "r"), "alg null": self.token("rsa", "RS256", "r", header={"alg": 5}),
            "HS256 with the RSA public key as PEM": self.token(self.rsa_pem, "HS256", "r"),
            "HS256 with the RSA public key as DER": self.token(self.rsa_der, "HS256", "r"),
            "RS256 that is an HMAC of the public key": self.token(self.rsa_pem, "RS256", "r"),
            "HS256 of the secret under the RSA kid": self.token(SECRET, "HS256", "r"),
            "RS256 under the HMAC kid": self.token("rsa", "RS256", "h"), "RS256 under the EdDSA kid": self.token("rsa", "RS256", "e"),
            "EdDSA under the RSA kid": self.token("ed", "EdDSA", "r"), "EdDSA that is RSA": self.token("rsa", "EdDSA", "e"),
            "RS384 by name": self.token("rsa", "RS384", "r"), "PS256 by name": self.token("rsa", "PS256", "r"), "rs256": self.token("rsa", "rs256", "r"),
            "another RSA key": self.token("rsa2", "RS256", "r"), "another Ed25519 key": self.token("ed2", "EdDSA", "e"),
            "a key of its own in the header": self.token("rsa2", "RS256", "r", header={"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "jku": "https://evil.example/"}),
            "unknown kid": self.token("rsa", "RS256", "q"), "no kid": self.token("rsa", "RS256", None), "a kid that is a path": self.token("rsa", "RS256", "../rsa.pem"),
            "a critical header": self.token("rsa", "RS256", "r", header={"crit": ["exp"]}),
            "expired": self.token("rsa", "RS256", "r", {"exp": now - 100}), "expired, Ed25519": self.token("ed", "EdDSA", "e", {"exp": now - 100}),
            "no exp": self.token("rsa", "RS256", "r", {"exp": None}), "exp as text": self.token("rsa", "RS256", "r", {"exp": str(now + 60)}),
            "not yet": self.token("rsa", "RS256", "r", {"nbf": now + 100}), "no nbf": self.token("ed", "EdDSA", "e", {"nbf": None}),
            "too long a life": self.token("rsa", "RS256", "r", {"exp": now + 4000}),
            "another audience": self.token("rsa", "RS256", "r", {"aud": "other"}), "other audiences": self.token("rsa", "RS256", "r", {"aud": ["a", "audx"]}),
            "no audience": self.token("ed", "EdDSA", "e", {"aud": None}), "another issuer": self.token("rsa", "RS256", "r", {"iss": "issx"}),
            "no issuer": self.token("ed", "EdDSA", "e", {"iss": None}), "nobody we know": self.token("rsa", "RS256", "r", {"sub": "boss"}),
            "no subject": self.token("ed", "EdDSA", "e", {"sub": None}),
            "a signature with one letter changed": f"{head}.{body}.{flipped}", "an Ed25519 signature with one letter changed": ed_flipped,
            "other claims under a good signature": f"{head}.{other_body}.{signature}", "no signature": f"{head}.{body}.", "two parts": f"{head}.{body}",
            "four parts": good + ".x", "padded": good + "=", "a blank": " " + good, "nothing": "..",
        }
        with Demo(credentials=self.credentials) as demo:
            for name, token in cases.items():
                with self.subTest(name):
                    self.refused(demo, token)
            self.taken(demo, good)
            self.assertEqual(demo.http("GET", "/v1/status", headers={"Authorization": "Bearer " + cases["alg none"]})[0], 401)

    def test_a_session_ends_with_its_token(self):
        self.configure("e", skew=0)
        with Demo(credentials=self.credentials) as demo:
            client = self.connect(demo)
            ends = int(time.time()) + 3
            client.logon(token=self.token("ed", "EdDSA", "e", {"exp": ends}))
            self.assertEqual(client.expect_close(), 4001)
            self.assertGreaterEqual(time.time(), ends)

    def test_a_new_signing_key_comes_and_the_old_one_goes(self):
        self.configure("r")
        with Demo(credentials=self.credentials) as demo:
            old = self.connect(demo)
            old.logon(token=self.token("rsa", "RS256", "r"))
            self.refused(demo, self.token("rsa2", "RS256", "r2"))
            self.configure("r", "r2")  # the grace: both are good

            def takes(how, kid):
                client = self.connect(demo)
                client.send({"type": "logon", "token": self.token(how, "RS256", kid)})
                return client.read()["type"] == "logged_on"
            eventually(lambda: takes("rsa2", "r2"))
            self.assertTrue(takes("rsa", "r"))
            old.order("still")
            old.report("accepted", "still")
            self.configure("r2")
            self.assertEqual(old.expect_close(), 4001)
            self.refused(demo, self.token("rsa", "RS256", "r"))
            self.assertTrue(takes("rsa2", "r2"))


class ClientCertificates(Folder):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority("ca", "Desk CA")
        cls.authority("evil", "Desk CA")  # the same name, another key
        cls.authority("next", "Next CA")
        cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.pem")
        cls.issue("desk", "ca", "/O=Desk/CN=desk-a")
        cls.issue("stranger", "ca", "/O=Desk/CN=desk-b")
        cls.issue("forged", "evil", "/O=Desk/CN=desk-a")
        cls.issue("renewed", "next", "/O=Desk/CN=desk-a")
        cls.issue("expired", "ca", "/O=Desk/CN=desk-a", days="0")
        cls.issue("for-servers", "ca", "/O=Desk/CN=desk-a", usage="serverAuth")
        cls.openssl("req", "-x509", "-key", "forged.key", "-days", "2", "-subj", "/O=Desk/CN=desk-a", "-out", "self.pem")

    @classmethod
    def authority(cls, name, subject):
        cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={subject}", "-keyout", name + ".key",
                    "-out", name + ".pem")

    @classmethod
    def issue(cls, name, authority, subject, days="2", usage="clientAuth"):
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", name + ".key", "-out", name + ".csr")
        cls.write("extensions", f"extendedKeyUsage={usage}\n")
        cls.openssl("x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key", "-CAcreateserial", "-days", days, "-extfile", "extensions",
                    "-out", name + ".pem")

    def demo(self, **more):
        self.write("credentials.yaml", PRINCIPALS)
        return Demo(credentials=self.credentials, certificate=self.path("server.pem"), key=self.path("server.key"), client_ca=self.path("trusted.pem"), **more)

    def trust(self, *authorities):
        text = b""
        for name in authorities:
            with open(self.path(name + ".pem"), "rb") as file:
                text += file.read()
        self.write("trusted.pem", text)

    def tls(self, certificate=None, key=None):
        made = ssl.create_default_context(cafile=self.path("server.pem"))
        if certificate:
            made.load_cert_chain(self.path(certificate + ".pem"), self.path((key or certificate) + ".key"))
        return made

    def gets_in(self, demo, *certificate):
        """Whether the handshake is completed: the upgrade is answered."""
        try:
            client = self.connect(demo, tls=self.tls(*certificate))
        except (ssl.SSLError, ConnectionError, Closed):
            return False
        self.assertEqual(client.status, 101)
        return True

    def test_where_one_is_required(self):
        self.trust("ca")
        with self.demo(require_client_certificate=True) as demo:
            for certificate in ((), ("forged",), ("self", "forged"), ("expired",), ("for-servers",), ("renewed",)):
                with self.subTest(certificate):
                    self.assertFalse(self.gets_in(demo, *certificate))
            desk = self.connect(demo, tls=self.tls("desk"))
            answer = desk.logon()
            self.assertEqual((answer["principal"], [a["account"] for a in answer["accounts"]]), ("desk", ["alice"]))
            desk.order("mine")
            desk.report("accepted", "mine")
            desk.order("theirs", account="bob")
            self.assertEqual(desk.expect("error")["code"], "unknown_account")
            nobody = self.connect(demo, tls=self.tls("stranger"))  # ours, but nobody's
            nobody.send({"type": "logon"})
            self.assertEqual(nobody.read()["code"], "unauthorized")
            self.assertEqual(nobody.expect_close(), 4001)

    def test_where_one_is_welcome(self):
        self.trust("ca")
        with self.demo() as demo:
            self.assertEqual(self.connect(demo, tls=self.tls("desk")).logon()["principal"], "desk")
            self.assertFalse(self.gets_in(demo, "forged"))
            nobody = self.connect(demo, tls=self.tls())
            nobody.send({"type": "logon"})
            self.assertEqual(nobody.read()["code"], "unauthorized")

    def test_a_new_authority_comes_and_the_old_one_goes(self):
        self.trust("ca")
        with self.demo(require_client_certificate=True) as demo:
            self.assertFalse(self.gets_in(demo, "renewed"))
            self.trust("ca", "next")  # the grace: both are good
            eventually(lambda: self.gets_in(demo, "renewed"))
            self.assertTrue(self.gets_in(demo, "desk"))
            self.assertEqual(self.connect(demo, tls=self.tls("renewed")).logon()["principal"], "desk")
            self.trust("next")
            eventually(lambda: not self.gets_in(demo, "desk"))
            self.assertTrue(self.gets_in(demo, "renewed"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
