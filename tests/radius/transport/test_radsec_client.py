"""Connections that we make to another operator's server: our own server stands for it, and radsecproxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from foundation.database import Database
from foundation.privacy import Keyring
from radius import attributes
from radius.packet import Attribute, Code, hide_password
from radius.server import RadiusServer
from radius.transport import radsec_client
from radius.transport.radsec_client import RadSecExchange
from radius.transport.tls import TlsFiles
from tests.radius.transport.support import (
    SECRET,
    SERVER_NAME,
    Certificates,
    address_of,
)
from tools.free_ports import free_ports


def files(certificates: Certificates, certificate: Path) -> TlsFiles:
    folder = certificates.directory
    return TlsFiles(certificate, certificate.with_suffix(".key"), folder / "ca.pem", folder / "revoked.pem")


@pytest.fixture
def exchange(radsec: RadiusServer, certificates: Certificates) -> Iterator[RadSecExchange]:
    made = RadSecExchange(*address_of(radsec), SERVER_NAME, SECRET, files(certificates, certificates.equipment()))
    yield made
    made.close()


def login(authenticator: bytes) -> tuple[Attribute, ...]:
    return attributes.encode("User-Name", "demo"), (2, hide_password(b"demo", SECRET, authenticator))


async def code_of(exchange: RadSecExchange, code: Code = Code.STATUS_SERVER) -> Code:
    question = await exchange.ask(code, login if code is Code.ACCESS_REQUEST else lambda _: ())
    try:
        async with asyncio.timeout(5):
            return (await question.answer).code
    finally:
        question.close()


async def test_requests_are_answered_over_one_connection(exchange: RadSecExchange, radsec: RadiusServer) -> None:
    codes = await asyncio.gather(*(code_of(exchange, Code.ACCESS_REQUEST) for _ in range(20)))
    assert set(codes) == {Code.ACCESS_ACCEPT}
    assert await code_of(exchange) is Code.ACCESS_ACCEPT
    assert radsec.radsec is not None
    assert len(radsec.radsec._connections) == 1


async def test_more_than_256_questions_take_another_connection(exchange: RadSecExchange, radsec: RadiusServer) -> None:
    questions = [await exchange.ask(Code.ACCESS_REQUEST, login) for _ in range(300)]
    assert {(await question.answer).code for question in questions} == {Code.ACCESS_ACCEPT}
    for question in questions:
        question.close()
    assert radsec.radsec is not None
    assert len(radsec.radsec._connections) == 2


async def test_a_connection_that_broke_is_made_again(exchange: RadSecExchange, radsec: RadiusServer) -> None:
    await code_of(exchange)
    (connection,) = exchange._connections
    connection._writer.transport.abort()
    while not connection.is_closed:  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0)
    assert await code_of(exchange) is Code.ACCESS_ACCEPT


async def test_who_waits_when_the_connection_breaks_is_told(exchange: RadSecExchange) -> None:
    question = await exchange.ask(Code.ACCESS_REQUEST, login)
    exchange.restart()
    with pytest.raises(ConnectionResetError):
        await question.answer
    question.close()
    assert await code_of(exchange) is Code.ACCESS_ACCEPT


async def test_a_server_with_another_name_is_told_nothing(radsec: RadiusServer, certificates: Certificates) -> None:
    certificate = files(certificates, certificates.equipment())
    wrong = RadSecExchange(*address_of(radsec), "other.example.org", SECRET, certificate)
    with capture_logs() as lines, pytest.raises(OSError, match=r"[Hh]ostname mismatch"):
        await wrong.ask(Code.ACCESS_REQUEST, login)
    wrong.close()
    (line,) = [line for line in lines if "cannot be made" in line["event"]]
    assert "not valid for 'other.example.org'" in line["problem"]


async def test_after_a_failed_attempt_it_pauses(certificates: Certificates) -> None:
    (port,) = free_ports(1)
    nobody = RadSecExchange("127.0.0.1", port, SERVER_NAME, SECRET, files(certificates, certificates.equipment()))
    with pytest.raises(ConnectionRefusedError):
        await nobody.ask(Code.STATUS_SERVER, lambda _: ())
    started = time.monotonic()
    with pytest.raises(ConnectionRefusedError, match="a little later"):
        await nobody.ask(Code.STATUS_SERVER, lambda _: ())
    assert time.monotonic() - started < 0.1
    nobody.close()


async def test_certificates_that_are_missing_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    exchange = RadSecExchange("127.0.0.1", 1, SERVER_NAME, SECRET, TlsFiles(missing, missing, missing, missing))
    with pytest.raises(ConnectionAbortedError, match=r"none\.pem.*citywifi certificates"):
        await exchange.ask(Code.STATUS_SERVER, lambda _: ())
    exchange.close()


async def test_our_server_certificate_serves_as_the_clients(
    database: Database, keyring: Keyring, radsec: RadiusServer, certificates: Certificates
) -> None:
    """A name that is not entered is refused after the handshake, so the purpose was not the reason."""
    own = RadSecExchange(
        *address_of(radsec), SERVER_NAME, SECRET, files(certificates, certificates.directory / "server.pem")
    )
    question = await own.ask(Code.STATUS_SERVER, lambda _: ())
    with pytest.raises(ConnectionResetError):
        await question.answer
    question.close()
    own.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radsec_client, "_QUIET_SECONDS", 0.05)
    monkeypatch.setattr(radsec_client, "_STATUS_SECONDS", 0.2)


async def test_a_quiet_connection_is_asked_for_its_status_and_stays(quick: None, exchange: RadSecExchange) -> None:
    await code_of(exchange)
    (connection,) = exchange._connections
    await asyncio.sleep(0.5)
    assert not connection.is_closed


async def test_a_dead_connection_is_given_up(
    quick: None, exchange: RadSecExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await code_of(exchange)
    (connection,) = exchange._connections
    # Nothing of what is sent arrives any more.
    monkeypatch.setattr(connection._writer, "write", lambda _: None)
    question = await exchange.ask(Code.ACCESS_REQUEST, login)
    async with asyncio.timeout(3):
        with pytest.raises(ConnectionResetError):
            await question.answer
    question.close()
    assert connection.is_closed
