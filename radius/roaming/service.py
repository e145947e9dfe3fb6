"""Roaming as the server has it: its parts put together, started and stopped as one."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.settings import Settings
from radius.authentication.methods import Authenticates
from radius.directory import Directory
from radius.roaming.accounting import AccountingForwarder
from radius.roaming.exchange import Connect
from radius.roaming.proxy import Proxy
from radius.roaming.routing import Router, RoutingAuthenticator
from radius.roaming.table import RealmDirectory
from radius.roaming.upstream import Upstreams

_STOP_PATIENCE_SECONDS: Final = 2.0


class Roaming:
    """Realms, their home servers, the proxy and the forwarder of accounting; one per process."""

    def __init__(
        self, settings: Settings, database: Database, keyring: Keyring, directory: Directory, connect: Connect
    ) -> None:
        roaming = settings.roaming
        self._keyring = keyring
        self.realms = RealmDirectory(database, keyring)
        self.upstreams = Upstreams(connect, roaming.answer_seconds, roaming.status_seconds)
        self.router = Router(self.realms, directory, roaming.own_realms)
        self.proxy = Proxy(self.realms, self.upstreams, roaming, keyring)
        self.forwarder = AccountingForwarder(self.router, self.upstreams, roaming, keyring)

    def authenticator(self, here: Authenticates) -> RoutingAuthenticator:
        """What decides all Access-Requests, given what decides those of our own residents."""
        return RoutingAuthenticator(here, self.router, self.proxy, self._keyring)

    def jobs(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs for ever."""
        return self.realms.keep_fresh(), self.upstreams.keep_probing(self.realms.addresses)

    def sample_metrics(self) -> None:
        """Set the gauges."""
        self.proxy.sample_metrics()
        self.forwarder.sample_metrics()

    async def stop(self) -> None:
        """Deliver what can be delivered at once, and close."""
        await self.forwarder.stop(_STOP_PATIENCE_SECONDS)
        await self.upstreams.close()
