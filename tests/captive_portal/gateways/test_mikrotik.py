from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Arrival,
    BrowserForm,
    BrowserRedirect,
    Clue,
    Failure,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.mikrotik import MikroTik, chap_response, read_failure, read_octal
from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.mikrotik import fill
from tests.captive_portal.simulated.page import read_page

DRIVER = MikroTik()
GATEWAY = Gateway(
    1, 1, None, "https://portal.example/arrive/mikrotik", "http://10.5.50.1/login", nas_identifier="depot"
)
PRIVATE = replace(GATEWAY, login_url="https://hotspot.example/login")
CHALLENGE = r"\176\001\230\043" * 4
PARAMETERS = {
    "result": "login",
    "mac": "00:00:5E:00:53:01",
    "identity": "depot",
    "link-login-only": "http://10.5.50.1/login",
    "chap-id": r"\145",
    "chap-challenge": CHALLENGE,
}
RETURN_URL = "https://portal.example/j/x/waiting"
SITE = Site(
    gateway=GATEWAY,
    portal_url="https://portal.example",
    arrival_url="https://portal.example/arrive/mikrotik/k",
    api_url="https://portal.example/api",
    radius_host="192.0.2.1",
    authentication_port=1812,
    accounting_port=1813,
    walled_garden=("www.nhs.uk", "192.0.2.9", "*.gov.uk"),
)


def read(raw_query: str, arrival_key: str | None = None) -> Redirect:
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(gateway: Gateway = GATEWAY, /, **changed: str | None) -> Arrival | Refusal:
    """Underscores stand for the dashes of parameters' names."""
    given = {**PARAMETERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return DRIVER.parse(read(urlencode({name: value for name, value in given.items() if value is not None})), gateway)


def arrival(gateway: Gateway = GATEWAY, /, **changed: str | None) -> Arrival:
    result = parse(gateway, **changed)
    assert isinstance(result, Arrival), result
    return result


def text_of(title: str, site: Site = SITE) -> str:
    return next(snippet.text for snippet in DRIVER.configuration(site).snippets if snippet.title == title)


def test_the_registry_knows_it() -> None:
    assert DRIVERS["mikrotik"] == DRIVER


def test_octets_are_read_from_octal_escapes() -> None:
    assert read_octal(r"\145") == b"e"
    assert read_octal(CHALLENGE) == bytes.fromhex("7e019823" * 4)


def test_the_response_is_md5_over_identifier_password_and_challenge() -> None:
    response = chap_response("correct horse", read_octal(r"\145"), read_octal(CHALLENGE))
    assert response == "5f86c33dfe3e4f515ad46f64de152cd1"


def test_a_captive_device_arrives_with_its_challenge() -> None:
    result = arrival()
    assert result.outcome is Outcome.CAPTIVE
    assert result.device == MacAddress.parse("00-00-5E-00-53-01")
    assert result.hand_over == {
        "mac": "00-00-5E-00-53-01",
        "chap_id": "65",
        "chap_challenge": "7e019823" * 4,
    }


def test_with_a_challenge_the_browser_is_redirected_and_the_password_is_in_no_address() -> None:
    action = DRIVER.release(Pass("tabc", "correct horse", arrival().hand_over, RETURN_URL), GATEWAY)
    assert action == BrowserRedirect("http://10.5.50.1/login?username=tabc&password=5f86c33dfe3e4f515ad46f64de152cd1")


def test_without_a_challenge_the_password_is_posted_to_https() -> None:
    hand_over = arrival(PRIVATE, chap_id=None, chap_challenge=None, link_login_only=PRIVATE.login_url).hand_over
    action = DRIVER.release(Pass("tabc", "correct horse", hand_over, RETURN_URL), PRIVATE)
    assert action == BrowserForm("https://hotspot.example/login", {"username": "tabc", "password": "correct horse"})


def test_a_redirect_without_challenge_does_not_make_us_send_a_password_by_plain_http() -> None:
    assert parse(chap_id=None, chap_challenge=None) == Refusal(RefusalReason.MISSING)
    # Nor does a hand-over from a time when the option allowed it.
    action = DRIVER.release(Pass("tabc", "correct horse", {"mac": "00-00-5E-00-53-01"}), GATEWAY)
    assert action == BrowserRedirect("http://10.5.50.1/login")


def test_a_router_that_takes_nothing_but_passwords_says_so_in_its_entry() -> None:
    gateway = replace(GATEWAY, options={"login_by": "http-pap"})
    hand_over = arrival(gateway, chap_id=None, chap_challenge=None).hand_over
    action = DRIVER.release(Pass("tabc", "correct horse", hand_over), gateway)
    assert action == BrowserForm("http://10.5.50.1/login", {"username": "tabc", "password": "correct horse"})


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"result": "online"}, Outcome.GRANTED),
        ({"result": "online", "uptime": "2"}, Outcome.GRANTED),
        ({"result": "online", "uptime": "3600"}, Outcome.ALREADY_ONLINE),
        ({"result": "online", "uptime": "x"}, Outcome.GRANTED),
        ({"result": "logged-out"}, Outcome.LOGGED_OFF),
        ({"result": "error", "error": "no license"}, Outcome.REFUSED),
        ({"error": "invalid username or password"}, Outcome.REFUSED),
    ],
    ids=["online", "online now", "online before", "unreadable time", "logged out", "fatal error", "refused"],
)
def test_each_of_the_routers_pages_is_understood(changed: dict[str, str], outcome: Outcome) -> None:
    assert arrival(**changed).outcome is outcome


