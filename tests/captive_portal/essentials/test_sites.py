from __future__ import annotations

import pytest

from captive_portal.essentials.sites import (
    EssentialsError,
    EssentialSite,
    Purpose,
    default_sites,
    hosts_of,
    is_open,
    make_site,
)


def test_what_comes_with_us_names_each_host_once_and_needs_no_wildcard() -> None:
    hosts = hosts_of(default_sites())
    assert len(set(hosts)) == len(hosts)
    assert {"www.gov.uk", "111.nhs.uk", "assets.nhs.uk"} <= set(hosts)
    assert not any("*" in host for host in hosts)
    # Some controllers take twenty, the portal's among them.
    assert len(hosts) < 16


def test_a_site_is_called_by_its_host_and_path() -> None:
    site = make_site("  Coventry   Council ", "https://www.coventry.gov.uk/help", ["Assets.Coventry.gov.uk."])
    assert site == EssentialSite(
        "coventry-gov-uk-help",
        Purpose.COUNCIL,
        "Coventry Council",
        "https://www.coventry.gov.uk/help",
        ("assets.coventry.gov.uk",),
    )
    assert site.hosts == ("www.coventry.gov.uk", "assets.coventry.gov.uk")


@pytest.mark.parametrize(
    "address",
    [
        "http://www.coventry.gov.uk/",
        "https://www.coventry.gov.uk:8443/",
        "https://user@www.coventry.gov.uk/",
        "https://192.0.2.1/",
        "https://localhost/",
        "https://*.coventry.gov.uk/",
        "https://www.coventry.gov.uk/a b",
        "https://[::1/",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_is_one_name_by_https(address: str) -> None:
    with pytest.raises(EssentialsError):
        make_site("Council", address, [])


@pytest.mark.parametrize(
    "host",
    [
        "*.uk",
        "*.co.uk",
        "co.uk",
        "*.cloudfront.net",
        "*",
        "a..b",
        "-a.example",
        "example",
        "10.0.0.1",
        "a.example/x",
        "ä.example",
    ],
)
def test_a_host_is_a_name_below_somebodys_domain(host: str) -> None:
    with pytest.raises(EssentialsError):
        make_site("Council", "https://www.coventry.gov.uk/", [host])


@pytest.mark.parametrize(
    "host", ["captive.apple.com", "*.apple.com", "apple.com", "*.gstatic.com", "www.msftconnecttest.com"]
)
def test_what_devices_find_out_by_that_they_are_captive_stays_shut(host: str) -> None:
    with pytest.raises(EssentialsError, match="sign-up"):
        make_site("Council", "https://www.coventry.gov.uk/", [host])


@pytest.mark.parametrize(("name", "purpose"), [("", "council"), ("a" * 101, "council"), ("Council", "fun")])
def test_a_site_needs_a_name_and_a_purpose(name: str, purpose: str) -> None:
    with pytest.raises(EssentialsError):
        make_site(name, "https://www.coventry.gov.uk/", [], purpose)


def test_what_a_wildcard_stands_for_is_not_said_twice() -> None:
    sites = [
        make_site("One", "https://www.coventry.gov.uk/", ["*.coventry.gov.uk"]),
        make_site("Two", "https://coventry.gov.uk/", []),
    ]
    assert hosts_of(sites) == ("*.coventry.gov.uk", "coventry.gov.uk")
    assert is_open("a.b.coventry.gov.uk", hosts_of(sites))
    assert not is_open("evilcoventry.gov.uk", hosts_of(sites))
