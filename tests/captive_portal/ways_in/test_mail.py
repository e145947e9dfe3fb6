from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from captive_portal.languages import current_language
from captive_portal.ways_in.mail import MailError, code_message, newest_in_outbox, send
from foundation.settings import MailSettings, Settings

ANN = "ann@example.org"


def message() -> EmailMessage:
    return code_message("wifi@council.example", ANN, "123456", "Coventry", 15)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server_on(port: int, talk: Talk) -> AsyncIterator[None]:
    """A server whose conversations are over when it is closed."""
    conversations: list[asyncio.Task[None]] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.append(task)
        await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*conversations)


@asynccontextmanager
async def smtp_server(port: int, answer: Callable[[str], str]) -> AsyncIterator[list[str]]:
    """A mail server that answers each command as it is told, and the lines that it got."""
    lines: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            lines.append(line)
            writer.write(f"{answer(line)}\r\n".encode())
            if line == "DATA":
                lines.extend((await reader.readuntil(b"\r\n.\r\n")).decode().splitlines())
                writer.write(b"250 OK\r\n")
            if line == "QUIT":
                return

    async with server_on(port, talk):
        yield lines


def friendly(line: str) -> str:
    if line == "DATA":
        return "354 go on"
    return "221 bye" if line == "QUIT" else "250 OK"


def settings(port: int, **changed: object) -> Settings:
    mail = {"host": "127.0.0.1", "port": port, "start_tls": False, "timeout_seconds": 1, **changed}
    return Settings(mail=MailSettings.model_validate(mail))


def test_the_mail_has_the_code_on_a_line_of_its_own_and_in_its_subject() -> None:
    made = message()
    assert made["Subject"] == "123456 is your WiFi code"
    assert "\n123456\n" in made.get_content().replace("\r\n", "\n")
    assert made["Auto-Submitted"] == "auto-generated"


def test_the_mail_speaks_the_residents_language() -> None:
    token = current_language.set("cy")
    try:
        assert message()["Subject"] == "123456 yw eich cod WiFi"
    finally:
        current_language.reset(token)


async def test_mail_goes_to_the_mail_server(free_port: int) -> None:
    async with smtp_server(free_port, friendly) as lines:
        await send(message(), settings(free_port))
    assert f"RCPT TO:<{ANN}>" in lines
    assert "123456" in lines


async def test_a_refused_recipient_is_told_without_the_address(free_port: int) -> None:
    def refuse(line: str) -> str:
        return "550 no such user" if line.startswith("RCPT") else friendly(line)

    async with smtp_server(free_port, refuse):
        with pytest.raises(MailError, match="refused") as caught:
            await send(message(), settings(free_port))
    assert ANN not in str(caught.value)


async def test_a_mail_server_that_is_away_is_told(free_port: int) -> None:
    with pytest.raises(MailError):
        await send(message(), settings(free_port))


async def test_a_mail_server_that_says_nothing_is_given_up(free_port: int) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server_on(free_port, silent):
        with pytest.raises(MailError, match="did not answer"):
            await send(message(), settings(free_port))


async def test_the_demo_keeps_its_mail_in_a_folder(tmp_path: Path) -> None:
    demo = Settings(demo=True, data_directory=tmp_path)
    for _ in range(3):
        await send(message(), demo)
    [newest, _] = newest_in_outbox(demo.outbox_directory, 2)
    kept = email.message_from_bytes(newest.read_bytes(), policy=email.policy.default)
    assert kept["To"] == ANN


async def test_without_a_mail_server_only_the_demo_sends(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="CITYWIFI_MAIL__HOST"):
        await send(message(), Settings(data_directory=tmp_path))
