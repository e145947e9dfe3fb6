"""Codes of an authenticator app, with the figures of RFC 6238 appendix B (their last six digits)."""

from __future__ import annotations

import pytest

from foundation.one_time_codes import accepted_step, enrolment_uri, new_key

KEY = b"12345678901234567890"


@pytest.mark.parametrize(
    ("unix_seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (20_000_000_000, "353130")],
)
def test_the_codes_of_the_rfc_are_accepted(unix_seconds: int, code: str) -> None:
    assert accepted_step(KEY, code, unix_seconds, 0) == unix_seconds // 30


def test_a_clock_may_be_one_step_early_or_late_and_not_two() -> None:
    found = [accepted_step(KEY, "081804", 1_111_111_109 + aside * 30, 0) for aside in (-2, -1, 0, 1, 2)]
    step = 1_111_111_109 // 30
    assert found == [None, step, step, step, None]


def test_a_code_is_good_once() -> None:
    step = accepted_step(KEY, "081804", 1_111_111_109, 0)
    assert step is not None
    assert accepted_step(KEY, "081804", 1_111_111_109, step) is None


def test_spaces_that_a_person_types_do_not_matter() -> None:
    assert accepted_step(KEY, " 081 804 ", 1_111_111_109, 0) is not None


@pytest.mark.parametrize("code", ["", "08180", "0818044", "o81804", "٠٨١٨٠٤"])
def test_anything_else_is_wrong(code: str) -> None:
    assert accepted_step(KEY, code, 1_111_111_109, 0) is None


def test_apps_read_key_and_name_from_one_address() -> None:
    uri = enrolment_uri(KEY, "desk 1")
    assert uri.startswith("otpauth://totp/CityWiFi:desk%201?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in uri
    assert len(new_key()) == 20
    assert new_key() != new_key()
