from __future__ import annotations

import base64

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from foundation.passwords import hash_password
from foundation.runtime import NotReadyError
from foundation.settings import MonitoringSettings, Settings
from monitoring.console.authentication import (
    Gatekeeper,
    Refusal,
    check_configured,
    is_same_origin,
)

# Cheap on purpose, so that the tests are fast; the parameters stand in the hash.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")


def settings(*, demo: bool = False, password_hash: str = HASH) -> Settings:
    return Settings(demo=demo, monitoring=MonitoringSettings(console_password_hash=SecretStr(password_hash)))


def basic(user_name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user_name}:{password}".encode()).decode()


async def refusal(authorization: str | None) -> Refusal | None:
    return await Gatekeeper(settings()).refusal(authorization, "203.0.113.1", "wifi.example")


async def test_the_engineer_with_the_password_is_let_in() -> None:
    assert await refusal(basic("engineer", "correct horse")) is None


@pytest.mark.parametrize("user_name", ["admin", "engineer ", "", "ENGINEER"])
async def test_another_name_with_the_password_is_not(user_name: str) -> None:
    assert await refusal(basic(user_name, "correct horse")) is Refusal.WRONG_PASSWORD


async def test_a_wrong_password_is_refused_also_after_a_right_one() -> None:
    gatekeeper = Gatekeeper(settings())
    for password, expected in (("correct horse", None), ("wrong", Refusal.WRONG_PASSWORD), ("correct horse", None)):
        assert await gatekeeper.refusal(basic("engineer", password), None, None) is expected


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic %%%", "Bearer x", "Basic " + "eHh4", "basic Zm9v"])
async def test_no_or_broken_credentials_are_answered_with_a_question(header: str | None) -> None:
    assert await refusal(header) is Refusal.NO_PASSWORD


async def test_a_right_password_is_not_hashed_again_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    gatekeeper = Gatekeeper(settings())
    assert await gatekeeper.refusal(basic("engineer", "correct horse"), None, None) is None
    monkeypatch.setattr(gatekeeper, "_checks", None)
    assert await gatekeeper.refusal(basic("engineer", "correct horse"), None, None) is None


def test_what_hash_password_makes_is_what_the_setting_takes() -> None:
    check_configured(settings(password_hash=hash_password("correct horse")))


def test_without_a_hash_the_service_refuses_and_names_the_command() -> None:
    with pytest.raises(NotReadyError, match="citywifi console-password"):
        check_configured(settings(password_hash=""))


def test_a_password_in_clear_instead_of_a_hash_is_refused_without_repeating_it() -> None:
    with pytest.raises(NotReadyError, match="not an argon2 hash") as caught:
        check_configured(settings(password_hash="hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "[::1]:8090", "LOCALHOST:80"])
async def test_the_demo_answers_this_machine_without_a_password(host: str) -> None:
    gatekeeper = Gatekeeper(settings(demo=True, password_hash=""))
    assert await gatekeeper.refusal(None, "127.0.0.1", host) is None


@pytest.mark.parametrize(
    ("remote", "host"),
    [("192.0.2.7", "127.0.0.1"), (None, "localhost"), ("127.0.0.1", "evil.example"), ("127.0.0.1", None)],
)
async def test_the_demo_answers_nobody_else(remote: str | None, host: str | None) -> None:
    gatekeeper = Gatekeeper(settings(demo=True, password_hash=""))
    assert await gatekeeper.refusal(None, remote, host) is Refusal.NOT_THIS_MACHINE


@pytest.mark.parametrize(
    ("origin", "site", "expected"),
    [
        ("https://wifi.example", None, True),
        (None, "same-origin", True),
        ("https://evil.example", None, False),
        ("https://wifi.example", "cross-site", False),
        ("null", None, False),
        (None, "none", False),
        (None, None, False),
    ],
)
def test_a_form_is_only_taken_from_a_page_of_ours(origin: str | None, site: str | None, expected: bool) -> None:
    assert is_same_origin(origin, site, "wifi.example") is expected
