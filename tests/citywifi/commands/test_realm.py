"""``citywifi realm``: entering realms and home servers, and seeing how they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import create_engine
from typer.testing import CliRunner, Result

from citywifi.cli import app
from citywifi.errors import CommandError
from citywifi.home_server_states import read_states
from citywifi.realms import checked_server
from foundation.privacy import Keyring
from foundation.schema import audit_events, councils, home_servers, realms
from tests.support.freeradius import SECRET, FreeRadius
from tests.support.peers import Peers
from tools.free_ports import free_ports

GOOD_SECRET = "a long and random secret 7391"


class Installation:
    """A prepared installation, and its command line."""

    def __init__(self, folder: Path) -> None:
        self._engine = create_engine(f"sqlite:///{folder / 'citywifi.sqlite3'}")
        self.keyring = Keyring.load(folder / "citywifi.key")

    def run(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["realm", *arguments], input=typed)

    def rows(self, table: Any) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(table.select()))

    def add_council(self, code: str, name: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(councils.insert().values(code=code, name=name, created_at=datetime.now(UTC)))

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def installation(tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    (tmp_path / "citywifi.sqlite3").write_bytes(migrated_sqlite_file.read_bytes())
    Keyring.create(tmp_path / "citywifi.key")
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(tmp_path / "none.toml"))
    # Nothing answers there: no server runs beside these tests.
    monkeypatch.setenv("CITYWIFI_MONITORING__METRICS_PORT", str(free_ports(1)[0]))
    monkeypatch.setenv("CITYWIFI_ROAMING__ANSWER_SECONDS", "0.5")
    made = Installation(tmp_path)
    made.add_council("E08000026", "Coventry")
    yield made
    made.close()


def add(installation: Installation, name: str, *more: str, typed: str = GOOD_SECRET + "\n") -> Result:
    return installation.run("add", name, *more, "--secret-stdin", typed=typed)


def test_a_realm_is_added_with_its_servers_and_their_secret_is_sealed(installation: Installation) -> None:
    answer = add(
        installation, "Solihull.Example", "--server", "192.0.2.1", "--server", "radius.example:1645",
        "--accounting-port", "1813",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    (realm,) = installation.rows(realms)
    assert realm.name == "solihull.example"
    servers = installation.rows(home_servers)
    assert [(row.host, row.port, row.priority, row.accounting_port, row.transport) for row in servers] == [
        ("192.0.2.1", 1812, 1, 1813, "udp"),
        ("radius.example", 1645, 2, 1813, "udp"),
    ]
    for row in servers:
        sealed = row.secret_encrypted
        assert installation.keyring.decrypt("nas secret", sealed) == GOOD_SECRET.encode()
    (event,) = installation.rows(audit_events)
    assert event.action == "add realm"
    assert GOOD_SECRET not in answer.output + str(event)


def test_a_radsec_server_has_a_name_instead_of_a_secret(installation: Installation) -> None:
    answer = installation.run("add", "*", "--server", "192.0.2.1", "--radsec", "--server-name", "Radius.Example.org")
    assert answer.exit_code == 0, answer.output
    (row,) = installation.rows(home_servers)
    assert (row.port, row.transport, row.radsec_name) == (2083, "radsec", "radius.example.org")


def test_the_list_tells_the_servers_and_no_secret(installation: Installation) -> None:
    add(installation, "solihull.example", "--server", "192.0.2.1")
    add(installation, "*.example", "--server", "[2001:db8::1]:1812")
    shown = installation.run("list").output
    assert "192.0.2.1:1812" in shown
    assert "[2001:db8::1]:1812" in shown
    assert shown.count("unknown") == 2
    assert GOOD_SECRET not in shown
    rows = json.loads(installation.run("list", "--json").output)
    assert [(row["realm"], row["state"]) for row in rows] == [("*.example", "unknown"), ("solihull.example", "unknown")]


def test_servers_come_and_go_and_each_change_moves_the_realms_time(installation: Installation) -> None:
    add(installation, "solihull.example", "--server", "192.0.2.1")
    (before,) = installation.rows(realms)
    more = ["server", "add", "solihull.example", "192.0.2.2:1645", "--priority", "5", "--secret-stdin"]
    assert installation.run(*more, typed=GOOD_SECRET + "\n").exit_code == 0
    assert installation.run("server", "remove", "solihull.example", "192.0.2.1").exit_code == 0
    (row,) = installation.rows(home_servers)
    assert (row.host, row.port, row.priority) == ("192.0.2.2", 1645, 5)
    (after,) = installation.rows(realms)
    assert after.updated_at > before.updated_at


def test_a_removed_realm_takes_its_servers_with_it(installation: Installation) -> None:
    add(installation, "solihull.example", "--server", "192.0.2.1")
    assert installation.run("remove", "SOLIHULL.example").exit_code == 0
    assert installation.rows(realms) == []
    assert installation.rows(home_servers) == []


@pytest.mark.parametrize(
    ("arguments", "typed", "problem"),
    [
        (["add", "example", "--server", "192.0.2.1", "--secret-stdin"], GOOD_SECRET, "is not a realm"),
        (["add", "a.example", "--server", "192.0.2.1:0", "--secret-stdin"], GOOD_SECRET, "is not a server"),
        (["add", "a.example", "--server", "192.0.2.1", "--secret-stdin"], "testing123", "in examples everywhere"),
        (["add", "a.example", "--server", "192.0.2.1", "--secret-stdin"], "", "expected on standard input"),
        (["add", "a.example", "--server", "192.0.2.1"], "", "needs --secret-stdin"),
        (["add", "a.example", "--server", "192.0.2.1", "--radsec"], "", "give it with --server-name"),
        (["add", "a.example", "--server", "h", "--secret-stdin", "--server-name", "x.y"], GOOD_SECRET, "add --radsec"),
        (["remove", "b.example"], "", "there is no realm b.example"),
        (["check", "b.example"], "", "there is no realm b.example"),
        (["server", "remove", "known.example", "192.0.2.9"], "", "no server is at"),
        (["server", "add", "known.example", "192.0.2.1", "--secret-stdin"], GOOD_SECRET, "already"),
        (["add", "known.example", "--server", "192.0.2.1", "--secret-stdin"], GOOD_SECRET, "already a realm"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    installation: Installation, arguments: list[str], typed: str, problem: str
) -> None:
    add(installation, "known.example", "--server", "192.0.2.1")
    answer = installation.run(*arguments, typed=typed + "\n")
    assert isinstance(answer.exception, CommandError)
    assert problem in str(answer.exception)
    assert len(installation.rows(realms)) == 1


def test_two_councils_may_serve_the_same_realm(installation: Installation) -> None:
    installation.add_council("E08000029", "Solihull")
    for code in ("E08000026", "E08000029"):
        assert add(installation, "a.example", "--server", "192.0.2.1", "--council", code).exit_code == 0
    answer = installation.run("remove", "a.example")
    assert "--council" in str(answer.exception)
    assert installation.run("remove", "a.example", "--council", "E08000029").exit_code == 0


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 1812),
        ("192.0.2.1:1645", "192.0.2.1", 1645),
        ("Radius.Example", "radius.example", 1812),
        ("radius.example:99", "radius.example", 99),
        ("2001:db8::1", "2001:db8::1", 1812),
        ("[2001:db8::1]", "2001:db8::1", 1812),
        ("[2001:db8::1]:99", "2001:db8::1", 99),
    ],
)
def test_a_server_is_read_with_and_without_a_port(text: str, host: str, port: int) -> None:
    assert checked_server(text, 1812) == (host, port)


@pytest.mark.parametrize("text", ["", ":1812", "a b", "192.0.2", "192.0.2.1:99999", "[::1", "-a.example", "a:b:c:zz"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="is not a server"):
        checked_server(text, 1812)


def test_the_state_of_a_server_is_read_from_the_metrics() -> None:
    registry = CollectorRegistry()
    gauge = Gauge("citywifi_radius_home_server_state", "x", ["server", "state"], registry=registry)
    gauge.labels("192.0.2.1:1812", "alive").set(0)
    gauge.labels("192.0.2.1:1812", "down").set(1)
    assert read_states(generate_latest(registry).decode()) == {"192.0.2.1:1812": "down"}
    assert read_states("no metrics {") == {}


@pytest.mark.peer("freeradius")
def test_check_says_what_came_back_from_a_real_server(peers: Peers, installation: Installation, tmp_path: Path) -> None:
    ports = free_ports(3)
    home = FreeRadius(peers.require("freeradius"), tmp_path / "home", ports[0], ports[1])
    home.prepare("", "radius.solihull.example")
    typed = SECRET.decode() + "\n"
    add(
        installation, "solihull.example", "--server", f"127.0.0.1:{ports[0]}", "--accounting-port", str(ports[1]),
        typed=typed,
    )  # fmt: skip
    with home.running():
        answer = installation.run("check", "solihull.example")
    assert answer.exit_code == 0, answer.output
    assert answer.output.count("answered Status-Server after") == 2
    assert "without Message-Authenticator" in answer.output
    dead = installation.run("check", "solihull.example")
    assert dead.exit_code == 1
    assert dead.output.count("no answer to Status-Server") == 2
