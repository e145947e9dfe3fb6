"""What holds for every page: headers, languages, weight, accessibility's basics, no cookie and no script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from aiohttp import web
from yarl import URL

from captive_portal.app import create_app
from captive_portal.gateways.base import BrowserForm
from captive_portal.languages import NAMES, direction
from captive_portal.pages import connection, look
from captive_portal.pages.common import open_visit, perform
from foundation.access_rules import ANYBODY, add_routes
from tests.captive_portal.conftest import (
    LOGIN_URL,
    City,
    Client,
    Phone,
    redirect,
    token_names,
)
from tests.captive_portal.pages import walk

MOST_OCTETS = 50_000


class Outline(HTMLParser):
    """What a screen reader needs of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[str] = []
        self.images: list[str] = []
        self.named_in_forms: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.references += attributes.get("aria-describedby", "").split()
        self.references += attributes.get("aria-labelledby", "").split()
        if attributes.get("href", "").startswith("#"):
            self.references.append(attributes["href"][1:])
        if tag == "label":
            self.labelled.add(attributes["for"])
        if tag == "form":
            self.named_in_forms.append(0)
        elif attributes.get("name") and self.named_in_forms:
            self.named_in_forms[-1] += 1
        if tag == "img":
            assert "alt" in attributes
            self.images.append(attributes["src"])
        if tag == "input" and attributes.get("type") != "hidden":
            self.fields.append(attributes["id"])


def check_page(html: str, language: str) -> None:
    """A page is whole, light, in the language, and leads nowhere by script or by outside resource."""
    outline = Outline(html)
    assert f'<html class="govuk-template" lang="{language}" dir="{direction(language)}">' in html
    assert len(html.encode()) < MOST_OCTETS
    assert outline.tags.count("h1") == 1
    assert outline.tags.count("main") == 1
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.references) <= set(outline.ids)
    assert set(outline.fields) <= outline.labelled
    assert not {"script", "iframe", "object"} & set(outline.tags)
    # Lynx does not post a form without fields, but asks for its address.
    assert all(outline.named_in_forms)
    assert all(image.startswith("data:image/") for image in outline.images)
    assert re.findall(r"<link [^>]*>", html) == ['<link rel="icon" href="data:,">']
    assert not re.search(r"\son[a-z]+=|javascript:", html)
    assert re.search(r"<title>[^<]+ – [^<]*WiFi</title>", html)
    assert "%(" not in html


@pytest.mark.timeout(180)
@pytest.mark.xdist_group("every page")
async def test_every_page_is_whole_light_and_in_the_residents_language(every_page: dict[tuple[str, str], str]) -> None:
    in_english = {name for language, name in every_page if language == "en"}
    assert len(in_english) > 65
    for language in set(NAMES) - {"en"}:
        names = {name for chosen, name in every_page if chosen == language}
        assert names == {name for name in in_english if not walk.is_in_english_alone(name)}
    for (language, name), html in every_page.items():
        # The open API's page has two tables of every field, and is for programmers.
        if name != walk.OPEN_API:
            check_page(html, language)


@pytest.mark.timeout(180)
@pytest.mark.xdist_group("every page")
async def test_no_english_is_left_on_a_page_in_another_language(every_page: dict[tuple[str, str], str]) -> None:
    for (language, name), html in every_page.items():
        # The demo's outbox shows mails in the language that they were written in.
        if language != "en" and name != "/demo/outbox":
            assert visible_sentences(every_page["en", name]) & visible_sentences(html) == set(), (language, name)


NAMES_OF_PLACES = ("Central Library", "Coventry City Council")


def visible_sentences(html: str) -> set[str]:
    """Texts of at least three words between tags, except names, addresses and what comes from the database.

    Nor what is marked as English, such as the words of an English device's settings, nor a certificate's fingerprint.
    """
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    body = re.sub(r'<(?!html)(\w+)\b[^>]* lang="en"[^>]*>[^<]*</\1>', "", body)
    texts = {text.strip() for text in re.findall(r">([^<]+)<", body)}
    return {
        text
        for text in texts
        if len(text.split()) > 2 and re.search("[^0-9A-F ]", text) and not any(name in text for name in NAMES_OF_PLACES)
    }


async def test_the_first_page_weighs_less_than_fifty_kilobytes_in_all(client: Client) -> None:
    # Nothing but itself is loaded: the stylesheet is inside and the icon is empty.
    response = await client.get(URL(redirect(), encoded=True))
    assert response.status == 200
    assert len(await response.read()) < MOST_OCTETS


