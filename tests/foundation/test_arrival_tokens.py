from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from foundation.arrival_tokens import ArrivalToken, seal, unseal
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = ArrivalToken(
    nas_id=7,
    device=MacAddress.parse("00-00-5E-00-53-01"),
    expires_at=NOW + timedelta(hours=1),
    access_point=MacAddress.parse("00-00-5E-00-53-FE"),
    audit_session_id="0A0101010000000B5F3E2D1C",
)


def test_what_was_sealed_comes_back(keyring: Keyring) -> None:
    assert unseal(keyring, seal(keyring, TOKEN), NOW) == TOKEN
    bare = replace(TOKEN, access_point=None, audit_session_id=None)
    assert unseal(keyring, seal(keyring, bare), NOW) == bare
    claimed = replace(TOKEN, is_claimed=True)
    assert unseal(keyring, seal(keyring, claimed), NOW) == claimed


def test_a_token_ends(keyring: Keyring) -> None:
    assert unseal(keyring, seal(keyring, TOKEN), TOKEN.expires_at) is None


def test_the_same_is_sealed_alike_so_that_an_address_stays_the_same(keyring: Keyring) -> None:
    assert seal(keyring, TOKEN) == seal(keyring, TOKEN)
    assert seal(keyring, TOKEN) != seal(keyring, replace(TOKEN, nas_id=8))


def test_a_token_leaves_room_for_the_portals_address_in_one_attribute(keyring: Keyring) -> None:
    # Cisco-AVPair has 247 octets; url-redirect= and /r/…? take 17 of them.
    assert len(seal(keyring, TOKEN)) <= 110


@pytest.mark.parametrize("text", ["", "A", "é", "AAAA", "A" * 100, "=" * 60, "a b", "%00"])
def test_nobody_elses_text_opens(keyring: Keyring, text: str) -> None:
    assert unseal(keyring, text, NOW) is None


def test_a_token_that_was_changed_does_not_open(keyring: Keyring) -> None:
    sealed = seal(keyring, TOKEN)
    assert unseal(keyring, sealed[:-4] + ("AAAA" if not sealed.endswith("AAAA") else "BBBB"), NOW) is None
    assert unseal(Keyring(bytes(32)), sealed, NOW) is None


def test_a_token_shows_nobodys_address(keyring: Keyring) -> None:
    assert "5E" not in repr(TOKEN)
    assert "0A01" not in repr(TOKEN)
