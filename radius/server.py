"""The RADIUS server: one of its processes, with sockets, background jobs and signals; ``radius.workers`` says which."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError

from foundation.runtime import Runtime, open_runtime, serve_until_stopped
from foundation.settings import Settings
from radius import metrics
from radius.accounting.sessions import close_lost_sessions
from radius.accounting.writer import KIND as ACCOUNTING
from radius.accounting.writer import AccountingWriter
from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap.server import EapConversationServer
from radius.authentication.eap.states import NO_OWNER
from radius.authentication.log import KIND as LOG
from radius.authentication.log import AuthenticationLog
from radius.authentication.methods import Authenticator
from radius.authorization import Authorizer, longest_interim_seconds
from radius.batching import Batcher
from radius.certificate_expiry import keep_sampled
from radius.defences import Defences
from radius.directory import Directory
from radius.duplicates import DuplicateCache
from radius.dynamic_authorization import Outcome, disconnect_session
from radius.dynamic_authorization.orders import OrderKeeper
from radius.handlers import AccountingHandler, AuthenticationHandler
from radius.nas import NasDirectory
from radius.packet import MOST_ATTRIBUTES
from radius.policies.directory import PolicyDirectory
from radius.policies.recent import MOST_RESIDENTS
from radius.policies.usage import UsageDirectory
from radius.quotas import QuotaKeeper
from radius.roaming.connect import connector
from radius.roaming.service import Roaming
from radius.service import Arrival, Handler, Port, Service, Source
from radius.storage.journals import Journals
from radius.transport.hand_over import HandOver
from radius.transport.radsec import RadSecTransport, open_radsec
from radius.transport.udp import UdpTransport, bind
from radius.workers import ALONE, Worker

logger = structlog.get_logger(__name__)

_STOP_PATIENCE_SECONDS: Final = 10
_SAMPLE_SECONDS: Final = 1.0
_LOST_CHECK_SECONDS: Final = 60.0
_SILENT_INTERVALS: Final = 3
# The database's thread asks for the interpreter once per row: with Python's 5 ms it would get 200 rows a second.
_SWITCH_SECONDS: Final = 0.0005


class RadiusServer:
    """One process of a running server. ``running`` starts and stops one."""

    def __init__(self, runtime: Runtime, directory: Directory | None = None, worker: Worker = ALONE) -> None:
        self.worker = worker
        self._installation = runtime.settings
        settings = runtime.settings.radius
        database, keyring = runtime.database, runtime.keyring
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._evictions_counted = dict.fromkeys(Port, 0)
        self.equipment = NasDirectory(database, keyring)
        self.defences = Defences(settings)
        self.directory = directory or Directory(
            database,
            runtime.settings.roaming.own_realms,
            cache_entries=settings.directory_cache_entries,
            stale_seconds=settings.directory_stale_seconds,
        )
        self.roaming = Roaming(runtime.settings, database, keyring, self.directory, connector(runtime.settings))
        self.policies = PolicyDirectory(database, settings)
        self.usage = UsageDirectory(database)
        self.quotas = QuotaKeeper(database, self.policies, self.usage, self._end_session)
        self.log = AuthenticationLog(database, Journals.of(runtime.settings, keyring, LOG))
        self.writer = AccountingWriter(database, Journals.of(runtime.settings, keyring, ACCOUNTING))
        self.authorizer = Authorizer(settings, keyring, self.equipment, self.policies, self.usage)
        self.services: dict[Port, Service] = {}
        self.transports: dict[Port, UdpTransport] = {}
        self.radsec: RadSecTransport | None = None
        self.hand_over: HandOver | None = None
        # Of requests that other workers handed over; it hands nothing over itself.
        self._handed_over: Service | None = None
        self.jobs: list[asyncio.Task[None]] = []

    @cached_property
    def _verifier(self) -> CredentialVerifier:
        return CredentialVerifier(self.directory, self._keyring)

    @cached_property
    def eap(self) -> EapConversationServer:
        """Made where it is needed: it reads certificates."""
        owner = self.worker.number if self.worker.shares_ports else NO_OWNER
        certificates = self._installation.certificates_directory
        return EapConversationServer(self._installation.eap, certificates, self._verifier, time.monotonic, owner)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Decides about our own residents."""
        return Authenticator(self.directory, self._keyring, self._verifier, self.eap)

    @cached_property
    def _authentication(self) -> AuthenticationHandler:
        return AuthenticationHandler(
            self.roaming.authenticator(self.authenticator),
            self.authorizer,
            self.log,
            self.equipment,
            self._keyring,
            time.monotonic,
            log_before_reply=self._settings.log_before_reply,
            log_accepted=self._settings.log_accepted,
        )

    @cached_property
    def _accounting(self) -> AccountingHandler:
        delay_limit_seconds = self._settings.accounting_delay_limit_seconds
        return AccountingHandler(
            self.writer, self.equipment, self._keyring, delay_limit_seconds, self.roaming.forwarder
        )

    @property
    def _authenticates(self) -> bool:
        return Port.AUTHENTICATION in self.worker.serves

    async def refresh(self) -> None:
        """Read equipment, policies and realms. Raises DatabaseUnavailableError, DBAPIError or OSError."""
        await self.equipment.refresh()
        await self.policies.refresh()
        await self.roaming.realms.refresh()

    def bind(self) -> None:
        """Bind the ports. Raises OSError, or NotReadyError when RadSec's certificates cannot be used."""
        numbers = {
            Port.AUTHENTICATION: self._settings.authentication_port,
            Port.ACCOUNTING: self._settings.accounting_port,
        }
        settings, worker = self._settings, self.worker
        for port in worker.serves:
            duplicates = DuplicateCache(keep_seconds=settings.duplicate_cache_seconds)
            self.services[port] = self._service(port, duplicates)
        for port in worker.ports:
            bound = bind(settings.host, numbers[port], settings.receive_buffer_octets, port, sharers=worker.count)
            self.transports[port] = UdpTransport(self.services[port], bound, limit=settings.most_requests_in_progress)
        if worker.shares_ports and Port.AUTHENTICATION in self.transports:
            self.hand_over = HandOver(self._installation.workers_directory, worker.number, worker.count)
        if worker.takes_radsec and self._installation.radsec.enabled:
            self.radsec = open_radsec(self._installation, self.equipment, self.services)

    def _service(self, port: Port, duplicates: DuplicateCache) -> Service:
        handler: Handler = self._authentication if port is Port.AUTHENTICATION else self._accounting
        # Accounting must not be lost: what is not answered there comes again and again.
        defences = self.defences if port is Port.AUTHENTICATION else None
        repeat = self.roaming.proxy.repeat
        return Service(port, self.equipment, handler, duplicates, time.monotonic, repeat, defences)

    async def stop(self) -> None:
        """Answer what was admitted, write what waits, close."""
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        self.defences.reject_delay.release()
        if self.hand_over is not None:
            self.hand_over.close()
        for transport in self.transports.values():
            await transport.stop(_STOP_PATIENCE_SECONDS)
        if self.radsec is not None:
            await self.radsec.stop()
        await self.roaming.stop()
        await self.writer.close()
        await self.log.close()
        if self._authenticates:
            self.eap.close()
        self._flush_tallies()

    def start(self) -> None:
        """Read the sockets, and begin what runs beside them for ever."""
        for transport in self.transports.values():
            transport.start()
        if self.hand_over is not None:
            self._take_what_is_handed_over(self.hand_over)
        forever = [
            self.equipment.keep_fresh(),
            self.policies.keep_fresh(),
            *self.roaming.jobs(),
            self._sample_metrics(),
        ]
        if self._authenticates:
            forever += [self.log.keep_delivering(), self.directory.follow()]
        if Port.ACCOUNTING in self.worker.serves:
            forever.append(self.writer.keep_delivering())
        if self.worker.runs_jobs:
            forever += [
                self.quotas.keep(self._settings.quota_check_seconds),
                keep_sampled(self._installation),
                self._close_lost_sessions(),
            ]
        if self.radsec is not None:
            self.radsec.start()
            forever += [self.radsec.keep_checked(), OrderKeeper(self._database, self.radsec).keep_taking()]
        self.jobs = [asyncio.create_task(job) for job in forever]

    def _take_what_is_handed_over(self, hand_over: HandOver) -> None:
        transport, service = self.transports[Port.AUTHENTICATION], self.services[Port.AUTHENTICATION]
        final = self._handed_over = self._service(Port.AUTHENTICATION, service.duplicates)

        def take(datagram: bytes, source: Source) -> None:
            transport.take(datagram, source, Arrival(datetime.now(UTC), time.monotonic()), final)

        service.is_elsewhere = hand_over.is_elsewhere
        hand_over.start(take)

    async def _sample_metrics(self) -> None:
        while True:
            self.sample_metrics()
            await asyncio.sleep(_SAMPLE_SECONDS)

    def sample_metrics(self) -> None:
        """Set the gauges of queues and caches, and hand on what was counted.

        Only of what this worker has to do: the gauges of all workers are added, and so are the limits.
        """
        self._flush_tallies()
        if self._authenticates:
            self._sample_authentication()
        for name, queue in self._queues().items():
            metrics.queue_length.labels(name).set(len(queue))
            metrics.queue_limit.labels(name).set(queue.limit)
        self.roaming.sample_metrics()
        if self.radsec is not None:
            self.radsec.sample_metrics()
        for transport in self.transports.values():
            transport.sample_metrics()
        for port, service in self.services.items():
            duplicates = service.duplicates
            metrics.packet_attributes.labels(port).set(service.most_attributes)
            metrics.packet_attributes_limit.labels(port).set(MOST_ATTRIBUTES)
            metrics.duplicate_cache_entries.labels(port).set(len(duplicates))
            metrics.duplicate_cache_limit.labels(port).set(duplicates.limit)
            evicted = duplicates.evictions - self._evictions_counted[port]
            metrics.duplicate_cache_evictions.labels(port).inc(evicted)
            self._evictions_counted[port] = duplicates.evictions

    def _queues(self) -> dict[str, Batcher[Any, Any]]:
        queues: dict[str, Batcher[Any, Any]] = dict(self.directory.queues)
        if self._authenticates or self.worker.runs_jobs:
            queues["usage"] = self.usage.queue
        if self._authenticates:
            queues["authentication_log"] = self.log.queue
        if Port.ACCOUNTING in self.worker.serves:
            queues["accounting"] = self.writer.queue
        return queues

    def _sample_authentication(self) -> None:
        self.eap.sample_metrics()
        for request, rejected in self.eap.take_abandoned():
            self._authentication.record_reject(request, rejected)
        self.defences.sample_metrics()
        self.directory.cache.sample_metrics()
        metrics.recent_residents.set(len(self.authorizer.recent))
        metrics.recent_residents_limit.set(MOST_RESIDENTS)

    def _flush_tallies(self) -> None:
        metrics.request_tally.flush()
        metrics.reject_tally.flush()
        for service in (*self.services.values(), self._handed_over):
            if service is not None:
                service.flush_tallies()

    async def _end_session(self, session_id: int) -> Outcome:
        return await disconnect_session(self._database, self._keyring, session_id)

    async def _close_lost_sessions(self) -> None:
        silence = timedelta(seconds=_SILENT_INTERVALS * longest_interim_seconds(self._settings))
        # While we were down nobody could be heard: silence counts from our start.
        await asyncio.sleep(silence.total_seconds())
        while True:
            try:
                lost = await close_lost_sessions(self._database, datetime.now(UTC) - silence)
            except (DBAPIError, OSError, TimeoutError) as error:
                logger.error("lost sessions could not be closed", problem=type(error).__name__)
            else:
                metrics.sessions_lost.inc(lost)
            await asyncio.sleep(_LOST_CHECK_SECONDS)


