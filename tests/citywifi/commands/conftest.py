"""A prepared installation with one council, and its command line."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, create_engine
from typer.testing import CliRunner

from citywifi.cli import app
from citywifi.mendable import MENDABLE
from foundation.certificate_store import CertificateStore
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, audit_events, councils, network_access_servers
from radius.packet import Code, decode, encode_reply


@dataclass(frozen=True)
class CommandLine:
    """``citywifi`` in this process; each command opens the installation anew, as at a prompt."""

    folder: Path
    keyring: Keyring
    engine: Engine
    council_id: int

    def run(self, *arguments: str, typed: str = "") -> str:
        """What a command that succeeds prints to standard output."""
        answer = CliRunner().invoke(app, list(arguments), input=typed)
        assert answer.exit_code == 0, answer.output
        return str(answer.stdout)

    def refusal(self, *arguments: str, typed: str = "") -> str:
        """The sentence with which a command refuses."""
        answer = CliRunner().invoke(app, list(arguments), input=typed)
        assert isinstance(answer.exception, MENDABLE), answer.output
        return str(answer.exception)

    def rows(self, table: Table) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(table.select().order_by(table.c.id)))

    def row(self, table: Table) -> Any:
        (row,) = self.rows(table)
        return row

    def insert(self, table: Table, **values: object) -> int:
        with self.engine.begin() as connection:
            return int(connection.execute(table.insert().values(**values).returning(table.c.id)).scalar_one())

    def actions(self) -> list[str]:
        """What the audit has, in order."""
        return [row.action for row in self.rows(audit_events)]

    @property
    def certificates(self) -> CertificateStore:
        return CertificateStore(self.folder / "certificates")


@pytest.fixture
def command_line(tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    folder = tmp_path / "installation"
    folder.mkdir()
    (folder / "citywifi.sqlite3").write_bytes(migrated_sqlite_file.read_bytes())
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(folder))
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(folder / "none.toml"))
    engine = create_engine(f"sqlite:///{folder / 'citywifi.sqlite3'}")
    with engine.begin() as connection:
        row = councils.insert().values(code="E08000026", name="Coventry", created_at=datetime.now(UTC))
        council_id = int(connection.execute(row.returning(councils.c.id)).scalar_one())
    yield CommandLine(folder, Keyring.create(folder / "citywifi.key"), engine, council_id)
    engine.dispose()


SECRET = b"a shared secret of a test"


class Gateway(threading.Thread):
    """Equipment that acknowledges what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.asked: list[Code] = []

    def run(self) -> None:
        acknowledgements = {Code.DISCONNECT_REQUEST: Code.DISCONNECT_ACK, Code.COA_REQUEST: Code.COA_ACK}
        while datagram := self.socket.recvfrom(4096)[0:2]:
            octets, source = datagram
            if not octets:
                return
            request = decode(octets)
            self.asked.append(request.code)
            self.socket.sendto(encode_reply(acknowledgements[request.code], request, (), SECRET), source)

    def stop(self) -> None:
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    started = Gateway()
    started.start()
    yield started
    started.stop()


@pytest.fixture
def nas_id(command_line: CommandLine, gateway: Gateway) -> int:
    now = datetime.now(UTC)
    return command_line.insert(
        network_access_servers,
        council_id=command_line.council_id,
        name="library",
        network="127.0.0.1/32",
        vendor="coovachilli",
        secret_encrypted=command_line.keyring.encrypt("nas secret", SECRET),
        dynamic_authorization_host="127.0.0.1",
        dynamic_authorization_port=gateway.socket.getsockname()[1],
        created_at=now,
        updated_at=now,
    )


@pytest.fixture
def session(command_line: CommandLine, nas_id: int) -> int:
    return add_session(command_line, nas_id, "1")


def add_session(command_line: CommandLine, nas_id: int, name: str, **more: object) -> int:
    now = datetime.now(UTC)
    values = {"user_name": "somebody", "started_at": now, "updated_at": now, "received_at": now} | more
    return command_line.insert(
        accounting_sessions,
        council_id=command_line.council_id,
        session_key=name.encode() * 16,
        nas_id=nas_id,
        acct_session_id=name,
        **values,
    )
