"""One list of sites, in the words of each kind of equipment."""

from __future__ import annotations

import pytest

from captive_portal.essentials.sites import default_sites, hosts_of
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.walled_garden import configuration_of, fit

PORTAL = "https://wifi.example"
NAMES = ("www.nhs.uk", "*.coventry.gov.uk")
ADDRESSES = {"www.nhs.uk": ("192.0.2.80", "192.0.2.81")}


def site_of(driver: str, *hosts: str) -> Site:
    key = "abcdefghijklmnopqrstuv"
    options = {option.name: option.default for option in DRIVERS[driver].options}
    arrival = f"{PORTAL}/arrive/{driver}/{key}"
    gateway = Gateway(1, 1, None, arrival, "http://10.1.0.1", b"secret", name="Hall", arrival_key=key, options=options)
    return Site(gateway, PORTAL, arrival, "", "192.0.2.10", 1812, 1813, hosts)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_kind_of_equipment_is_told_of_every_site(driver: str) -> None:
    hosts = hosts_of(default_sites())
    addresses = {host: (f"192.0.2.{number}",) for number, host in enumerate(hosts, 100)}
    made = configuration_of(DRIVERS[driver], site_of(driver, *hosts), addresses)
    told = "\n".join(snippet.text for snippet in made.snippets)
    for host in hosts:
        by_address = DRIVERS[driver].capabilities.garden.form is NameForm.ADDRESS
        escaped = host.replace(".", r"\.")
        assert (addresses[host][0] if by_address else host) in told or escaped in told, host


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_a_kind_cannot_say_is_left_out_with_the_reason(driver: str) -> None:
    made = configuration_of(DRIVERS[driver], site_of(driver, *NAMES), ADDRESSES)
    told = "\n".join(snippet.text for snippet in made.snippets)
    is_told = "coventry.gov.uk" in told or r"coventry\.gov\.uk" in told
    assert is_told != any("*.coventry.gov.uk" in note for note in made.notes)


@pytest.mark.parametrize(
    ("form", "entries"),
    [
        (NameForm.WILDCARD, NAMES),
        (NameForm.SUFFIX, ("www.nhs.uk", "coventry.gov.uk")),
        (NameForm.EXACT, ("www.nhs.uk",)),
        (NameForm.ADDRESS, ("192.0.2.80", "192.0.2.81")),
    ],
)
def test_a_name_is_said_as_the_equipment_reads_it(form: NameForm, entries: tuple[str, ...]) -> None:
    assert fit(NAMES, GardenSyntax(form), ADDRESSES).entries == entries


def test_what_has_no_room_is_named() -> None:
    garden = fit(("a.example", "b.example", "c.example"), GardenSyntax(most=3), {})
    assert garden.entries == ("a.example", "b.example")
    [note] = garden.notes
    assert "c.example" in note


def test_addresses_stay_addresses() -> None:
    assert fit(("192.0.2.9",), GardenSyntax(NameForm.SUFFIX), {}).entries == ("192.0.2.9",)


def test_ciscos_redirect_acl_lets_the_addresses_through_before_it_redirects() -> None:
    made = configuration_of(DRIVERS["cisco-central"], site_of("cisco-central", "www.nhs.uk"), ADDRESSES)
    acl = next(snippet.text for snippet in made.snippets if "redirect ACL" in snippet.title)
    assert acl.index("deny tcp any host 192.0.2.80 eq 443") < acl.index("permit tcp any any eq 80")
    without = site_of("cisco-central")
    assert "www.nhs.uk" not in str(configuration_of(DRIVERS["cisco-central"], without))
