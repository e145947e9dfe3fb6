"""Questions to one home server over UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from radius import attributes
from radius.packet import Code, encode_reply
from radius.roaming import exchange as exchange_module
from radius.roaming import metrics
from radius.roaming.exchange import TooManyQuestionsError, UdpExchange, UdpQuestion
from radius.roaming.table import Address
from radius.roaming.upstream import ask_for_status
from tests.radius.roaming.support import ScriptedHome, until
from tests.support.freeradius import SECRET as HOME_SECRET


@pytest.fixture
async def home() -> ScriptedHome:
    made = ScriptedHome()
    made.answer = lambda _: None
    return made


@pytest.fixture
async def exchange(home: ScriptedHome) -> AsyncIterator[UdpExchange]:
    made = UdpExchange(Address("udp", "127.0.0.1", home.port, HOME_SECRET))
    yield made
    made.close()
    home.close()


async def ask(exchange: UdpExchange, name: str = "x") -> UdpQuestion:
    return await exchange.ask(Code.ACCESS_REQUEST, lambda _: [attributes.encode("User-Name", name)])


def discarded(reason: str) -> float:
    return float(metrics.home_server_discards.labels(reason)._value.get())


async def test_hundreds_of_questions_are_open_at_once_and_each_gets_its_own_answer(
    home: ScriptedHome, exchange: UdpExchange
) -> None:
    questions = []
    for number in range(600):
        questions.append(await ask(exchange, str(number)))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await until(lambda: len(home.requests) == 600)
    for number, request in enumerate(reversed(home.requests)):
        name = attributes.get_octets(request, "User-Name") or b""
        home.reply(request, (Code.ACCESS_ACCEPT, [(25, name)]))
        if number % 50 == 0:
            await asyncio.sleep(0)
    replies = await asyncio.wait_for(asyncio.gather(*(question.answer for question in questions)), 5)
    assert [attributes.get_octets(reply, "Class") for reply in replies] == [str(n).encode() for n in range(600)]
    for question in questions:
        question.close()


async def test_when_every_identifier_is_in_use_nobody_is_asked(
    exchange: UdpExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "_MOST_SOCKETS", 1)
    questions = [await ask(exchange) for _ in range(256)]
    with pytest.raises(TooManyQuestionsError):
        await ask(exchange)
    questions[0].close()
    (await ask(exchange)).close()
    for question in questions[1:]:
        question.close()


async def test_an_identifier_rests_before_it_is_used_again(exchange: UdpExchange) -> None:
    seen = []
    for _ in range(3):
        question = await ask(exchange)
        seen.append(question.request.identifier)
        question.close()
    assert seen == [0, 1, 2]


async def test_a_late_answer_meets_no_other_question(home: ScriptedHome, exchange: UdpExchange) -> None:
    first = await ask(exchange)
    await until(lambda: len(home.requests) == 1)
    first.close()
    before = discarded("unexpected_identifier")
    home.reply(home.requests[0], (Code.ACCESS_ACCEPT, ()))
    await until(lambda: discarded("unexpected_identifier") == before + 1)


async def test_answers_that_were_made_with_another_secret_are_not_believed(
    home: ScriptedHome, exchange: UdpExchange, capsys: pytest.CaptureFixture[str]
) -> None:
    question = await ask(exchange)
    await until(lambda: len(home.requests) == 1)
    before = discarded("reply_authenticator_wrong")
    for _ in range(2):
        home.send(encode_reply(Code.ACCESS_ACCEPT, home.requests[0], (), b"another secret"), home.requests[0])
    await until(lambda: discarded("reply_authenticator_wrong") == before + 2)
    assert not question.answer.done()
    # Whoever runs the server is told, once.
    assert capsys.readouterr().out.count("a home server's replies cannot be used") == 1
    home.reply(home.requests[0], (Code.ACCESS_REJECT, ()))
    assert (await asyncio.wait_for(question.answer, 2)).code is Code.ACCESS_REJECT
    question.close()


async def test_answers_from_elsewhere_do_not_arrive(home: ScriptedHome, exchange: UdpExchange) -> None:
    question = await ask(exchange)
    await until(lambda: len(home.requests) == 1)
    source = home.source(home.requests[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(encode_reply(Code.ACCESS_ACCEPT, home.requests[0], (), HOME_SECRET), source)
        await asyncio.sleep(0.05)
    assert not question.answer.done()
    question.close()


async def test_a_closed_port_is_an_error_at_once(exchange: UdpExchange, home: ScriptedHome) -> None:
    home.close()
    question = await ask(exchange)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.wait_for(question.answer, 2)
    question.close()


async def test_a_name_that_does_not_resolve_is_an_error() -> None:
    exchange = UdpExchange(Address("udp", "no-such-host.invalid", 1812, HOME_SECRET))
    with pytest.raises(OSError):  # noqa: PT011  whatever the resolver says
        await ask(exchange)
    exchange.close()


async def test_a_server_known_by_name_is_looked_up_again_when_it_is_down(home: ScriptedHome) -> None:
    exchange = UdpExchange(Address("udp", "localhost", home.port, HOME_SECRET))
    question = await ask(exchange)
    exchange.restart()
    with pytest.raises(ConnectionAbortedError):
        await question.answer
    question.close()
    assert await ask_for_status(exchange, 2) is not None
    exchange.close()
    home.close()


async def test_silence_to_status_server_is_no_answer(home: ScriptedHome, exchange: UdpExchange) -> None:
    home.knows_status = False
    assert await ask_for_status(exchange, 0.05) is None
