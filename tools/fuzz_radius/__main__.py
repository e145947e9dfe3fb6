"""``python -m tools.fuzz_radius --packets 1000000``: exit status 1 where anything was found."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from tools.fuzz_radius.campaign import Campaign, Results
from tools.fuzz_radius.city import running_server
from tools.fuzz_radius.eap_peer import client_contexts

_MEGABYTE: Final = 1_000_000
# What may be in the allocator's hands more or less; a leak of ten octets a packet shows in a million.
TOLERATED_GROWTH: Final = 10 * _MEGABYTE


async def fuzz(
    folder: Path, packets: int, seed: int, database_url: str = "", tell: Callable[[int], None] = lambda _: None
) -> Results:
    """Attack a server that is made in ``folder``; ``tell`` hears how many packets were sent."""
    async with running_server(folder, database_url) as server:
        contexts = client_contexts(folder / "certificates")
        return await Campaign(server, contexts, seed, packets, tell).run()


def main() -> int:
    """Print what came of it."""
    parser = argparse.ArgumentParser(prog="fuzz_radius", description=__doc__)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="citywifi-fuzz-") as folder:
        results = asyncio.run(fuzz(Path(folder), chosen.packets, chosen.seed, tell=_show_progress))
    report(results)
    return 1 if results.findings or growth(results) > TOLERATED_GROWTH else 0


def _show_progress(packets: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{packets:,} packets", end=" ", file=sys.stderr, flush=True)


def growth(results: Results) -> int:
    """Octets of memory between the first half and the end."""
    return results.resident_octets[-1] - results.resident_octets[0]


def report(results: Results) -> None:
    """In words and figures."""
    rate = results.packets / results.seconds
    print(f"{results.packets:,} packets in {results.seconds:.0f} s, {rate:,.0f} a second")
    for outcome, number in results.outcomes.most_common():
        print(f"  {number:>9,} {outcome}")
    print("memory, MB: " + " ".join(str(octets // _MEGABYTE) for octets in results.resident_octets))
    for finding in results.findings:
        print(f"FOUND: {finding}")
    print("nothing found" if not results.findings else f"{len(results.findings)} findings")


if __name__ == "__main__":
    sys.exit(main())