def test_only_a_login_page_changes_what_was_handed_over() -> None:
    assert arrival(result="online").hand_over == {}
    assert arrival(result="logged-out").hand_over == {}
    assert arrival(result="error").hand_over == {}
    assert "chap_id" in arrival(error="invalid username or password").hand_over


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("invalid username or password", Failure.REJECTED),
        ("no more sessions are allowed for user tabc", Failure.REJECTED),
        ("A Reply-Message of ours", Failure.REJECTED),
        ("RADIUS server is not responding", Failure.TIMEOUT),
        ("web browser did not send challenge response (try again, enable JavaScript)", Failure.OTHER),
        ("internal error (no memory)", Failure.OTHER),
        ("hotspot service is shutting down", Failure.OTHER),
        ("cannot assign ip address - no more free addresses from pool", Failure.OTHER),
    ],
)
def test_the_routers_message_tells_whose_fault_it_was(error: str, failure: Failure) -> None:
    assert read_failure(error) is failure
    assert arrival(error=error).failure is failure


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/login",
        "http://10.5.50.1.evil.example/login",
        "http://10.5.50.1@evil.example/login",
        "http://10.5.50.1:8080/login",
        "https://10.5.50.1/login",
        "//10.5.50.1/login",
        "javascript:alert(1)",
        "http://[",
    ],
)
def test_credentials_go_nowhere_but_to_the_address_that_we_have(target: str) -> None:
    assert parse(link_login_only=target) == Refusal(RefusalReason.WRONG_TARGET)


def test_a_path_in_the_redirect_is_not_followed() -> None:
    hand_over = arrival(link_login_only="http://10.5.50.1/elsewhere?x=1").hand_over
    action = DRIVER.release(Pass("tabc", "x", hand_over), GATEWAY)
    assert isinstance(action, BrowserRedirect)
    assert action.url.startswith("http://10.5.50.1/login?")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"result": None}, RefusalReason.UNKNOWN_RESULT),
        ({"result": "<b>"}, RefusalReason.UNKNOWN_RESULT),
        ({"mac": None}, RefusalReason.MISSING),
        ({"mac": "---"}, RefusalReason.MALFORMED),
        ({"link_login_only": None}, RefusalReason.MISSING),
        ({"chap_id": None}, RefusalReason.MALFORMED),
        ({"chap_id": r"\145\146"}, RefusalReason.MALFORMED),
        ({"chap_id": r"\777"}, RefusalReason.MALFORMED),
        ({"chap_challenge": None}, RefusalReason.MALFORMED),
        ({"chap_challenge": r"\176" * 15}, RefusalReason.MALFORMED),
        ({"chap_challenge": "e" * 16}, RefusalReason.MALFORMED),
    ],
    ids=lambda value: str(value).replace("\\", "/") if isinstance(value, dict) else value.value,
)
def test_what_is_missing_or_misshapen_is_refused(changed: dict[str, str | None], expected: RefusalReason) -> None:
    assert parse(**changed) == Refusal(expected)


def test_a_gateway_without_login_address_cannot_release_anybody() -> None:
    assert parse(replace(GATEWAY, login_url=None)) == Refusal(RefusalReason.INCOMPLETE_GATEWAY)


@pytest.mark.parametrize("query", ["mac=a&mac=b", "error=%0d%0aSet-Cookie:x=1", "identity=%ff"])
def test_a_query_that_means_two_things_or_nothing_is_refused(query: str) -> None:
    assert Redirect.read(query) == Refusal(RefusalReason.MALFORMED)


def test_a_router_is_told_by_its_identity_or_its_own_address() -> None:
    assert DRIVER.identify(read("identity=depot")) == Clue("depot", None)
    assert DRIVER.identify(read("", "a-key")) == Clue(None, None)
    assert DRIVER.identify(read("mac=00:00:5E:00:53:01")) == Refusal(RefusalReason.MISSING)
    assert DRIVER.identify(read(f"identity={'n' * 254}")) == Refusal(RefusalReason.MALFORMED)


def test_renewing_and_logging_out_are_the_routers_own_pages() -> None:
    assert DRIVER.renew({}, PRIVATE) == BrowserRedirect("https://hotspot.example/login")
    assert DRIVER.log_out({}, GATEWAY) == BrowserRedirect("http://10.5.50.1/logout")


