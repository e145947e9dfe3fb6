"""What is reachable before login, in the words that a kind of equipment takes.

One list of names serves all kinds. Some of them know ``*.``, some take a name for all that ends with it, some know
names only as they are, some only addresses; most take so many and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm

_NOT_SAID: Final = {
    NameForm.EXACT: "It knows no *., so {host} is left out: give the names one by one.",
    NameForm.ADDRESS: "{host} has no address that could be found, so it is left out.",
}


@dataclass(frozen=True, slots=True)
class Garden:
    """Entries as they are entered, and what could not be said."""

    entries: tuple[str, ...]
    notes: tuple[str, ...] = ()


def fit(hosts: Sequence[str], syntax: GardenSyntax, addresses: Mapping[str, Sequence[str]]) -> Garden:
    """The list for one kind of equipment.

    ``addresses`` has what names were resolved to, for equipment that knows addresses only.
    """
    notes: list[str] = []
    entries: list[str] = []
    for host in hosts:
        said = _say(host, syntax.form, addresses)
        if not said:
            notes.append(_NOT_SAID[syntax.form].format(host=host))
        entries += said
    entries = list(dict.fromkeys(entries))
    room = len(entries) if syntax.most is None else max(syntax.most - syntax.own, 0)
    if len(entries) > room:
        notes.append(
            f"It takes {syntax.most} entries, the portal's among them. Left out: {', '.join(entries[room:])}."
            " Remove sites from the list, or put a *. in place of several."
        )
    if syntax.form is NameForm.ADDRESS and entries:
        notes.append(
            "It knows addresses only. Those of the essential sites are as they were resolved now; they change, so print"
            " this again each month, or leave the sites out."
        )
    return Garden(tuple(entries[:room]), tuple(notes))


def configuration_of(
    driver: GatewayDriver, site: Site, addresses: Mapping[str, Sequence[str]] | None = None
) -> Configuration:
    """What an engineer enters, with the walled garden as this kind of equipment takes it."""
    garden = fit(site.walled_garden, driver.capabilities.garden, addresses or {})
    made = driver.configuration(replace(site, walled_garden=garden.entries))
    return replace(made, notes=(*made.notes, *garden.notes))


def _say(host: str, form: NameForm, addresses: Mapping[str, Sequence[str]]) -> list[str]:
    if _is_address(host):
        return [host]
    match form:
        case NameForm.WILDCARD:
            return [host]
        case NameForm.SUFFIX:
            return [host.removeprefix("*.")]
        case NameForm.EXACT:
            return [] if host.startswith("*.") else [host]
        case NameForm.ADDRESS:
            return list(addresses.get(host, ()))


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
