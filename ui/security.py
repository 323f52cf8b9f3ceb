"""Security headers on every HTTP response.

The Content-Security-Policy is as strict as Streamlit's front end bears. What follows from it for a page:
no outside origin at all; no script inside `st.iframe("<html>...")`, use a component; no WebGL traces of
Plotly's 2D kind (`scattergl`), which build code from strings. Surfaces and contours work.
"""

import base64
import hashlib
import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.index_page import index_page
from ui.netron.site import root

# None of this app's pages asks for a device or a payment, so neither may a frame or a script in them.
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class SecurityHeaders:
    """ASGI middleware that sets the security headers on every HTTP response.

    Plain ASGI, not Starlette's BaseHTTPMiddleware: it neither buffers nor copies a body.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: tuple[str, ...]) -> None:
        self._app = app
        self._headers = headers(frame_ancestors)
        # The app frames Netron itself, whoever else may frame the app.
        others = tuple(source for source in frame_ancestors if source not in {"'none'", "'self'"})
        self._netron_headers = headers(("'self'", *others))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and set the headers when the response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        chosen = self._netron_headers if scope["path"].startswith(root()) else self._headers

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(chosen)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # Starlette's own answer to a crash is made outside of all middleware and would lack the headers.
            if not started:
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, send_with_headers)
            raise


def headers(frame_ancestors: tuple[str, ...]) -> dict[str, str]:
    """The headers, for an app that may be framed by `frame_ancestors` (CSP sources)."""
    found = {
        "Content-Security-Policy": content_security_policy(frame_ancestors),
        "X-Content-Type-Options": "nosniff",
        # The address holds a visitor's inputs: no other site gets it.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    # For browsers that do not know frame-ancestors. It cannot say anything between these two.
    legacy = {"'self'": "SAMEORIGIN", "'none'": "DENY"}.get(" ".join(frame_ancestors))
    if legacy is not None:
        found["X-Frame-Options"] = legacy
    return found


def content_security_policy(frame_ancestors: tuple[str, ...]) -> str:
    """The policy, for an app that may be framed by `frame_ancestors` (CSP sources)."""
    directives = {
        "default-src": ["'none'"],
        "script-src": [
            "'self'",
            # The inline scripts of the start page, and no other.
            *_inline_script_hashes(),
            # A v2 component's inline JavaScript is imported from a blob that the page itself makes.
            "blob:",
            # Streamlit's protocol decoder (64-bit integers) and Graphviz are WebAssembly. Not eval of text.
            "'wasm-unsafe-eval'",
        ],
        # KaTeX, Plotly, Streamlit's style sheets and st.html write styles at run time: nothing fixed to hash.
        "style-src": ["'self'", "'unsafe-inline'"],
        # data: icons that Streamlit and Plotly carry in their code; blob: Plotly's "download as image".
        "img-src": ["'self'", "data:", "blob:"],
        # data: a font that Streamlit's code carries for the tools of its tables.
        "font-src": ["'self'", "data:"],
        # 'self' includes the websocket of the same host and port.
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "media-src": ["'self'"],
        "frame-src": ["'self'"],
        "manifest-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def _inline_script_hashes() -> list[str]:
    """CSP sources for the inline scripts of the page that starts the app."""
    scripts: list[str] = re.findall(r"<script>(.*?)</script>", index_page(), re.DOTALL)
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    ]
