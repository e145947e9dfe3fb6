"""What authmon gives to a shell, and what the browser carries to the BinAuth script."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateways.base import AccessLimits
from captive_portal.gateways.opennds_limits import grant, grant_list, sealed_limits
from captive_portal.gateways.opennds_redirect import report_seal

RHID = "2cecc66808b7beb602d6b5678d332acc7febfde384ea428fe2c19ed657f50073"
amounts = st.none() | st.integers()
limits_of_any_kind = st.builds(AccessLimits, amounts, amounts, amounts, amounts)
rhids = st.text("0123456789abcdef", min_size=64, max_size=64)


def test_a_grant_has_minutes_rates_quotas_and_no_custom_data() -> None:
    limits = AccessLimits(7230, 1_000_000, download_kilobits_per_second=2000, upload_kilobits_per_second=500)
    assert unquote(grant(RHID, limits)) == f"{RHID} 121 500 2000 977 977 bmE="


def test_no_limit_is_zero_and_the_smallest_limit_is_not() -> None:
    assert unquote(grant(RHID, AccessLimits())) == f"{RHID} 0 0 0 0 0 bmE="
    assert unquote(grant(RHID, AccessLimits(1, 1, 0, 0))) == f"{RHID} 1 1 1 1 1 bmE="


@given(st.lists(st.tuples(rhids, limits_of_any_kind), max_size=9))
def test_a_list_holds_nothing_that_a_shell_could_run_and_is_never_cut_by_authmon(
    grants: list[tuple[str, AccessLimits]],
) -> None:
    text = grant_list(grants)
    assert re.fullmatch(r"\*( [0-9a-zA-Z%]+)*", text)
    assert len(text) <= 1024
    entries = [unquote(entry) for entry in text[2:1026].split()]
    assert len(entries) == min(len(grants), 4)
    for entry, (rhid, _limits) in zip(entries, grants, strict=False):
        assert re.fullmatch(rf"{rhid}( [0-9]{{1,10}}){{5}} bmE=", entry)


@pytest.mark.parametrize("text", ["", "$(reboot)", RHID.upper(), RHID + "0", f"{RHID[:-1]};", RHID[:-1] + "\n"])
def test_what_is_no_rhid_is_never_written(text: str) -> None:
    with pytest.raises(ValueError, match="no rhid"):
        grant(text, AccessLimits())


def test_what_the_browser_carries_is_sealed_with_the_visit() -> None:
    carried = sealed_limits("hid", AccessLimits(7230, 2048, 2000, 500), b"key")
    assert carried == f"7230.500.2000.2.2.{report_seal('7230.500.2000.2.2&hid', b'key')}"
    assert sealed_limits("another", AccessLimits(7230, 2048, 2000, 500), b"key") != carried