async def test_the_forms_of_a_journey_may_lead_to_its_gateway(client: Client, city: City) -> None:
    response = await client.get(URL(redirect(), encoded=True))
    assert f"form-action 'self' {LOGIN_URL};" in response.headers["Content-Security-Policy"]
    assert "form-action 'self';" in (await client.get("/")).headers["Content-Security-Policy"]


async def test_the_stylesheet_is_the_one_that_the_policy_allows(phone: Phone, client: Client) -> None:
    response = await client.get("/")
    [style] = re.findall(r"<style>(.*?)</style>", await response.text(), flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/nothing", 404, "Page not found"),
        ("GET", "/arrive/unknown", 404, "Page not found"),
        ("GET", "/councils/E99999999/terms", 404, "Page not found"),
        ("GET", "/councils/%00/terms", 404, "Page not found"),
        ("POST", "/", 405, "That did not work"),
        ("GET", f"/j/{'a' * 24}/start", 404, "out of date"),
        ("GET", f"/j/{'a' * 23}/start", 404, "Page not found"),
    ],
)
async def test_errors_are_pages_that_say_what_to_do(
    client: Client, method: str, path: str, status: int, words: str
) -> None:
    response = await client.request(method, URL(path, encoded=True))
    assert response.status == status
    assert words in await response.text()
    assert "Allow" in response.headers or status != 405


async def test_a_fault_of_our_own_shows_nothing_of_what_is_inside(
    client: Client, city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_driver: object) -> None:
        raise RuntimeError("a secret detail")

    phone = await Phone(client, city).arrive()
    monkeypatch.setattr(connection, "is_patient", fail)
    monkeypatch.setattr(look, "find_proof", fail)
    await phone.arrive(res="success", challenge=None)
    assert phone.status == 500
    assert "Sorry, there is a problem" in phone.text
    assert "secret" not in phone.text
    assert "RuntimeError" not in phone.text
    capsys.readouterr()


async def test_a_body_that_is_too_large_is_not_read(phone: Phone) -> None:
    await phone.arrive()
    await phone.post(phone.path, way="x" * 20_000)
    assert phone.status == 413
    assert "That did not work" in phone.text


async def test_a_form_from_another_site_is_refused(phone: Phone, city: City) -> None:
    await phone.arrive()
    phone.headers["Sec-Fetch-Site"] = "cross-site"
    await phone.submit(way="click", accept_terms="yes")
    assert phone.status == 403
    assert await token_names(city) == []


async def test_the_host_header_is_not_trusted(phone: Phone) -> None:
    phone.headers["Host"] = "evil.example"
    phone.headers["X-Forwarded-Host"] = "evil.example"
    await phone.arrive()
    assert phone.page == "start"
    assert "evil.example" not in phone.text


async def test_the_service_says_whether_it_is_well(client: Client, city: City) -> None:
    response = await client.get("/healthz")
    assert (response.status, await response.text()) == (200, "ok\n")


async def test_the_outbox_is_for_this_machine_only(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await client.get("/demo/outbox")).status == 200
    monkeypatch.setattr(web.BaseRequest, "remote", "192.0.2.7")
    assert (await client.get("/demo/outbox", headers={"X-Forwarded-For": "127.0.0.1"})).status == 404


async def test_outside_of_the_demo_there_is_no_outbox(
    city: City, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> None:
    real = city.runtime.settings.model_copy(update={"demo": False})
    client = await aiohttp_client(create_app(replace(city.runtime, settings=real)))
    assert (await client.get("/demo/outbox")).status == 404


async def test_a_gateway_that_wants_a_form_gets_one_from_the_residents_hand(
    city: City, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> None:
    async def hand_over(request: web.Request) -> web.Response:
        async with city.database.short_read() as connection:
            visit = await open_visit(request, connection, datetime.now(UTC))
        return perform(request, BrowserForm("http://10.9.9.9/login", {"username": "tabc", "dst": '"><b>'}), visit)

    app = create_app(city.runtime)
    add_routes(app, ANYBODY, [web.get("/test/{path_id}", hand_over)])
    client = await aiohttp_client(app)
    phone = await Phone(client, city).arrive()
    response = await client.get(f"/test/{phone.path.split('/')[2]}")
    text = await response.text()
    assert '<form id="main-form" method="post" action="http://10.9.9.9/login">' in text
    assert "&#34;&gt;&lt;b&gt;" in text
    assert "form-action 'self' http://10.9.9.9;" in response.headers["Content-Security-Policy"]
