"""Staff: accounts with a password and a one-time code, roles by council, and log-ins that end by themselves.

Nothing here tells whether a user name exists: a wrong name, password or code are one and the same refusal, and cost
the same time.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final

from prometheus_client import Counter
from sqlalchemy import bindparam, delete, insert, select, update

from foundation.database import Database, Statements
from foundation.one_time_codes import accepted_step, enrolment_uri, new_key
from foundation.passwords import PasswordChecks, TooManyChecksError, hash_password
from foundation.privacy import Keyring
from foundation.schema import audit_events, staff_accounts, staff_roles, staff_sessions
from foundation.token_buckets import TokenBuckets

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=10)
SHORTEST_PASSWORD: Final = 12
_TOKEN_OCTETS: Final = 24
# The time of the last use is written at most so often.
_USE_NOTED_EVERY: Final = timedelta(minutes=1)
# Wrong guesses at one name: so many at once, then one in three minutes (NCSC: throttle rather than lock out).
_GUESSES_AT_ONCE: Final = 5
_GUESSES_A_SECOND: Final = 1 / 180
_MOST_NAMES: Final = 10_000

_accounts, _sessions = staff_accounts.c, staff_sessions.c
_ACCOUNT: Final = select(staff_accounts).where(_accounts.user_name == bindparam("user_name"))
_USE_CODE: Final = (
    update(staff_accounts)
    .where(_accounts.id == bindparam("account"), _accounts.code_step < bindparam("step"))
    .values(code_step=bindparam("step"), logged_in_at=bindparam("now"))
)
_SESSION: Final = (
    select(staff_sessions, _accounts.user_name, _accounts.password_is_given, _accounts.disabled_at)
    .join(staff_accounts, _accounts.id == _sessions.account_id)
    .where(_sessions.token_pseudonym == bindparam("token"))
)
_ROLES: Final = select(staff_roles.c.council_id, staff_roles.c.role).where(
    staff_roles.c.account_id == bindparam("account")
)

log_ins = Counter("citywifi_staff_log_ins_total", "Staff who logged in, or why not.", ["result"])
_forgotten = Counter("citywifi_staff_log_in_limit_evictions_total", "User names whose guesses were forgotten.")


class Role(StrEnum):
    """What somebody may do for a council."""

    # Let the device of somebody on who stands at the desk, and nothing else.
    HELPER = "helper"
    # See what is wrong with the network, end sessions, try a gateway out.
    ENGINEER = "engineer"
    # Answer for people's data: complaints, requests for access, holds, disclosures, retention.
    INFORMATION_OFFICER = "information"
    # Say who else works here, what the pages offer, and who may use the open API.
    MANAGER = "manager"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is logged in."""

    account_id: int
    user_name: str
    # Whoever made the account knows the password.
    password_is_given: bool
    session_id: int
    # By council.
    roles: Mapping[int, frozenset[Role]]
    # For the forms of this log-in; another site cannot know it.
    form_token: str = field(repr=False)

    def councils(self, role: Role) -> list[int]:
        """For which councils they have a role."""
        return sorted(council_id for council_id, roles in self.roles.items() if role in roles)

    def sent(self, form_token: str) -> bool:
        """Whether a form is one that was shown in this log-in."""
        return hmac.compare_digest(form_token.encode(), self.form_token.encode())


class LogInResult(StrEnum):
    """Why somebody is not logged in; the words are a metric's label."""

    WRONG = "wrong"
    TOO_MANY_GUESSES = "too many guesses"
    BUSY = "busy"


async def add_account(
    connection: Statements,
    keyring: Keyring,
    user_name: str,
    password: str,
    councils: Collection[int],
    roles: Collection[Role],
    now: datetime,
    *,
    is_given: bool = False,
) -> str:
    """A new account; gives the address for the authenticator app, which cannot be shown again.

    ``is_given`` says that the password was made for them, by somebody who saw it.
    Raises sqlalchemy.exc.IntegrityError when there is one of that name.
    """
    key = new_key()
    values: dict[str, object] = {
        "user_name": user_name,
        "password_hash": await asyncio.to_thread(hash_password, password),
        "password_is_given": is_given,
        "code_key_encrypted": keyring.encrypt("staff code", key),
        "created_at": now,
    }
    added = await connection.execute(insert(staff_accounts).values(values).returning(staff_accounts.c.id))
    account_id = added.scalar_one()
    for council_id in councils:
        await give_roles(connection, account_id, council_id, roles)
    return enrolment_uri(key, user_name)


async def give_roles(connection: Statements, account_id: int, council_id: int, roles: Collection[Role]) -> None:
    """What an account may do for a council from now on; nothing else."""
    table = staff_roles.c
    await connection.execute(delete(staff_roles).where(table.account_id == account_id, table.council_id == council_id))
    for role in roles:
        await connection.execute(
            insert(staff_roles).values(account_id=account_id, council_id=council_id, role=role.value)
        )


async def renew_account(
    connection: Statements,
    keyring: Keyring,
    account_id: int,
    user_name: str,
    password: str,
    *,
    is_given: bool = False,
) -> str:
    """A new password and a new key for the app; who is logged in is not any more."""
    key = new_key()
    values = {
        "password_hash": await asyncio.to_thread(hash_password, password),
        "password_is_given": is_given,
        "code_key_encrypted": keyring.encrypt("staff code", key),
        "code_step": 0,
        "disabled_at": None,
    }
    await connection.execute(update(staff_accounts).where(staff_accounts.c.id == account_id).values(values))
    await end_sessions(connection, account_id)
    return enrolment_uri(key, user_name)


