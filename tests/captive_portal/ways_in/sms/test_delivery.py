"""Providers of texts, each against a server that behaves as theirs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from captive_portal.ways_in.sms import delivery, mail_gateway
from captive_portal.ways_in.sms.base import SmsError, Text
from captive_portal.ways_in.sms.http_provider import fill
from captive_portal.ways_in.sms.notify import split_key
from foundation.settings import Settings, SettingsError, SmsSettings, load_settings

SERVICE, SECRET = "8b3aa916-ec82-434e-b0c5-d5d9b371d6a3", "dcdc5083-2fee-4fba-8afd-51f3f4bcb7b0"
KEY = f"council-wifi-{SERVICE}-{SECRET}"
TEXT = Text("+447400123456", 'Code 123456 & "more"')


@dataclass
class Provider:
    """A provider's server: answers in their order, the last one for ever; and what it was asked."""

    answers: list[tuple[int, str]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.asked.append({"path": request.path_qs, "headers": request.headers, "body": body, "method": request.method})
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=text)


Start = Callable[..., Awaitable[Provider]]


@pytest.fixture
async def start(aiohttp_server: Callable[[web.Application], Awaitable[TestServer]]) -> Start:
    async def begin(*answers: tuple[int, str]) -> Provider:
        provider = Provider(list(answers))
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", provider.handle)
        server = await aiohttp_server(app)
        provider.url = str(server.make_url("")).rstrip("/")
        return provider

    return begin


def notify(provider: Provider, **changed: Any) -> Settings:
    values = {"provider": "notify", "notify_url": provider.url, "notify_api_key": KEY, "notify_template_id": "t-1"}
    return Settings(sms=SmsSettings(**{**values, "pause_seconds": 0, **changed}))


def http(provider: Provider, **changed: Any) -> Settings:
    values = {"provider": "http", "http_url": f"{provider.url}/send?key=k3y&to=$number", "pause_seconds": 0}
    return Settings(sms=SmsSettings(**{**values, **changed}))


async def test_notify_is_asked_as_its_api_wants_and_knows_us_by_a_fresh_token(start: Start) -> None:
    provider = await start((201, "{}"))
    await delivery.send(TEXT, notify(provider, notify_sender_id="s-1"))
    [asked] = provider.asked
    assert (asked["method"], asked["path"]) == ("POST", "/v2/notifications/sms")
    assert json.loads(asked["body"]) == {
        "phone_number": "+447400123456",
        "template_id": "t-1",
        "personalisation": {"message": TEXT.body},
        "sms_sender_id": "s-1",
    }
    scheme, _, token = asked["headers"]["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["iss", "iat"]})
    assert claims["iss"] == SERVICE
    assert abs(claims["iat"] - time.time()) < 30


@pytest.mark.parametrize("busy", [(429, '{"errors":[{"error":"RateLimitError"}]}'), (500, ""), (503, "")])
async def test_a_provider_that_is_busy_is_asked_again(start: Start, busy: tuple[int, str]) -> None:
    provider = await start(busy, busy, (201, "{}"))
    await delivery.send(TEXT, notify(provider))
    assert len(provider.asked) == 3


async def test_patience_has_an_end(start: Start) -> None:
    provider = await start((503, ""))
    with pytest.raises(SmsError, match="503"):
        await delivery.send(TEXT, notify(provider, attempts=2))
    assert len(provider.asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, '{"errors":[{"error":"BadRequestError"}]}'), "refused the text"),
        ((403, '{"errors":[{"error":"AuthError"}]}'), "our clock is more than 30 s"),
        ((429, '{"errors":[{"error":"TooManyRequestsError"}]}'), "limit of texts a day"),
        ((302, ""), "refused the text"),
    ],
)
async def test_what_asking_again_cannot_mend_is_asked_once(start: Start, answer: tuple[int, str], words: str) -> None:
    provider = await start(answer)
    with pytest.raises(SmsError, match=words) as raised:
        await delivery.send(TEXT, notify(provider))
    assert len(provider.asked) == 1
    assert not any(secret in str(raised.value) for secret in (SECRET, SERVICE, TEXT.number, TEXT.body))


