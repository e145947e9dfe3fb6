"""The limit of the portal's speed: an aiohttp handler that does nothing but answer with a file that it has in memory.

``python -m bench.bare_page PORT FILE``
"""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web


def main(port: int, file: Path) -> None:
    """Serve it at ``/`` until a signal comes."""
    body = file.read_bytes()

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    app = web.Application()
    app.router.add_get("/", show)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
