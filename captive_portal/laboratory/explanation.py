"""What a redirect is that an engineer pasted, what is wrong with it, and what will follow.

It asks the same drivers as the portal does, so it believes what they believe and refuses what they refuse. It is pure:
whoever calls it brings the gateways that are known. A redirect is about a person's device, so what it says of that is
shown shortened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Arrival, Clue, GatewayDriver, Outcome, Redirect, Refusal, RefusalReason
from captive_portal.gateways.gateway import Gateway, origin
from captive_portal.laboratory.steps import following
from captive_portal.laboratory.values import shown_value
from foundation.arrival_tokens import PATH as DEVICE_PATH
from foundation.mac_address import MacAddress

_LEAST_IN_COMMON: Final = 2


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway of the installation, by the driver that understands it."""

    driver: str
    gateway: Gateway
    access_points: frozenset[MacAddress] = frozenset()
    # Where it takes requests by RFC 5176, such as ``10.1.0.1 port 3799``.
    dynamic_authorization: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a redirect; ``meaning`` is None where the driver knows none."""

    name: str
    meaning: str | None
    value: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do."""

    what: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that can be said of a redirect."""

    # A driver's name and title; None where the redirect looks like no equipment that is known.
    driver: str | None = None
    title: str | None = None
    # Name of the gateway that it comes from.
    gateway: str | None = None
    nas_id: int | None = None
    outcome: Outcome | None = None
    parameters: tuple[Parameter, ...] = ()
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    # What happens next, in order.
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Address:
    """What the path of a redirect says."""

    raw_query: str
    driver: str | None = None
    arrival_key: str | None = None
    notes: tuple[str, ...] = field(default=())


PROBLEMS: Final = {
    RefusalReason.MALFORMED: Problem(
        "A value is not what it must be, a parameter is there twice, or the text is not UTF-8.",
        "Copy the whole address once more. If it is the same, the gateway puts something else in place of a value: "
        "look at its redirect settings, and for placeholders that it did not fill in.",
    ),
    RefusalReason.MISSING: Problem(
        "A parameter that is needed is not there.",
        "Let the gateway send all parameters of its kind; below stands which ones came.",
    ),
    RefusalReason.UNKNOWN_RESULT: Problem(
        "The parameter that says what happened has a value that this kind of gateway does not send.",
        "See whether the gateway is of this kind at all, and which version it runs.",
    ),
    RefusalReason.UNKNOWN_GATEWAY: Problem(
        "No gateway that is entered here is the one that this redirect names.",
        "Enter it with citywifi nas add, or give the entry the name or the access point that the redirect has, or give "
        "the gateway its own arrival address.",
    ),
    RefusalReason.UNSEALED: Problem(
        "The gateway shares a secret with the portal, but the redirect has no seal.",
        "Enter the portal's secret into the gateway, too. A redirect without seal may also be somebody's own making.",
    ),
    RefusalReason.WRONG_SEAL: Problem(
        "The seal does not fit.",
        "The secrets differ, or the portal's address is not written alike in the gateway and here (citywifi nas change "
        "--portal-url), or something between them rewrites addresses, or the redirect was changed on its way.",
    ),
    RefusalReason.WRONG_TARGET: Problem(
        "The redirect wants credentials sent to an address that is not this gateway's.",
        "If the gateway has another address now, enter it with citywifi nas change --login-url. If not, somebody tries "
        "to make the portal send passwords elsewhere.",
    ),
    RefusalReason.INCOMPLETE_GATEWAY: Problem(
        "The gateway's entry here lacks something that its kind needs: its login address, its secret or its network.",
        "See citywifi nas configuration and enter what is missing with citywifi nas change.",
    ),
    RefusalReason.UNRESOLVED: Problem(
        "The device's address is hidden in the redirect, and the controller did not tell it.",
        "See whether the portal reaches the controller at the gateway's login address, and whether the secret fits.",
    ),
}
_NO_ADDRESS: Final = Problem(
    "This is no web address with parameters.", "Paste all of it, from http to its end, in quotation marks."
)
_NO_KIND: Final = Problem(
    "The address is none of the portal's arrival addresses, and its parameters are not those of one kind of gateway.",
    "Compare the portal's address in the gateway with what citywifi nas configuration says.",
)
_DEVICES_OWN: Final = (
    "This is a device's own address, which this installation made and sealed: there is nothing in it to read. It is "
    "good until the device comes again."
)


def explain(url: str, known: Sequence[KnownGateway], portal_url: str) -> Explanation:
    """Explain a redirect. ``portal_url`` is the portal's own address, without a slash at its end."""
    address = _read_address(url.strip(), portal_url)
    if isinstance(address, Explanation):
        return address
    redirect = Redirect.read(address.raw_query, address.arrival_key)
    if isinstance(redirect, Refusal):
        return Explanation(problem=PROBLEMS[redirect.reason], notes=address.notes)
    looks_like = look_alikes(redirect)
    name = address.driver or (looks_like[0] if looks_like else None)
    if name is None or name not in DRIVERS:
        return Explanation(problem=_NO_KIND, notes=address.notes)
    driver = DRIVERS[name]
    explanation = _judge(driver, redirect, [one for one in known if one.driver == name], portal_url)
    notes = address.notes
    if explanation.problem is not None and looks_like and looks_like[0] != name:
        notes += (f"Its parameters look like those of {DRIVERS[looks_like[0]].title} ({looks_like[0]}).",)
    return replace(explanation, notes=(*notes, *explanation.notes))


