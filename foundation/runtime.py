"""A service process: what it is given, how it says that it is ready, and when it stops.

The three services start alike: open the runtime, bind their sockets, say ready, wait for a signal, stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from foundation.database_errors import DatabaseUnavailableError
from foundation.garbage import collected_seldom
from foundation.migrations import state as migration_state
from foundation.partitions import make_months_ahead
from foundation.privacy import Keyring
from foundation.schema import installation, network_access_servers
from foundation.settings import Settings

# Shared secrets that stand in examples everywhere, so that anybody may try them.
WELL_KNOWN_SECRETS = frozenset(
    {b"testing123", b"secret", b"radius", b"uamsecret", b"demo-uamsecret", b"password", b"radsec", b""}
)

SUPERVISED_VARIABLE = "CITYWIFI_SUPERVISED"
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

logger = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """The installation is not fit to serve; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What every service works with."""

    settings: Settings
    database: Database
    keyring: Keyring


def open_keyring(settings: Settings) -> Keyring:
    """The demo's well-known key in a demo, else the key file. Raises PrivacyError."""
    return Keyring.demo() if settings.demo else Keyring.load(settings.resolved_key_file)


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open and check what a service needs; closed when the block ends.

    Raises NotReadyError (schema behind, foreign key, demo secrets outside a demo), PrivacyError or DatabaseError.
    """
    keyring = open_keyring(settings)
    database = Database(settings.resolved_database_url)
    try:
        await check_ready(settings, database, keyring)
        await _make_months(database)
        yield Runtime(settings, database, keyring)
    finally:
        await database.close()


async def _make_months(database: Database) -> None:
    """Months are made hours ahead too, and when a row needs one: that one cannot be made now keeps no service away."""
    try:
        await make_months_ahead(database, datetime.now(UTC))
    except DatabaseUnavailableError as error:
        logger.warning("the partitions of the next months are made later", problem=str(error))


async def check_schema(database: Database) -> None:
    """Raise NotReadyError unless the database answers and has the newest schema."""
    try:
        schema = await migration_state(database)
    except (DBAPIError, OSError) as error:
        reason = getattr(error, "orig", None) or error
        raise NotReadyError(f"the database {database.description} cannot be reached: {reason}") from None
    if not schema.is_newest:
        raise NotReadyError("the database's schema is not up to date; run `citywifi database prepare`")


async def check_ready(settings: Settings, database: Database, keyring: Keyring) -> None:
    """Refuse what would go wrong later, or be unsafe at once. Raises NotReadyError."""
    await check_schema(database)
    facts = await check_key(database, keyring)
    # The secret of RadSec is a word that everybody knows (RFC 6614 section 2.3); its certificate protects it.
    nas = network_access_servers.c
    udp = select(nas.secret_encrypted).where(nas.network.is_not(None), nas.radsec_name.is_(None))
    async with database.read() as connection:
        sealed = (await connection.execute(udp)).scalars().all()
    if not settings.demo:
        _refuse_demo(facts, keyring, sealed)


async def check_key(database: Database, keyring: Keyring) -> dict[str, str]:
    """What is written about the installation. Raises NotReadyError unless the key is the one that sealed it."""
    async with database.read() as connection:
        facts = {row.name: row.value for row in await connection.execute(select(installation))}
    if facts.get("key_fingerprint", keyring.fingerprint) != keyring.fingerprint:
        raise NotReadyError("the key file is not the one that sealed this database; restore the right one")
    return facts


def _refuse_demo(facts: dict[str, str], keyring: Keyring, sealed_secrets: Sequence[bytes]) -> None:
    if keyring.is_demo or facts.get("demo") == "true":
        raise NotReadyError(
            "this database or key is the demo's, known to everybody; start with --demo, or prepare a new installation"
        )
    if any(keyring.decrypt("nas secret", sealed) in WELL_KNOWN_SECRETS for sealed in sealed_secrets):
        raise NotReadyError("a network access server has a well-known secret such as testing123; give it a random one")


def notify_ready() -> None:
    """Tell who started us that we serve (systemd's notify protocol, sd_notify(3)); does nothing where nobody asks."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notification:
        notification.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        notification.sendall(f"READY=1\nMAINPID={os.getpid()}".encode())


async def serve_until_stopped() -> None:
    """Say that we serve, and return at SIGTERM or SIGINT, or when the supervisor that started us is gone.

    Signals are listened for before anything is said, because whoever hears that we serve may stop us at once.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    supervised = SUPERVISED_VARIABLE in os.environ
    if supervised:
        # Standard input is a pipe from the supervisor: it becomes readable (at its end) when the supervisor dies.
        loop.add_reader(sys.stdin.fileno(), stopped.set)
    try:
        with collected_seldom():
            notify_ready()
            await stopped.wait()
    finally:
        if supervised:
            loop.remove_reader(sys.stdin.fileno())
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
