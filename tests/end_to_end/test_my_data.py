"""A resident takes everything with them and has everything deleted: nothing of them remains, and they are still on."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.web import Application
from sqlalchemy import select, update

from captive_portal.app import create_app
from captive_portal.storage.admissions import spellings
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, audit_events, metadata, network_access_servers
from foundation.settings import PortalSettings, Settings
from radius.server import RadiusServer, running
from radius.service import Port
from tests.captive_portal.codes_on_paper import offer, print_code
from tests.captive_portal.conftest import LOGIN_URL, City, Client, Phone, build_city, token_names
from tests.captive_portal.secure import SERVER, offering
from tests.conftest import insert_council
from tests.radius.support import SECRET, radius_settings
from tests.support.peers import Peers
from tools.free_ports import free_ports

pytestmark = [
    pytest.mark.peer("eapol_test"),
    pytest.mark.peer("radclient"),
    pytest.mark.xdist_group("eapol_test"),
]
# Addresses that the tests' other words do not contain by chance.
ADDRESS = MacAddress.parse("00-00-5E-C3-A7-9B")
OTHER_DEVICE = MacAddress.parse("00-00-5E-D4-B8-6A")
IP = "10.1.77.133"
ON = "Acct-Session-Id = 5f0a"
SECURE = "Acct-Session-Id = 7b1c"


@dataclass
class Bench:
    """Portal and RADIUS of one database, with the programs of a resident and of a gateway."""

    city: City
    server: RadiusServer
    phone: Phone
    radclient: Path
    eapol_test: Path
    folder: Path
    # What the access equipment is given, and gives back.
    classes: dict[str, str] = field(default_factory=dict)

    async def authenticate(self, user_name: str, password: str) -> None:
        """The gateway asks with what the browser brought it."""
        output = await self._radclient(
            Port.AUTHENTICATION, "auth", f'User-Name = "{user_name}"', f'User-Password = "{password}"',
            f'Calling-Station-Id = "{ADDRESS.format("-")}"', "Message-Authenticator = 0x00",
        )  # fmt: skip
        assert "Received Access-Accept" in output
        found = re.search(r"Class = (0x[0-9a-f]+)", output)
        assert found is not None
        self.classes[ON] = found[1]

    async def account(self, status: str, session: str, user_name: str, address: MacAddress, *more: str) -> None:
        """A record as gateways send it, with everything in it that names the resident."""
        known = [f"Class = {self.classes[session]}"] if session in self.classes else []
        output = await self._radclient(
            Port.ACCOUNTING, "acct", f"Acct-Status-Type = {status}", session, f'User-Name = "{user_name}"',
            f'Calling-Station-Id = "{address.format("-")}"', f"Framed-IP-Address = {IP}", *known, *more,
        )  # fmt: skip
        assert "Received Accounting-Response" in output

    async def log_on(self, user_name: str, password: str) -> None:
        """A laptop on the secure network."""
        network = {
            "eap": "PEAP", "phase2": '"auth=MSCHAPV2"', "phase1": '"tls_disable_tlsv1_3=1"',
            "identity": f'"{user_name}"', "password": f'"{password}"', "anonymous_identity": '"anonymous"',
            "ca_cert": f'"{self.city.runtime.settings.certificates_directory / "ca.pem"}"',
            "domain_match": f'"{SERVER}"',
        }  # fmt: skip
        file = self.folder / "laptop.conf"
        lines = [f"{name}={value}" for name, value in network.items()]
        file.write_text("\n".join(["network={", "key_mgmt=IEEE8021X", "eapol_flags=0", *lines, "}", ""]))
        host, port = self.server.transports[Port.AUTHENTICATION].address
        output = await _run(
            self.eapol_test, "-c", str(file), "-a", host, "-p", str(port), "-s", SECRET.decode(), "-t", "5",
            "-M", OTHER_DEVICE.format(":"),
        )  # fmt: skip
        assert output.rstrip().endswith("SUCCESS")

    async def _radclient(self, port: Port, kind: str, *attributes: str) -> str:
        host, number = self.server.transports[port].address
        text = "\n".join(attributes) + "\n"
        return await _run(self.radclient, "-x", "-t", "2", f"{host}:{number}", kind, SECRET.decode(), given=text)


async def _run(program: Path, *arguments: str, given: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(given.encode())
    return output.decode(errors="replace")


@pytest.fixture
async def bench(
    any_database: Database,
    keyring: Keyring,
    tmp_path: Path,
    peers: Peers,
    aiohttp_client: Callable[[Application], Awaitable[Client]],
) -> AsyncIterator[Bench]:
    radclient, eapol_test = peers.require("radclient"), peers.require("eapol_test")
    authentication_port, accounting_port = free_ports(2)
    settings = offering(
        Settings(
            demo=True,
            data_directory=tmp_path / "data",
            portal=PortalSettings(public_url="http://portal.example"),
            radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port),
        )
    )
    runtime = Runtime(settings, any_database, keyring)
    city = await build_city(runtime, await insert_council(any_database))
    async with any_database.write() as connection:
        here = {"network": "127.0.0.1/32", "secret_encrypted": keyring.encrypt("nas secret", SECRET)}
        await connection.execute(update(network_access_servers).values(**here))
    async with running(runtime) as server:
        phone = Phone(await aiohttp_client(create_app(runtime)), city)
        yield Bench(city, server, phone, radclient, eapol_test, tmp_path)


async def test_a_resident_takes_their_data_and_deletes_it_and_nothing_of_them_remains_while_they_are_still_online(
    bench: Bench, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    phone, city = bench.phone, bench.city
    # A resident registers with a paper code,
    await offer(city, "code")
    code = await print_code(city, name="Front desk")
    await phone.arrive(mac=ADDRESS.format("-"), ip=IP)
    await phone.submit(way="code", accept_terms="yes", remember_device="yes")
    await phone.submit(code=code.text)
    assert phone.path.startswith(f"{LOGIN_URL}/logon")
    [token] = await token_names(city)
    await bench.authenticate(token, city.runtime.keyring.one_time_password(token))
    await bench.account("Start", ON, token, ADDRESS)
    await phone.arrive(mac=ADDRESS.format("-"), ip=IP, res="success", challenge=None)
    await phone.get(phone.path)
    assert phone.page == "online"
    journey = phone.path.rpartition("/")[0]
    # upgrades to 802.1X, and is seen by eapol_test with the issued credential.
    await phone.get(f"{journey}/secure")
    await phone.submit()
    _network, name, password = re.findall(r'<dd class="[^"]* value">([^<]+)</dd>', phone.text)[:3]
    await bench.log_on(name, password)
    await bench.account("Start", SECURE, name, OTHER_DEVICE)
    # They export everything,
    await phone.get(f"{journey}/data")
    assert phone.status == 200
    assert name in phone.text
    await phone.get(f"{journey}/data/export.json")
    exported = json.loads(phone.text)
    assert [each["user_name"] for each in exported["user_names"]] == [name]
    assert [each["device_address"] for each in exported["sessions"]] == [ADDRESS.format("-")]
    assert exported["codes_on_paper"]
    # and delete everything.
    assert list(_found(_texts_of(await _everything(city.database)), [token, name])) != []
    await phone.get(f"{journey}/data/delete")
    await phone.submit(confirm="yes")
    assert phone.page == "online"
    assert "was deleted" in phone.text
    # What still comes names them again.
    await bench.account(
        "Interim-Update",
        ON,
        token,
        ADDRESS,
        "Acct-Session-Time = 60",
        "Acct-Input-Octets = 777",
        "Acct-Output-Octets = 9",
    )
    await bench.account("Interim-Update", SECURE, name, OTHER_DEVICE, "Acct-Session-Time = 50")
    await bench.server.log.drain()
    await city.database.truncate_log()
    await _assert_still_online(bench, journey)
    wanted = [token, name, password, IP, code.text, *spellings(ADDRESS), *spellings(OTHER_DEVICE)]
    rows = await _everything(city.database)
    assert list(_found(_texts_of(rows), wanted)) == []
    octets = [
        city.runtime.keyring.device_pseudonym(city.council_id, ADDRESS),
        *(city.runtime.keyring.pseudonym("user", city.council_id, text.encode()) for text in wanted),
        ADDRESS.octets,
        OTHER_DEVICE.octets,
    ]
    assert [
        table for table, row in rows for value in row if isinstance(value, bytes) for each in octets if each in value
    ] == []
    output = capfd.readouterr()
    logs = [("stdout", output.out), ("stderr", output.err), ("log", caplog.text)]
    assert list(_found(logs, wanted)) == []
    files = [
        (str(file), file.read_bytes().decode("latin-1"))
        for file in bench.folder.rglob("*")
        if file.is_file() and file.name != "laptop.conf"
    ]
    assert list(_found(files, [*wanted, *(each.decode("latin-1") for each in octets)])) == []


async def _assert_still_online(bench: Bench, journey: str) -> None:
    """The session is open and counts, and names nobody; the page says so, and of the erasure a number is kept."""
    await bench.phone.get(f"{journey}/secure")
    assert (bench.phone.page, bench.phone.status) == ("online", 200)
    async with bench.city.database.read() as connection:
        session = (
            await connection.execute(select(accounting_sessions).where(accounting_sessions.c.input_octets == 777))
        ).one()
        events = (await connection.execute(select(audit_events.c.actor, audit_events.c.action))).all()
    assert (session.stopped_at, session.session_seconds, session.output_octets) == (None, 60, 9)
    assert (session.resident_id, session.device_id, session.is_erased) == (None, None, True)
    assert ("my data", "erase") in [tuple(event) for event in events]


async def _everything(database: Database) -> list[tuple[str, tuple[object, ...]]]:
    """Every row of every table."""
    async with database.read() as connection:
        return [
            (table.name, tuple(row))
            for table in metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]


def _texts_of(rows: list[tuple[str, tuple[object, ...]]]) -> list[tuple[str, str]]:
    return [(table, str(row)) for table, row in rows]


def _found(texts: list[tuple[str, str]], wanted: list[str]) -> Iterator[tuple[str, str]]:
    for where, text in texts:
        folded = text.casefold()
        yield from ((where, each) for each in wanted if each.casefold() in folded)
