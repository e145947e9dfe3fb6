"""The load generator `radload.c`: built where it is used, and what it measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).parent / "radload.c"


class GeneratorError(Exception):
    """Nothing can be measured; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A RADIUS server on loopback."""

    authentication_port: int
    accounting_port: int
    secret: str


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of a server. ``kind`` is pap, chap, mac or acct; with ``a_second`` it is paced."""

    kind: str
    users: Path
    outstanding: int = 64
    sockets: int = 32
    a_second: int | None = None
    warm_up_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. ``requests`` were sent in all, warming up included; the rest is of the measured seconds."""

    a_second: float
    median_milliseconds: float
    p99_milliseconds: float
    requests: int
    rejected: int
    retransmitted: int
    lost: int


def build(folder: Path) -> Path:
    """Compile it into a folder. Raises GeneratorError."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise GeneratorError("there is no C compiler; as root: apt-get install gcc libssl-dev")
    program = folder / "radload"
    command: list[str | Path] = [compiler, "-O2", "-Wall", "-o", program, _SOURCE, "-lcrypto"]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    if built.returncode:
        raise GeneratorError(f"{_SOURCE.name} does not compile (apt-get install libssl-dev?):\n{built.stderr}")
    return program


def load(program: Path, target: Target, work: Work, seconds: float) -> Load:
    """Do the work for so long. Raises GeneratorError when nothing at all was answered."""
    port = target.accounting_port if work.kind == "acct" else target.authentication_port
    command = [str(program), "-t", work.kind, "-p", str(port), "-k", target.secret, "-u", str(work.users), "-x"]
    command += [
        "-c",
        str(work.outstanding),
        "-s",
        str(work.sockets),
        "-d",
        str(seconds),
        "-W",
        str(work.warm_up_seconds),
    ]
    if work.a_second is not None:
        command += ["-q", str(work.a_second)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if not run.stdout:
        raise GeneratorError(f"the load generator failed: {run.stderr.strip()}")
    said: dict[str, Any] = json.loads(run.stdout)
    if not said["received"] or said["bad_authenticator"] or said["bad_msg_auth"] or said["malformed"]:
        raise GeneratorError(f"the server answers wrongly or not at all: {run.stdout.strip()}")
    return Load(
        said["req_s"],
        said["ms"]["p50"],
        said["ms"]["p99"],
        said["started"],
        said["reject"],
        said["retransmits"],
        said["lost"],
    )