def look_alikes(redirect: Redirect) -> list[str]:
    """Drivers that know most of the parameters, the likeliest first."""
    names = redirect.parameters.keys()
    common = {name: len(names & driver.meanings.keys()) for name, driver in DRIVERS.items()}
    # Of two that know as many, the one that misses fewer of its own.
    missing = {name: len(DRIVERS[name].meanings.keys() - names) for name in common}
    least = min(_LEAST_IN_COMMON, len(names)) or _LEAST_IN_COMMON
    likely = [name for name, count in common.items() if count >= least and 2 * count > len(names)]
    return sorted(likely, key=lambda name: (-common[name], missing[name], name))


def _read_address(url: str, portal_url: str) -> _Address | Explanation:
    try:
        parts, whose = urlsplit(url), origin(url)
    except ValueError:
        return Explanation(problem=_NO_ADDRESS)
    notes: tuple[str, ...] = ()
    if whose != origin(portal_url):
        notes = (f"It leads to {whose}, but the portal's address is {portal_url}.",)
    steps = [step for step in parts.path.split("/") if step]
    if parts.path.startswith(DEVICE_PATH):
        return Explanation(notes=(*notes, _DEVICES_OWN))
    match steps:
        case ["arrive", driver]:
            return _Address(parts.query, driver, None, notes)
        case ["arrive", driver, key]:
            return _Address(parts.query, driver, key, notes)
        case ["guest", "s", site]:
            # UniFi's path cannot be configured; the portal goes on with the site as a parameter.
            query = f"{parts.query}&site={site}" if parts.query else f"site={site}"
            return _Address(query, "unifi", None, notes)
    if not parts.query:
        return Explanation(problem=_NO_ADDRESS, notes=notes)
    return _Address(parts.query, None, None, (*notes, "Its path is none of the portal's arrival addresses."))


def _judge(driver: GatewayDriver, redirect: Redirect, known: Sequence[KnownGateway], portal_url: str) -> Explanation:
    clue = driver.identify(redirect)
    found = [] if isinstance(clue, Refusal) else _of_clue(clue, redirect.arrival_key, known)
    refusal = clue.reason if isinstance(clue, Refusal) else RefusalReason.UNKNOWN_GATEWAY
    said = Explanation(
        driver.name, driver.title, parameters=_parameters(driver, redirect, found), problem=PROBLEMS[refusal]
    )
    for one in found:
        arrival = driver.parse(redirect, one.gateway)
        said = replace(said, gateway=one.gateway.name, nas_id=one.gateway.nas_id)
        if isinstance(arrival, Arrival):
            steps = following(driver, one.gateway, arrival, portal_url, one.dynamic_authorization)
            return replace(said, outcome=arrival.outcome, problem=None, steps=steps)
        said = replace(said, problem=PROBLEMS[arrival.reason])
    if found or isinstance(clue, Refusal):
        return said
    return replace(said, notes=_whom_it_names(clue, redirect, driver, known))


def _of_clue(clue: Clue, arrival_key: str | None, known: Sequence[KnownGateway]) -> list[KnownGateway]:
    """As the portal looks for it: by its own arrival address, by NAS-Identifier, by access point."""
    if arrival_key is not None:
        return [one for one in known if one.gateway.arrival_key == arrival_key]
    if clue.nas_identifier and (by_name := [one for one in known if one.gateway.nas_identifier == clue.nas_identifier]):
        return by_name
    return [
        one
        for one in known
        if clue.access_point in one.access_points
        and (clue.nas_identifier is None or one.gateway.nas_identifier is None)
    ]


def _whom_it_names(
    clue: Clue, redirect: Redirect, driver: GatewayDriver, known: Sequence[KnownGateway]
) -> tuple[str, ...]:
    if redirect.arrival_key is not None:
        named = "an arrival address of its own that no entry has"
    else:
        names = [repr(clue.nas_identifier)] if clue.nas_identifier else []
        names += [f"access point {clue.access_point}"] if clue.access_point else []
        named = " and ".join(names) or "nothing"
    entered = ", ".join(f"{one.gateway.name} ({one.gateway.nas_identifier or 'no NAS-Identifier'})" for one in known)
    return (f"The redirect names {named}.", f"Entered for {driver.name}: {entered or 'none'}.")


def _parameters(driver: GatewayDriver, redirect: Redirect, found: Sequence[KnownGateway]) -> tuple[Parameter, ...]:
    access_points = frozenset[MacAddress]().union(*(one.access_points for one in found))
    gateways = [one.gateway for one in found]
    return tuple(
        Parameter(name, driver.meanings.get(name), shown_value(value, gateways, access_points))
        for name, value in redirect.parameters.items()
    )
