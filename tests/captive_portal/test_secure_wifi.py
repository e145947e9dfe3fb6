from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from captive_portal.journey import Details, Journey, State
from captive_portal.secure_wifi import (
    CredentialLimit,
    NotAResidentError,
    find_secure_network,
    is_offered,
    limit_met,
    make_credential,
    open_page,
    server_name,
)
from captive_portal.storage import credentials as storage
from foundation.certificates import Authority, CertificateError, make_authority, read_certificate
from foundation.credentials import nt_hash
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, credential_pages, credentials, network_access_servers, residents
from foundation.settings import EapSettings, PortalSettings, RoamingSettings, Settings
from tests.captive_portal.secure import NETWORK, SERVER, offering
from tests.conftest import insert_council

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATH = "abcd-efgh-jkmn"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return offering(Settings(demo=True, data_directory=tmp_path))


def first_der(file: Path) -> bytes:
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(file.read_text().partition(end)[0] + end)


def test_a_device_is_told_the_name_of_the_server_and_our_private_authority(settings: Settings) -> None:
    network = find_secure_network(settings)
    assert network is not None
    assert (network.name, network.server_name) == (NETWORK, SERVER)
    folder = settings.certificates_directory
    assert network.authority == ssl.PEM_cert_to_DER_cert((folder / "ca.pem").read_text())
    der = first_der(folder / "server.pem")
    assert network.thumbprint == hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    assert (network.methods, network.method, network.lowest_tls_version) == (("peap", "ttls"), "peap", "1.2")
    assert (network.identity("calm-otter-0042"), network.anonymous_identity) == ("calm-otter-0042", "anonymous")


def test_with_a_realm_of_our_own_a_user_name_is_good_elsewhere_too(settings: Settings) -> None:
    network = find_secure_network(
        settings.model_copy(update={"roaming": RoamingSettings(own_realms=("Wifi.Example",))})
    )
    assert network is not None
    assert network.identity("calm-otter-0042") == "calm-otter-0042@wifi.example"
    assert network.anonymous_identity == "anonymous@wifi.example"


def test_of_a_certificate_by_somebody_else_no_authority_is_handed_out_unless_its_file_ends_with_the_root(
    settings: Settings,
) -> None:
    root = make_authority("A public root", "", NOW)
    server = Authority(root).issue_server(["radius.example.net"], NOW).certificate
    file = settings.data_directory / "real.pem"
    real = settings.model_copy(update={"eap": EapSettings(certificate_file=file)})
    file.write_bytes(server)
    network = find_secure_network(real)
    assert network is not None
    assert (network.server_name, network.authority) == ("radius.example.net", None)
    file.write_bytes(server + root.certificate)
    network = find_secure_network(real)
    assert network is not None
    assert network.authority == ssl.PEM_cert_to_DER_cert(root.certificate.decode())


def test_the_name_that_devices_compare_is_no_wildcard(settings: Settings) -> None:
    details = read_certificate((settings.certificates_directory / "server.pem").read_bytes())
    assert server_name(replace(details, dns_names=("*.example.net", "radius.example.net"))) == "radius.example.net"
    assert server_name(replace(details, dns_names=(), common_name="radius")) == "radius"


def test_nothing_is_offered_without_a_name_a_certificate_or_a_method_that_takes_passwords(settings: Settings) -> None:
    nameless = settings.model_copy(update={"portal": PortalSettings()})
    certificates_only = settings.model_copy(update={"eap": EapSettings(methods=("tls", "md5"))})
    bare = settings.model_copy(update={"data_directory": settings.data_directory / "elsewhere"})
    assert is_offered(settings)
    for without in (nameless, certificates_only, bare):
        assert not is_offered(without)
        assert find_secure_network(without) is None


def test_a_file_that_is_no_certificate_is_told(settings: Settings) -> None:
    file = settings.certificates_directory / "server.pem"
    der = first_der(file)
    for octets in (b"nothing", der):
        file.write_bytes(octets)
        with pytest.raises(CertificateError):
            find_secure_network(settings)


@pytest.mark.parametrize(
    ("alive", "made_lately", "limit"),
    [(0, 0, None), (4, 4, None), (5, 0, CredentialLimit.NUMBER), (0, 5, CredentialLimit.HOUR)],
)
def test_a_resident_has_five_user_names_at_most_and_gets_five_an_hour(
    alive: int, made_lately: int, limit: CredentialLimit | None
) -> None:
    assert limit_met(alive, made_lately, PortalSettings()) is limit


@pytest.fixture
async def journey(any_database: Database) -> Journey:
    council_id = await insert_council(any_database)
    async with any_database.write() as connection:
        resident = await connection.execute(
            residents.insert()
            .values(council_id=council_id, contact_kind="none", registered_at=NOW, last_seen_at=NOW)
            .returning(residents.c.id)
        )
        resident_id = int(resident.scalar_one())
    details = Details(path_id="p" * 24, driver="coovachilli", randomised=False, device_id=1)
    return Journey(1, council_id, 1, None, b"", resident_id, State.ONLINE, "cy", details, NOW)


@pytest.fixture
def runtime(any_database: Database, keyring: Keyring, settings: Settings) -> Runtime:
    return Runtime(settings, any_database, keyring)


async def make(runtime: Runtime, journey: Journey, path: str, now: datetime) -> CredentialLimit | None:
    async with runtime.database.write() as connection:
        return await make_credential(connection, runtime, journey, path, now)


