"""The document and the page that explains it: made of the code, whole, and without anything from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from captive_portal.api.operations import operation_of
from captive_portal.api.problems import KINDS
from captive_portal.api.routes import HANDLERS
from captive_portal.storage.api_keys import Scope
from tests.captive_portal.api.conftest import Program
from tests.captive_portal.conftest import PORTAL_URL

OPERATIONS = [operation_of(handler) for handler in HANDLERS]


@pytest.fixture
async def document(anybody: Program) -> Any:
    answer = await anybody.ask("GET", "/openapi.json")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    return answer.body


@pytest.fixture
async def page(anybody: Program) -> str:
    answer = await anybody.ask("GET", "/")
    assert (answer.status, answer.headers["Content-Language"]) == (200, "en")
    return str(answer.body)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


async def test_every_operation_is_in_the_document_under_the_portals_own_address(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["servers"] == [{"url": f"{PORTAL_URL}/api/v1"}]
    described = [(path, method) for path, methods in document["paths"].items() for method in methods]
    assert sorted(described) == sorted((each.path, each.method.lower()) for each in OPERATIONS)


async def test_all_that_the_document_refers_to_is_in_it_and_nothing_is_left_over(document: Any) -> None:
    used = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert used == set(document["components"]["schemas"])


async def test_an_operation_says_by_which_scope_it_can_be_used(document: Any) -> None:
    def security(path: str, method: str) -> Any:
        return document["paths"][path][method]["security"]

    assert security("/venues", "get") == []
    assert security("/sessions/{session}", "delete") == [{"councilKey": [Scope.END_SESSIONS]}]
    assert security("/me", "delete") == [{"residentToken": ["delete"]}]


async def test_what_says_when_to_come_again_says_so_in_the_document(document: Any) -> None:
    for methods in document["paths"].values():
        for one in methods.values():
            for status in ("429", "503"):
                assert one["responses"][status]["headers"]["Retry-After"]["required"] is True


async def test_the_page_explains_every_operation_problem_and_type(page: str, document: Any) -> None:
    names = [
        *(each.name for each in OPERATIONS),
        *(f"problem-{kind.name}" for kind in KINDS),
        *(f"type-{name}" for name in document["components"]["schemas"]),
    ]
    assert [name for name in names if f'id="{name}"' not in page] == []


async def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
    assert len(re.findall(r'id="', page)) == len(set(re.findall(r'id="([^"]+)"', page)))


async def test_the_page_works_offline_and_without_script(page: str) -> None:
    assert "<script" not in page
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
    assert [address for address in loaded if not address.startswith("data:")] == []


async def test_an_example_is_what_can_be_sent(page: str) -> None:
    found = re.search(r"-d &#39;(\{.*?\})&#39; \S+/admissions", page)
    assert found is not None
    assert json.loads(found[1].replace("&#34;", '"')) == {"number": "1234"}
    assert f"curl {PORTAL_URL}/api/v1/venues/1<" in page


async def test_the_address_without_a_slash_leads_to_the_page(anybody: Program) -> None:
    answer = await anybody.client.get("/api/v1", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/api/v1/")
