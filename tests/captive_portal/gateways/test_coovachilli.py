from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    Arrival,
    BrowserRedirect,
    Clue,
    Failure,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.coovachilli import CoovaChilli, chap_response, seal
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress

DRIVER = CoovaChilli()
SECRET = b"uamsecret"
ADDRESS = "https://portal.example/login"
GATEWAY = Gateway(1, 1, None, ADDRESS, "http://10.1.0.1:3990", SECRET)
CHALLENGE = "000102030405060708090a0b0c0d0e0f"
PARAMETERS = {
    "res": "notyet",
    "uamip": "10.1.0.1",
    "uamport": "3990",
    "challenge": CHALLENGE,
    "called": "00-00-5E-00-53-00",
    "mac": "00-00-5E-00-53-01",
    "nasid": "central",
}


def read(raw_query: str) -> Redirect:
    redirect = Redirect.read(raw_query)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(gateway: Gateway = GATEWAY, **changed: str | None) -> Arrival | Refusal:
    """Parse a redirect with a right seal."""
    given = {name: value for name, value in {**PARAMETERS, **changed}.items() if value is not None}
    query = urlencode(given)
    return DRIVER.parse(read(f"{query}&md={seal(f'{ADDRESS}?{query}', SECRET)}"), gateway)


def reason(result: Arrival | Refusal) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


def test_the_registry_finds_the_driver_by_the_vendor_of_the_equipment() -> None:
    assert DRIVERS["coovachilli"] == DRIVER


def test_the_chap_response_mixes_the_secret_into_the_challenge() -> None:
    response = chap_response("correct horse", bytes.fromhex(CHALLENGE), SECRET)
    assert response == "346d1bcdd84e5fb58e784b159357cca0"


def test_without_a_secret_the_challenge_is_used_as_it_is() -> None:
    by_hand = hashlib.md5(b"\x00" + b"x" + bytes(range(16))).hexdigest()
    assert chap_response("x", bytes.fromhex(CHALLENGE), None) == by_hand
    assert chap_response("x", bytes.fromhex(CHALLENGE), b"") == by_hand


def test_the_seal_is_md5_over_the_address_and_the_secret() -> None:
    text = f"{ADDRESS}?res=notyet&uamip=10.1.0.1&uamport=3990&challenge={CHALLENGE}"
    assert seal(text, SECRET) == "0FE09E9CB91472E9190D9B6043ECB70C"


def test_a_sealed_redirect_is_believed() -> None:
    arrival = parse(lang="cy")
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("00-00-5E-00-53-01")
    assert arrival.hand_over == {"challenge": CHALLENGE}
    assert arrival.language == "cy"


@pytest.mark.parametrize(
    ("res", "outcome"),
    [
        ("notyet", Outcome.CAPTIVE),
        ("challenge", Outcome.CAPTIVE),
        ("splash", Outcome.CAPTIVE),
        ("wispr", Outcome.CAPTIVE),
        ("success", Outcome.GRANTED),
        ("already", Outcome.ALREADY_ONLINE),
        ("failed", Outcome.REFUSED),
        ("logoff", Outcome.LOGGED_OFF),
    ],
)
def test_every_result_that_chilli_sends_is_understood(res: str, outcome: Outcome) -> None:
    arrival = parse(res=res)
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is outcome


@pytest.mark.parametrize(
    ("text", "failure"),
    [("reject", Failure.REJECTED), ("timeout", Failure.TIMEOUT), ("mtu", Failure.OTHER), (None, Failure.OTHER)],
)
def test_a_failure_says_why(text: str | None, failure: Failure) -> None:
    arrival = parse(res="failed", reason=text)
    assert isinstance(arrival, Arrival)
    assert arrival.failure is failure


def test_only_an_arrival_that_can_be_released_needs_a_challenge() -> None:
    assert isinstance(parse(res="success", challenge=None), Arrival)
    assert reason(parse(challenge=None)) is RefusalReason.MISSING


def test_a_redirect_without_seal_is_refused_where_there_is_a_secret() -> None:
    redirect = read(urlencode(PARAMETERS))
    assert reason(DRIVER.parse(redirect, GATEWAY)) is RefusalReason.UNSEALED
    assert isinstance(DRIVER.parse(redirect, replace(GATEWAY, portal_secret=None)), Arrival)


@pytest.mark.parametrize("given", ["", "0" * 32, "x" * 32, "0" * 31, "é" * 32])
def test_a_wrong_seal_is_refused(given: str) -> None:
    redirect = read(f"{urlencode(PARAMETERS)}&{urlencode({'md': given})}")
    assert reason(DRIVER.parse(redirect, GATEWAY)) is RefusalReason.WRONG_SEAL


def test_a_changed_parameter_breaks_the_seal() -> None:
    query = urlencode(PARAMETERS)
    sealed = f"{query}&md={seal(f'{ADDRESS}?{query}', SECRET)}"
    assert isinstance(DRIVER.parse(read(sealed), GATEWAY), Arrival)
    changed = sealed.replace("53-01", "53-02")
    assert reason(DRIVER.parse(read(changed), GATEWAY)) is RefusalReason.WRONG_SEAL


