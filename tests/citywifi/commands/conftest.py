"""A prepared installation with one council, and its command line."""

from __future__ import annotations

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
from foundation.schema import audit_events, councils


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
