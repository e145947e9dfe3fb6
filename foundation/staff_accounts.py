"""Accounts of staff, as those see them who say who works for a council."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from foundation.database import Statements
from foundation.schema import staff_accounts, staff_roles
from foundation.staff import Role

LONGEST_USER_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Account:
    """An account, with its roles for every council."""

    id: int
    user_name: str
    roles: Mapping[int, frozenset[Role]]
    logged_in_at: datetime | None
    disabled_at: datetime | None

    def works_only_for(self, councils: Collection[int]) -> bool:
        """Whether it has roles for no other council."""
        return self.roles.keys() <= set(councils)


def read_user_name(text: str) -> str | None:
    """A user name as it is kept, in small letters; None unless it has 1 to 64 printable characters."""
    user_name = text.strip().casefold()
    return user_name if user_name.isprintable() and 0 < len(user_name) <= LONGEST_USER_NAME else None


async def read_accounts(connection: Statements, councils: Collection[int]) -> list[Account]:
    """All accounts with a role for one of the councils, by name."""
    account, role = staff_accounts.c, staff_roles.c
    theirs = select(role.account_id).where(role.council_id.in_(councils))
    rows = (
        await connection.execute(select(staff_accounts).where(account.id.in_(theirs)).order_by(account.user_name))
    ).all()
    found = await connection.execute(
        select(role.account_id, role.council_id, role.role).where(role.account_id.in_([row.id for row in rows]))
    )
    roles: dict[int, dict[int, frozenset[Role]]] = {row.id: {} for row in rows}
    for account_id, council_id, name in found:
        held = roles[account_id]
        held[council_id] = held.get(council_id, frozenset()) | {Role(name)}
    return [Account(row.id, row.user_name, roles[row.id], row.logged_in_at, row.disabled_at) for row in rows]
