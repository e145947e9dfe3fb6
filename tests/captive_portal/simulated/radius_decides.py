"""Equipment that RADIUS decides for: Cisco's central web authentication, and hostapd with MAC authentication.

From Cisco's guide for the Catalyst 9800, and from hostapd's hostapd.conf and src/radius/radius_das.c. A device is let
in by its address when it comes, shut in where RADIUS says so, and comes again when it is put off.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from captive_portal.gateways.our_redirector import seal
from foundation.mac_address import MacAddress
from radius import attributes
from radius.packet import Code, Packet
from tests.captive_portal.simulated.base import Device, Session, SimulatedGateway
from tests.captive_portal.simulated.place import PORTAL_URL
from tests.captive_portal.simulated.radius_side import Answer as DynamicAnswer
from tests.captive_portal.simulated.radius_side import Pair

_ADMIN_RESET: Final = 6
_QUARANTINE_VLAN: Final = 99
_MISSING_ATTRIBUTE: Final = 402
_EVENT_TIMESTAMP_MISSING: Final = "hostapd refuses a request without Event-Timestamp"


class _RadiusDecides(SimulatedGateway):
    """Sends accounting of devices in quarantine, too."""

    takes_dynamic_authorization = True
    # By a DHCP server that can put the device's address into option 114, such as Kea.
    has_own_arrival_address = True
    gives_captive_portal_api = True

    def __init__(self) -> None:
        super().__init__()
        # Devices that are shut in, and what with: an address to go to, or nothing more than a VLAN.
        self.shut_in: dict[MacAddress, str] = {}

    async def associate(self, device: Device) -> None:
        """MAC authentication; a rejected device does not get in at all."""
        if device.mac in self.sessions:
            return
        name = self._spelled(device)
        reply = await self.authenticate(device, name, password=name, more=self._more(device))
        if reply is not None and reply.code is Code.ACCESS_ACCEPT:
            self._obey(device, reply)

    def disassociate(self, device: Device) -> None:
        """What it was shut in with."""
        self.shut_in.pop(device.mac, None)

    def captive_portal_api(self, device: Device) -> str:
        """The portal's, by the key that its own arrival address ends with."""
        key = self.surroundings.arrival_url.rpartition("/")[2]
        return f"{self.surroundings.portal_url}/api/capport/{key}/{device.dashes}"

    def owns(self, url: str) -> bool:
        """It has no pages of its own."""
        return False

    def lets_through(self, device: Device, url: str) -> bool:
        """On, and not shut in."""
        return device.mac in self.sessions and device.mac not in self.shut_in

    async def rejoin(self, session: Session) -> None:
        """A device that was put off joins anew, as devices do by themselves."""
        await self.end_session(session.device, cause=_ADMIN_RESET)
        self.disassociate(session.device)
        await self.associate(session.device)

    def soon(self, what: Coroutine[Any, Any, None]) -> None:
        """After the answer has gone out."""
        task = asyncio.create_task(what)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    @abstractmethod
    def _spelled(self, device: Device) -> str:
        """The address as User-Name and User-Password."""

    @abstractmethod
    def _obey(self, device: Device, accept: Packet) -> None:
        """Shut the device in, or let it out."""

    def _more(self, device: Device) -> tuple[Pair, ...]:
        return ()