async def disable_account(connection: Statements, account_id: int, now: datetime) -> None:
    """It is of no use from now on; its name stays, for the audit."""
    await connection.execute(update(staff_accounts).where(staff_accounts.c.id == account_id).values(disabled_at=now))
    await end_sessions(connection, account_id)


async def end_sessions(connection: Statements, account_id: int) -> None:
    """Log an account out everywhere."""
    await connection.execute(delete(staff_sessions).where(staff_sessions.c.account_id == account_id))


async def end_session(connection: Statements, session_id: int) -> None:
    """Log out."""
    await connection.execute(delete(staff_sessions).where(staff_sessions.c.id == session_id))


async def record(
    connection: Statements,
    member: Member,
    action: str,
    subject: str,
    *,
    council_id: int | None,
    now: datetime,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down who did what, in the transaction that does it. Neither subject nor detail names a resident."""
    await connection.execute(
        insert(audit_events).values(
            at=now, council_id=council_id, actor=f"staff {member.account_id}",
            action=action, subject=subject, detail=dict(detail or {}),
        )
    )  # fmt: skip


class StaffDoor:
    """Where staff log in; one per process."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring
        self._checks = PasswordChecks()
        self._guesses: TokenBuckets[str] = TokenBuckets(
            per_second=_GUESSES_A_SECOND, burst=_GUESSES_AT_ONCE, limit=_MOST_NAMES, evictions=_forgotten
        )

    async def log_in(self, user_name: str, password: str, code: str, now: datetime) -> str | LogInResult:
        """The token of a new log-in, or why there is none."""
        result = await self._log_in(user_name.strip().casefold(), password, code, now)
        log_ins.labels(result if isinstance(result, LogInResult) else "logged in").inc()
        return result

    async def member(self, token: str, now: datetime) -> Member | None:
        """Whose token it is; None when it is nobody's or its time is over."""
        async with self._database.short_read() as connection:
            row = (await connection.execute(_SESSION, {"token": self._pseudonym(token)})).one_or_none()
            if row is None or row.disabled_at is not None or now >= min(row.expires_at, row.used_at + IDLE):
                return None
            roles: dict[int, frozenset[Role]] = {}
            for council_id, role in await connection.execute(_ROLES, {"account": row.account_id}):
                roles[council_id] = roles.get(council_id, frozenset()) | {Role(role)}
        if now - row.used_at >= _USE_NOTED_EVERY:
            async with self._database.short_write() as connection:
                await connection.execute(
                    update(staff_sessions).where(staff_sessions.c.id == row.id).values(used_at=now)
                )
        form_token = self._keyring.pseudonym("staff form", 0, token.encode()).hex()
        return Member(row.account_id, row.user_name, row.password_is_given, row.id, roles, form_token)

    async def change_password(self, member: Member, current: str, new: str, now: datetime) -> LogInResult | None:
        """Give them a password of their own and end their other log-ins; what it says is why it did not."""
        if not self._guesses.take(member.user_name, now.timestamp()):
            return LogInResult.TOO_MANY_GUESSES
        async with self._database.short_read() as connection:
            row = (await connection.execute(_ACCOUNT, {"user_name": member.user_name})).one()
        try:
            is_right = await self._checks.verify(row.password_hash, current)
        except TooManyChecksError:
            return LogInResult.BUSY
        if not is_right:
            return LogInResult.WRONG
        new_hash = await asyncio.to_thread(hash_password, new)
        others = (_sessions.account_id == member.account_id) & (_sessions.id != member.session_id)
        async with self._database.short_write() as connection:
            await connection.execute(
                update(staff_accounts)
                .where(_accounts.id == member.account_id)
                .values(password_hash=new_hash, password_is_given=False)
            )
            await connection.execute(delete(staff_sessions).where(others))
        return None

    async def _log_in(self, user_name: str, password: str, code: str, now: datetime) -> str | LogInResult:
        if not self._guesses.take(user_name, now.timestamp()):
            return LogInResult.TOO_MANY_GUESSES
        async with self._database.short_read() as connection:
            row = (await connection.execute(_ACCOUNT, {"user_name": user_name})).one_or_none()
        try:
            is_right = await self._checks.verify(_hash_of_nobody() if row is None else row.password_hash, password)
        except TooManyChecksError:
            return LogInResult.BUSY
        if row is None or not is_right or row.disabled_at is not None:
            return LogInResult.WRONG
        key = self._keyring.decrypt("staff code", row.code_key_encrypted)
        step = accepted_step(key, code, now.timestamp(), row.code_step)
        if step is None:
            return LogInResult.WRONG
        return await self._begin(row.id, step, now)

    async def _begin(self, account_id: int, step: int, now: datetime) -> str | LogInResult:
        token = secrets.token_urlsafe(_TOKEN_OCTETS)
        async with self._database.short_write() as connection:
            # Of two log-ins with one code the second finds it used.
            used = await connection.execute(_USE_CODE, {"account": account_id, "step": step, "now": now})
            if used.rowcount != 1:
                return LogInResult.WRONG
            values = {
                "account_id": account_id,
                "token_pseudonym": self._pseudonym(token),
                "created_at": now,
                "used_at": now,
                "expires_at": now + LONGEST,
            }
            await connection.execute(insert(staff_sessions).values(values))
        return token

    def _pseudonym(self, token: str) -> bytes:
        return self._keyring.pseudonym("staff session", 0, token.encode())


@cache
def _hash_of_nobody() -> str:
    """What the password of a name that there is not is checked against; nobody knows what it is the hash of."""
    return hash_password(secrets.token_urlsafe())