async def test_only_the_nt_hash_stays_and_the_password_can_be_read_for_a_quarter_of_an_hour(
    runtime: Runtime, journey: Journey
) -> None:
    assert await make(runtime, journey, PATH, NOW) is None
    async with runtime.database.read() as connection:
        shown = await open_page(connection, runtime.keyring, PATH, NOW + timedelta(minutes=14))
        gone = await open_page(connection, runtime.keyring, PATH, NOW + timedelta(minutes=15))
        elsewhere = await open_page(connection, runtime.keyring, "abcd-efgh-jkmp", NOW)
        row = (await connection.execute(select(credentials))).one()
    assert shown is not None
    assert (shown.language, shown.back, gone, elsewhere) == ("cy", "p" * 24, None, None)
    assert shown.user_name == row.user_name
    assert len(shown.password.split("-")) == 4
    assert row.password_encrypted is None
    assert runtime.keyring.decrypt("nt hash", row.nt_hash_encrypted) == nt_hash(shown.password)
    assert shown.password not in repr(shown)


@pytest.mark.parametrize("until", [None, NOW + timedelta(hours=4)], ids=["without an end", "with an end"])
async def test_a_user_name_is_as_good_as_the_right_that_it_was_made_on(
    runtime: Runtime, journey: Journey, until: datetime | None
) -> None:
    bounded = replace(journey, details=replace(journey.details, access_until=until))
    assert await make(runtime, bounded, PATH, NOW) is None
    async with runtime.database.read() as connection:
        assert (await connection.execute(select(credentials.c.expires_at))).scalar_one() == until


async def test_the_next_page_takes_away_those_whose_time_is_over(runtime: Runtime, journey: Journey) -> None:
    await make(runtime, journey, PATH, NOW)
    await make(runtime, journey, "2222-3333-4444", NOW + timedelta(minutes=20))
    async with runtime.database.read() as connection:
        number = (await connection.execute(select(func.count()).select_from(credential_pages))).scalar_one()
    assert number == 1


async def test_a_second_press_of_the_button_makes_no_second_user_name(runtime: Runtime, journey: Journey) -> None:
    assert await make(runtime, journey, PATH, NOW) is None
    assert await make(runtime, journey, PATH, NOW) is None
    async with runtime.database.read() as connection:
        assert journey.resident_id is not None
        assert len(await storage.list_alive(connection, journey.resident_id, NOW)) == 1


async def test_removed_user_names_count_for_the_hour_and_no_longer_for_the_number(
    runtime: Runtime, journey: Journey
) -> None:
    assert journey.resident_id is not None
    for number in range(5):
        assert await make(runtime, journey, f"aaaa-aaaa-aaa{number + 2}", NOW) is None
    assert await make(runtime, journey, PATH, NOW) is CredentialLimit.NUMBER
    async with runtime.database.write() as connection:
        newest = (await storage.list_alive(connection, journey.resident_id, NOW))[0]
        assert await storage.revoke(connection, journey.resident_id, newest.id, NOW)
        assert not await storage.revoke(connection, journey.resident_id, newest.id, NOW)
    assert await make(runtime, journey, PATH, NOW) is CredentialLimit.HOUR
    assert await make(runtime, journey, PATH, NOW + timedelta(hours=1)) is None


async def test_nobody_removes_what_is_somebody_elses(runtime: Runtime, journey: Journey) -> None:
    assert journey.resident_id is not None
    await make(runtime, journey, PATH, NOW)
    async with runtime.database.write() as connection:
        [mine] = await storage.list_alive(connection, journey.resident_id, NOW)
        assert not await storage.revoke(connection, journey.resident_id + 1, mine.id, NOW)
        assert await storage.list_alive(connection, journey.resident_id, NOW) == [mine]


async def test_removing_a_user_name_ends_the_page_that_shows_it(runtime: Runtime, journey: Journey) -> None:
    assert journey.resident_id is not None
    await make(runtime, journey, PATH, NOW)
    async with runtime.database.write() as connection:
        [mine] = await storage.list_alive(connection, journey.resident_id, NOW)
        await storage.revoke(connection, journey.resident_id, mine.id, NOW)
        assert await open_page(connection, runtime.keyring, PATH, NOW) is None


@pytest.mark.parametrize("realm", ["", "@wifi.example.org"])
async def test_the_list_tells_when_a_user_name_was_last_used(realm: str, runtime: Runtime, journey: Journey) -> None:
    assert journey.resident_id is not None
    await make(runtime, journey, PATH, NOW)
    async with runtime.database.write() as connection:
        [unused] = await storage.list_alive(connection, journey.resident_id, NOW)
        assert unused.last_used_at is None
        nas = await connection.execute(
            network_access_servers.insert()
            .values(
                council_id=journey.council_id, name="one", network="192.0.2.1/32", secret_encrypted=b"", vendor="other",
                created_at=NOW, updated_at=NOW,
            )
            .returning(network_access_servers.c.id)
        )  # fmt: skip
        await connection.execute(
            accounting_sessions.insert().values(
                council_id=journey.council_id, session_key=bytes(16), nas_id=nas.scalar_one(),
                resident_id=journey.resident_id, acct_session_id="1", user_name=f"{unused.user_name}{realm}",
                started_at=NOW, updated_at=NOW + timedelta(minutes=3), received_at=NOW,
            )
        )  # fmt: skip
        [used] = await storage.list_alive(connection, journey.resident_id, NOW)
    assert used.last_used_at == NOW + timedelta(minutes=3)


async def test_a_journey_without_a_resident_gets_none(runtime: Runtime, journey: Journey) -> None:
    with pytest.raises(NotAResidentError):
        await make(runtime, replace(journey, resident_id=None), PATH, NOW)
