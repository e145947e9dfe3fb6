"""Records of guests that are forwarded, when something of our own is away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from foundation.database_errors import DatabaseUnavailableError
from foundation.privacy import Keyring
from foundation.settings import RoamingSettings
from radius.roaming import metrics
from radius.roaming.accounting import AccountingForwarder
from tests.radius.support import accounting_request, request_of


class RouterWithoutDatabase:
    """Knows a realm with a home server, but cannot tell whether a name is one of ours."""

    def candidate(self, council_id: int, user_name: bytes) -> Any:
        return SimpleNamespace(id=1, name="example.org", servers=(SimpleNamespace(accounting=True),))

    async def is_ours(self, council_id: int, user_name: bytes) -> bool:
        raise DatabaseUnavailableError("away")


async def test_with_the_database_away_a_record_that_cannot_be_forwarded_is_counted_as_that(
    keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    router, upstreams = RouterWithoutDatabase(), SimpleNamespace()
    forwarder = AccountingForwarder(router, upstreams, RoamingSettings(), keyring)  # type: ignore[arg-type]  # stand-ins
    counted = metrics.forwarding_drops.labels("storage_unavailable")
    before = counted._value.get()
    forwarder.offer(request_of(accounting_request({"User-Name": "guest@example.org", "Acct-Status-Type": "Start"})))
    await forwarder.stop(5)
    assert counted._value.get() == before + 1
    assert "fault of ours" not in capsys.readouterr().out
