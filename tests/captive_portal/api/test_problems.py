"""What a program is told when something goes wrong (RFC 9457): always the same shape, and nothing of what is inside."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from captive_portal.api.problems import KINDS
from foundation.settings import Settings
from tests.captive_portal.api.conftest import Program, make_key
from tests.captive_portal.conftest import PORTAL_URL, City, Client


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/venues/nought", 404, "not-found"),
        ("GET", "/venues/99999999999999999999", 404, "not-found"),
        ("PUT", "/venues", 405, "method-not-allowed"),
        ("GET", "/venues?limit=0", 400, "invalid-request"),
        ("GET", "/venues?status=haunted", 400, "invalid-request"),
    ],
    ids=["no such address", "no number", "too large a number", "method", "out of bounds", "no such value"],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    anybody: Program, method: str, path: str, status: int, kind: str
) -> None:
    answer = await anybody.ask(method, path)
    assert (answer.status, answer.problem) == (status, kind)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "where"),
    [("stauts=open", "stauts"), ("limit=1&limit=2", "limit"), ("venue=1", "venue")],
    ids=["misspelt", "twice", "of another operation"],
)
async def test_a_parameter_that_there_is_not_is_not_left_unsaid(anybody: Program, query: str, where: str) -> None:
    answer = await anybody.ask("GET", f"/venues?{query}")
    assert answer.problem == "invalid-request"
    assert [mistake["where"] for mistake in answer.body["errors"]] == [where]


async def test_each_wrong_value_is_named_and_not_repeated(client: Client, city: City) -> None:
    program = Program(client, await make_key(city))
    sent = {"number": "<script>", "note": "x"}
    answer = await program.ask("POST", "/admissions", json=sent)
    assert answer.problem == "invalid-request"
    assert [mistake["where"] for mistake in answer.body["errors"]] == ["number", "note"]
    assert "<script>" not in str(answer.body)


@pytest.mark.parametrize(
    ("data", "content_type", "kind"),
    [
        (b"number=1234", "application/x-www-form-urlencoded", "not-json"),
        (b"{", "application/json", "invalid-request"),
        (b"", "application/json", "invalid-request"),
        (b"\xff\xfe", "application/json", "invalid-request"),
        (b"[" * 10_000, "application/json", "invalid-request"),
        (b" " * 20_000, "application/json", "too-large"),
        (b'{"number": 1234}', "application/json", "invalid-request"),
    ],
    ids=["form", "broken", "empty", "no text", "deep", "large", "wrong type"],
)
async def test_a_body_that_is_not_as_it_must_be_is_refused(
    client: Client, city: City, data: bytes, content_type: str, kind: str
) -> None:
    program = Program(client, await make_key(city))
    answer = await program.ask("POST", "/admissions", data=data, headers={"Content-Type": content_type})
    assert answer.problem == kind


async def test_a_page_of_another_site_sends_nothing(client: Client, city: City) -> None:
    program = Program(client, await make_key(city))
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await program.ask("POST", "/admissions", json={"number": "1234"}, headers=headers)
    assert (answer.status, answer.problem) == (403, "not-allowed")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (OperationalError("SELECT 1", {}, Exception("secret")), 503, "unavailable"),
        (RuntimeError("secret"), 500, "fault"),
    ],
    ids=["database away", "our fault"],
)
async def test_a_fault_of_ours_is_told_without_what_it_was(
    anybody: Program, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, kind: str
) -> None:
    async def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("captive_portal.storage.equipment.list_councils", fail)
    answer = await anybody.ask("GET", "/councils")
    assert (answer.status, answer.problem) == (status, kind)
    assert "secret" not in str(answer.body)


async def test_whoever_guesses_keys_is_slowed_down_and_good_keys_are_not(
    client: Client, city: City, settings: Settings
) -> None:
    most = settings.portal.api_requests_per_address_per_minute
    assert most == 5
    guesses = [await Program(client, f"cwk_{number:032d}").ask("GET", "/waiting") for number in range(most + 1)]
    assert [answer.status for answer in guesses] == [401] * most + [429]
    assert (await Program(client, await make_key(city)).ask("GET", "/waiting")).status == 200
    refused = await Program(client).ask("GET", "/venues")
    assert (refused.problem, refused.headers["Retry-After"]) == ("too-many-requests", "12")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    portal = settings.portal.model_copy(update={"api_requests_per_address_per_minute": 5})
    return settings.model_copy(update={"portal": portal})


async def test_the_type_of_a_problem_leads_to_its_explanation(anybody: Program) -> None:
    page = await anybody.ask("GET", "/")
    assert page.status == 200
    for kind in KINDS:
        assert f'id="problem-{kind.name}"' in page.body
    assert (await anybody.ask("GET", "/nothing")).body["type"] == "/api/v1/#problem-not-found"
    assert PORTAL_URL in page.body
