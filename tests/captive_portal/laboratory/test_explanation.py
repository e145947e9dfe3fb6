from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Outcome, RefusalReason
from captive_portal.gateways.coovachilli import seal
from captive_portal.gateways.gateway import Gateway
from captive_portal.laboratory import Explanation, KnownGateway, explain
from captive_portal.laboratory.explanation import PROBLEMS
from foundation.mac_address import MacAddress

PORTAL = "https://wifi.example"
ADDRESS = f"{PORTAL}/arrive/coovachilli"
SECRET = b"what only both of them know"
KEY = "abcdefghijklmnopqrstuv"
GATEWAY = Gateway(1, 1, None, ADDRESS, "http://10.1.0.1:3990", SECRET, name="Central Library", nas_identifier="central")
KNOWN = KnownGateway("coovachilli", GATEWAY, frozenset({MacAddress.parse("00-00-5E-00-53-00")}))
DEVICE = "02-00-5E-00-53-01"
PARAMETERS = {
    "res": "notyet",
    "uamip": "10.1.0.1",
    "uamport": "3990",
    "challenge": "000102030405060708090a0b0c0d0e0f",
    "called": "00-00-5E-00-53-00",
    "mac": DEVICE,
    "ip": "192.0.2.23",
    "nasid": "central",
    "userurl": "http://clinic.example/my-test-results?name=Ann",
}


def redirect(secret: bytes | None = SECRET, address: str = ADDRESS, **changed: str | None) -> str:
    given = {name: value for name, value in {**PARAMETERS, **changed}.items() if value is not None}
    url = f"{address}?{urlencode(given)}"
    return url if secret is None else f"{url}&md={seal(url, secret)}"


def explained(url: str, *known: KnownGateway) -> Explanation:
    return explain(url, known or (KNOWN,), PORTAL)


def test_a_right_redirect_is_explained_with_what_will_follow() -> None:
    explanation = explained(redirect())
    assert (explanation.driver, explanation.gateway) == ("coovachilli", "Central Library")
    assert explanation.outcome is Outcome.CAPTIVE
    assert explanation.problem is None
    assert explanation.notes == ()
    meanings = {one.name: one.meaning for one in explanation.parameters}
    assert meanings["uamip"] == "Chilli's own address, where the browser is to log in."
    told = " ".join(explanation.steps)
    assert "http://10.1.0.1:3990/logon with username, response" in told
    assert told.index("Access-Request") < told.index("Access-Accept") < told.index("Accounting-Start")
    assert "To log out, the browser goes to http://10.1.0.1:3990/logoff" in told


def test_what_it_says_of_a_person_is_shortened_and_what_is_equipments_is_not() -> None:
    shown = {one.name: one.value for one in explained(redirect()).parameters}
    assert shown["mac"] == "02-00-5E-… (an address made up by the device)"
    assert shown["ip"] == "an IPv4 address"
    assert shown["userurl"] == "http://clinic.example/… (25 characters)"
    assert shown["challenge"] == "00010203… (32 characters)"
    assert (shown["called"], shown["uamip"], shown["nasid"]) == ("00-00-5E-00-53-00", "10.1.0.1", "central")


def test_a_password_or_secret_is_nowhere() -> None:
    told = repr(explained(redirect())) + repr(KNOWN)
    for private in ("only both of them", "PASSWORD", "USER-NAME", "5E-00-53-01"):
        assert private not in told


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_reason_for_a_refusal_has_words_and_something_to_do(reason: RefusalReason) -> None:
    assert PROBLEMS[reason].what.endswith(".")
    assert PROBLEMS[reason].what_to_do.endswith(".")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (redirect(mac="nonsense"), RefusalReason.MALFORMED),
        (redirect() + "&res=success", RefusalReason.MALFORMED),
        (redirect(challenge=None), RefusalReason.MISSING),
        (redirect(res="maybe"), RefusalReason.UNKNOWN_RESULT),
        (redirect(nasid="elsewhere", called=None), RefusalReason.UNKNOWN_GATEWAY),
        (redirect(None), RefusalReason.UNSEALED),
        (redirect(b"another secret"), RefusalReason.WRONG_SEAL),
        (redirect(uamip="10.66.6.6"), RefusalReason.WRONG_TARGET),
    ],
    ids=lambda value: value.value if isinstance(value, RefusalReason) else "",
)
def test_what_is_wrong_is_said_as_the_portal_judges_it(url: str, reason: RefusalReason) -> None:
    explanation = explained(url)
    assert explanation.problem == PROBLEMS[reason]
    assert explanation.steps == ()


