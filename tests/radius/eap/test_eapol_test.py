"""A real supplicant, Debian's eapol_test, logs in by every method; and is kept out with a reason where it must be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from foundation.database import Database
from foundation.privacy import Keyring
from radius.authentication.eap.resumption import ResumableLogins
from radius.authentication.outcome import RejectReason
from radius.packet import Code
from radius.service import Port
from tests.radius.eap.support import (
    ANNA,
    BEN,
    KEYS_MATCH,
    PASSWORD,
    SERVER_NAME,
    EapBench,
    copy_database,
    eap_bench,
    eapol_test,
    write_rsa_pair,
)
from tests.radius.support import Client, access_request
from tests.support.peers import Peers

pytestmark = [
    pytest.mark.peer("eapol_test"),
    pytest.mark.xdist_group("eapol_test"),
    pytest.mark.asyncio(loop_scope="module"),
]

VERSIONS = {
    "1.2": "tls_disable_tlsv1_3=1 tls_disable_session_ticket=0",
    "1.3": "tls_disable_tlsv1_3=0 tls_disable_session_ticket=0",
}
INNER = {
    "ttls/pap": ("TTLS", "auth=PAP"),
    "ttls/chap": ("TTLS", "auth=CHAP"),
    "ttls/mschapv2": ("TTLS", "auth=MSCHAPV2"),
    "ttls/eap-mschapv2": ("TTLS", "autheap=MSCHAPV2"),
    "ttls/eap-gtc": ("TTLS", "autheap=GTC"),
    "ttls/eap-md5": ("TTLS", "autheap=MD5"),
    "peap/mschapv2": ("PEAP", "auth=MSCHAPV2"),
    "peap/gtc": ("PEAP", "auth=GTC"),
}
ONLY_A_LARGE_GROUP_AND_P_256 = """
openssl_conf = settings
[settings]
ssl_conf = ssl
[ssl]
system_default = system
[system]
Groups = ffdhe8192:P-256
"""
BOTH_KEYS_MATCH = "MPPE keys OK: 2  mismatch: 0"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(
    migrated_sqlite_file: Path, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EapBench]:
    """One server for all."""
    folder = tmp_path_factory.mktemp("eap")
    database = Database(copy_database(migrated_sqlite_file, folder))
    async with eap_bench(database, keyring, folder, methods=("peap", "ttls", "tls")) as made:
        yield made
    await database.close()


def quoted(text: object) -> str:
    return f'"{text}"'


def network(bench: EapBench, method: str, version: str = "1.2", *, phase1: str = "", **more: str) -> dict[str, str]:
    """The supplicant's settings for a method as the log calls it. ``more`` replaces what is usual."""
    folder = bench.certificates.folder
    usual = {"ca_cert": quoted(folder / "ca.pem"), "domain_match": quoted(SERVER_NAME)}
    phase1 = f"{VERSIONS.get(version, version)} {phase1}".strip()
    if method == "eap-tls":
        usual |= {"eap": "TLS", "identity": quoted("anonymous@example.org")}
        usual |= {"client_cert": quoted(folder / "anna.pem"), "private_key": quoted(folder / "anna.key")}
    else:
        eap, phase2 = INNER[method]
        usual |= {"eap": eap, "phase2": quoted(phase2), "identity": quoted(ANNA), "password": quoted(PASSWORD)}
        usual |= {"anonymous_identity": quoted("@example.org")}
        phase1 += " crypto_binding=2" if eap == "PEAP" and "crypto_binding" not in phase1 else ""
    return usual | {"phase1": quoted(phase1)} | more


def client_certificate(bench: EapBench, name: str) -> dict[str, str]:
    folder = bench.certificates.folder
    return {"client_cert": quoted(folder / f"{name}.pem"), "private_key": quoted(folder / f"{name}.key")}


async def assert_it_still_answers(bench: EapBench) -> None:
    with Client(bench.server, Port.AUTHENTICATION) as client:
        reply = await client.ask(access_request({"User-Name": ANNA, "User-Password": PASSWORD}))
    assert reply.code is Code.ACCESS_ACCEPT


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("method", [*INNER, "eap-tls"])
async def test_it_logs_in_and_again_by_resumption_with_the_same_keys_on_both_sides(
    bench: EapBench, peers: Peers, method: str, version: str
) -> None:
    program = peers.require("eapol_test")
    status, output = await eapol_test(program, bench, network(bench, method, version), arguments=("-r1",))
    assert (status, BOTH_KEYS_MATCH in output) == (0, True)
    assert "resumed=1" in output
    first, second = await bench.last_lines(2)
    assert (first.method, first.accepted, first.detail) == (method, True, f"TLS {version}")
    assert (second.method, second.accepted, second.detail) == (method, True, f"TLS {version}, resumed")


