"""The gate before all that answers: a number for each request, the hosts, and who may read the metrics.

Of a websocket it checks the origin, too. Streamlit does as well, but before it refuses a stranger it asks an
outside service for this machine's address, and all visitors wait meanwhile.

`/_stcore/metrics` is Streamlit's: OpenMetrics text (or protobuf, if `Accept` asks for it) with the families
`active_sessions`, `session_events` (connections, reconnections, disconnections), `session_duration_seconds`,
`user_session_events` and `cache_memory_bytes` (of caches, session states, media files and uploads);
`?families=NAME` asks for some of them. None has a visitor's input in it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import uuid
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.settings import Mode, Settings
from ui.logs import REQUEST_ID

HEADER: Final = "X-Request-ID"
"""The header of every response, and what `st.context.headers` has of a visit's websocket."""
HEALTH: Final = "/_stcore/health"
METRICS: Final = "/_stcore/metrics"

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9_.-]*)(:[0-9]{1,5})?", re.IGNORECASE)
_STARTS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_WRONG_HOST: Final = (
    "This server does not answer under this host name: use the address that its operator gave."
)
# What Streamlit takes for this machine.
_NEAR: Final = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104 - nothing is bound to it
_POLICY_VIOLATION: Final = 1008


class Gate:
    """ASGI middleware: numbers requests and websockets, and turns away who may not pass.

    A number that comes with a request is not trusted and not passed on. The number is in the response's
    header, in every line that is logged meanwhile, and in the body of an answer to a crash.

    Args:
        app: what is behind the gate.
        settings: for the hosts, the mode and the token of the metrics.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.allowed_hosts
        self._mode = settings.resolve_mode(st.get_option("server.address"))
        token = settings.metrics_token
        self._token = None if token is None else _digest(token.get_secret_value())
        self._base = (st.get_option("server.baseUrlPath") or "").strip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or turn it away."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        # Not reset: the server logs a crash after this has ended, in the same task.
        REQUEST_ID.set(request_id)
        name = HEADER.lower().encode()
        others = [(key, value) for key, value in scope["headers"] if key.lower() != name]
        scope = {**scope, "headers": [*others, (name, request_id.encode())]}
        started = False

        async def send_with_number(message: Message) -> None:
            nonlocal started
            if message["type"] in _STARTS:
                started = True
                message["headers"] = list(message.get("headers", ()))
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        if not self._is_health(scope) and not is_allowed(scope["headers"], self._hosts):
            await _refuse(400, _WRONG_HOST, scope, receive, send_with_number)
        elif scope["type"] == "websocket" and not is_origin_allowed(scope["headers"]):
            await _refuse(403, "", scope, receive, send_with_number)
        elif _asks_for_metrics(scope) and not self._may_read_metrics(scope):
            await _refuse(404, "Not Found", scope, receive, send_with_number)
        else:
            try:
                await self._app(scope, receive, send_with_number)
            except Exception:
                if scope["type"] == "http" and not started:
                    said = f"Internal Server Error. If you report it, give the id {request_id}."
                    await PlainTextResponse(said, 500)(scope, receive, send_with_number)
                raise

    def _is_health(self, scope: Scope) -> bool:
        # A container's health check asks for localhost or for an address, whatever the app is called outside.
        if scope["type"] != "http":
            return False
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        return path == (f"/{self._base}{HEALTH}" if self._base else HEALTH)

    def _may_read_metrics(self, scope: Scope) -> bool:
        if self._mode is Mode.LOCAL and _is_near(scope):
            return True
        given = [value for key, value in scope["headers"] if key.lower() == b"authorization"]
        if self._token is None or len(given) != 1:
            return False
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        return hmac.compare_digest(_digest(token.strip()), self._token) and scheme.lower() == "bearer"


def is_allowed(headers: Iterable[tuple[bytes, bytes]], hosts: tuple[str, ...]) -> bool:
    """Whether a request is for one of the hosts; its port does not matter.

    Args:
        headers: the request's.
        hosts: names in lower case; `*.` before one stands for one or more labels. Empty: any host.
    """
    if not hosts:
        return True
    given = [value.decode("latin-1") for key, value in headers if key.lower() == b"host"]
    found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        return False
    host = found[1].lower().removesuffix(".")
    return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in hosts)


def is_origin_allowed(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the page that opens a websocket is this server's, or of an origin that Streamlit is told of."""
    pairs = [(key.lower(), value.decode("latin-1")) for key, value in headers]
    origins = [value for key, value in pairs if key == b"origin"]
    if not origins or not st.get_option("server.enableCORS"):
        return True
    if len(origins) > 1:
        return False
    try:
        asked = urlsplit(origins[0])
        told = {urlsplit(each).hostname for each in st.get_option("server.corsAllowedOrigins")}
        name = asked.hostname
    except ValueError:
        return False
    same = [value for key, value in pairs if key == b"host"] == [asked.netloc]
    return same or name in {*_NEAR, *told, st.get_option("browser.serverAddress")}


def _asks_for_metrics(scope: Scope) -> bool:
    # Under whatever prefix, and however it ends: routing lets a line break pass at the end of a path.
    return str(scope["path"]).rstrip("/ \t\r\n\v\f").endswith(METRICS)


def _is_near(scope: Scope) -> bool:
    """Whether the client is on this machine."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0]) if client else None
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (mapped or address).is_loopback


async def _refuse(status: int, said: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        # Before it is accepted; the server answers with HTTP's 403.
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        return
    await PlainTextResponse(said, status)(scope, receive, send)


def _digest(token: str) -> bytes:
    """Of one length, so that comparing two tells nothing about the length of either."""
    return hashlib.sha256(token.encode()).digest()
