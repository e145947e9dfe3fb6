"""A ticket takes a login up again: that login, for its time, while its owner is still welcome; and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import credentials
from foundation.settings import EapSettings
from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap.eap_tls import EapTls
from radius.authentication.eap.method import Failed, Succeeded
from radius.authentication.eap.resumption import ResumableLogins
from radius.authentication.eap.tls_contexts import TlsContexts
from radius.authentication.eap.tls_method import TlsMethod, TlsTerms
from radius.authentication.eap.ttls import EapTtls
from radius.authentication.outcome import RejectReason
from radius.directory import Credential, Directory
from tests.radius.eap.device import Device, pap
from tests.radius.eap.support import ANNA, PASSWORD, Certificates
from tests.radius.support import City, add_hashed_credential

VERSIONS = ["1.2", "1.3"]
KEEP_SECONDS = 600


class Bench:
    """Methods of one server, with a clock that the test moves."""

    def __init__(self, folder: Path, verifier: CredentialVerifier, council_id: int, *, most_logins: int = 100) -> None:
        self.now = 1000.0
        self.council_id = council_id
        self.certificates = Certificates.make(folder / "certificates")
        settings = EapSettings(resumption_seconds=KEEP_SECONDS)
        self.contexts = TlsContexts(settings, self.certificates.folder, lambda: self.now)
        self.logins = ResumableLogins(KEEP_SECONDS, most_logins, lambda: self.now)
        self._verifier = verifier

    def begin(self, kind: type[TlsMethod], council_id: int | None = None) -> Any:
        context = self.contexts.get(kind.eap_type)
        assert context is not None
        return kind(TlsTerms(context, council_id or self.council_id, 1000, self._verifier, self.logins))


@pytest.fixture
async def bench(database: Database, keyring: Keyring, city: City, tmp_path: Path) -> Bench:
    await add_hashed_credential(database, keyring, city, ANNA, PASSWORD)
    verifier = CredentialVerifier(Directory(database), keyring)
    return Bench(tmp_path, verifier, city.council_id)


RIGHT: Callable[[], bytes] = pap(ANNA, PASSWORD)
WRONG: Callable[[], bytes] = pap(ANNA, "wrong")


def credential(user_name: str) -> Credential:
    return Credential(1, user_name, None, None, None, None, None, "", "E08000026")


async def full_login(bench: Bench, version: str) -> Device:
    device = Device(version)
    first = await device.log_in(bench.begin(EapTtls), RIGHT)
    assert isinstance(first, Succeeded)
    assert first.detail == f"TLS {version}"
    assert device.session is not None
    return device


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_login_is_taken_up_again_without_a_password_and_with_new_keys(bench: Bench, version: str) -> None:
    device = Device(version)
    first = await device.log_in(bench.begin(EapTtls), RIGHT)
    again = await device.log_in(bench.begin(EapTtls))
    once_more = await device.log_in(bench.begin(EapTtls))
    assert isinstance(first, Succeeded)
    for later in (again, once_more):
        assert isinstance(later, Succeeded)
        assert (later.method, later.detail, later.credential.user_name) == (
            "ttls/pap", f"TLS {version}, resumed", ANNA,
        )  # fmt: skip
        assert len(later.msk) == 64
        assert later.msk != first.msk


async def test_a_device_may_speak_along_with_the_end_of_the_handshake(bench: Bench) -> None:
    login = await Device("1.3").log_in(bench.begin(EapTtls), RIGHT, is_eager=True)
    assert isinstance(login, Succeeded)
    failed = await Device("1.3").log_in(bench.begin(EapTtls), WRONG, is_eager=True)
    assert isinstance(failed, Failed)
    assert failed.reason is RejectReason.WRONG_PASSWORD


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_ticket_from_a_login_that_failed_is_worth_nothing(bench: Bench, version: str) -> None:
    device = Device(version)
    failed = await device.log_in(bench.begin(EapTtls), WRONG)
    assert isinstance(failed, Failed)
    assert failed.reason is RejectReason.WRONG_PASSWORD
    assert device.session is not None
    again = await device.log_in(bench.begin(EapTtls))
    assert isinstance(again, Failed)
    assert (again.reason, again.detail.partition(",")[0]) == (
        RejectReason.EAP_INNER_METHOD_MISSING, f"TLS {version}",
    )  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
async def test_who_is_forgotten_shows_the_ticket_in_vain_and_logs_in_with_the_password(
    bench: Bench, version: str
) -> None:
    device = await full_login(bench, version)
    bench.logins = ResumableLogins(KEEP_SECONDS, 100, lambda: bench.now)
    again = await device.log_in(bench.begin(EapTtls), RIGHT)
    assert isinstance(again, Succeeded)
    assert again.detail == f"TLS {version}"


@pytest.mark.parametrize("version", VERSIONS)
async def test_resuming_does_not_lengthen_the_time_until_the_next_password(bench: Bench, version: str) -> None:
    device = await full_login(bench, version)
    bench.now += KEEP_SECONDS - 1
    resumed = await device.log_in(bench.begin(EapTtls))
    assert resumed.detail == f"TLS {version}, resumed"
    bench.now += 2
    refused = await device.log_in(bench.begin(EapTtls), RIGHT)
    assert refused.detail == f"TLS {version}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revoked_at": datetime.now(UTC)}, RejectReason.CREDENTIAL_REVOKED),
        ({"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, RejectReason.CREDENTIAL_EXPIRED),
        ({"nt_hash_encrypted": b"another password"}, RejectReason.CREDENTIAL_REVOKED),
    ],
)
async def test_a_credential_that_ended_meanwhile_is_rejected_on_resumption(
    bench: Bench, database: Database, version: str, change: dict[str, Any], reason: RejectReason
) -> None:
    device = await full_login(bench, version)
    async with database.write() as connection:
        await connection.execute(update(credentials).where(credentials.c.user_name == ANNA).values(**change))
    refused = await device.log_in(bench.begin(EapTtls))
    assert isinstance(refused, Failed)
    assert (refused.method, refused.reason) == ("ttls/pap", reason)


@pytest.mark.parametrize("version", VERSIONS)
async def test_another_councils_network_does_not_take_a_login_up(bench: Bench, version: str) -> None:
    device = await full_login(bench, version)
    refused = await device.log_in(bench.begin(EapTtls, bench.council_id + 1), RIGHT)
    assert isinstance(refused, Failed)
    assert (refused.reason, refused.detail) == (RejectReason.UNKNOWN_USER, f"TLS {version}")


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_certificates_login_is_resumed_until_the_certificate_ends(bench: Bench, version: str) -> None:
    device = Device(version, bench.certificates.folder / "anna.pem")
    first = await device.log_in(bench.begin(EapTls))
    again = await device.log_in(bench.begin(EapTls))
    assert (first.method, first.detail) == ("eap-tls", f"TLS {version}")
    assert (again.method, again.detail) == ("eap-tls", f"TLS {version}, resumed")
    late = await device.log_in(bench.begin(EapTls), now=datetime.now(UTC) + timedelta(days=800))
    assert isinstance(late, Failed)
    assert late.reason is RejectReason.CERTIFICATE_EXPIRED


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_device_that_answers_our_last_message_with_an_alert_is_not_let_in(bench: Bench, version: str) -> None:
    device = Device(version, bench.certificates.folder / "anna.pem")
    alert = bytes.fromhex("15 0303 0002 0233")
    refused = await device.log_in(bench.begin(EapTls), acknowledgement=alert)
    assert isinstance(refused, Failed)
    assert refused.reason in (RejectReason.TLS_FAILED, RejectReason.TLS_ENDED_BY_DEVICE)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_revocation_list_that_comes_meanwhile_ends_resumption_too(bench: Bench, version: str) -> None:
    device = Device(version, bench.certificates.folder / "anna.pem")
    assert isinstance(await device.log_in(bench.begin(EapTls)), Succeeded)
    bench.certificates.revoke_file("anna")
    bench.now += 60
    refused = await device.log_in(bench.begin(EapTls))
    assert isinstance(refused, Failed)
    assert refused.reason is RejectReason.CERTIFICATE_REVOKED


async def test_tls_1_3_gives_two_tickets_and_both_are_known(bench: Bench) -> None:
    method = bench.begin(EapTtls)
    await Device("1.3").log_in(method, RIGHT)
    assert len(method.tls.keys) == len(bench.logins) == 2


async def test_the_table_forgets_the_oldest_and_what_is_over(bench: Bench) -> None:
    logins = ResumableLogins(KEEP_SECONDS, 2, lambda: bench.now)
    for number in range(3):
        logins.remember([bytes((number,))], logins.new(21, credential(f"user {number}"), "ttls/pap"))
    assert len(logins) == 2
    assert logins.find(b"\0", 21, 1) is None
    kept = logins.find(b"\2", 21, 1)
    assert kept is not None
    assert kept.user_name == "user 2"
    assert logins.find(b"\2", 25, 1) is None
    bench.now += KEEP_SECONDS
    assert logins.find(b"\2", 21, 1) is None
    logins.remember([b"\3"], logins.new(21, credential("user 3"), "ttls/pap"))
    assert len(logins) == 1
