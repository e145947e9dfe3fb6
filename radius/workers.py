"""The processes of the RADIUS server: which there are, what each one does, and what is each one's own.

Authentication and accounting never wait for each other because they are different processes. Several workers of one
kind share their port (SO_REUSEPORT, socket(7)): the kernel gives all datagrams of one source address and port to the
same worker, for as long as none comes or goes. So what a worker remembers by source is whole: the duplicate cache, and
the conversations that are begun and go on from one port. The rest is each worker's own, and this is what it means:

- **Rate limits** hold for each worker. A NAS with one port meets one of them; one with many ports may send as many
  times its limit as there are workers.
- **Rejects held back, requests in progress, queues, caches, pools of connections**: limits are each worker's; the
  metrics of usage and limits are sums over the workers.
- **EAP conversations** live in one worker, which the State names; a request that reaches another one is handed over
  (``radius.transport.hand_over``).
- **Resumable EAP logins** are known to the worker that proved them, and tickets are sealed with its own keys. A device
  whose next access point reaches another worker logs in in full, as after a restart.
- **Devices just let on** (``radius.policies.recent``): a resident's devices that log in within seconds of each other
  over ports of different workers do not see one another until accounting tells of them.
- **Message-Authenticator**, once seen, is required by the worker that saw it at once and by the others when they read
  the equipment again, a second later.
- **Proxied conversations** stay with their home server in the worker that began them; another worker asks the first
  home server that is not down, which is the same one unless it fails meanwhile. Each worker probes for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from foundation.settings import Settings, SettingsError
from radius.service import Port


class Role(StrEnum):
    """What a process is there for."""

    AUTHENTICATION = "authentication"
    ACCOUNTING = "accounting"
    # Its connections carry requests of both kinds, and our orders to the equipment.
    RADSEC = "radsec"
    # All of it in one process: tests, and a server that is started by itself.
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Worker:
    """One process: number ``number`` of ``count`` that have the same role, counted from 1."""

    role: Role
    number: int = 1
    count: int = 1

    @property
    def name(self) -> str:
        """As in logs and metrics, and in what it leaves on the disk."""
        return "radius" if self.role is Role.ALONE else f"radius-{self.role}-{self.number}"

    @property
    def serves(self) -> tuple[Port, ...]:
        """The kinds of requests that it answers."""
        return _SERVES[self.role]

    @property
    def ports(self) -> tuple[Port, ...]:
        """The UDP ports that it binds."""
        return () if self.role is Role.RADSEC else self.serves

    @property
    def shares_ports(self) -> bool:
        """Whether others bind the same ports. Who is the only one must not let anybody in."""
        return self.count > 1

    @property
    def takes_radsec(self) -> bool:
        """Whether RadSec, where it is enabled, and the orders to its equipment are its business."""
        return self.role in (Role.RADSEC, Role.ALONE)

    @property
    def runs_jobs(self) -> bool:
        """Whether the jobs that an installation needs once are its business.

        They look at accounting sessions (quotas, lost sessions), so they are with accounting: a storm of logins, which
        comes with the heaviest load on a processor, does not delay them, and they are not needed to answer a login.
        """
        return self.role is Role.ALONE or (self.role is Role.ACCOUNTING and self.number == 1)


ALONE: Final = Worker(Role.ALONE)

_BOTH: Final = (Port.AUTHENTICATION, Port.ACCOUNTING)
_SERVES: Final = {
    Role.AUTHENTICATION: (Port.AUTHENTICATION,),
    Role.ACCOUNTING: (Port.ACCOUNTING,),
    Role.RADSEC: _BOTH,
    Role.ALONE: _BOTH,
}


def workers_of(settings: Settings) -> tuple[Worker, ...]:
    """The processes that the settings ask for. Raises SettingsError for more than the database can serve."""
    counts = {
        Role.AUTHENTICATION: settings.radius.authentication_workers,
        Role.ACCOUNTING: settings.radius.accounting_workers,
        Role.RADSEC: 1 if settings.radsec.enabled else 0,
    }
    for role, count in counts.items():
        if settings.is_on_sqlite and count > 1:
            raise SettingsError(
                f"radius.{role}_workers is {count}, but only one process at a time writes to SQLite, so more would wait"
                " for each other; set it to 1, or use PostgreSQL (database_url)"
            )
    return tuple(Worker(role, number, count) for role, count in counts.items() for number in range(1, count + 1))


def worker_named(name: str, settings: Settings) -> Worker:
    """The process of a name that the settings ask for. Raises SettingsError where there is none."""
    workers = workers_of(settings)
    for worker in workers:
        if worker.name == name:
            return worker
    raise SettingsError(f"there is no worker {name!r}; by the settings there are {', '.join(w.name for w in workers)}")
