"""`python -m bench.bare --length N --port P`: the least a Starlette route costs, served as `cityos serve` serves."""

from __future__ import annotations

import argparse
import asyncio

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cityos.command.port import listen


def main() -> None:
    """Serves constant bytes until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    said = parser.parse_args()
    body = b'"' + b"x" * (said.length - 2) + b'"'

    async def constant(request: Request) -> Response:
        return Response(body, media_type="application/json")

    async def health(request: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    app = Starlette(routes=[Route("/health", health), Route("/ngsi-ld/v1/entities/{id:path}", constant)])
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", proxy_headers=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve([listen("127.0.0.1", said.port)]))


if __name__ == "__main__":
    main()