class SimulatedCentralWebAuthentication(_RadiusDecides):
    """A Catalyst 9800, which keeps a session when it asks about its device anew."""

    driver = "cisco-central"
    vendor = "cisco"

    def row(self) -> dict[str, object]:
        """With what unknown devices are told."""
        told = {"quarantine_role": "CITYWIFI-REDIRECT", "quarantine_url": f"{PORTAL_URL}/r/{{session}}"}
        return {**super().row(), "unknown_devices": "quarantine", **told}

    async def intercept(self, device: Device, url: str) -> str:
        """To what RADIUS said, with the address that was wanted appended in any case."""
        await self.associate(device)
        return f"{self.shut_in[device.mac]}&redirect_url={quote(url, safe='')}"

    def pairs(self, device: Device) -> list[Pair]:
        """Its name of the session is there from the first request on."""
        return [*super().pairs(device), ("Cisco-AVPair", f"audit-session-id=0A0101{device.plain.upper()}000001")]

    async def take_dynamic_request(self, request: Packet, sessions: list[Session]) -> DynamicAnswer:
        """Asks anew on ``subscriber:command=reauthenticate``."""
        [session] = sessions
        pairs = attributes.get_all_octets(request, "Cisco-AVPair")
        assert any(("Cisco-AVPair", pair.decode()) in session.pairs for pair in pairs), "no audit-session-id of ours"
        if request.code is Code.DISCONNECT_REQUEST:
            self.soon(self.rejoin(session))
            return DynamicAnswer(Code.DISCONNECT_ACK)
        assert b"subscriber:command=reauthenticate" in pairs
        self.soon(self._ask_anew(session))
        return DynamicAnswer(Code.COA_ACK)

    def _spelled(self, device: Device) -> str:
        return device.plain

    def _more(self, device: Device) -> tuple[Pair, ...]:
        return (("Service-Type", "Call-Check"),)

    def _obey(self, device: Device, accept: Packet) -> None:
        told = dict(pair.decode().split("=", 1) for pair in attributes.get_all_octets(accept, "Cisco-AVPair"))
        if "url-redirect" not in told:
            self.shut_in.pop(device.mac, None)
            return
        assert told["url-redirect-acl"] == "CITYWIFI-REDIRECT"
        self.shut_in[device.mac] = told["url-redirect"]

    async def _ask_anew(self, session: Session) -> None:
        device = session.device
        name = self._spelled(device)
        pairs: tuple[Pair, ...] = (("User-Name", name), ("Acct-Session-Id", session.acct_session_id), *session.pairs)
        reply = await self.radius.access_request((*pairs, *self._more(device)), password=name)
        if reply is not None and reply.code is Code.ACCESS_ACCEPT:
            session.accept = reply
            self._obey(device, reply)
            self._report_soon(session, "Interim-Update")


class SimulatedHostapd(_RadiusDecides):
    """OpenWrt's, with our own gateway in the quarantine VLAN."""

    driver = "hostapd"
    vendor = "hostapd"
    portal_secret = b"a secret of portal and redirector"
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "the redirector of the quarantine network is for IPv4",
    }

    def row(self) -> dict[str, object]:
        """With the quarantine VLAN."""
        return {**super().row(), "unknown_devices": "quarantine", "quarantine_vlan": _QUARANTINE_VLAN}

    async def intercept(self, device: Device, url: str) -> str:
        """The redirector says whose address it saw, under a seal."""
        await self.associate(device)
        query = urlencode({"mac": device.colons, "ip": str(device.ip)})
        return f"{self.surroundings.arrival_url}?{query}&seal={seal(query, self.portal_secret)}"

    async def take_dynamic_request(self, request: Packet, sessions: list[Session]) -> DynamicAnswer:
        """Ends sessions; a CoA-Request is for Hotspot 2.0 only."""
        if request.code is Code.COA_REQUEST:
            return DynamicAnswer(Code.COA_NAK, (("Error-Cause", _MISSING_ATTRIBUTE),))
        assert attributes.get_date(request, "Event-Timestamp") is not None, _EVENT_TIMESTAMP_MISSING
        for session in sessions:
            self.soon(self.rejoin(session))
        return DynamicAnswer(Code.DISCONNECT_ACK)

    def _spelled(self, device: Device) -> str:
        return device.plain

    def _obey(self, device: Device, accept: Packet) -> None:
        vlan = attributes.get_text(accept, "Tunnel-Private-Group-Id", lenient=True)
        if vlan == str(_QUARANTINE_VLAN):
            self.shut_in[device.mac] = ""
        else:
            self.shut_in.pop(device.mac, None)
