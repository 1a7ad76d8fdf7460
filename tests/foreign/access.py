"""What an agency needs to reach a hub: keys, tokens, channels; and an identity provider that speaks for some."""

import base64
import datetime
import hashlib
import http.server
import json
import ssl
import threading
import tomllib
import uuid

import grpc
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Provider:
    """An identity provider that speaks for one school, its keys in a file or behind an address."""

    def __init__(self, folder, kind):
        self.name = f"https://login-{kind}.example"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.jwks = folder / f"{kind}.jwks.json"
        self.publish("p1")
        self.settings = f'\n[[identity.issuers]]\nissuer = "{self.name}"\nagencies = ["old-school"]\n'
        if kind == "file":
            self.settings += f'jwks_file = "{self.jwks.name}"\n'
            return
        certificate, private = self_made(host="localhost")
        pem = folder / "login.pem"
        pem.write_bytes(certificate + private)
        jwks = self.jwks

        class Answer(http.server.BaseHTTPRequestHandler):
            """Serves the key set and nothing else."""

            def do_GET(self):
                """The set."""
                body = jwks.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Quiet."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (folder / "login.crt").write_bytes(certificate)
        url = f"https://localhost:{server.server_address[1]}/jwks.json"
        self.settings += f'jwks_url = "{url}"\njwks_authorities = "login.crt"\n'

    def publish(self, kid):
        """Writes the key set with the key under this name."""
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        self.jwks.write_text(json.dumps({"keys": [{**key, "kid": kid, "use": "sig", "alg": "ES256"}]}))


class Access:
    """What an agency needs to reach the hub, each part of which a test may spoil."""

    def __init__(self, hub, folder):
        self.hub = hub
        self.profile = tomllib.loads((folder / "client.toml").read_text())
        self.certificate = (folder / "client.crt").read_bytes()
        self.key = (folder / "client.key").read_bytes()
        self.token_key = (folder / "token.key").read_bytes()
        self.root = (folder / "hub-authority.crt").read_bytes()

    def thumbprint(self):
        """RFC 8705 x5t#S256 of the certificate."""
        der = x509.load_pem_x509_certificate(self.certificate).public_bytes(serialization.Encoding.DER)
        return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()

    def token(self, algorithm="ES256", key=None, kid=None, **changes):
        """A token, with any claim changed or (None) left out."""
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        settings = self.profile["token"]
        claims = {
            "iss": self.profile["agency"],
            "sub": settings["subject"],
            "aud": settings["audience"],
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
            "role": settings["role"],
            "cnf": {"x5t#S256": self.thumbprint()},
        }
        claims.update(changes)
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": kid or settings["key_id"]}
        return jwt.encode(claims, self.token_key if key is None else key, algorithm=algorithm, headers=headers)

    def channel(self, token="", certificate=True):
        """A channel with mutual TLS, unless told otherwise, and a token on every call, unless told otherwise."""
        pair = {"private_key": self.key, "certificate_chain": self.certificate} if certificate else {}
        credentials = grpc.ssl_channel_credentials(self.root, **pair)
        token = self.token() if token == "" else token
        if token is not None:
            bearer = grpc.access_token_call_credentials(token)
            credentials = grpc.composite_channel_credentials(credentials, bearer)
        # Sessions must not share a connection: each has a certificate of its own.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        return grpc.secure_channel(self.hub.address, credentials, options)


def self_made(issuer_key=None, issuer=None, host=None):
    """A client certificate (or a host's), PEM with its key: from the given authority, or one that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    names = x509.SubjectAlternativeName([x509.DNSName(host or "stranger.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(names, critical=False)
        .sign(issuer_key or key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private
