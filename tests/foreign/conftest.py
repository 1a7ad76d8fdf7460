"""A hub of its own for the foreign clients: made, filled with agencies and run by the binary under test."""

import base64
import datetime
import hashlib
import http.server
import importlib
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import tomllib
import uuid

import grpc
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from grpc_status import rpc_status

# Their assertions say what was compared, like those of the tests.
pytest.register_assert_rewrite("law", "casework")
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
SAMPLE = ROOT / "crates/ctf/tests/samples/9991001_CTF_9984001_001.xml"


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Compiles proto/ with grpcio-tools, as a vendor would."""
    out = tmp_path_factory.mktemp("generated")
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTO)]
    subprocess.run([*command, f"--python_out={out}", f"--grpc_python_out={out}", *protos], check=True)
    sys.path.insert(0, str(out))
    return out


@pytest.fixture(scope="session")
def api(generated):
    """The generated modules by short name."""

    class Api:
        """Modules as attributes."""

    areas = ("transfer", "mailbox", "directory", "audit", "pupil", "assessment", "review", "servicechild", "rights")
    for area in (*areas, "notice", "attachment", "clock", "policy"):
        setattr(Api, area, importlib.import_module(f"sendhub.{area}.v1.{area}_pb2"))
        setattr(Api, f"{area}_grpc", importlib.import_module(f"sendhub.{area}.v1.{area}_pb2_grpc"))
    Api.record = importlib.import_module("sendhub.transfer.v1.record_pb2")
    Api.reason = importlib.import_module("sendhub.errors.v1.reason_pb2")
    Api.types = importlib.import_module("sendhub.types.v1.types_pb2")
    Api.types_disclosure = importlib.import_module("sendhub.types.v1.disclosure_pb2")
    # Messages stand in files by noun: all of a package are found under its one name.
    for path in sorted(generated.rglob("*_pb2.py")):
        package = getattr(Api, path.parent.parent.name, None)
        if package is None:
            continue
        noun = importlib.import_module(".".join(path.relative_to(generated).with_suffix("").parts))
        for name in dir(noun):
            if not name.startswith("_") and not hasattr(package, name):
                setattr(package, name, getattr(noun, name))
    return Api


class Hub:
    """A running hub and the folder that it was made in."""

    def __init__(self, folder):
        self.folder = folder
        self.binary = os.environ.get("SENDHUB_BIN") or str(ROOT / "target/debug/sendhub")
        self.config = folder / "hub.toml"
        self.run("init", str(folder), "--name", "foreign.example", "--listen", "127.0.0.1:0")
        self.providers = [Provider(folder, "file"), Provider(folder, "https")]
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text + "".join(one.settings for one in self.providers), encoding="utf-8")
        self.prepare()
        self.start()

    def prepare(self):
        """The agencies, before the hub starts."""
        school = ["--kind", "MAINTAINED_SCHOOL"]
        self.add("old-school", *school, "--laestab", "9991001")
        self.add("new-school", *school, "--laestab", "9984001")
        self.add("other-school", *school, "--laestab", "9991002")
        self.add("shut-out", *school, "--laestab", "9991003")
        self.run("agency", "suspend", "--config", str(self.config), "shut-out")
        self.add("careless", *school, "--laestab", "9991004")
        keep = self.folder / "access/careless-old"
        (self.folder / "access/careless").rename(keep)
        rotate = ["agency", "rotate", "--config", str(self.config), "careless", "--revoke-old"]
        self.run(*rotate, "--out", str(self.folder / "access/careless"))

    def start(self):
        """Starts the binary and waits until it listens."""
        self.log = open(self.folder / "hub.log", "a", encoding="utf-8")
        command = [self.binary, "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        self.address = "localhost:" + re.search(r":(\d+)\s*$", line).group(1)

    def run(self, *arguments):
        """Runs a command of the binary; it must succeed."""
        return subprocess.run([self.binary, *arguments], check=True, capture_output=True, text=True).stdout

    def add(self, agency, *options):
        """Adds an agency with keys issued by the hub's authority."""
        command = ["agency", "add", "--config", str(self.config), "--id", agency, "--name", agency]
        self.run(*command, *options, "--out", str(self.folder / "access" / agency))

    def access(self, agency):
        """An agency's keys and settings."""
        return Access(self, self.folder / "access" / agency)

    def kill(self):
        """SIGKILL: nothing is finished, nothing is flushed."""
        self.process.kill()
        self.process.wait(timeout=60)
        self.log.close()

    def memory(self, field):
        """Resident memory of the hub in MiB, now (`VmRSS`) or at most so far (`VmHWM`)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.log.close()
        return code


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


def reason(error):
    """The reason in the `ErrorInfo` of a refused call."""
    from google.rpc import error_details_pb2

    for detail in rpc_status.from_call(error).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return None


def wrong_fields(error):
    """The fields in the `BadRequest` of a refused call."""
    from google.rpc import error_details_pb2

    for detail in rpc_status.from_call(error).details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            return sorted(violation.field for violation in bad.field_violations)
    return []


LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
TEXT = SAMPLE.read_text(encoding="utf-8")
BEFORE, AFTER = re.split("<UPN>[^<]+</UPN>", TEXT, maxsplit=1)
TAKEN = {name: re.search(f"<{name}>([^<]+)</{name}>", TEXT).group(1) for name in ("Surname", "Forename", "DOB")}


def upn(number):
    """A UPN with its check letter."""
    body = f"999{number:09d}"
    total = sum(int(digit) * place for place, digit in enumerate(body, start=2))
    return LETTERS[total % 23] + body


def record(api, pupil, request_id=None):
    """A transfer request for a pupil, from the sample file with another number."""
    request = api.transfer.SubmitTransferRequest()
    request.envelope.request_id = request_id or str(uuid.uuid4())
    subject = request.envelope.subject
    subject.surname, subject.forename = TAKEN["Surname"], TAKEN["Forename"]
    year, month, day = map(int, TAKEN["DOB"].split("-"))
    subject.date_of_birth.year, subject.date_of_birth.month, subject.date_of_birth.day = year, month, day
    subject.identifiers.add(system=api.types.IDENTIFIER_SYSTEM_UPN, value=upn(pupil))
    request.content.kind = api.record.TRANSFER_KIND_FULL
    request.content.destination.agency.laestab = "9984001"
    request.content.leaving_date.year, request.content.leaving_date.month = 2026, 7
    request.content.leaving_date.day = 17
    request.content.ctf.file_name = SAMPLE.name
    request.content.ctf.content = f"{BEFORE}<UPN>{upn(pupil)}</UPN>{AFTER}".encode()
    return request


def transfers(api, channel):
    """The transfer service."""
    return api.transfer_grpc.TransferServiceStub(channel)


def proven(place, vkey):
    """Whether a leaf stands in the tree of a signed checkpoint: RFC 9162 section 2.1.3.2 and a C2SP signed note."""
    name, _, key = vkey.split("+", 2)
    body, signatures = place.checkpoint.split("\n\n", 1)
    origin, size, root = body.split("\n")[:3]
    signature = base64.b64decode(signatures.split(" ")[2])[4:]
    public = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public.verify(signature, (body + "\n").encode())
    if origin != name or int(size) != place.inclusion.tree_size:
        return False
    found = hashlib.sha256(b"\0" + place.leaf_entry).digest()
    index, last = place.inclusion.leaf_index, place.inclusion.tree_size - 1
    for sibling in place.inclusion.path:
        if last == 0:
            return False
        if index % 2 or index == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and found == base64.b64decode(root)


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """One hub for all tests of a run; it must end well when told to."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    yield hub
    assert hub.stop() == 0
    verified = hub.run("--json", "audit", "verify", str(hub.folder / "data/hub.db"))
    assert json.loads(verified)["fault_count"] == 0


@pytest.fixture(scope="session")
def law(tmp_path_factory):
    """One hub that rehearses, with agencies of every kind; its log must verify in the end."""
    from law import LawHub

    hub = LawHub(tmp_path_factory.mktemp("law"))
    yield hub
    assert hub.stop() == 0
    verified = hub.run("--json", "audit", "verify", str(hub.folder / "data/hub.db"))
    assert json.loads(verified)["fault_count"] == 0


@pytest.fixture
def events(hub, api):
    """The log as the operator sees it: all entries of a kind, as dictionaries."""
    return log_of(hub, api)


@pytest.fixture
def law_events(law, api):
    """The same of the hub of the law's tests; every entry when no kind is named."""
    return log_of(law, api)


def log_of(hub, api):
    """Reads a hub's log as its operator."""

    def read(kind=""):
        audit = api.audit_grpc.AuditServiceStub(hub.access("hub-operator").channel())
        found, token = [], ""
        while True:
            page = audit.ListEvents(api.audit.ListEventsRequest(kind=kind, page_size=1000, page_token=token))
            found += [json.loads(event.leaf_entry) for event in page.events]
            token = page.next_page_token
            if not token:
                return found

    return read
