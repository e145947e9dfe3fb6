"""Every controller with everything that it may answer in the middle: over TLS, to real calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import cast

import aiohttp
import pytest

from captive_portal.errands.controllers import Controllers
from captive_portal.errors import ControllerRefusedError, ControllerUnavailableError
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import AccessLimits, ControllerDriver, Operation, ServerCall
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.ruckus_smartzone import RuckusSmartZone
from tests.captive_portal.simulated import omada, ruckus_smartzone, unifi
from tests.captive_portal.simulated.base import ACCESS_POINT, Device, new_device
from tests.captive_portal.simulated.controller import HANGS_UP, IS_SILENT, SimulatedController

DEVICE = new_device(1)


class _WithoutRadius(ruckus_smartzone._SmartZone):
    """SmartZone whose RADIUS server says yes to everybody."""

    hides = False

    async def _log_in(self, device: Device, sent: Mapping[str, str]) -> int:
        self.let_on[device.mac] = sent
        return 201


class AsyncSmartZone(_WithoutRadius):
    """As it is asked where nothing is said."""


class SyncSmartZone(_WithoutRadius):
    """With the option ``login`` sync."""

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"login": "sync"}


CONTROLLERS: Mapping[str, tuple[str, type[SimulatedController]]] = {
    "unifi classic": ("unifi", unifi.SimulatedClassic),
    "unifi-os": ("unifi", unifi.SimulatedConsole),
    "unifi integration": ("unifi", unifi.SimulatedIntegration),
    "omada": ("omada", omada.SimulatedExternalPortal),
    "omada wired": ("omada", omada.SimulatedWired),
    "omada open api": ("omada-open-api", omada.SimulatedOpenApi),
    "smartzone async": ("ruckus-smartzone", AsyncSmartZone),
    "smartzone sync": ("ruckus-smartzone", SyncSmartZone),
}


@pytest.fixture(params=CONTROLLERS)
async def simulated(request: pytest.FixtureRequest) -> AsyncIterator[SimulatedController]:
    opened = CONTROLLERS[request.param][1]()
    await opened.open()
    await opened.associate(DEVICE)
    # What makes SmartZone know the device.
    await opened.intercept(DEVICE, "http://example.org/")
    yield opened
    await opened.close()


@pytest.fixture
async def controllers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Controllers]:
    monkeypatch.setattr("captive_portal.errands.controllers._FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("captive_portal.gateways.smartzone_api._BETWEEN_QUESTIONS_SECONDS", 0.01)
    monkeypatch.setattr("captive_portal.gateways.controller._TIMEOUT", aiohttp.ClientTimeout(total=0.6))
    opened = Controllers(patience_seconds=10)
    yield opened
    await opened.close()


def driver_of(simulated: SimulatedController) -> ControllerDriver:
    name = next(name for name, kind in CONTROLLERS.values() if kind is type(simulated))
    return cast(ControllerDriver, DRIVERS[name])


def gateway_of(simulated: SimulatedController) -> Gateway:
    return Gateway(
        1, 1, None, "", simulated.login_url, simulated.portal_secret, nas_identifier=simulated.nas_identifier,
        options=simulated.options,
    )  # fmt: skip


def hand_over_of(simulated: SimulatedController) -> dict[str, str]:
    if isinstance(simulated, _WithoutRadius):
        return {"ue_mac": DEVICE.colons, "ue_ip": str(DEVICE.ip), "user_name": "name", "password": "password"}
    where = {"apMac": str(ACCESS_POINT), "ssidName": "Library WiFi", "radioId": "1"}
    if getattr(simulated, "is_wired", False):
        where = {"gatewayMac": str(ACCESS_POINT), "vid": "20"}
    return {"mac": str(DEVICE.mac), "site": omada.SITE, **where}


async def call(controllers: Controllers, simulated: SimulatedController, operation: Operation) -> None:
    gateway, driver = gateway_of(simulated), driver_of(simulated)
    asked = ServerCall(operation, hand_over_of(simulated), AccessLimits(3600))
    await controllers.insist(lambda: driver.call(controllers.of(gateway), asked, gateway))


@pytest.mark.parametrize(
    "faults",
    [[500], [502, 503, 504], [429], [401], [HANGS_UP], [IS_SILENT], [429, 401], [401, 500, HANGS_UP, 429]],
    ids=["error", "errors", "429", "401", "hangs up", "silent", "429 then 401", "all of it"],
)
async def test_what_a_controller_answers_in_the_middle_is_survived(
    simulated: SimulatedController, controllers: Controllers, faults: list[int]
) -> None:
    simulated.api_faults = list(faults)
    await call(controllers, simulated, Operation.GRANT)
    assert simulated.api_faults == []
    assert list(simulated.let_on) == [DEVICE.mac]


async def test_asking_again_changes_nothing(simulated: SimulatedController, controllers: Controllers) -> None:
    await call(controllers, simulated, Operation.GRANT)
    before = dict(simulated.let_on)
    await call(controllers, simulated, Operation.GRANT)
    assert simulated.let_on == before


async def test_a_device_is_taken_off_where_that_can_be_done(
    simulated: SimulatedController, controllers: Controllers
) -> None:
    await call(controllers, simulated, Operation.GRANT)
    if not driver_of(simulated).capabilities.can_log_out:
        with pytest.raises(ControllerRefusedError, match="cannot"):
            await call(controllers, simulated, Operation.REVOKE)
        return
    await call(controllers, simulated, Operation.REVOKE)
    await call(controllers, simulated, Operation.REVOKE)
    if not isinstance(simulated, _WithoutRadius):
        assert simulated.let_on == {}


async def test_the_secret_is_in_no_exception(simulated: SimulatedController, controllers: Controllers) -> None:
    right, simulated.portal_secret = simulated.portal_secret, b"another"
    gateway, driver = gateway_of(simulated), driver_of(simulated)
    simulated.portal_secret = right
    asked = ServerCall(Operation.GRANT, hand_over_of(simulated))
    with pytest.raises(ControllerRefusedError) as caught:
        await controllers.insist(lambda: driver.call(controllers.of(gateway), asked, gateway))
    assert "another" not in str(caught.value)
    assert DEVICE.mac not in simulated.let_on


# -- what only one of them does ---------------------------------------------------------------------------------------


async def test_unifi_lists_a_device_only_after_a_while(controllers: Controllers) -> None:
    simulated = unifi.SimulatedIntegration()
    await simulated.open()
    try:
        await simulated.associate(DEVICE)
        simulated.unlisted_questions = 3
        await call(controllers, simulated, Operation.GRANT)
        assert DEVICE.mac in simulated.let_on
        simulated.octets[DEVICE.mac] = (10, 20)
        gateway = gateway_of(simulated)
        found = await DRIVERS["unifi"].usage(controllers.of(gateway), gateway)  # type: ignore[attr-defined]
        assert {device: (used.input_octets, used.output_octets) for device, used in found.items()} == {
            DEVICE.mac: (10, 20)
        }
    finally:
        await simulated.close()


@pytest.mark.parametrize("kind", [omada.SimulatedExternalPortal, omada.SimulatedOpenApi], ids=["operator", "open api"])
async def test_an_unknown_error_code_of_omada_is_answered_by_a_new_log_in(
    controllers: Controllers, kind: type[omada.SimulatedExternalPortal | omada.SimulatedOpenApi]
) -> None:
    simulated = kind()
    await simulated.open()
    try:
        await call(controllers, simulated, Operation.GRANT)
        simulated.forget_log_ins()
        await call(controllers, simulated, Operation.GRANT)
        assert simulated.log_ins == 2
        simulated.error_codes = [-41501, -41501]
        with pytest.raises(ControllerRefusedError, match="-41501"):
            await call(controllers, simulated, Operation.GRANT)
    finally:
        await simulated.close()


async def test_omada_counts_microseconds_and_wants_numbers(controllers: Controllers) -> None:
    simulated = omada.SimulatedExternalPortal()
    await simulated.open()
    try:
        await call(controllers, simulated, Operation.GRANT)
        sent = simulated.let_on[DEVICE.mac]
        assert (sent["time"], sent["radioId"], sent["authType"]) == (3_600_000_000, 1, 4)
    finally:
        await simulated.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (300, ControllerUnavailableError),
        (301, ControllerRefusedError),
        (302, ControllerRefusedError),
        (306, ControllerRefusedError),
        (400, ControllerUnavailableError),
        (401, ControllerUnavailableError),
    ],
    ids=["not found", "login failed", "bad request", "password", "internal", "authentication server"],
)
async def test_smartzones_numbers_say_whether_asking_again_is_of_use(
    controllers: Controllers, code: int, error: type[Exception]
) -> None:
    simulated = SyncSmartZone()
    await simulated.open()
    try:
        await simulated.intercept(DEVICE, "")
        simulated.response_codes = [code] * 99
        controllers._patience_seconds = 1.0
        with pytest.raises(error, match=str(code)):
            await call(controllers, simulated, Operation.GRANT)
    finally:
        await simulated.close()


async def test_smartzone_tells_what_a_redirect_hides_and_takes_it_back_as_it_was(controllers: Controllers) -> None:
    simulated = ruckus_smartzone.SimulatedHiding()
    await simulated.open()
    try:
        url = await simulated.intercept(DEVICE, "")
        hidden = url.partition("client_mac=")[2].partition("&")[0]
        gateway = gateway_of(simulated)
        found = await RuckusSmartZone().resolve(controllers.of(gateway), hidden, gateway)
        assert found == DEVICE.mac
        assert simulated.asked[-1]["Data"] == hidden
        assert "RequestUserName" not in simulated.asked[-1]
    finally:
        await simulated.close()


def test_every_driver_that_calls_a_controller_is_tried_here() -> None:
    tried = {name for name, _ in CONTROLLERS.values()}
    assert tried == {name for name, driver in DRIVERS.items() if hasattr(driver, "call")}
