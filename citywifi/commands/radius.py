"""``citywifi radius``: what the RADIUS server would do, told to an engineer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citywifi.commands.workplace import perform
from citywifi.errors import CommandError
from citywifi.radius_requests import Captured, build_request, read_capture
from foundation.runtime import Runtime
from radius.attribute_text import AttributeTextError, parse_lines
from radius.errors import LocalFaultError

if TYPE_CHECKING:
    from citywifi.explanation import Explainer, Step

app = typer.Typer(help="Ask the RADIUS server's parts what they would do.", no_args_is_help=True)

_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a")


@app.callback()
def _group() -> None:
    """Ask the RADIUS server's parts what they would do."""


@app.command()
def explain(
    request: Annotated[
        Path, typer.Argument(help="Attributes as radclient reads them, or a capture (pcap); - for standard input.")
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Whose request it is; a capture knows that itself.")
    ] = None,
    packet: Annotated[
        int | None, typer.Option(min=1, help="Which RADIUS request of a capture, from 1; else all of them.")
    ] = None,
    accounting: Annotated[
        bool, typer.Option("--accounting", help="The attributes are an Accounting-Request's.")
    ] = False,
) -> None:
    """Print step by step what the server would do with a request, and why. Nothing is sent, stored or used up.

    For example: echo 'User-Name = "demo", User-Password = "demo"' | citywifi radius explain - --from 10.1.0.1
    """
    if source is not None:
        _check_address(source)
    octets = _read(request)
    if octets[:4] in _CAPTURES:
        captured = _chosen(read_capture(request, octets), packet)
        perform(lambda runtime: _explain_all(runtime, [(one.octets, source or one.source, one.at) for one in captured]))
        return
    if source is None:
        raise CommandError("whose request is it? say it with --from ADDRESS; `citywifi nas list` has the equipment")
    try:
        pairs = parse_lines(octets.decode(errors="replace").splitlines())
    except (AttributeTextError, LocalFaultError) as error:
        raise CommandError(str(error)) from None
    perform(lambda runtime: _explain_text(runtime, pairs, source, accounting=accounting))


async def _explain_text(
    runtime: Runtime, pairs: Sequence[tuple[str, object]], source: str, *, accounting: bool
) -> None:
    asked = await _explainer(runtime)
    nas = asked.equipment.table.find(source)
    if nas is None:
        raise CommandError(f"{source} is none of the equipment; `citywifi nas list` has it, `citywifi nas add` adds it")
    try:
        datagram = build_request(pairs, nas.secrets[0], accounting=accounting)
    except LocalFaultError as error:
        raise CommandError(str(error)) from None
    _print(await asked.explain(datagram, source, datetime.now(UTC)))


async def _explain_all(runtime: Runtime, requests: Iterable[tuple[bytes, str, datetime]]) -> None:
    asked = await _explainer(runtime)
    for number, (octets, source, at) in enumerate(requests, start=1):
        typer.secho(f"\nRequest {number}, captured {at:%F %T} UTC", bold=True)
        _print(await asked.explain(octets, source, datetime.now(UTC)))


async def _explainer(runtime: Runtime) -> Explainer:
    # The server's imports would slow down every other command.
    from citywifi.explanation import explainer

    return await explainer(runtime)


def _print(steps: Iterable[Step]) -> None:
    for number, step in enumerate(steps, start=1):
        typer.secho(f"{number}. {step.title}", fg="cyan", bold=True)
        for line in step.lines:
            typer.echo(f"   {line}")


def _read(request: Path) -> bytes:
    if str(request) == "-":
        return sys.stdin.buffer.read()
    try:
        return request.read_bytes()
    except OSError as error:
        raise CommandError(f"{request} cannot be read: {error.strerror}") from None


def _chosen(captured: Sequence[Captured], packet: int | None) -> Sequence[Captured]:
    if not captured:
        raise CommandError("the capture has no RADIUS request (UDP ports 1812, 1813, 1645, 1646)")
    if packet is None:
        return captured
    if packet > len(captured):
        raise CommandError(f"the capture has {len(captured)} RADIUS requests, so none numbered {packet}")
    return captured[packet - 1 : packet]


def _check_address(source: str) -> None:
    try:
        ip_address(source)
    except ValueError:
        raise CommandError(f"{source!r} is not an IP address; write one such as 10.1.0.1") from None
