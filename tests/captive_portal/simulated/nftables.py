"""Our own gateway for plain Linux: the agent's own functions, with a dictionary in place of nft's sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.base import Device, SimulatedGateway
from tests.support.gateway_agent import load_agent

_AGENT = load_agent()


class SimulatedNftables(SimulatedGateway):
    """With its agent, which comes every few seconds, and the captive portal API at its own name."""

    driver = "nftables"
    vendor = "other"
    network = None
    portal_secret = b"a secret of portal and agent"
    has_own_arrival_address = True
    gives_captive_portal_api = True
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "the gateway is for IPv4",
        "CoA-NAK": "it takes no requests by RFC 5176",
        "lost RADIUS reply": "it speaks no RADIUS",
        "retransmission": "it speaks no RADIUS",
    }

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[MacAddress, Device] = {}
        # Who is on, until when nft lets the element be; and what it counted.
        self.on: dict[str, Any] = {}

    async def associate(self, device: Device) -> None:
        """It answers ARP from now on; who is remembered is let on with the agent's next turn."""
        self.devices[device.mac] = device
        await self.poll()

    def disassociate(self, device: Device) -> None:
        """It answers no more."""
        self.devices.pop(device.mac, None)
        self.on.pop(device.colons, None)

    def owns(self, url: str) -> bool:
        """Browsers never talk to it."""
        return False

    def lets_through(self, device: Device, url: str) -> bool:
        """Who is in the set."""
        return device.colons in self.on

    async def intercept(self, device: Device, url: str) -> str:
        """As the agent's redirect says."""
        self.devices[device.mac] = device
        address: str = _AGENT.redirect_address(self._settings(), _AGENT.Device(device.colons, str(device.ip)))
        return address

    def captive_portal_api(self, device: Device) -> str:
        """Where the agent asks on the device's behalf."""
        settings = self._settings()
        return f"{settings.portal}/api/capport/{settings.key}/{device.colons}"

    async def poll(self) -> None:
        """A turn of the agent, and one more where something changed."""
        while await self._turn():
            pass

    async def _turn(self) -> bool:
        settings = self._settings()
        seen = [_AGENT.Device(device.colons, str(device.ip)) for device in self.devices.values()]
        report = json.dumps(_AGENT.make_report(seen, self.on, {})).encode()
        headers = {"Authorization": f"Bearer {settings.secret}"}
        path = f"/gateways/nftables/{settings.key}"
        answer = await self.surroundings.ask_portal("POST", path, report, headers)
        assert answer.status == 200, answer
        allowed = _AGENT.read_answer(answer.text.encode(), seen)
        todo = _AGENT.commands(allowed, self.on, seen)
        self.on = {mac: self.on.get(mac, _AGENT.Counts()) for mac in allowed}
        return bool(todo)

    def _settings(self) -> Any:
        surroundings, secret = self.surroundings, self.portal_secret.decode()
        key = surroundings.arrival_url.rpartition("/")[2]
        return _AGENT.Settings(surroundings.portal_url, self.driver, key, secret, "lan")
