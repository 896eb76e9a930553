"""What holds on every path, before routing: a trailing slash means nothing, a tenant that is named is told again."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TENANT = b"ngsild-tenant"


class Protocol:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # An id may end with a slash of its own: that one is percent-encoded.
            if scope["path"] != "/" and scope.get("raw_path", b"").endswith(b"/"):
                scope["path"] = scope["path"].rstrip("/")
            tenant = next((value for name, value in scope["headers"] if name == _TENANT), None)
            if tenant is not None:
                send = _naming(tenant, send)
        await self._app(scope, receive, send)


def _naming(tenant: bytes, send: Send) -> Send:
    """Clause 6.3.14: the answer names the tenant that the request named."""

    async def send_named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (_TENANT, tenant)]
        await send(message)

    return send_named
