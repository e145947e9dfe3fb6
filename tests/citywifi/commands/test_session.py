"""`citywifi session`: open sessions, and what ends or changes one."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from citywifi.cli import app
from foundation.schema import accounting_sessions, audit_events, network_access_servers
from radius.packet import Code, decode, encode_reply
from tests.citywifi.commands.conftest import CommandLine

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
def session(command_line: CommandLine, gateway: Gateway) -> int:
    now = datetime.now(UTC)
    nas_id = command_line.insert(
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
    return add_session(command_line, nas_id, "1")


def add_session(command_line: CommandLine, nas_id: int, name: str, **more: object) -> int:
    now = datetime.now(UTC)
    values = {"started_at": now, "updated_at": now, "received_at": now} | more
    return command_line.insert(
        accounting_sessions,
        council_id=command_line.council_id,
        session_key=name.encode() * 16,
        nas_id=nas_id,
        acct_session_id=name,
        user_name="somebody",
        **values,
    )


def test_open_sessions_are_shown_without_whose_they_are(command_line: CommandLine, session: int) -> None:
    nas_id = command_line.row(network_access_servers).id
    add_session(command_line, nas_id, "2", stopped_at=datetime.now(UTC), ended_by="stop")
    text = command_line.run("session", "list")
    assert "library" in text
    assert "somebody" not in text
    (shown,) = json.loads(command_line.run("session", "list", "--json"))
    assert (shown["id"], shown["equipment"], shown["vendor"]) == (session, "library", "coovachilli")


def test_a_session_is_ended_and_that_is_in_the_audit(command_line: CommandLine, session: int, gateway: Gateway) -> None:
    assert command_line.run("session", "end", str(session)).strip() == "the equipment ended the session"
    assert gateway.asked == [Code.DISCONNECT_REQUEST]
    event = command_line.row(audit_events)
    assert (event.action, event.subject, event.detail["result"]) == (
        "end session", f"session {session}", "disconnected",
    )  # fmt: skip


def test_a_sessions_limits_are_brought_up_to_date(command_line: CommandLine, session: int, gateway: Gateway) -> None:
    assert command_line.run("session", "refresh", str(session)).strip() == "the equipment took the change"
    assert gateway.asked == [Code.COA_REQUEST]
    assert command_line.actions() == ["refresh session"]


def test_what_failed_is_said_and_has_exit_status_1(command_line: CommandLine, session: int) -> None:
    nas_id = command_line.row(network_access_servers).id
    ended = add_session(command_line, nas_id, "2", stopped_at=datetime.now(UTC), ended_by="stop")
    answer = CliRunner().invoke(app, ["session", "end", str(ended)])
    assert (answer.exit_code, answer.stdout.strip()) == (1, "the session has already ended")


def test_a_session_that_is_not_there_is_refused(command_line: CommandLine) -> None:
    assert command_line.refusal("session", "end", "7").startswith("there is no session 7;")
