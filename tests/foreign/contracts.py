"""The contracts, compiled as a vendor would, and the modules that come of it."""

import importlib
import subprocess
import sys

from running import ROOT

PROTO = ROOT / "proto"
AREAS = ("transfer", "mailbox", "directory", "audit", "pupil", "assessment", "review", "servicechild", "rights")


def compile_into(out):
    """Compiles proto/ with grpcio-tools; the folder is where Python looks from now on."""
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTO)]
    subprocess.run([*command, f"--python_out={out}", f"--grpc_python_out={out}", *protos], check=True)
    sys.path.insert(0, str(out))
    return out


def load(generated):
    """The generated modules by short name."""

    class Api:
        """Modules as attributes."""

    for area in (*AREAS, "notice", "attachment", "clock", "policy"):
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