@pytest.mark.parametrize("method", ["ttls/pap", "ttls/mschapv2", "ttls/eap-gtc", "peap/mschapv2", "peap/gtc"])
async def test_an_nt_hash_is_all_that_the_server_needs(bench: EapBench, peers: Peers, method: str) -> None:
    settings = network(bench, method, identity=quoted(BEN))
    status, output = await eapol_test(peers.require("eapol_test"), bench, settings)
    assert (status, KEYS_MATCH in output) == (0, True)


@pytest.mark.parametrize("method", ["ttls/mschapv2", "peap/mschapv2", "peap/gtc"])
async def test_nothing_of_what_is_inside_the_tunnel_is_in_the_reply(bench: EapBench, peers: Peers, method: str) -> None:
    _, output = await eapol_test(peers.require("eapol_test"), bench, network(bench, method))
    replies = [text.partition("STA ")[0] for text in output.split("Received RADIUS message")[1:]]
    accept = replies[-1]
    assert "code=2 (Access-Accept)" in accept
    # Two keys, of 32 octets each, and no more: those of the tunnel.
    assert accept.count("Value: 00000137") == 2
    shown = "".join(replies).lower()
    assert not [name for name in (ANNA, ANNA.encode().hex(), PASSWORD.encode().hex()) if name in shown]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("method", ["ttls/eap-mschapv2", "peap/mschapv2", "eap-tls"])
async def test_messages_go_in_small_pieces_in_both_directions(
    sqlite_url: str, keyring: Keyring, tmp_path: Path, peers: Peers, method: str, version: str
) -> None:
    program, database = peers.require("eapol_test"), Database(sqlite_url)
    async with eap_bench(database, keyring, tmp_path / "eap", fragment_octets=200) as bench:
        settings = network(bench, method, version, fragment_size="200")
        status, output = await eapol_test(program, bench, settings, arguments=("-r1",))
    await database.close()
    assert (status, BOTH_KEYS_MATCH in output) == (0, True)
    assert "resumed=1" in output


@pytest.mark.parametrize("is_remembered", [True, False])
async def test_a_device_whose_first_key_share_does_not_suit_is_asked_for_another(
    bench: EapBench, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_remembered: bool
) -> None:
    """With a Hello Retry Request (RFC 8446 section 4.1.4) there are two hellos before the server's first flight."""
    conf = tmp_path / "openssl.cnf"
    conf.write_text(ONLY_A_LARGE_GROUP_AND_P_256)
    if not is_remembered:
        monkeypatch.setattr(ResumableLogins, "remember", lambda *_: None)
    status, output = await eapol_test(
        peers.require("eapol_test"),
        bench,
        network(bench, "ttls/pap", "1.3"),
        arguments=("-r1",),
        openssl_settings=conf,
    )
    assert (status, BOTH_KEYS_MATCH in output) == (0, True)
    assert output.count("(handshake/client hello)") == 4
    assert ("resumed=1" in output) == is_remembered


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_server_may_have_an_rsa_certificate(
    sqlite_url: str, keyring: Keyring, tmp_path: Path, peers: Peers, version: str
) -> None:
    program, database = peers.require("eapol_test"), Database(sqlite_url)
    write_rsa_pair(tmp_path / "rsa.pem", tmp_path / "rsa.key")
    files = {"certificate_file": tmp_path / "rsa.pem", "private_key_file": tmp_path / "rsa.key"}
    async with eap_bench(database, keyring, tmp_path / "eap", **files) as bench:
        settings = network(bench, "peap/mschapv2", version, ca_cert=quoted(tmp_path / "rsa.pem"))
        status, output = await eapol_test(program, bench, settings)
    await database.close()
    assert (status, KEYS_MATCH in output) == (0, True)


@pytest.mark.parametrize("name", ["eap-md5", "no tickets", "TLS 1.3 alone"])
async def test_settings_say_what_is_offered(
    sqlite_url: str, keyring: Keyring, tmp_path: Path, peers: Peers, name: str
) -> None:
    program, database = peers.require("eapol_test"), Database(sqlite_url)
    settings_of: dict[str, dict[str, Any]] = {
        "eap-md5": {"methods": ("peap", "md5")},
        "no tickets": {"resumption_seconds": 0},
        "TLS 1.3 alone": {"lowest_tls_version": "1.3"},
    }
    async with eap_bench(database, keyring, tmp_path / "eap", **settings_of[name]) as bench:
        if name == "eap-md5":
            md5 = {"eap": "MD5", "identity": quoted(ANNA), "password": quoted(PASSWORD)}
            status, _ = await eapol_test(program, bench, md5, arguments=("-n",))
            assert (status, (await bench.last_line()).method) == (0, "eap-md5")
        elif name == "no tickets":
            for version in VERSIONS:
                settings = network(bench, "ttls/pap", version)
                status, output = await eapol_test(program, bench, settings, arguments=("-r1",))
                assert (status, BOTH_KEYS_MATCH in output, "resumed=1" in output) == (0, True, False)
        else:
            assert (await eapol_test(program, bench, network(bench, "ttls/pap", "1.3")))[0] == 0
            assert (await eapol_test(program, bench, network(bench, "ttls/pap", "1.2")))[0] != 0
            assert (await bench.last_line()).reason == RejectReason.TLS_VERSION_TOO_OLD.explanation
    await database.close()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("method", list(INNER))
