"""What openNDS gateways say, read as values."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from captive_portal.gateway_sessions.authmon import Poll, PollAction, PollRefusal, gateway_hash, read_poll
from captive_portal.gateways.base import Usage
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds_redirect import report_seal
from foundation.mac_address import MacAddress

FASKEY = b"1234567890"
RHID = "2cecc66808b7beb602d6b5678d332acc7febfde384ea428fe2c19ed657f50073"
POLLING = Gateway(1, 1, None, "x", "http://192.168.1.1:2050", FASKEY, options={"level": "3", "gateway_name": "Leith"})
SILENT = replace(POLLING, options={"level": "1", "gateway_name": "Leith"})
# As binauth_log.sh of release 9.10 writes it.
LOGGED_OUT = (
    "method=client_deauth, clientmac=02:00:00:00:00:11, bytes_incoming=4130, bytes_outgoing=1000,"
    " session_start=1795359252, session_end=1795359300, token=a1b2c3d4, custom=bmE%3d"
)
REPORT = {
    "auth_get": "reported",
    "method": "client_auth",
    "clientmac": "02:00:00:00:00:11",
    "bytes_incoming": "0",
    "bytes_outgoing": "0",
    "token": "a1b2c3d4",
}


def encode(payload: str) -> str:
    return base64.b64encode(payload.encode()).decode()


def ask(action: str, payload: str, gateway: Gateway = POLLING, **changed: str) -> Poll | PollRefusal:
    fields = {"auth_get": action, "gatewayhash": gateway_hash(gateway), "payload": encode(payload), **changed}
    return read_poll(fields, gateway)


def report(gateway: Gateway = SILENT, key: bytes = FASKEY, **changed: str) -> Poll | PollRefusal:
    fields = {**REPORT, **changed}
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    return read_poll({**fields, "seal": report_seal(text, key)}, gateway)


def test_the_gateway_s_hash_is_of_its_name_as_opennds_encodes_it() -> None:
    named = replace(POLLING, options={"gateway_name": "openNDS Node:abc"})
    assert gateway_hash(named) == "3a522866ad1c42503e675a3851e75fe68f7f53ef185fc37360a5d4e23fc4ad8a"


def test_a_view_of_none_asks_who_waits() -> None:
    assert ask("view", "none") == Poll(PollAction.VIEW)
    assert ask("list", "none") == Poll(PollAction.LIST)


@pytest.mark.parametrize("payload", [f"* {RHID} {'0' * 64}", f"*\n{RHID}\n{'0' * 64}\n"], ids=["spaces", "line ends"])
def test_a_view_with_a_star_tells_who_is_on(payload: str) -> None:
    assert ask("view", payload) == Poll(PollAction.VIEW, (RHID, "0" * 64), asks=False)


def test_a_view_with_a_star_alone_tells_of_nobody() -> None:
    assert ask("view", "*") == Poll(PollAction.VIEW, (), asks=False)


@pytest.mark.parametrize("payload", ["", "*x", f"* {RHID.upper()}", "* $(reboot)", f"{RHID}"])
def test_a_view_of_anything_else_is_refused(payload: str) -> None:
    assert ask("view", payload) is PollRefusal.MALFORMED


@pytest.mark.parametrize("payload", [LOGGED_OUT, encode(LOGGED_OUT)], ids=["once", "twice"])
def test_a_log_out_has_device_visit_cause_and_octets_as_a_nas_counts_them(payload: str) -> None:
    poll = ask("deauthed", payload)
    assert isinstance(poll, Poll)
    told = poll.report
    assert told is not None
    assert told.device == MacAddress.parse("02-00-00-00-00-11")
    assert (told.token, told.cause, told.is_sealed) == ("a1b2c3d4", 1, False)
    assert told.usage == Usage(input_octets=1000, output_octets=4130)


@pytest.mark.parametrize(
    "changed",
    ["method=reboot", "clientmac=nobody", "bytes_incoming=-1", "bytes_outgoing=1e9", "token=A1B2C3D4", "token="],
)
def test_a_log_out_with_a_value_that_cannot_be_is_refused(changed: str) -> None:
    name = changed.partition("=")[0]
    payload = ", ".join(changed if item.startswith(name) else item for item in LOGGED_OUT.split(", "))
    assert ask("deauthed", payload) is PollRefusal.MALFORMED


def test_that_somebody_was_let_on_is_never_believed_without_a_seal() -> None:
    assert ask("deauthed", LOGGED_OUT.replace("client_deauth", "client_auth")) is PollRefusal.MALFORMED


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        ("idle_deauth", 4),
        ("timeout_deauth", 5),
        ("ndsctl_deauth", 6),
        ("shutdown_deauth", 7),
        ("downquota_deauth", 10),
        ("upquota_deauth", 10),
        ("client_auth", None),
        ("ndsctl_auth", None),
    ],
)
def test_a_sealed_report_says_what_happened_at_every_level(method: str, cause: int | None) -> None:
    for gateway in (SILENT, POLLING):
        poll = report(gateway, method=method)
        assert isinstance(poll, Poll)
        assert poll.report is not None
        assert (poll.report.cause, poll.report.is_sealed) == (cause, True)


def test_a_report_without_the_right_seal_is_refused() -> None:
    assert report(key=b"another") is PollRefusal.WRONG_SEAL
    assert read_poll(REPORT, SILENT) is PollRefusal.WRONG_SEAL
    assert report(replace(SILENT, portal_secret=None)) is PollRefusal.WRONG_SEAL


def test_a_sealed_report_of_what_opennds_only_asks_is_refused() -> None:
    assert report(method="auth_client") is PollRefusal.MALFORMED


def test_only_gateways_that_poll_may_poll_and_only_under_their_own_name() -> None:
    assert ask("view", "none", SILENT) is PollRefusal.WRONG_LEVEL
    assert ask("view", "none", gatewayhash="0" * 64) is PollRefusal.WRONG_GATEWAY
    assert ask("view", "none", gatewayhash="é") is PollRefusal.WRONG_GATEWAY
    assert ask("reboot", "none") is PollRefusal.UNKNOWN_ACTION
    assert read_poll({}, POLLING) is PollRefusal.UNKNOWN_ACTION


@pytest.mark.parametrize("payload", ["*", "bm9uZQ=", "bm9u ZQ==x", "/w=="])
def test_a_payload_that_is_no_base64_of_text_is_refused(payload: str) -> None:
    fields = {"auth_get": "view", "gatewayhash": gateway_hash(POLLING), "payload": payload}
    assert read_poll(fields, POLLING) is PollRefusal.MALFORMED


def test_clear_and_custom_are_understood() -> None:
    assert ask("clear", "none") == Poll(PollAction.CLEAR)
    assert ask("custom", "anything") == Poll(PollAction.CUSTOM)
