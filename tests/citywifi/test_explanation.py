"""An engineer asks what the server would do; it says so, and does nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from citywifi.explanation import Explainer, Step, explainer
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import authentications, one_time_tokens, policies
from foundation.settings import Settings
from radius.packet import Packet
from tests.radius.support import (
    ACCESS_POINT,
    DEVICE,
    TOKEN_NAME,
    City,
    access_request,
    accounting_request,
    add_credential,
    add_token,
    build_city,
    insert,
    rows,
)


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    made = await build_city(database, keyring)
    await add_credential(database, keyring, made, "demo", "demo")
    return made


@pytest.fixture
async def asked(database: Database, keyring: Keyring, city: City, tmp_path: Path) -> Explainer:
    return await explainer(Runtime(Settings(data_directory=tmp_path), database, keyring))


async def told(asked: Explainer, packet: Packet | bytes, source: str = "127.0.0.1") -> dict[str, str]:
    octets = packet if isinstance(packet, bytes) else packet.octets
    steps: list[Step] = await asked.explain(octets, source, datetime.now(UTC))
    assert [step.is_end for step in steps] == [False] * (len(steps) - 1) + [True]
    return {step.title: "\n".join(step.lines) for step in steps}


async def test_an_accepted_request_is_told_from_sender_to_reply(asked: Explainer) -> None:
    steps = await told(asked, access_request({"User-Name": "demo", "User-Password": "demo"}))
    assert list(steps) == ["Sender", "Packet", "Authenticity", "Realm", "Authentication", "Policy", "Reply"]
    assert 'User-Name = "demo"' in steps["Packet"]
    assert "User-Password = (hidden" in steps["Packet"]
    assert "Method pap: accepted" in steps["Authentication"]
    assert "Session-Timeout = 14400" in steps["Reply"]


async def test_a_reject_names_its_reason_which_the_reply_does_not(asked: Explainer) -> None:
    steps = await told(asked, access_request({"User-Name": "demo", "User-Password": "wrong"}))
    assert "the password is wrong" in steps["Authentication"]
    assert "wrong" not in steps["Reply"]


async def test_strangers_wrong_secrets_and_broken_packets_are_told_apart(asked: Explainer) -> None:
    request = access_request({"User-Name": "demo"})
    assert list(await told(asked, request, "192.0.2.1")) == ["Sender"]
    foreign = access_request({"User-Name": "demo"}, secret=b"another secret of a test")
    assert "compare the shared secrets" in (await told(asked, foreign))["Authenticity"]
    assert "fewer than 20 octets" in (await told(asked, b"\x01\x02"))["Packet"]


async def test_the_policy_that_decides_a_limit_is_named(asked: Explainer, database: Database, city: City) -> None:
    now = datetime.now(UTC)
    await insert(
        database, policies, council_id=city.council_id, venue_id=city.venue_id, scope="venue", session_seconds=600,
        created_at=now, updated_at=now,
    )  # fmt: skip
    await asked.policies.refresh()
    values = {"User-Name": "demo", "User-Password": "demo", "Called-Station-Id": f"{ACCESS_POINT}:CityWiFi"}
    steps = await told(asked, access_request(values))
    assert "session 10m, from the policy for Central Library" in steps["Policy"]
    assert "Session-Timeout = 600" in steps["Reply"]


async def test_nothing_is_used_up_or_logged(asked: Explainer, database: Database, keyring: Keyring, city: City) -> None:
    await add_token(database, city)
    values = {
        "User-Name": TOKEN_NAME,
        "User-Password": keyring.one_time_password(TOKEN_NAME),
        "Calling-Station-Id": str(DEVICE),
    }
    for _ in range(3):
        assert "accepted" in (await told(asked, access_request(values)))["Authentication"]
    assert [token.uses for token in await rows(database, one_time_tokens)] == [0]
    assert await rows(database, authentications) == []


async def test_an_accounting_record_is_told_as_it_would_be_stored(asked: Explainer) -> None:
    steps = await told(asked, accounting_request({"Acct-Status-Type": "Start"}))
    assert "status: start" in steps["Record"]
    refused = await told(asked, accounting_request({"Acct-Status-Type": "Start", "Acct-Session-Id": None}))
    assert "Not stored and not answered: acct_session_id_missing" in refused["Record"]
