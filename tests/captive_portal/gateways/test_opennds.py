from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    AccessLimits,
    Arrival,
    BrowserRedirect,
    Clue,
    Operation,
    Outcome,
    Pass,
    PolledGrant,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds import OpenNDS
from captive_portal.gateways.opennds_limits import sealed_limits
from captive_portal.gateways.opennds_redirect import hid_of, pack, rhid_of
from foundation.mac_address import MacAddress

DRIVER = OpenNDS()
KEY = "k" * 22
ADDRESS = f"https://portal.example/arrive/opennds/{KEY}"
LOGIN_URL = "http://192.168.1.1:2050"
FASKEY = b"1234567890"
TOKEN = "a1b2c3d4"
HID = hid_of(TOKEN)
RETURN = "https://portal.example/j/abc/waiting"
LEVELS = ("1", "2", "3", "4")
ITEMS = {
    "hid": HID,
    "clientip": "192.168.1.77",
    "clientmac": "aa:bb:cc:dd:ee:ff",
    "gatewayname": "Leith%20Library",
    "gatewayaddress": "192.168.1.1:2050",
}
HAND_OVER = {"mac": "AA-BB-CC-DD-EE-FF", "hid": HID, "ip": "192.168.1.77"}
OPEN = {
    "authaction": "http://192.168.1.1:2050/opennds_auth/?clientip=192.168.1.77",
    "gatewayname": "Leith Library",
    "tok": TOKEN,
    "redir": "http://evil.example/",
}


def gateway(level: str) -> Gateway:
    options = {"level": level, "gateway_name": ""}
    return Gateway(1, 1, None, ADDRESS, LOGIN_URL, FASKEY, name="Leith Library", arrival_key=KEY, options=options)


def read(raw_query: str, key: str | None = KEY) -> Redirect:
    redirect = Redirect.read(raw_query, key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse_list(level: str, items: dict[str, str], **more: str) -> Arrival | Refusal:
    packed = pack(items, FASKEY, is_encrypted=level in ("2", "3"))
    return DRIVER.parse(read(urlencode({**packed, **more})), gateway(level))


def parse_open(**changed: str | None) -> Arrival | Refusal:
    given = {name: value for name, value in {**OPEN, **changed}.items() if value is not None}
    return DRIVER.parse(read(urlencode(given, safe=":/?=")), gateway("0"))


def reason(result: Arrival | Refusal | Clue) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


def address(action: object) -> tuple[str, dict[str, list[str]]]:
    """An address without its query, and the query's values."""
    assert isinstance(action, BrowserRedirect)
    target, _, query = action.url.partition("?")
    return target, parse_qs(query)


def test_the_registry_has_the_driver() -> None:
    assert DRIVERS["opennds"] == DRIVER


def test_only_its_own_arrival_address_tells_which_gateway_it_is() -> None:
    assert DRIVER.identify(read("fas=x")) == Clue(None, None)
    assert reason(DRIVER.identify(read("fas=x", None))) is RefusalReason.UNKNOWN_GATEWAY


@pytest.mark.parametrize("level", LEVELS)
def test_a_list_tells_device_visit_and_address(level: str) -> None:
    arrival = parse_list(level, ITEMS)
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("aa:bb:cc:dd:ee:ff")
    assert arrival.hand_over == HAND_OVER


def test_level_0_with_its_two_question_marks_tells_a_token_only() -> None:
    query = "authaction=http://192.168.1.1:2050/opennds_auth/?clientip=192.168.1.77&gatewayname=Leith%20Library"
    arrival = DRIVER.parse(read(f"{query}&tok={TOKEN}&redir=http%3a%2f%2fevil.example%2f"), gateway("0"))
    assert isinstance(arrival, Arrival)
    assert arrival.device == TOKEN
    assert arrival.hand_over == {"token": TOKEN, "hid": HID, "ip": "192.168.1.77"}


def test_level_0_by_the_gateway_s_captive_portal_api_has_no_authaction() -> None:
    arrival = parse_open(authaction=None, clientip="192.168.1.77")
    assert isinstance(arrival, Arrival)
    assert arrival.hand_over["ip"] == "192.168.1.77"


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"authaction": "http://evil.example/opennds_auth/?clientip=1.2.3.4"}, RefusalReason.WRONG_TARGET),
        ({"authaction": "http://192.168.1.1:2050@evil.example/opennds_auth/"}, RefusalReason.WRONG_TARGET),
        ({"authaction": "http://192.168.1.1:2050/elsewhere/"}, RefusalReason.WRONG_TARGET),
        ({"gatewayname": "Portobello Library"}, RefusalReason.UNKNOWN_GATEWAY),
        ({"tok": None}, RefusalReason.MISSING),
        ({"tok": "A1B2C3D4"}, RefusalReason.MALFORMED),
        ({"tok": "a1b2c3d4e5"}, RefusalReason.MALFORMED),
        ({"status": "maybe"}, RefusalReason.UNKNOWN_RESULT),
    ],
    ids=["foreign host", "user part", "elsewhere", "other gateway", "no token", "no hex", "too long", "status"],
)
def test_a_hostile_redirect_of_level_0_is_refused(changed: dict[str, str | None], refused: RefusalReason) -> None:
    assert reason(parse_open(**changed)) is refused


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"gatewayaddress": "evil.example:2050"}, RefusalReason.WRONG_TARGET),
        ({"authdir": "../elsewhere"}, RefusalReason.WRONG_TARGET),
        ({"gatewayname": "Portobello%20Library"}, RefusalReason.UNKNOWN_GATEWAY),
        ({"hid": "7dcf"}, RefusalReason.MALFORMED),
        ({"hid": f"{HID[:-1]}'"}, RefusalReason.MALFORMED),
        ({"clientip": "10.0.0.300"}, RefusalReason.MALFORMED),
        ({"clientmac": "nobody"}, RefusalReason.MALFORMED),
    ],
    ids=["foreign host", "elsewhere", "other gateway", "short hid", "quote in hid", "no address", "no MAC address"],
)
def test_a_hostile_list_is_refused(level: str, changed: dict[str, str], refused: RefusalReason) -> None:
    assert reason(parse_list(level, {**ITEMS, **changed})) is refused