def test_an_entry_that_lost_its_login_address_stops_nobody_from_beginning_again() -> None:
    assert DRIVER.renew({}, replace(GATEWAY, login_url=None)) == BrowserRedirect(INTERCEPTED_URL)


def test_the_login_page_that_we_generate_leads_to_us_without_a_script_and_with_what_we_need() -> None:
    page = read_page(fill(text_of("login.html"), {**PARAMETERS, "error": "", "error-orig": ""}))
    assert page.refresh_seconds == 0
    assert [link.address for link in page.links] == [page.refresh_address]
    parts = urlsplit(page.refresh_address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == SITE.arrival_url
    assert dict(parse_qsl(parts.query)) == PARAMETERS
    assert isinstance(DRIVER.parse(read(parts.query), GATEWAY), Arrival)


def test_the_login_page_passes_the_routers_error_on() -> None:
    error = 'no more sessions are allowed for user "tabc" & others'
    page = read_page(fill(text_of("login.html"), {**PARAMETERS, "error": "überall", "error-orig": error}))
    result = DRIVER.parse(read(urlsplit(page.refresh_address).query), GATEWAY)
    assert isinstance(result, Arrival)
    assert result.outcome is Outcome.REFUSED


def test_what_cannot_be_trusted_is_encoded_in_every_page() -> None:
    hostile = dict.fromkeys((*PARAMETERS, "error", "error-orig", "uptime-secs"), '"><script>alert(1)</script>&x=')
    for title in ("login.html", "alogin.html", "status.html", "logout.html", "error.html"):
        text = text_of(title).replace("$(uptime-secs)", "5")
        assert "<script" not in fill(text, hostile)


@pytest.mark.parametrize(
    ("title", "outcome"),
    [
        ("alogin.html", Outcome.GRANTED),
        ("status.html", Outcome.ALREADY_ONLINE),
        ("logout.html", Outcome.LOGGED_OFF),
        ("error.html", Outcome.REFUSED),
    ],
)
def test_every_page_of_the_router_leads_back_to_us(title: str, outcome: Outcome) -> None:
    seconds = "3600" if title == "status.html" else "1"
    page = read_page(fill(text_of(title), {"mac": PARAMETERS["mac"], "uptime-secs": seconds}))
    result = DRIVER.parse(read(urlsplit(page.refresh_address).query), GATEWAY)
    assert isinstance(result, Arrival)
    assert result.outcome is outcome


def test_the_commands_name_this_gateway_and_both_forms_of_the_walled_garden() -> None:
    everything = "\n".join(snippet.text for snippet in DRIVER.configuration(SITE).snippets)
    assert '/system identity set name="depot"' in everything
    assert 'address=192.0.2.1 secret="SECRET" timeout=3s authentication-port=1812 accounting-port=1813' in everything
    assert "/radius incoming set accept=yes port=3799" in everything
    assert "login-by=mac,http-chap " in everything
    for host in ("portal.example", "www.nhs.uk"):
        assert f'/ip hotspot walled-garden add action=allow dst-host="{host}"' in everything
        assert f'/ip hotspot walled-garden ip add action=accept dst-host="{host}"' in everything
    assert "/ip hotspot walled-garden ip add action=accept dst-address=192.0.2.9 " in everything
    # Only HTTP's garden takes patterns.
    assert everything.count('"*.gov.uk"') == 1
    assert "login-by=mac,https ssl-certificate=CERTIFICATE" in text_of(
        "Hotspot profile", replace(SITE, gateway=PRIVATE)
    )


def test_over_https_the_router_itself_is_the_captive_portal_api() -> None:
    configuration = DRIVER.configuration(replace(SITE, gateway=PRIVATE))
    assert configuration.captive_portal_option == "https://hotspot.example/api"
    texts = {snippet.title: snippet.text for snippet in configuration.snippets}
    assert '"user-portal-url": "https://hotspot.example/login"' in texts["api.json"]
    assert any("code=114 value=\"s'https://hotspot.example/api'\"" in text for text in texts.values())


def test_over_plain_http_nobody_is_told_of_an_api() -> None:
    configuration = DRIVER.configuration(SITE)
    assert configuration.captive_portal_option is None
    assert not any("114" in snippet.text for snippet in configuration.snippets)


def test_a_name_cannot_add_commands() -> None:
    gateway = replace(GATEWAY, nas_identifier='depot" $[/system reset-configuration]')
    command = text_of("RADIUS", replace(SITE, gateway=gateway)).partition("\n")[0]
    assert command == '/system identity set name="depot\\" \\$[/system reset-configuration]"'


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    credentials = Pass("tabc", "a password", arrival().hand_over)
    shown = repr(
        [GATEWAY, parse(), credentials, DRIVER.release(credentials, GATEWAY), DRIVER.release(credentials, PRIVATE)]
    )
    response = hashlib.md5(b"e" + b"a password" + read_octal(CHALLENGE)).hexdigest()
    for private in ("a password", response, "7e019823", "00-00-5E"):
        assert private not in shown
