"""schemathesis sends what the document allows, and what it forbids: nothing breaks, and no answer is undocumented."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

import hypothesis
import pytest
import schemathesis
from schemathesis import CheckFunction, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import APIOperation

from captive_portal.api.operations import operation_of
from captive_portal.api.routes import HANDLERS
from foundation.settings import PortalSettings, Settings
from tests.captive_portal.api.conftest import make_key, make_token
from tests.captive_portal.conftest import PORTAL_URL, City, Client, Phone, get_online

EXAMPLES = 10
OPERATIONS = [operation_of(handler) for handler in HANDLERS]
# What has neither parameters nor a body cannot be asked for wrongly.
MODES = {
    (each.name, mode): each
    for each in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or each.asked is not None or each.body is not None
}

load_all_checks()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody is refused for asking too often: that has tests of its own."""
    portal = PortalSettings(
        public_url=PORTAL_URL,
        api_requests_per_address_per_minute=100_000,
        api_requests_per_resident_per_minute=100_000,
    )
    return settings.model_copy(update={"portal": portal})


def try_out(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    url: str,
    credential: str,
    **known: Any,
) -> int:
    """How many requests were made of it; ``known`` are parts of cases that are always the same."""
    tried = 0

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode, **known))
    def ask(case: schemathesis.Case[Any]) -> None:
        nonlocal tried
        tried += 1
        headers = {"Authorization": f"Bearer {credential}"}
        case.call_and_validate(base_url=url, headers=headers, checks=cast(list[CheckFunction], CHECKS.get_all()))

    ask()
    return tried


@pytest.mark.parametrize(("name", "mode"), MODES, ids=[f"{name} {mode.value}" for name, mode in MODES])
async def test_an_operation_answers_only_as_the_document_says(
    name: str, mode: GenerationMode, client: Client, phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    document = await (await client.get("/api/v1/openapi.json")).json()
    described = MODES[name, mode]
    if mode is GenerationMode.NEGATIVE:
        # Else it leaves out the credential as its only mistake, which is always sent along here.
        document["paths"][described.path][described.method.lower()]["security"] = []
    operation = schemathesis.openapi.from_dict(document)[described.path][described.method]
    is_own = "/me" in described.path
    credential = await make_token(city, may_delete=True) if is_own else await make_key(city)
    url = str(client.make_url("/api/v1"))
    known: dict[str, Any] = {}
    if mode is GenerationMode.POSITIVE and "{" in described.path:
        # No number that is made up is of anything that there is.
        known["path_parameters"] = {"venue": city.venue_id} if "venue" in described.path else {"session": 1}
    assert await asyncio.to_thread(partial(try_out, **known), operation, mode, url, credential) > 0