@pytest.mark.parametrize("name", ["hid", "clientip", "clientmac", "gatewayname", "gatewayaddress"])
def test_a_list_must_be_complete(name: str) -> None:
    assert reason(parse_list("1", {key: value for key, value in ITEMS.items() if key != name})) is RefusalReason.MISSING


@pytest.mark.parametrize("level", LEVELS)
def test_without_a_list_nothing_is_believed(level: str) -> None:
    assert reason(DRIVER.parse(read("clientip=192.168.1.77"), gateway(level))) is RefusalReason.MISSING


def test_a_parameter_that_is_said_twice_is_refused() -> None:
    assert Redirect.read("fas=a&fas=b") == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_without_secret_or_login_address_is_not_complete() -> None:
    redirect = read(urlencode(pack(ITEMS, FASKEY, is_encrypted=False)))
    for incomplete in (replace(gateway("1"), portal_secret=None), replace(gateway("1"), login_url=None)):
        assert reason(DRIVER.parse(redirect, incomplete)) is RefusalReason.INCOMPLETE_GATEWAY


def test_a_list_with_a_long_address_that_the_device_wanted_fits() -> None:
    octets = ", ".join(f"{name}={value}" for name, value in {**ITEMS, "originurl": "x" * 2500}.items()).encode()
    redirect = read(urlencode({"fas": base64.b64encode(octets).decode()}))
    assert isinstance(DRIVER.parse(redirect, gateway("1")), Arrival)


@pytest.mark.parametrize("level", ["1", "2"])
def test_the_browser_brings_the_portal_s_yes_and_sealed_limits(level: str) -> None:
    limits = AccessLimits(3600, None, 2000, 1000)
    credentials = Pass("t1", "secret", HAND_OVER, RETURN, limits)
    target, query = address(DRIVER.release(credentials, gateway(level)))
    assert target == f"{LOGIN_URL}/opennds_auth/"
    assert query["tok"] == [rhid_of(HID, FASKEY)]
    assert query["redir"] == [RETURN]
    assert query["custom"] == [sealed_limits(HID, limits, FASKEY)]


def test_at_level_0_the_browser_brings_the_token() -> None:
    credentials = Pass("t1", "secret", {"token": TOKEN, "hid": HID}, RETURN)
    target, query = address(DRIVER.release(credentials, gateway("0")))
    assert (target, query["tok"], query["redir"]) == (f"{LOGIN_URL}/opennds_auth/", [TOKEN], [RETURN])


@pytest.mark.parametrize("level", ["3", "4"])
def test_at_levels_3_and_4_the_gateway_comes_for_it(level: str) -> None:
    limits = AccessLimits(seconds=3600)
    action = DRIVER.release(Pass("t1", "secret", HAND_OVER, RETURN, limits), gateway(level))
    assert action == PolledGrant(Operation.GRANT, rhid_of(HID, FASKEY), limits)


@pytest.mark.parametrize("level", ["1", "2"])
def test_who_is_on_already_is_sent_back_with_what_they_brought_and_known_by_it(level: str) -> None:
    """openNDS decodes the query and does not encode it again."""
    action = DRIVER.release(Pass("t1", "secret", HAND_OVER, RETURN), gateway(level))
    assert isinstance(action, BrowserRedirect)
    brought = parse_qs(urlsplit(action.url).query)
    returned = "&".join(f"{name}={value}" for name, [value] in brought.items())
    arrival = DRIVER.parse(read(f"{returned}&status=authenticated"), gateway(level))
    assert arrival == Arrival(Outcome.ALREADY_ONLINE, MacAddress.parse("aa:bb:cc:dd:ee:ff"), {})


