"""Floods and guessing: what is counted, what is held, and that neither grows."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius import metrics
from radius.defences import RateLimits, RejectDelay
from radius.discards import Unanswered
from radius.packet import Code, Packet
from radius.service import Port
from tests.radius.support import NAS, City, Client, access_request, server_on

LIBRARY = replace(NAS, id=2)


def request_of(calling: str | None = "02-00-5E-00-53-01") -> Packet:
    return access_request({"User-Name": "demo"} | ({"Calling-Station-Id": calling} if calling else {}))


class TestRateLimits:
    def test_a_device_that_asks_too_often_is_refused_and_others_are_not(self) -> None:
        limits = RateLimits(per_device_per_minute=3, per_nas_per_second=1000)
        refusals = [limits.refusal(request_of(), NAS, 0.0) for _ in range(4)]
        assert refusals == [None, None, None, Unanswered.TOO_MANY_OF_DEVICE]
        assert limits.refusal(request_of("02-00-5E-00-53-02"), NAS, 0.0) is None
        assert limits.refusal(request_of(), LIBRARY, 0.0) is None
        assert limits.refusal(request_of(), NAS, 20.0) is None

    def test_a_nas_that_asks_too_often_is_refused_whatever_its_devices(self) -> None:
        limits = RateLimits(per_device_per_minute=1000, per_nas_per_second=2)
        devices = [f"02-00-5E-00-53-0{number}" for number in range(3)]
        assert [limits.refusal(request_of(device), NAS, 0.0) for device in devices] == [
            None,
            None,
            Unanswered.TOO_MANY_OF_NAS,
        ]
        assert limits.refusal(request_of(), LIBRARY, 0.0) is None

    def test_requests_that_name_no_device_are_not_taken_for_one(self) -> None:
        limits = RateLimits(per_device_per_minute=1, per_nas_per_second=1000)
        assert [limits.refusal(request_of(None), NAS, 0.0) for _ in range(5)] == [None] * 5

    def test_no_address_is_kept_in_clear(self) -> None:
        limits = RateLimits(per_device_per_minute=3, per_nas_per_second=1000)
        limits.refusal(request_of(), NAS, 0.0)
        (key,) = limits.devices._recent
        assert isinstance(key, int)


class TestRejectDelay:
    async def test_a_reject_is_held_for_so_long(self) -> None:
        delay = RejectDelay(0.05)
        loop = asyncio.get_running_loop()
        start = loop.time()
        holding = asyncio.gather(delay.hold(), delay.hold())
        await asyncio.sleep(0)
        assert len(delay) == 2
        await holding
        assert 0.04 < loop.time() - start < 1
        assert len(delay) == 0

    async def test_nothing_is_held_where_the_setting_is_0(self) -> None:
        await asyncio.wait_for(RejectDelay(0).hold(), 0.5)

    async def test_beyond_the_limit_they_are_sent_at_once_and_counted(self) -> None:
        delay = RejectDelay(60, limit=2)
        before = metrics.rejects_sent_at_once._value.get()
        held = [asyncio.create_task(delay.hold()) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.wait_for(delay.hold(), 0.5)
        assert metrics.rejects_sent_at_once._value.get() == before + 1
        delay.release()
        await asyncio.wait_for(asyncio.gather(*held), 0.5)

    async def test_the_end_of_the_server_does_not_wait_for_them(self) -> None:
        delay = RejectDelay(60)
        held = asyncio.create_task(delay.hold())
        await asyncio.sleep(0)
        delay.release()
        await asyncio.wait_for(held, 0.5)
        await asyncio.wait_for(delay.hold(), 0.5)

    async def test_one_that_is_given_up_leaves_its_place(self) -> None:
        delay = RejectDelay(60)
        held = asyncio.create_task(delay.hold())
        await asyncio.sleep(0)
        held.cancel()
        with pytest.raises(asyncio.CancelledError):
            await held
        assert len(delay) == 0


class TestRunningServer:
    async def test_a_reject_waits_and_a_good_login_beside_it_does_not(
        self, database: Database, keyring: Keyring, city: City, tmp_path: Path
    ) -> None:
        loop = asyncio.get_running_loop()
        async with server_on(database, keyring, tmp_path, reject_delay_seconds=0.4) as server:
            with Client(server, Port.AUTHENTICATION) as guesser, Client(server, Port.AUTHENTICATION) as resident:
                wrong = access_request({"User-Name": "demo", "User-Password": "wrong"})
                start = loop.time()
                guessing = asyncio.create_task(guesser.ask(wrong))
                right = access_request({"User-Name": "demo", "User-Password": "demo"})
                assert (await resident.ask(right)).code is Code.ACCESS_ACCEPT
                assert not guessing.done()
                assert (await guessing).code is Code.ACCESS_REJECT
                assert loop.time() - start >= 0.4

    async def test_its_end_does_not_wait_for_rejects_but_sends_them(
        self, database: Database, keyring: Keyring, city: City, tmp_path: Path
    ) -> None:
        loop = asyncio.get_running_loop()
        with ExitStack() as clients:
            async with server_on(database, keyring, tmp_path, reject_delay_seconds=5) as server:
                client = clients.enter_context(Client(server, Port.AUTHENTICATION))
                asking = asyncio.create_task(client.ask(access_request({"User-Name": "x", "User-Password": "y"})))
                while not len(server.defences.reject_delay):  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0.01)
                start = loop.time()
            assert loop.time() - start < 2
            assert (await asking).code is Code.ACCESS_REJECT