def test_a_gateway_without_its_login_address_is_incomplete() -> None:
    incomplete = replace(KNOWN, gateway=replace(GATEWAY, login_url=None))
    assert explained(redirect(), incomplete).problem == PROBLEMS[RefusalReason.INCOMPLETE_GATEWAY]


def test_a_redirect_that_names_no_known_gateway_tells_whom_it_names_and_who_is_known() -> None:
    explanation = explained(redirect(nasid="centrl", called=None))
    assert explanation.notes == (
        "The redirect names 'centrl'.",
        "Entered for coovachilli: Central Library (central).",
    )


def test_a_gateway_is_found_by_its_own_arrival_address() -> None:
    own = f"{ADDRESS}/{KEY}"
    known = replace(KNOWN, gateway=replace(GATEWAY, arrival_key=KEY, portal_address=own, nas_identifier=None))
    assert explained(redirect(address=own), known).gateway == "Central Library"
    other = explained(redirect(address=f"{ADDRESS}/{KEY[::-1]}"), known)
    assert other.gateway is None
    assert other.notes[0] == "The redirect names an arrival address of its own that no entry has."


@pytest.mark.parametrize("called", ["00-00-5E-00-53-00", "00-00-5E-00-53-00:CityWiFi"])
def test_a_gateway_whose_name_nobody_wrote_down_is_found_by_its_access_point(called: str) -> None:
    nameless = replace(KNOWN, gateway=replace(GATEWAY, nas_identifier=None))
    assert explained(redirect(called=called), nameless).gateway == "Central Library"


def test_a_redirect_to_another_portal_is_noted() -> None:
    explanation = explained(redirect(address="https://old.example/arrive/coovachilli"))
    assert explanation.notes == ("It leads to https://old.example, but the portal's address is https://wifi.example.",)


def test_equipment_is_known_by_its_parameters_where_the_address_does_not_tell() -> None:
    explanation = explained(redirect(address=f"{PORTAL}/hotspot/login.php"))
    assert explanation.driver == "coovachilli"
    assert explanation.notes == ("Its path is none of the portal's arrival addresses.",)


def test_equipment_that_was_entered_as_another_kind_is_noticed() -> None:
    aruba = f"{PORTAL}/arrive/aruba?{urlencode(PARAMETERS)}"
    explanation = explained(aruba)
    assert explanation.problem is not None
    assert "Its parameters look like those of CoovaChilli (coovachilli)." in explanation.notes


def test_a_parameter_that_its_kind_does_not_send_is_named() -> None:
    [unknown] = [one for one in explained(redirect(surprise="yes")).parameters if one.meaning is None]
    assert unknown.name == "surprise"


@pytest.mark.parametrize(
    ("res", "told"),
    [("success", "let the device on"), ("already", "is on already"), ("failed", "did not"), ("logoff", "has ended")],
)
def test_what_a_gateway_says_afterwards_is_explained_too(res: str, told: str) -> None:
    assert told in explained(redirect(res=res)).steps[0]


@pytest.mark.parametrize(
    "pasted",
    ["", "hello", "javascript:alert(1)", f"{PORTAL}/", "https://[", "http://a@b/?x=1", f"{PORTAL}/j/abc/start"],
)
def test_what_is_no_redirect_is_said_to_be_none(pasted: str) -> None:
    explanation = explained(pasted)
    assert explanation.problem is not None
    assert explanation.parameters == ()


def test_a_devices_own_address_is_said_to_be_one() -> None:
    explanation = explained(f"{PORTAL}/r/{'a' * 80}")
    assert explanation.problem is None
    assert "made and sealed" in explanation.notes[0]


@pytest.mark.parametrize("driver", DRIVERS)
@given(data=st.data())
@hypothesis_settings(max_examples=30, deadline=None)
def test_whatever_is_pasted_is_explained_and_nothing_is_raised(driver: str, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(DRIVERS[driver].meanings))
    values = st.one_of(
        st.text(max_size=40), st.sampled_from([*PARAMETERS.values(), "http://[", "https://10.1.0.1:99999/"])
    )
    pasted = urlencode(data.draw(st.dictionaries(names, values, max_size=8)))
    known = replace(KNOWN, driver=driver, gateway=replace(GATEWAY, arrival_key=KEY, network="10.1.0.0/24"))
    for url in (f"{PORTAL}/arrive/{driver}?{pasted}", f"{PORTAL}/arrive/{driver}/{KEY}?{pasted}"):
        explanation = explained(url, known)
        assert explanation.problem is not None or explanation.steps
