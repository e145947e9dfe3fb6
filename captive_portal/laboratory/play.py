"""A simulated phone comes by a redirect that an engineer pasted, and gets on, looks at its status and logs out.

The portal is the real one, driven by HTTP, with this installation's terms, ways in and policies, in a copy that is
gone afterwards (``scratch.py``). Equipment is never reached: what the portal, or the browser, would send it is told
instead, and where the equipment would give the proof, the play does (``stage.py``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import phonenumbers
from aiohttp import web

from captive_portal.errands.rehearsal import Rehearsal
from captive_portal.errors import PortalError
from captive_portal.gateways.base import Outcome
from captive_portal.laboratory.explanation import KnownGateway, explain
from captive_portal.laboratory.phone import Phone
from captive_portal.laboratory.scratch import scratch_installation
from captive_portal.laboratory.stage import Stage, Step
from captive_portal.ways_in.ways import Way
from foundation.arrival_tokens import PATH as DEVICE_PATH
from foundation.arrival_tokens import unseal
from foundation.runtime import Runtime

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_MOST_PAGES: Final = 10
_MOST_LOOKS: Final = 60
_PAUSE_SECONDS: Final = 0.05
# Those first that take the fewest steps.
_WAYS: Final = {
    Way.CLICK: "to give nothing",
    # Or a sponsor's: the page makes no difference.
    Way.CODE: "a code that was given",
    Way.EMAIL: "a code by email",
    Way.SMS: "a code by text",
    Way.STAFF: "help from staff",
}
# Nobody has this address (RFC 2606).
_ADDRESS: Final = "phone@example.org"

MakePortal = Callable[[Runtime, Rehearsal], web.Application]
MAKE_PORTAL: Final[web.AppKey[MakePortal]] = web.AppKey("make_portal")


class StoppedError(PortalError):
    """The phone got no further; the message says why."""


@dataclass(frozen=True, slots=True)
class Play:
    """How far the phone got, and what stood in its way."""

    steps: tuple[Step, ...] = ()
    problem: str | None = None


async def play(runtime: Runtime, known: Sequence[KnownGateway], url: str, make_portal: MakePortal) -> Play:
    """Play the redirect ``url`` through the portal; nothing of this installation is changed."""
    try:
        nas_id, arrival = _read(runtime, known, url.strip())
    except StoppedError as stopped:
        return Play(problem=str(stopped))
    gateway = next((one.gateway for one in known if one.gateway.nas_id == nas_id), None)
    if gateway is None:
        return Play(problem="The gateway that it comes from is not entered here.")
    async with scratch_installation(runtime, gateway.council_id, gateway.nas_id) as scratch:
        stage = Stage(scratch)
        try:
            async with _phone(stage, make_portal) as phone:
                await _perform(phone, stage, arrival)
        except StoppedError as stopped:
            return Play(tuple(stage.steps), str(stopped))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Play(tuple(stage.steps), f"The phone could not ask for the next page ({type(error).__name__}).")
        stage.tell("What the play made is deleted. It was in a copy of this installation, and nothing left that.")
        return Play(tuple(stage.steps))


def _read(runtime: Runtime, known: Sequence[KnownGateway], url: str) -> tuple[int | None, str]:
    """The gateway's number, and where the phone arrives. Raises StoppedError for what cannot be played."""
    explanation = explain(url, known, runtime.settings.portal.public_url.rstrip("/"))
    if explanation.problem is not None:
        raise StoppedError(f"{explanation.problem.what} {explanation.problem.what_to_do}")
    parts = urlsplit(url)
    if parts.path.startswith(DEVICE_PATH):
        token = unseal(runtime.keyring, parts.path.removeprefix(DEVICE_PATH), datetime.now(UTC))
        if token is None:
            raise StoppedError("This address of a device's own is not ours, or its time is over.")
        return token.nas_id, parts.path
    if explanation.outcome is not Outcome.CAPTIVE:
        raise StoppedError("Only the redirect of a device that is not on yet can be played.")
    # What leads past the portal's arrival addresses arrives at that of its driver.
    path = parts.path if parts.path.startswith(("/arrive/", "/guest/")) else f"/arrive/{explanation.driver}"
    return explanation.nas_id, f"{path}?{parts.query}"


@asynccontextmanager
async def _phone(stage: Stage, make_portal: MakePortal) -> AsyncIterator[Phone]:
    """The portal at a socket in the play's own folder, and a phone that reaches nothing else."""
    socket = str(stage.runtime.settings.data_directory / "portal.socket")
    runner = web.AppRunner(make_portal(stage.runtime, stage.rehearsal()), access_log=None)
    await runner.setup()
    try:
        await web.UnixSite(runner, socket).start()
        connector, jar = aiohttp.UnixConnector(socket), aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, timeout=_TIMEOUT) as http:
            yield Phone(http)
    finally:
        await runner.cleanup()