def test_nothing_may_stand_behind_the_seal() -> None:
    query = urlencode(PARAMETERS)
    sealed = f"{query}&md={seal(f'{ADDRESS}?{query}', SECRET)}&lang=cy"
    assert reason(DRIVER.parse(read(sealed), GATEWAY)) is RefusalReason.WRONG_SEAL


def test_the_seal_covers_the_text_as_it_was_sent_not_as_it_is_decoded() -> None:
    query = urlencode(PARAMETERS).replace("central", "%63entral")
    assert isinstance(DRIVER.parse(read(f"{query}&md={seal(f'{ADDRESS}?{query}', SECRET)}"), GATEWAY), Arrival)
    decoded = f"{ADDRESS}?{urlencode(PARAMETERS)}"
    assert reason(DRIVER.parse(read(f"{query}&md={seal(decoded, SECRET)}"), GATEWAY)) is RefusalReason.WRONG_SEAL


def test_a_portal_address_with_parameters_of_its_own_is_sealed_with_them() -> None:
    gateway = replace(GATEWAY, portal_address=f"{ADDRESS}?site=7")
    query = f"site=7&{urlencode(PARAMETERS)}"
    assert isinstance(DRIVER.parse(read(f"{query}&md={seal(f'{ADDRESS}?{query}', SECRET)}"), gateway), Arrival)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uamip", "10.1.0.2"),
        ("uamip", "evil.example"),
        ("uamip", "10.1.0.1@evil.example"),
        ("uamport", "3991"),
        ("uamport", "3990/../"),
        ("uamport", None),
    ],
)
def test_credentials_go_nowhere_but_to_the_address_that_we_have(name: str, value: str | None) -> None:
    gateway = replace(GATEWAY, login_url="http://10.1.0.1:4000") if value is None else GATEWAY
    assert reason(parse(gateway, **{name: value})) is RefusalReason.WRONG_TARGET


def test_a_gateway_with_https_tells_its_base() -> None:
    gateway = replace(GATEWAY, login_url="https://wifi.example:4990/")
    assert isinstance(parse(gateway, ssl="https://wifi.example:4990/"), Arrival)
    assert reason(parse(gateway, ssl="https://evil.example:4990/")) is RefusalReason.WRONG_TARGET


def test_a_gateway_without_login_address_cannot_release_anybody() -> None:
    assert reason(parse(replace(GATEWAY, login_url=None))) is RefusalReason.INCOMPLETE_GATEWAY


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("res", None, RefusalReason.UNKNOWN_RESULT),
        ("res", "<b>", RefusalReason.UNKNOWN_RESULT),
        ("mac", None, RefusalReason.MISSING),
        ("mac", "00-00-5E-00-53", RefusalReason.MALFORMED),
        ("mac", "<script>alert(1)</script>", RefusalReason.MALFORMED),
        ("challenge", "00", RefusalReason.MALFORMED),
        ("challenge", "zz" * 16, RefusalReason.MALFORMED),
        ("uamip", None, RefusalReason.MISSING),
    ],
)
def test_what_is_missing_or_misshapen_is_refused(name: str, value: str | None, expected: RefusalReason) -> None:
    assert reason(parse(GATEWAY, **{name: value})) is expected


@pytest.mark.parametrize(
    "query",
    [
        "nasid=a&nasid=b",
        "nasid=%FF%FE",
        "nasid=a%0d%0aSet-Cookie:x=1",
        f"userurl={'a' * 9000}",
        "&".join(f"p{number}=1" for number in range(65)),
    ],
)
def test_a_query_that_means_two_things_or_nothing_is_refused(query: str) -> None:
    assert Redirect.read(query) == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_is_told_by_its_name_and_its_access_point() -> None:
    access_point = MacAddress.parse("00-00-5E-00-53-00")
    clue = DRIVER.identify(read("nasid=central&called=00-00-5E-00-53-00"))
    assert clue == Clue("central", access_point)
    assert DRIVER.identify(read("called=00-00-5E-00-53-00:Library")) == Clue(None, access_point)
    assert DRIVER.identify(read("nasid=central&called=hotspot1")) == Clue("central", None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", RefusalReason.MISSING),
        ("called=hotspot1", RefusalReason.MALFORMED),
        (f"nasid={'n' * 254}", RefusalReason.MALFORMED),
    ],
)
def test_a_redirect_that_names_no_gateway_is_refused(query: str, expected: RefusalReason) -> None:
    assert DRIVER.identify(read(query)) == Refusal(expected)


def test_the_browser_is_sent_to_log_on_with_a_response_and_never_with_a_password() -> None:
    action = DRIVER.release(Pass("tabc", "a password", {"challenge": CHALLENGE}), GATEWAY)
    response = chap_response("a password", bytes.fromhex(CHALLENGE), SECRET)
    assert action == BrowserRedirect(f"http://10.1.0.1:3990/logon?username=tabc&response={response}")


def test_renewing_and_logging_out_are_the_gateways_own_pages() -> None:
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect("http://10.1.0.1:3990/prelogin")
    assert DRIVER.log_out({}, GATEWAY) == BrowserRedirect("http://10.1.0.1:3990/logoff")


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    shown = repr([GATEWAY, parse(), Pass("tabc", "a password", {}), DRIVER.renew({}, GATEWAY)])
    for private in ("uamsecret", CHALLENGE, "a password", "00-00-5E"):
        assert private not in shown