def test_who_is_on_already_at_level_0_is_known_by_the_token() -> None:
    arrival = DRIVER.parse(read(f"tok={TOKEN}&redir={RETURN}&custom=x&status=authenticated"), gateway("0"))
    assert arrival == Arrival(Outcome.ALREADY_ONLINE, TOKEN, {})


@pytest.mark.parametrize("token", ["", TOKEN, rhid_of(HID, b"another"), "é"])
def test_to_be_on_is_not_believed_without_the_portal_s_own_yes(token: str) -> None:
    assert reason(parse_list("1", ITEMS, status="authenticated", tok=token)) is RefusalReason.WRONG_SEAL


def test_log_out_and_renewal_go_to_the_gateway_itself() -> None:
    assert DRIVER.log_out(HAND_OVER, gateway("3")) == BrowserRedirect(f"{LOGIN_URL}/opennds_deny/")
    assert DRIVER.renew({}, gateway("1")) == BrowserRedirect(f"{LOGIN_URL}/login")


def test_nothing_secret_or_personal_is_shown_by_repr() -> None:
    for level in ("0", *LEVELS):
        arrival = parse_list(level, ITEMS) if level != "0" else parse_open()
        assert isinstance(arrival, Arrival)
        action = DRIVER.release(Pass("t1", "secret", arrival.hand_over, RETURN), gateway(level))
        shown = repr((arrival, action, gateway(level)))
        assert not any(text in shown for text in (HID, TOKEN, "AA-BB", "192.168.1.77", FASKEY.decode()))


def configured(level: str, portal_url: str = "https://portal.example") -> Configuration:
    site = Site(
        gateway(level),
        portal_url,
        f"{portal_url}/arrive/opennds/{KEY}",
        "",
        "",
        1812,
        1813,
        ("www.nhs.uk", "111.nhs.uk"),
    )
    return DRIVER.configuration(site)


def settings(configuration: Configuration) -> dict[str, str]:
    plain = configuration.snippets[0].text.partition("FirewallRuleSet")[0]
    pairs = [line.removeprefix("# ").partition(" ") for line in plain.splitlines() if line]
    return {name: value for name, _space, value in pairs}


def test_the_configuration_names_portal_path_level_and_garden() -> None:
    found = settings(configured("3"))
    assert (found["fasremotefqdn"], found["fasport"], found["faspath"]) == (
        "portal.example", "443", f"/arrive/opennds/{KEY}"
    )  # fmt: skip
    assert (found["fas_secure_enabled"], found["faskey"]) == ("3", "PORTAL-SECRET")
    assert (found["gatewayname"], found["enable_serial_number_suffix"]) == ("Leith Library", "0")
    assert found["walledgarden_fqdn_list"] == "portal.example www.nhs.uk 111.nhs.uk"
    assert found["nat_traversal_poll_interval"] == "1"


def test_debian_s_opennds_ends_at_the_interval_so_that_it_stands_in_a_comment() -> None:
    assert "\n# nat_traversal_poll_interval 1\n" in configured("3").snippets[0].text
    assert "\toption nat_traversal_poll_interval '1'\n" in configured("3").snippets[1].text


@pytest.mark.parametrize(
    ("level", "portal_url", "port"),
    [
        ("1", "https://portal.example", "80"),
        ("1", "http://portal.example:8080", "8080"),
        ("3", "https://portal.example:8443", "8443"),
        ("4", "https://portal.example", "443"),
    ],
)
def test_below_level_3_opennds_can_only_redirect_to_plain_http(level: str, portal_url: str, port: str) -> None:
    assert settings(configured(level, portal_url))["fasport"] == port


def test_a_name_with_a_quote_does_not_end_the_option() -> None:
    quoted = replace(gateway("3"), name="St John's")
    site = Site(quoted, "https://portal.example", ADDRESS, "", "", 1812, 1813)
    assert r"option gatewayname 'St John'\''s'" in DRIVER.configuration(site).snippets[1].text


@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_the_script_gives_the_limits_that_are_sealed_and_a_minute_for_all_others(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(configured("1").snippets[2].text.replace("PORTAL-SECRET", FASKEY.decode()))

    def ask(custom: str) -> str:
        question = ["auth_client", "aa:bb:cc:dd:ee:ff", "http%3a%2f%2f", "Mozilla%2f5.0", "10.0.0.9", TOKEN, custom]
        program = ["busybox", "sh"] if shell == "busybox" else ["sh"]
        return subprocess.run([*program, script, *question], capture_output=True, text=True, check=True).stdout

    sealed = sealed_limits(HID, AccessLimits(7200, 1_048_576, 2000, 1000), FASKEY)
    assert ask(sealed) == "7200 1000 2000 1024 1024\n"
    for forged in (sealed.replace("7200", "9999"), sealed[:-1], "bmE%3d", "", "0.0.0.0.0."):
        assert ask(forged) == "60 64 64 0 0\n"
