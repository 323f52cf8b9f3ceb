"""Netron's web app as this server has it: its page and scripts changed where they call home, and the models.

A model's address is `data/TOKEN/NAME` beside the page, so that it works below any path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ui.netron.shelf import Shelf, Shelved

_DARK: Final = "(prefers-color-scheme: dark)"
_MEDIA: Final = {"dark": "all", "light": "not all"}
_SURFACES: Final = {
    "backgroundColor": ".default, .target",
    "secondaryBackgroundColor": ".sidebar, .menu",
}
# What Netron's pages are made of. Its Python files and the page as shipped are not among them.
_FILE: Final = re.compile(r"[\w-]+\.(?:js|css|json|png|ico)", re.ASCII)
# What is put in place of what the wheel's files say.
_PAGE_CHANGES: Final = (
    # Version 0.0.0 sends no telemetry, and offers no report of an error to GitHub.
    (r'<meta name="version" content="[\d.]+">', '<meta name="version" content="0.0.0">'),
    # 180 days after its date it would show nothing but a request to update.
    (r'<meta name="date" content="[^"]+">\n', ""),
    # An empty type is the browser's, which at once loads readers of other formats.
    (r"<title>", '<meta name="type" content="Frame">\n<title>'),
    # The policy forbids such addresses; the script listens for the click itself.
    (r'href="javascript:void\(0\)"', 'role="button"'),
    (r'href="grapher\.css"', 'href="grapher.css{query}"'),
    (r"</head>", "{surfaces}</head>"),
)
_SCRIPT_CHANGES: Final = (
    # The age again, a question about cookies (with a look-up of where the visitor is), and telemetry.
    (r"await age\(\);\s+await consent\(\);\s+await telemetry\(\);\n", ""),
    # A link leaves this frame as it is.
    (r"window\.location = url;", 'window.open(url, "_blank", "noopener");'),
)
_VIEW_CHANGES: Final = (
    # A page has more room beside a graph than below it.
    (r"direction: 'vertical',", "direction: 'horizontal',"),
)
# The brackets around a weight's shape: Netron's are Chinese, and many a machine has no font for them.
_BRACKETS: Final = ((r"\u3008", r"\u27e8"), (r"\u3009", r"\u27e9"))


def routes(models: Shelf) -> list[BaseRoute]:
    """Netron's page, its files, and the models on a shelf."""

    def model(request: Request) -> Response:
        found = models.get(request.path_params["token"])
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if found is None:
            gone = "This model is no longer here: run its page again to have it shown."
            return PlainTextResponse(gone, 404, headers)
        headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
        # Packed, weights are as long as before: this keeps the server from trying.
        headers["Content-Encoding"] = "identity"
        return Response(found.data, 200, headers, "application/octet-stream")

    here = root()
    return [
        Route(f"{here}/", _page),
        Route(f"{here}/grapher.css", _styles),
        Route(f"{here}/browser.js", _script("browser.js", _SCRIPT_CHANGES)),
        Route(f"{here}/view.js", _script("view.js", _VIEW_CHANGES)),
        Route(f"{here}/data/{{token}}/{{name}}", model),
        Mount(here, _Files(directory=_folder())),
    ]


def address(shelved: Shelved, theme: str | None = None) -> str:
    """Where Netron shows a model.

    Args:
        shelved: the model.
        theme: `dark` or `light`; without one, that of the visitor's system.
    """
    chosen = f"&theme={theme}" if theme in _MEDIA else ""
    return f"{root()}/?url=data/{shelved.token}/{shelved.name}{chosen}"


def root() -> str:
    """Where Netron is on this server."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/netron" if base else "/netron"


def page(theme: str = "") -> str:
    """Netron's page.

    Args:
        theme: `dark`, `light`, or anything else for that of the visitor's system.

    Raises:
        RuntimeError: if the wheel's page is not the one that this module knows.
    """
    query = f"?theme={theme}" if theme in _MEDIA else ""
    text = themed(_changed("index.html", _PAGE_CHANGES), theme)
    return text.replace("{query}", query).replace("{surfaces}", _surfaces(theme))


def _surfaces(theme: str) -> str:
    """Styles that give Netron the app's backgrounds in that theme."""
    rules = [
        f"{selectors} {{ background-color: {colour}; }}"
        for name, selectors in _SURFACES.items()
        if theme in _MEDIA and (colour := st.get_option(f"theme.{theme}.{name}"))
    ]
    return f"<style>{' '.join(rules)}</style>\n"


def themed(text: str, theme: str) -> str:
    """Style rules that follow a theme and not the visitor's system.

    Raises:
        RuntimeError: if there is no rule for dark systems in them.
    """
    if _DARK not in text:
        raise RuntimeError(f"Netron's styles have no {_DARK}: this version of the wheel is not known.")
    return text.replace(_DARK, _MEDIA.get(theme, _DARK))


@lru_cache(maxsize=3)
def _changed(name: str, changes: tuple[tuple[str, str], ...]) -> str:
    return change((_folder() / name).read_text(encoding="utf-8"), changes)


def change(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """A text in which each pattern, which must occur once, is replaced.

    Raises:
        RuntimeError: if one does not.
    """
    for pattern, new in changes:
        text, times = re.subn(pattern, new, text)
        if times != 1:
            raise RuntimeError(f"Netron has {pattern} {times} times, not once: this version is not known.")
    return text


def _page(request: Request) -> Response:
    return HTMLResponse(page(request.query_params.get("theme", "")), headers={"Cache-Control": "no-cache"})


def _styles(request: Request) -> Response:
    text = (_folder() / "grapher.css").read_text(encoding="utf-8")
    css = themed(text, request.query_params.get("theme", ""))
    return Response(css, media_type="text/css", headers={"Cache-Control": "no-cache"})


def _script(name: str, changes: tuple[tuple[str, str], ...]) -> Callable[[Request], Response]:
    def serve(_request: Request) -> Response:
        headers = {"Cache-Control": "no-cache"}
        text = _changed(name, changes)
        for theirs, ours in _BRACKETS:
            text = text.replace(theirs, ours)
        return Response(text, media_type="text/javascript", headers=headers)

    return serve


class _Files(StaticFiles):
    """The wheel's files, as far as a browser needs them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not _FILE.fullmatch(path):
            raise HTTPException(404)
        if scope["query_string"].startswith(b"cb="):
            # Netron asks for a new copy of its 5 MB of operators each time; this way the browser keeps one.
            return RedirectResponse(quote(path))
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _folder() -> Path:
    """Where the wheel is; it is not imported."""
    spec = find_spec("netron")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
