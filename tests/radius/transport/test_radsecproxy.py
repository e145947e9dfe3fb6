"""Debian's radsecproxy between real RADIUS clients and the server: UDP in, TLS with certificates out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications
from radius import attributes, metrics
from radius.dynamic_authorization import Result, disconnect_session, orders
from radius.packet import Code, reveal_password
from radius.server import RadiusServer
from radius.service import Port
from radius.transport.tls import Refusal
from tests.conftest import REPOSITORY
from tests.radius.roaming.support import ScriptedHome, add_realm, add_server, roaming_server
from tests.radius.support import DEVICE, City, Client, access_request, accounting_request, rows
from tests.radius.transport.support import NAME, SERVER_NAME, Certificates, address_of, listening_port
from tests.support.peers import Peers

pytestmark = pytest.mark.peer("radsecproxy")

SECRET = "between client and proxy"
CONFIGURATION = """
ListenUDP 127.0.0.1:{listens}
tls default {{
    CACertificateFile {authority}
    CertificateFile {certificate}
    CertificateKeyFile {key}
    TlsVersion {version}
}}
client 127.0.0.1 {{
    type udp
    secret "{secret}"
}}
server city {{
    host 127.0.0.1:{port}
    type tls
    secret radsec
    StatusServer on
    CertificateNameCheck off
    MatchCertificateAttribute SubjectAltName:DNS:/^{name}$/
}}
realm * {{
    server city
    accountingServer city
}}
"""
Ask = Callable[..., Awaitable[str]]


OTHER_OPERATOR = """
ListenTLS 127.0.0.1:{listens}
tls default {{
    CACertificateFile {authority}
    CertificateFile {certificate}
    CertificateKeyFile {key}
}}
client 127.0.0.1 {{
    type tls
    CertificateNameCheck off
    MatchCertificateAttribute SubjectAltName:DNS:/^{name}$/
}}
server home {{
    host 127.0.0.1:{port}
    type udp
    secret "{secret}"
}}
realm * {{
    server home
    accountingServer home
}}
"""


@asynccontextmanager
async def radsecproxy(
    peers: Peers, server: RadiusServer, certificates: Certificates, certificate: Path, version: str = "TLS1_3"
) -> AsyncIterator[int]:
    """A running radsecproxy that tried to connect; the port at which it takes UDP."""
    assert server.radsec is not None
    tried = metrics.radsec_refusals.labels(Refusal.UNKNOWN_AUTHORITY)
    before = tried._value.get()
    port = address_of(server)[1]
    async with running(peers, CONFIGURATION, certificates, certificate, port, version=version) as listens:
        async with asyncio.timeout(10):
            while not server.radsec.connected and tried._value.get() == before:  # noqa: ASYNC110  there is no event
                await asyncio.sleep(0.02)
        yield listens


@asynccontextmanager
async def running(
    peers: Peers, configuration: str, certificates: Certificates, certificate: Path, port: int, **more: str
) -> AsyncIterator[int]:
    """A running radsecproxy; the port at which it listens."""
    program = peers.require("radsecproxy")
    listens = listening_port()
    file = certificates.directory / "radsecproxy.conf"
    file.write_text(
        configuration.format(
            listens=listens, authority=certificates.directory / "ca.pem", certificate=certificate,
            key=certificate.with_suffix(".key"), secret=SECRET, port=port, name=SERVER_NAME.replace(".", "\\."), **more,
        )
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        program, "-f", "-d", "1", "-c", file, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield listens
    finally:
        # radsecproxy 1.9.2 now and then crashes by itself when its handshake is refused.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.fixture
def ask(peers: Peers) -> Ask:
    program = peers.require("radclient")

    async def run(port: int, kind: str, *attributes: str, retries: int = 5) -> str:
        """radclient's output; its last line tells the exit status."""
        process = await asyncio.create_subprocess_exec(
            program, "-x", "-t", "1", "-r", str(retries), f"127.0.0.1:{port}", kind, SECRET,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate("\n".join(attributes).encode() + b"\n")
        return f"{output.decode()}\nexit {process.returncode}"

    return run


@pytest.mark.peer("radclient")
@pytest.mark.parametrize("version", ["TLS1_3", "TLS1_2"])
async def test_logins_and_accounting_come_through(
    peers: Peers,
    ask: Ask,
    radsec: RadiusServer,
    certificates: Certificates,
    database: Database,
    nas_id: int,
    version: str,
) -> None:
    # Status-Server is answered, or radsecproxy would hold the server for dead and pass nothing on.
    async with radsecproxy(peers, radsec, certificates, certificates.equipment(), version) as port:
        good = await ask(port, "auth", "User-Name = demo", "User-Password = demo")
        wrong = await ask(port, "auth", "User-Name = demo", "User-Password = wrong")
        session = [f"Calling-Station-Id = {DEVICE}", "User-Name = demo", "Acct-Session-Id = 5f3759df"]
        start = await ask(port, "acct", "Acct-Status-Type = Start", *session)
        stop = await ask(port, "acct", "Acct-Status-Type = Stop", "Acct-Session-Time = 60", *session)
    assert "Received Access-Accept" in good
    assert "Session-Timeout" in good
    assert "Received Access-Reject" in wrong
    assert "Received Accounting-Response" in start
    assert "Received Accounting-Response" in stop
    (row,) = await rows(database, accounting_sessions)
    assert (row.nas_id, row.session_seconds, row.ended_by) == (nas_id, 60, "stop")


@pytest.mark.peer("eapol_test")
@pytest.mark.parametrize("version", ["TLS1_3", "TLS1_2"])
async def test_peap_comes_through(
    peers: Peers, radsec: RadiusServer, certificates: Certificates, database: Database, version: str
) -> None:
    program = peers.require("eapol_test")
    inner = "tls_disable_tlsv1_3=0" if version == "TLS1_3" else ""
    file = certificates.directory / "eapol_test.conf"
    file.write_text(
        f"""network={{
        key_mgmt=IEEE8021X
        eap=PEAP
        identity="demo"
        password="demo"
        phase1="{inner}"
        phase2="auth=MSCHAPV2"
        ca_cert="{certificates.directory / "ca.pem"}"
        domain_match="{SERVER_NAME}"
        }}"""
    )
    async with radsecproxy(peers, radsec, certificates, certificates.equipment(), version) as port:
        process = await asyncio.create_subprocess_exec(
            program, "-t", "10", "-c", file, "-a", "127.0.0.1", "-p", str(port), "-s", SECRET,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-2000:]
    assert b"MPPE keys OK: 1  mismatch: 0" in output
    await radsec.log.drain()
    lines = await rows(database, authentications)
    assert [(line.method, line.accepted) for line in lines] == [("peap/mschapv2", True)]


@pytest.mark.peer("radclient")
async def test_with_a_foreign_certificate_nothing_gets_in(
    peers: Peers, ask: Ask, radsec: RadiusServer, certificates: Certificates, database: Database, tmp_path: Path
) -> None:
    before = metrics.radsec_refusals.labels(Refusal.UNKNOWN_AUTHORITY)._value.get()
    foreign = Certificates(tmp_path / "foreign").equipment()
    async with radsecproxy(peers, radsec, certificates, foreign) as port:
        output = await ask(port, "auth", "User-Name = demo", "User-Password = demo", retries=1)
    assert "Received" not in output
    assert metrics.radsec_refusals.labels(Refusal.UNKNOWN_AUTHORITY)._value.get() > before
    assert await rows(database, authentications) == []


@pytest.mark.peer("radclient")
async def test_radsecproxy_passes_no_disconnect_on_and_the_engineer_is_told_so(
    peers: Peers,
    ask: Ask,
    radsec: RadiusServer,
    certificates: Certificates,
    database: Database,
    keyring: Keyring,
    city: City,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """radsecproxy 1.9.2 takes requests from its clients only; what comes from its server's side it drops."""
    monkeypatch.setattr(orders, "_ANSWER_SECONDS", 1.0)
    session = ["User-Name = demo", "Acct-Session-Id = 5f3759df", "Acct-Status-Type = Start"]
    async with radsecproxy(peers, radsec, certificates, certificates.equipment()) as port:
        await ask(port, "acct", *session)
        (row,) = await rows(database, accounting_sessions)
        outcome = await disconnect_session(database, keyring, row.id)
        assert outcome.result is Result.NO_ANSWER
        assert "radsecproxy" in outcome.explanation
        # The connection has survived it.
        assert "Received Access-Accept" in await ask(port, "auth", "User-Name = demo", "User-Password = demo")


async def test_residents_of_another_operator_are_asked_about_over_radsec(
    peers: Peers, database: Database, keyring: Keyring, city: City, certificates: Certificates, tmp_path: Path
) -> None:
    """radsecproxy stands before the other operator's server, and takes our server certificate as a client's."""
    home = ScriptedHome(SECRET.encode())
    replies = {Code.ACCESS_REQUEST: Code.ACCESS_ACCEPT, Code.ACCOUNTING_REQUEST: Code.ACCOUNTING_RESPONSE}
    home.answer = lambda request: (replies[request.code], ())
    theirs = certificates.server("radius.other.example.org")
    async with running(peers, OTHER_OPERATOR, certificates, theirs, home.port) as port:
        realm_id = await add_realm(database, city.council_id, "other.example.org")
        await add_server(
            database, keyring, realm_id, port, accounting_port=port, secret=b"radsec", transport="radsec",
            radsec_name="radius.other.example.org",
        )  # fmt: skip
        async with roaming_server(database, keyring, tmp_path) as server:
            with Client(server, Port.AUTHENTICATION) as client:
                request = access_request({"User-Name": "guest@other.example.org", "User-Password": "hers"})
                assert (await client.ask(request)).code is Code.ACCESS_ACCEPT
            with Client(server, Port.ACCOUNTING) as client:
                names = {"User-Name": "guest@other.example.org", "Acct-Status-Type": "Start"}
                assert (await client.ask(accounting_request(names))).code is Code.ACCOUNTING_RESPONSE
            async with asyncio.timeout(5):
                while len(home.requests) < 2:  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0.02)
    home.close()
    assert [request.code for request in home.requests] == [Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST]
    password = attributes.get_octets(home.requests[0], "User-Password")
    assert password is not None
    assert reveal_password(password, SECRET.encode(), home.requests[0].authenticator) == b"hers"


@pytest.mark.peer("radclient")
async def test_the_operators_example_works(
    peers: Peers, ask: Ask, radsec: RadiusServer, certificates: Certificates
) -> None:
    """With this test's ports, files and secret in it; the server has no name in the DNS here."""
    page = (REPOSITORY / "docs" / "equipment.md").read_text()
    example = page.partition("```radsecproxy\n")[2].partition("```")[0].replace("{", "{{").replace("}", "}}")
    here = {
        "ListenUDP *:1812": "ListenUDP 127.0.0.1:{listens}",
        "ListenUDP *:1813": "",
        "/etc/radsecproxy/ca.pem": "{authority}",
        f"/etc/radsecproxy/{NAME}.pem": "{certificate}",
        f"/etc/radsecproxy/{NAME}.key": "{key}",
        "10.0.0.0/24": "127.0.0.1",
        "of these access points and radsecproxy": "{secret}",
        "    type tls\n": """    type tls
            host 127.0.0.1:{port}
            CertificateNameCheck off
            MatchCertificateAttribute SubjectAltName:DNS:/^{name}$/
        """,
    }
    for theirs, ours in here.items():
        assert theirs in example, f"{theirs!r} is not in the example any more"
        example = example.replace(theirs, ours)
    port = address_of(radsec)[1]
    async with running(peers, example, certificates, certificates.equipment(), port) as listens:
        assert "Received Access-Accept" in await ask(listens, "auth", "User-Name = demo", "User-Password = demo")