def test_a_key_of_notify_ends_with_service_and_secret() -> None:
    assert split_key(KEY) == (SERVICE, SECRET)
    with pytest.raises(SmsError, match="NAME-SERVICE-SECRET"):
        split_key("no key")


async def test_a_plain_provider_gets_number_and_text_where_the_settings_have_them(start: Start) -> None:
    provider = await start((200, "OK"))
    body = '{"to": "$number", "message": "$text"}'
    await delivery.send(TEXT, http(provider, http_body=body, http_authorization="Basic c2VjcmV0"))
    await delivery.send(TEXT, http(provider, http_url=f"{provider.url}/send?to=$number&text=$text"))
    posted, got = provider.asked
    assert json.loads(posted["body"]) == {"to": TEXT.number, "message": TEXT.body}
    assert posted["headers"]["Authorization"] == "Basic c2VjcmV0"
    assert posted["path"] == "/send?key=k3y&to=%2B447400123456"
    assert got["method"] == "GET"
    assert got["path"].endswith("text=Code%20123456%20%26%20%22more%22")


@pytest.mark.parametrize("hostile", ['","to":"+1', "a&to=+1", "$number", "\r\nHost: x", "ŵ\u2028"])
def test_what_is_put_in_stays_a_value(hostile: str) -> None:
    text = Text("+447400123456", hostile)
    assert json.loads(fill('{"text": "$text"}', text, "application/json")) == {"text": hostile}
    form = fill("text=$text", text, "application/x-www-form-urlencoded")
    assert not set(form.removeprefix("text=")) & set("&=+ \r\n$")


async def test_nothing_secret_is_in_an_error(start: Start, free_port: int) -> None:
    provider = await start((500, ""))
    for settings in (
        http(provider, attempts=1),
        http(provider, attempts=1, http_url=f"http://127.0.0.1:{free_port}/?key=k3y"),
        http(provider, attempts=1, http_url="http://k3y:k3y@[broken"),
        http(provider, attempts=1, http_url="http://x/$k3y"),
    ):
        with pytest.raises(SmsError) as raised:
            await delivery.send(TEXT, settings)
        assert "k3y" not in str(raised.value)
        assert "k3y" not in repr(settings)
        assert raised.value.__cause__ is None


async def test_a_provider_that_does_not_answer_is_not_asked_twice(free_port: int) -> None:
    asked = 0

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(1.2)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", free_port)
    settings = Settings(
        sms=SmsSettings(
            provider="http", http_url=SecretStr(f"http://127.0.0.1:{free_port}/"), timeout_seconds=1, pause_seconds=0
        )
    )
    async with server:
        with pytest.raises(SmsError, match="did not answer in 1 s"):
            await delivery.send(TEXT, settings)
        await asyncio.sleep(0.3)
    assert asked == 1


def test_a_mail_gateways_mail_is_nothing_but_the_text() -> None:
    message = mail_gateway.message_of(TEXT, "wifi@council.example", "$number@sms.example.net")
    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert str(read["To"]) == "447400123456@sms.example.net"
    body = read.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == TEXT.body
    assert read["Subject"] is None
    with pytest.raises(SmsError, match=r"sms\.mail_address"):
        mail_gateway.message_of(TEXT, "wifi@council.example", "$nobody")


async def test_without_a_provider_texts_are_kept_in_the_demos_outbox_only(tmp_path: Path) -> None:
    await delivery.send(TEXT, Settings(demo=True, data_directory=tmp_path))
    [kept] = (tmp_path / "outbox").glob("*.eml")
    assert TEXT.body in kept.read_text()
    with pytest.raises(SmsError, match="CITYWIFI_SMS__PROVIDER"):
        await delivery.send(TEXT, Settings(data_directory=tmp_path))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"provider": "notify"}, "notify_api_key"),
        ({"provider": "smtp"}, "mail_address"),
        ({"provider": "http"}, "http_url"),
        ({"countries": []}, "at least one country"),
        ({"countries": ["England"]}, "countries"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(
    values: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=words):
        load_settings(sms=values)
