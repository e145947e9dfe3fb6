"""The agent of the plain Linux gateway: what it believes, and what it has nft do."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from captive_portal.gateway_sessions.gateway_agent import read_report
from captive_portal.gateways.base import Arrival, Redirect
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.nftables import Nftables
from foundation.mac_address import MacAddress
from tests.support.gateway_agent import FOLDER, PROGRAM, load_agent
from tests.support.peers import Peers

agent = load_agent()
KEY = "A" * 22
SECRET = "a secret of both"
SETTINGS = agent.Settings("https://wifi.example", "nftables", KEY, SECRET, "lan")
PHONE = agent.Device("00:00:5e:00:53:01", "10.77.0.100")
TABLET = agent.Device("00:00:5e:00:53:02", "10.77.0.101")
ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
10.77.0.100      0x1         0x2         00:00:5e:00:53:01     *        lan
10.77.0.101      0x1         0x2         00:00:5e:00:53:02     *        lan
10.77.0.102      0x1         0x0         00:00:00:00:00:00     *        lan
198.51.100.1     0x1         0x2         00:00:5e:00:53:99     *        uplink
"""


def test_its_redirect_is_what_the_driver_believes() -> None:
    address = agent.redirect_address(SETTINGS, PHONE)
    base, _, query = address.partition("?")
    assert base == f"https://wifi.example/arrive/nftables/{KEY}"
    redirect = Redirect.read(query, KEY)
    assert isinstance(redirect, Redirect)
    gateway = Gateway(1, 1, None, base, None, SECRET.encode(), arrival_key=KEY)
    arrival = Nftables().parse(redirect, gateway)
    assert isinstance(arrival, Arrival)
    assert arrival.device == MacAddress.parse(PHONE.mac)


def test_it_sees_who_answered_on_its_own_interface() -> None:
    assert agent.read_neighbours(ARP, "lan") == [PHONE, TABLET]
    assert agent.read_neighbours("", "lan") == []


def test_its_report_is_what_the_portal_reads() -> None:
    report = agent.make_report([PHONE, TABLET], {PHONE.mac: agent.Counts(1000)}, {PHONE.ip: 41_000, TABLET.ip: 7})
    phone, tablet = read_report(json.dumps(report).encode())
    assert (phone.is_on, phone.input_octets, phone.output_octets) == (True, 1000, 41_000)
    assert (tablet.is_on, tablet.ip) == (False, TABLET.ip)


def test_only_devices_that_it_told_of_are_let_on_and_never_for_ever() -> None:
    body = json.dumps({"on": {PHONE.mac: 3600, "00:00:5e:00:53:77": 3600, TABLET.mac: 10**12}}).encode()
    assert agent.read_answer(body, [PHONE, TABLET]) == {PHONE.mac: 3600, TABLET.mac: agent.LONGEST_SECONDS}


@pytest.mark.parametrize(
    "on",
    [
        {PHONE.mac: 0},
        {PHONE.mac: -5},
        {"00:00:5e:00:53:01 }; flush ruleset; add element x y {": 60},
        {"; reboot": 60},
    ],
    ids=["no time", "less than none", "an order to nft", "an order to a shell"],
)
def test_whoever_takes_the_portal_over_runs_nothing_here(on: dict[str, int]) -> None:
    allowed = agent.read_answer(json.dumps({"on": on}).encode(), [PHONE])
    assert agent.commands(allowed, {}, [PHONE]) == ""


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"on": 1}', b'{"on": {"00:00:5e:00:53:01": "x"}}', b"\xff", b"<html>"]
)
def test_an_answer_that_is_none_changes_nothing(body: bytes) -> None:
    with pytest.raises(agent.GatewayError):
        agent.read_answer(body, [PHONE])


def test_who_may_be_on_is_put_in_and_who_may_not_is_taken_out() -> None:
    todo = agent.commands({PHONE.mac: 3600}, {TABLET.mac: agent.Counts()}, [PHONE, TABLET])
    assert "add element inet citywifi on { 00:00:5e:00:53:01 timeout 3600s }" in todo
    assert "delete element inet citywifi on { 00:00:5e:00:53:02 }" in todo
    assert agent.commands({PHONE.mac: 3600}, {PHONE.mac: agent.Counts()}, [PHONE]) == "", "its end stays as it is"


def test_its_settings_are_nobody_elses_and_the_portal_is_by_https(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    shutil.copy(FOLDER / "citywifi-gateway.example.toml", file)
    file.chmod(0o644)
    with pytest.raises(SystemExit, match="chmod 600"):
        agent.read_settings(file)
    file.chmod(0o600)
    settings = agent.read_settings(file)
    assert settings.arrival == "https://wifi.example.org/arrive/nftables/KEY"
    assert "PORTAL-SECRET" not in repr(settings)
    file.write_text(file.read_text().replace("https://wifi", "http://wifi"))
    with pytest.raises(SystemExit, match="https"):
        agent.read_settings(file)


def test_it_needs_nothing_but_python() -> None:
    subprocess.run([PROGRAM, "--help"], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin"})


@pytest.mark.peer("nft")
def test_nft_reads_the_rules_and_what_the_agent_has_it_do(peers: Peers, tmp_path: Path) -> None:
    nft = peers.require("nft")
    rules = tmp_path / "rules.nft"
    grown = agent.commands({PHONE.mac: 60}, {}, [PHONE]) + agent.commands({}, {PHONE.mac: agent.Counts()}, [PHONE])
    rules.write_text((FOLDER / "citywifi.nft").read_text() + grown)
    checked = subprocess.run([nft, "-c", "-f", rules], check=False, capture_output=True, text=True)
    if "Operation not permitted" in checked.stderr:
        pytest.skip("nft may not be asked by this user")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.peer("dnsmasq")
def test_dnsmasq_reads_its_configuration(peers: Peers) -> None:
    command: list[Any] = [peers.require("dnsmasq"), "--test", "-C", FOLDER / "dnsmasq.conf"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
