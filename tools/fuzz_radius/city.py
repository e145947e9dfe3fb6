"""A small city to be attacked: equipment, a resident, credentials, certificates, and a server that runs on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.commands.database import prepare_installation
from foundation.certificates import Authority, make_authority
from foundation.credentials import add_credential
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.runtime import open_runtime
from foundation.schema import councils, devices, network_access_servers, residents
from foundation.settings import EapSettings, RadiusSettings, Settings
from radius.server import RadiusServer, running
from tools.free_ports import free_ports

SECRET: Final = b"a secret that the fuzzer knows"
USER_NAME, PASSWORD = "resident", "correct-horse-battery-staple"
DEVICE: Final = MacAddress.parse("02-00-5E-00-53-01")
COUNCIL_CODE: Final = "E08000026"
REQUIRING, LEARNING = "127.0.0.1", "127.0.0.2"
"""Equipment that must send Message-Authenticator, and equipment that need not yet."""
# Enough that no limit is what stops a packet, and few and short enough that the steady state is reached soon.
_UNLIMITED: Final = 100_000_000
_MOST_CONVERSATIONS: Final = 300
_CONVERSATION_SECONDS: Final = 5
_DUPLICATE_SECONDS: Final = 2


@asynccontextmanager
async def running_server(folder: Path, database_url: str = "") -> AsyncIterator[RadiusServer]:
    """A server on two free ports of loopback, with everything in ``folder`` but the database where one is given."""
    ports = free_ports(2)
    settings = Settings(
        data_directory=folder,
        database_url=SecretStr(database_url),
        radius=RadiusSettings(
            authentication_port=ports[0],
            accounting_port=ports[1],
            receive_buffer_octets=65_536,
            reject_delay_seconds=0,
            requests_per_device_per_minute=_UNLIMITED,
            requests_per_nas_per_second=_UNLIMITED,
            duplicate_cache_seconds=_DUPLICATE_SECONDS,
        ),
        eap=EapSettings(
            methods=("peap", "ttls", "tls", "md5"),
            most_conversations=_MOST_CONVERSATIONS,
            conversation_seconds=_CONVERSATION_SECONDS,
            most_resumable_logins=1000,
        ),
    )
    await prepare_installation(settings)
    _make_certificates(settings.certificates_directory)
    async with open_runtime(settings) as runtime:
        async with runtime.database.write() as connection:
            await _build(connection, runtime.keyring)
        async with running(runtime) as server:
            yield server


async def _build(connection: AsyncConnection, keyring: Keyring) -> None:
    now = datetime.now(UTC)
    council = await _insert(connection, councils, code=COUNCIL_CODE, name="Coventry", created_at=now)
    for network, mode in ((REQUIRING, "require"), (LEARNING, "auto")):
        await _insert(
            connection, network_access_servers, council_id=council, name=network, network=f"{network}/32",
            secret_encrypted=keyring.encrypt("nas secret", SECRET), vendor="hostapd", message_authenticator=mode,
            unknown_devices="quarantine" if mode == "auto" else "reject", quarantine_vlan=99,
            created_at=now, updated_at=now,
        )  # fmt: skip
    resident = await _insert(
        connection, residents, council_id=council, contact_kind="none", registered_at=now, last_seen_at=now
    )
    await _insert(
        connection, devices, council_id=council, resident_id=resident, randomised=True, created_at=now,
        mac_pseudonym=keyring.device_pseudonym(council, DEVICE), last_seen_at=now,
        remembered_until=now + timedelta(days=90),
    )  # fmt: skip
    for name, keep_password in ((USER_NAME, True), (f"{USER_NAME}-by-hash", False)):
        await add_credential(
            connection, keyring, council_id=council, resident_id=resident, now=now,
            user_name=name, password=PASSWORD, keep_password=keep_password,
        )  # fmt: skip


async def _insert(connection: AsyncConnection, table: Any, **values: Any) -> int:
    result = await connection.execute(table.insert().values(**values))
    (key,) = result.inserted_primary_key or (0,)
    return int(key)


def _make_certificates(folder: Path) -> None:
    """What the server shows, and a device's own to show to it."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    pair = make_authority("Fuzzer's CA", "Coventry", now)
    authority = Authority(pair)
    issued = {
        "server": authority.issue_server(["radius.wifi.example.org"], now),
        "device": authority.issue_device(USER_NAME, COUNCIL_CODE, now),
    }
    (folder / "ca.pem").write_bytes(pair.certificate)
    for name, each in issued.items():
        (folder / f"{name}.pem").write_bytes(each.certificate)
        (folder / f"{name}.key").write_bytes(each.key)
