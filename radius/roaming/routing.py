"""Where an Access-Request is decided: here, or by the home server of its realm."""

from __future__ import annotations

from collections.abc import Sequence

from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.methods import Authenticates
from radius.authentication.outcome import Rejected, RejectReason, Step
from radius.directory import Directory
from radius.roaming import metrics
from radius.roaming.forwarding import eap_failure, has_passed_proxies, is_loop, marker_of, method_of
from radius.roaming.proxy import Proxy
from radius.roaming.realm import parse_identifier
from radius.roaming.table import Realm, RealmDirectory
from radius.roaming.travelling import at_other_operator, with_realm_unknown
from radius.service import Request


class Router:
    """Finds the realm that a user name leads to; None is here.

    A credential of ours may have an @ in its name; it wins over any realm. A name whose realm is in no table is decided
    here, too, and so gets the same answer as any other name that nobody has.
    """

    def __init__(self, realms: RealmDirectory, directory: Directory, own_realms: Sequence[str]) -> None:
        self._realms = realms
        self._directory = directory
        self._own_realms = frozenset(own_realms)

    async def route(self, council_id: int, user_name: bytes) -> Realm | None:
        """The realm whose home server decides. Raises what Directory raises."""
        realm = self.candidate(council_id, user_name)
        return None if realm is None or await self.is_ours(council_id, user_name) else realm

    def candidate(self, council_id: int, user_name: bytes) -> Realm | None:
        """The realm that decides unless somebody here has a credential of that name."""
        identifier = parse_identifier(user_name)
        if identifier is None or identifier.realm in self._own_realms:
            return None
        return self._realms.table.find(council_id, identifier.realm)

    async def is_ours(self, council_id: int, user_name: bytes) -> bool:
        """Whether a credential has this name. Raises what Directory raises."""
        return await self._directory.credential(council_id, user_name.decode(errors="replace")) is not None

    def is_foreign(self, user_name: bytes) -> bool:
        """Whether a name has a realm, and it is none of ours."""
        identifier = parse_identifier(user_name)
        return identifier is not None and identifier.realm not in self._own_realms


class RoutingAuthenticator:
    """Decides all Access-Requests: those of our residents here, those of guests by asking their home."""

    def __init__(self, here: Authenticates, router: Router, proxy: Proxy, keyring: Keyring) -> None:
        self._here = here
        self._router = router
        self._proxy = proxy
        self._keyring = keyring

    async def authenticate(self, request: Request) -> Step:
        """Accepted, rejected or another round. Raises what Directory raises, and RequestUnansweredError."""
        packet, council_id = request.packet, request.nas.council_id
        if has_passed_proxies(packet) and is_loop(packet, marker_of(self._keyring, council_id)):
            metrics.proxy_drops.labels("loop").inc()
            return Rejected(method_of(packet), RejectReason.PROXY_LOOP, eap_failure(packet))
        user_name = attributes.get_octets(packet, "User-Name") or b""
        realm = await self._router.route(council_id, user_name)
        if realm is not None:
            return await self._proxy.forward(request, realm)
        step = await self._here.authenticate(request)
        if self._router.is_foreign(user_name):
            step = with_realm_unknown(step)
        return at_other_operator(step, request, self._keyring)