async def _perform(phone: Phone, stage: Stage, arrival: str) -> None:
    await phone.open(arrival)
    _tell(phone, stage, "The phone follows the redirect to the portal.")
    await _sign_up(phone, stage)
    if phone.away:
        _tell_away(stage, phone.away, "The browser would now open")
        await _prove(stage)
    elif phone.page.action.startswith(("http:", "https:")):
        names = f" with {', '.join(phone.page.hidden)}" if phone.page.hidden else ""
        stage.tell(f"One button would now post to {_place(phone.page.action)}{names}. Here nobody presses it.")
        await _prove(stage)
    await _wait_for(phone, "online")
    _tell(phone, stage, "The portal found the proof.")
    journey = _journey(phone)
    await _ask_api(phone, stage)
    await phone.open(f"{journey}/status")
    _tell(phone, stage, "The phone opens the status page.")
    await _log_out(phone, stage)


async def _sign_up(phone: Phone, stage: Stage) -> None:
    """From the first page to where the journey leaves the portal, or waits."""
    for _ in range(_MOST_PAGES):
        if phone.away or phone.place == "waiting" or phone.page.action.startswith(("http:", "https:")):
            return
        take = _PAGES.get(phone.place)
        if take is None:
            raise StoppedError(f"The phone does not get further than the page “{phone.page.heading}”.")
        _tell(phone, stage, await take(phone, stage))
        if phone.status >= 400:
            raise StoppedError(f"The portal did not take it (status {phone.status}).")
    raise StoppedError("The phone was sent round in circles.")


async def _start(phone: Phone, _stage: Stage) -> str:
    way = next((way for way in _WAYS if way in phone.page.ways), None)
    if way is None:
        raise StoppedError("The first page offers no way in.")
    await phone.submit(way=way, accept_terms="yes")
    return f"It accepts the terms and chooses {_WAYS[way]}, the simplest way in that is offered."


async def _email(phone: Phone, _stage: Stage) -> str:
    await phone.submit(email=_ADDRESS)
    return "It gives an email address. The message stays here."


async def _number(phone: Phone, stage: Stage) -> str:
    country = stage.runtime.settings.sms.countries[0]
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        raise StoppedError(f"No telephone number of {country} is known that could be tried.")
    await phone.submit(phone=phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    return "It gives a telephone number. The text stays here."


async def _code(phone: Phone, stage: Stage) -> str:
    await phone.submit(code=stage.sent_code())
    return "It types the code from the message."


async def _voucher(phone: Phone, stage: Stage) -> str:
    await phone.submit(code=await stage.paper_code())
    return "It types a code that was made for this play only."


async def _help(phone: Phone, stage: Stage) -> str:
    if not await stage.help():
        raise StoppedError("There is no number on the screen that staff could enter.")
    await phone.open(phone.path)
    return "Staff enter the number on its screen."


async def _connect(phone: Phone, _stage: Stage) -> str:
    await phone.submit()
    return "It presses Connect."


_PAGES: Final[Mapping[str, Callable[[Phone, Stage], Awaitable[str]]]] = {
    "start": _start,
    "email": _email,
    "phone": _number,
    "code": _code,
    "voucher": _voucher,
    "help": _help,
    "connect": _connect,
}


async def _log_out(phone: Phone, stage: Stage) -> None:
    if not phone.page.action:
        stage.tell("There is no button to log out: this kind of gateway has no way to.")
        return
    journey = _journey(phone)
    await phone.submit()
    if phone.away:
        _tell_away(stage, phone.away, "It presses Log out; the browser would now open")
        await stage.end()
    await phone.open(journey)
    await _wait_for(phone, "ended", "start", "connect")
    _tell(phone, stage, "The session has ended.")
    await _ask_api(phone, stage)


async def _ask_api(phone: Phone, stage: Stage) -> None:
    """What a device that knows RFC 8908 is told now."""
    path = await stage.api_path()
    if path is None:
        return
    await phone.open(path)
    if phone.status != 200:
        raise StoppedError(f"The captive portal API answers {phone.status} for the device.")
    said = json.loads(phone.page.text)
    left = f", with {said['seconds-remaining']} seconds left" if "seconds-remaining" in said else ""
    captive = "is captive" if said["captive"] else "is not captive"
    stage.tell(f"The captive portal API says that the device {captive}{left}.", milliseconds=phone.milliseconds)


async def _wait_for(phone: Phone, *places: str) -> None:
    """Look at the journey until it is at one of these pages, as a page that reloads itself does."""
    journey = _journey(phone)
    for _ in range(_MOST_LOOKS):
        await phone.open(journey)
        if phone.place in places:
            return
        if phone.place != "waiting":
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    raise StoppedError(f"The phone is at the page “{phone.page.heading}” and gets no further.")


async def _prove(stage: Stage) -> None:
    stage.tell("The play takes the gateway's place, and reports that the device is on.")
    await stage.prove()


def _tell(phone: Phone, stage: Stage, what: str) -> None:
    heading = "" if phone.away else phone.page.heading
    stage.tell(what, heading, phone.milliseconds)
    if phone.status >= 500:
        raise StoppedError(f"The portal has a fault (status {phone.status}).")


def _tell_away(stage: Stage, url: str, what: str) -> None:
    names = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    with_names = f" with {', '.join(names)}" if names else ""
    stage.tell(f"{what} {_place(url)}{with_names}. Here nobody does.")


def _place(url: str) -> str:
    return url.partition("?")[0]


def _journey(phone: Phone) -> str:
    """The address of the journey whose page is open."""
    return "/".join(phone.path.split("/")[:3])