async def test_a_wrong_password_is_rejected_with_its_reason(
    bench: EapBench, peers: Peers, method: str, version: str
) -> None:
    settings = network(bench, method, version, password=quoted("wrong"))
    await assert_rejected(bench, peers, settings, method, RejectReason.WRONG_PASSWORD)


async def test_nobodys_name_is_rejected_with_its_reason(bench: EapBench, peers: Peers) -> None:
    settings = network(bench, "peap/mschapv2", identity=quoted("nobody"))
    await assert_rejected(bench, peers, settings, "peap/mschapv2", RejectReason.UNKNOWN_USER)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("expired", RejectReason.CERTIFICATE_EXPIRED),
        ("withdrawn", RejectReason.CERTIFICATE_REVOKED),
        ("foreign", RejectReason.CERTIFICATE_UNTRUSTED),
        ("server", RejectReason.CERTIFICATE_OF_NOBODY),
        ("nobody", RejectReason.CERTIFICATE_OF_NOBODY),
        ("elsewhere", RejectReason.CERTIFICATE_OF_NOBODY),
    ],
)
async def test_a_certificate_that_is_not_good_is_rejected_with_its_reason(
    bench: EapBench, peers: Peers, name: str, reason: RejectReason, version: str
) -> None:
    settings = network(bench, "eap-tls", version, **client_certificate(bench, name))
    await assert_rejected(bench, peers, settings, "eap-tls", reason)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("method", ["ttls/pap", "peap/mschapv2", "eap-tls"])
@pytest.mark.parametrize("what", ["foreign CA", "wrong server name"])
async def test_a_device_that_does_not_trust_the_server_is_rejected_with_that_reason(
    bench: EapBench, peers: Peers, method: str, version: str, what: str
) -> None:
    folder = bench.certificates.folder
    wrong = {
        "foreign CA": {"ca_cert": quoted(folder / "foreign-ca.pem")},
        "wrong server name": {"domain_match": quoted("radius.elsewhere.example.org")},
    }[what]
    settings = network(bench, method, version, **wrong)
    line = await assert_rejected(bench, peers, settings, method.partition("/")[0], RejectReason.TLS_SERVER_NOT_TRUSTED)
    assert line == ("alert unknown_ca" if what == "foreign CA" else "alert internal_error")


@pytest.mark.parametrize("method", ["ttls/pap", "peap/mschapv2", "eap-tls"])
async def test_tls_1_1_is_rejected_with_that_reason(bench: EapBench, peers: Peers, method: str) -> None:
    only_old = "tls_disable_tlsv1_3=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_1=0"
    settings = network(bench, method, only_old, openssl_ciphers=quoted("DEFAULT@SECLEVEL=0"))
    await assert_rejected(bench, peers, settings, method.partition("/")[0], RejectReason.TLS_VERSION_TOO_OLD)


async def test_a_device_that_wants_nothing_of_what_is_offered_is_rejected_with_that_reason(
    bench: EapBench, peers: Peers
) -> None:
    settings = {"eap": "MD5", "identity": quoted(ANNA), "password": quoted(PASSWORD)}
    await assert_rejected(bench, peers, settings, "eap", RejectReason.EAP_NO_COMMON_METHOD)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_device_without_crypto_binding_is_let_in_and_the_log_says_so(
    bench: EapBench, peers: Peers, version: str
) -> None:
    settings = network(bench, "peap/mschapv2", version, phase1="crypto_binding=0")
    status, output = await eapol_test(peers.require("eapol_test"), bench, settings)
    assert (status, KEYS_MATCH in output) == (0, True)
    assert (await bench.last_line()).detail == f"TLS {version}, no crypto-binding"


async def assert_rejected(
    bench: EapBench, peers: Peers, settings: dict[str, str], method: str, reason: RejectReason
) -> str:
    """The detail of the log's line."""
    status, output = await eapol_test(peers.require("eapol_test"), bench, settings)
    assert status != 0
    assert "code=2 (Access-Accept)" not in output
    line = await bench.last_line()
    assert (line.method, line.accepted, line.reason) == (method, False, reason.explanation), line.detail
    await assert_it_still_answers(bench)
    return str(line.detail)
