"""Controllers that fail on the way: real servers over TLS, and the portal that calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp.web import Application
from sqlalchemy import select

from captive_portal.app import create_app
from captive_portal.errands.controllers import CONTROLLERS, Controllers
from captive_portal.errors import ControllerRefusedError, ControllerUnavailableError
from captive_portal.gateway_sessions.session_watch import check
from captive_portal.gateways.base import AccessLimits, Operation, ServerCall
from captive_portal.gateways.controller import fingerprint
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.unifi import UniFi
from captive_portal.pages.common import ERRANDS
from foundation.schema import accounting_sessions, journeys, network_access_servers
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import City, Client, Phone, newest_code
from tests.captive_portal.simulated.base import ACCESS_POINT, new_device
from tests.captive_portal.simulated.controller import HANGS_UP, IS_SILENT
from tests.captive_portal.simulated.unifi import SITE, SimulatedClassic, SimulatedIntegration

DEVICE = new_device(1)
GRANT = ServerCall(Operation.GRANT, {"mac": str(DEVICE.mac), "ap": str(ACCESS_POINT)}, AccessLimits(3601, 5_000_000))
REVOKE = replace(GRANT, operation=Operation.REVOKE)


@pytest.fixture
async def unifi() -> AsyncIterator[SimulatedClassic]:
    simulated = SimulatedClassic()
    await simulated.open()
    yield simulated
    await simulated.close()


@pytest.fixture
async def controllers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Controllers]:
    monkeypatch.setattr("captive_portal.errands.controllers._FIRST_PAUSE_SECONDS", 0.01)
    opened = Controllers(patience_seconds=2)
    yield opened
    await opened.close()


def gateway_of(simulated: SimulatedClassic | SimulatedIntegration, **changed: Any) -> Gateway:
    gateway = Gateway(
        1, 1, None, "", simulated.login_url, simulated.portal_secret, nas_identifier=SITE, options=simulated.options
    )
    return replace(gateway, **changed)


async def call(controllers: Controllers, gateway: Gateway, what: ServerCall = GRANT) -> None:
    await controllers.insist(lambda: UniFi().call(controllers.of(gateway), what, gateway))


# -- what a controller answers in the middle --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [[500], [503, 502], [429], [401], [HANGS_UP], [429, 401, 500, HANGS_UP]],
    ids=["error", "errors", "too many", "forgotten", "hangs up", "all of it"],
)
async def test_faults_in_the_middle_are_survived(
    unifi: SimulatedClassic, controllers: Controllers, faults: list[int]
) -> None:
    unifi.api_faults = list(faults)
    await call(controllers, gateway_of(unifi))
    assert not unifi.api_faults
    assert DEVICE.mac in unifi.let_on


async def test_one_that_never_answers_is_given_up_when_patience_ends(
    unifi: SimulatedClassic, controllers: Controllers
) -> None:
    unifi.api_faults = [IS_SILENT]
    controllers._patience_seconds = 0.2
    with pytest.raises(ControllerUnavailableError, match="in time"):
        await call(controllers, gateway_of(unifi))


async def test_it_is_not_asked_again_before_it_wants_to_be(unifi: SimulatedClassic, controllers: Controllers) -> None:
    unifi.api_faults, unifi.retry_after = [429], "3600"
    with pytest.raises(ControllerUnavailableError, match="429"):
        await call(controllers, gateway_of(unifi))
    assert unifi.requests.count(f"POST /api/s/{SITE}/cmd/stamgr") == 1


async def test_one_log_in_serves_many_calls(unifi: SimulatedClassic, controllers: Controllers) -> None:
    for _ in range(3):
        await call(controllers, gateway_of(unifi))
    assert unifi.log_ins == 1


async def test_a_log_in_that_is_forgotten_is_made_once_more(unifi: SimulatedClassic, controllers: Controllers) -> None:
    await call(controllers, gateway_of(unifi))
    unifi.forget_log_ins()
    await call(controllers, gateway_of(unifi), REVOKE)
    assert unifi.log_ins == 2
    assert DEVICE.mac not in unifi.let_on


async def test_who_is_always_refused_does_not_log_in_for_ever(
    unifi: SimulatedClassic, controllers: Controllers
) -> None:
    unifi.api_faults = [401] * 9
    with pytest.raises(ControllerRefusedError, match="401"):
        await call(controllers, gateway_of(unifi))
    assert unifi.log_ins == 2


async def test_a_wrong_password_is_not_tried_twice(unifi: SimulatedClassic, controllers: Controllers) -> None:
    with pytest.raises(ControllerRefusedError, match="password"):
        await call(controllers, gateway_of(unifi, portal_secret=b"wrong"))
    assert unifi.log_ins == 1


async def test_a_changed_configuration_is_in_force_at_once(unifi: SimulatedClassic, controllers: Controllers) -> None:
    with pytest.raises(ControllerRefusedError):
        await call(controllers, gateway_of(unifi, portal_secret=b"wrong"))
    await call(controllers, gateway_of(unifi))
    assert DEVICE.mac in unifi.let_on


# -- whom the portal speaks to ----------------------------------------------------------------------------------------


async def test_a_certificate_of_nobody_we_know_is_refused(unifi: SimulatedClassic, controllers: Controllers) -> None:
    options = {name: value for name, value in unifi.options.items() if name != "certificate_sha256"}
    with pytest.raises(ControllerRefusedError, match="certificate"):
        await call(controllers, gateway_of(unifi, options=options))
    assert unifi.requests == []


async def test_another_certificate_than_the_pinned_one_is_refused(
    unifi: SimulatedClassic, controllers: Controllers
) -> None:
    options = {**unifi.options, "certificate_sha256": "00" * 32}
    with pytest.raises(ControllerRefusedError, match="certificate"):
        await call(controllers, gateway_of(unifi, options=options))
    assert unifi.requests == []


@pytest.mark.parametrize("text", ["", "12", "zz" * 32, "00" * 33])
def test_what_is_no_fingerprint_is_none(text: str) -> None:
    assert fingerprint(text) is None


def test_a_fingerprint_may_have_colons() -> None:
    assert fingerprint(":".join(["ab"] * 32)) == b"\xab" * 32


async def test_without_an_address_nobody_is_called(controllers: Controllers) -> None:
    with pytest.raises(ControllerRefusedError, match="login_url"):
        await call(controllers, Gateway(1, 1, None, "", None, b"secret"))


async def test_a_redirect_is_not_followed(
    controllers: Controllers, aiohttp_server: Callable[[Application], Awaitable[Any]]
) -> None:
    app = Application()
    app.router.add_post("/api/login", _redirects)
    server = await aiohttp_server(app)
    with pytest.raises(ControllerRefusedError, match="redirects"):
        await call(controllers, Gateway(1, 1, None, "", str(server.make_url("/")), b"secret"))


async def test_an_endless_answer_is_not_read_to_its_end(
    controllers: Controllers,
    aiohttp_server: Callable[[Application], Awaitable[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("captive_portal.gateways.controller.LARGEST_ANSWER_OCTETS", 1000)
    app = Application()
    app.router.add_post("/api/login", _is_endless)
    server = await aiohttp_server(app)
    controllers._patience_seconds = 0.1
    with pytest.raises(ControllerUnavailableError, match="too large"):
        await call(controllers, Gateway(1, 1, None, "", str(server.make_url("/")), b"secret"))


async def _redirects(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    raise aiohttp.web.HTTPFound("http://192.0.2.1/elsewhere")


async def _is_endless(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.Response(body=b"x" * 2000)


# -- a resident's visit -----------------------------------------------------------------------------------------------


@pytest.fixture
async def app(city: City, unifi: SimulatedClassic, controllers: Controllers) -> Application:
    """The portal, whose library has UniFi instead of chilli, and whose patience is short."""
    async with city.database.write() as connection:
        await connection.execute(
            network_access_servers.update().values(
                gateway_driver="unifi",
                nas_identifier=SITE,
                login_url=unifi.login_url,
                gateway_options=json.dumps(unifi.options),
                portal_secret_encrypted=city.runtime.keyring.encrypt("portal secret", unifi.portal_secret or b""),
            )
        )
    app = create_app(city.runtime)
    app[CONTROLLERS]._patience_seconds = 2
    return app


@pytest.fixture
async def client(app: Application, aiohttp_client: Callable[[Application], Awaitable[Client]]) -> Client:
    return await aiohttp_client(app)


async def arrive(phone: Phone) -> None:
    await phone.get(f"/guest/s/{SITE}/?ap={ACCESS_POINT}&id={DEVICE.mac}&t=1&url=http%3A%2F%2Fexample.org%2F&ssid=Hall")
    assert phone.page == "start", phone.text


async def wait_for(phone: Phone, page: str) -> None:
    """Reload the page that waits."""
    async with asyncio.timeout(10):
        while phone.page != page:
            await asyncio.sleep(0.02)
            await phone.get(phone.path)


async def sessions_of(city: City) -> list[Any]:
    async with city.database.read() as connection:
        return list((await connection.execute(select(accounting_sessions))).all())


async def test_a_resident_gets_on_by_the_controllers_yes_and_off_by_the_log_out(
    phone: Phone, city: City, unifi: SimulatedClassic
) -> None:
    await arrive(phone)
    await phone.submit(way="click", accept_terms="yes")
    await wait_for(phone, "online")
    settings = city.runtime.settings.radius
    assert unifi.let_on[DEVICE.mac] == {
        "minutes": settings.session_timeout_seconds // 60,
        "up": settings.upload_kilobits_per_second,
        "down": settings.download_kilobits_per_second,
    }
    assert unifi.points[DEVICE.mac] == {None, "00:00:5e:00:53:00"}
    await phone.get(phone.path.replace("online", "status"))
    await phone.submit()
    assert phone.page == "ended"
    assert unifi.let_on == {}
    [session] = await sessions_of(city)
    assert (session.source, session.ended_by, session.terminate_cause) == ("api", "stop", 1)


async def test_who_is_refused_is_told_and_can_try_again(phone: Phone, city: City, unifi: SimulatedClassic) -> None:
    await arrive(phone)
    unifi.api_faults = [400]
    await phone.submit(way="click", accept_terms="yes")
    await wait_for(phone, "failed")
    assert await sessions_of(city) == []
    await phone.submit()
    await wait_for(phone, "online")


async def test_a_call_that_died_with_its_process_is_begun_again_by_the_page_that_waits(
    phone: Phone, app: Application, city: City, unifi: SimulatedClassic, monkeypatch: pytest.MonkeyPatch
) -> None:
    unifi.api_faults = [IS_SILENT]
    await arrive(phone)
    await phone.submit(way="click", accept_terms="yes")
    assert phone.page == "waiting"
    async with asyncio.timeout(5):
        await unifi.is_silent.wait()
    await app[ERRANDS].close()
    await phone.get(phone.path)
    assert unifi.let_on == {}
    monkeypatch.setattr("captive_portal.release._LET_CALLS_GO_ON", timedelta(0))
    await wait_for(phone, "online")
    assert DEVICE.mac in unifi.let_on
    assert len(await sessions_of(city)) == 1


async def test_no_word_of_the_log_names_a_device(
    phone: Phone, unifi: SimulatedClassic, capsys: pytest.CaptureFixture[str]
) -> None:
    await arrive(phone)
    unifi.api_faults = [400]
    await phone.submit(way="click", accept_terms="yes")
    await wait_for(phone, "failed")
    written = "".join(capsys.readouterr())
    assert "a controller did not do it" in written
    for spelling in (DEVICE.dashes, DEVICE.colons, DEVICE.plain):
        assert spelling not in written


# -- sessions while they last -----------------------------------------------------------------------------------------


async def look(app: Application, city: City, after: timedelta = timedelta(minutes=1)) -> None:
    await check(city.runtime, app[CONTROLLERS], datetime.now(UTC) + after)


@pytest.fixture
async def online(phone: Phone) -> Phone:
    await arrive(phone)
    await phone.submit(way="click", accept_terms="yes")
    await wait_for(phone, "online")
    return phone


async def test_usage_is_fetched_from_the_controller(
    online: Phone, app: Application, city: City, unifi: SimulatedClassic
) -> None:
    unifi.octets[DEVICE.mac] = (1_000, 2_000)
    await look(app, city)
    [session] = await sessions_of(city)
    assert (session.input_octets, session.output_octets, session.stopped_at) == (1_000, 2_000, None)


async def test_a_device_that_has_gone_for_long_is_off_and_the_controller_is_told(
    online: Phone, app: Application, city: City, unifi: SimulatedClassic
) -> None:
    idle = timedelta(seconds=city.runtime.settings.radius.idle_timeout_seconds)
    await look(app, city, idle / 2)
    assert DEVICE.mac in unifi.let_on
    await look(app, city, idle + timedelta(seconds=5))
    [session] = await sessions_of(city)
    assert (session.ended_by, session.terminate_cause) == ("lost", 2)
    assert unifi.let_on == {}


async def test_a_session_ends_when_its_time_is_over(
    online: Phone, app: Application, city: City, unifi: SimulatedClassic
) -> None:
    unifi.octets[DEVICE.mac] = (1, 1)
    length = timedelta(seconds=city.runtime.settings.radius.session_timeout_seconds)
    await look(app, city, length + timedelta(minutes=1))
    [session] = await sessions_of(city)
    assert session.stopped_at - session.started_at == length
    assert (session.ended_by, session.terminate_cause) == ("stop", 5)


async def test_while_the_controller_is_away_nothing_is_ended(
    online: Phone, app: Application, city: City, unifi: SimulatedClassic
) -> None:
    unifi.api_faults = [503]
    await look(app, city, timedelta(hours=3))
    [session] = await sessions_of(city)
    assert session.stopped_at is None


async def test_a_journey_of_a_session_that_ended_says_so(
    online: Phone, app: Application, city: City, unifi: SimulatedClassic
) -> None:
    await look(app, city, timedelta(days=1))
    await online.get(online.path)
    assert online.page == "ended"
    async with city.database.read() as connection:
        assert (await connection.execute(select(journeys.c.state))).scalar_one() == "ended"


async def test_a_code_that_is_typed_in_grace_is_told_to_the_controller(
    phone: Phone, city: City, unifi: SimulatedClassic
) -> None:
    await offer(city, "email")
    await arrive(phone)
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.post(phone.path.replace("code", "grace"))
    await wait_for(phone, "online")
    assert unifi.let_on[DEVICE.mac]["minutes"] == 10
    await phone.get(phone.path.replace("online", "code"))
    await phone.submit(code=newest_code(city))
    assert "Your code was right. You stay online." in phone.text
    assert unifi.let_on[DEVICE.mac]["minutes"] == 240
    (session,) = await sessions_of(city)
    assert session.stopped_at is None


async def test_a_controller_that_is_away_when_the_code_is_typed_leaves_the_end_where_it_was(
    phone: Phone, city: City, unifi: SimulatedClassic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captive_portal.pages.code._PROLONGING_PATIENCE_SECONDS", 0.05)
    await offer(city, "email")
    await arrive(phone)
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.post(phone.path.replace("code", "grace"))
    await wait_for(phone, "online")
    unifi.api_faults = [IS_SILENT]
    await phone.get(phone.path.replace("online", "code"))
    await phone.submit(code=newest_code(city))
    assert "connect once more: you need no code again" in phone.text


async def test_a_controller_that_has_told_nothing_for_minutes_is_what_residents_are_told_of(
    phone: Phone, city: City
) -> None:
    await arrive(phone)
    await phone.submit(way="click", accept_terms="yes")
    await wait_for(phone, "online")
    await phone.get(phone.path.replace("online", "check"))
    assert "We see nothing wrong" in phone.text
    async with city.database.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=6)
        await connection.execute(accounting_sessions.update().values(received_at=long_ago))
    await phone.get(phone.path)
    assert "What controls the WiFi here does not answer us." in phone.text