@asynccontextmanager
async def running(runtime: Runtime, worker: Worker = ALONE) -> AsyncIterator[RadiusServer]:
    """A server that serves while the block runs. Raises OSError when a port cannot be bound."""
    server = RadiusServer(runtime, worker=worker)
    await server.refresh()
    try:
        server.bind()
        server.start()
        yield server
    finally:
        await server.stop()


async def serve(settings: Settings, worker: Worker = ALONE) -> None:
    """Serve as one worker until SIGTERM or SIGINT.

    Raises NotReadyError, PrivacyError, DatabaseError or OSError before serving.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    async with open_runtime(settings) as runtime, running(runtime, worker) as server:
        addresses = {port.value: "{}:{}".format(*transport.address) for port, transport in server.transports.items()}
        if server.radsec is not None:
            addresses["radsec"] = "{}:{}".format(*server.radsec.address)
        logger.info("RADIUS serves", **addresses)
        await _stop_or_failure(server)


async def _stop_or_failure(server: RadiusServer) -> None:
    """Say ready; return at SIGTERM or SIGINT. A job that ends raises what ended it: better anew than half alive."""
    stopping = asyncio.create_task(serve_until_stopped())
    ended, _ = await asyncio.wait([stopping, *server.jobs], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.gather(stopping, return_exceptions=True)
    for task in ended:
        task.result()
