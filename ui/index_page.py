"""The HTML page that starts the browser's side of the app.

It is Streamlit's own, with one addition: it says where the server is. Without that, a deep link such as
`/autograd` first looks for the server below `/autograd`, gets a 404 (an error in the browser's console), and
only then asks at `/`: a lost round trip before anything is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import streamlit.file_util
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ui.visitor import give_number

_BASE_SCRIPT: Final = (
    '<script>window.__streamlit = {BACKEND_BASE_URL: new URL("./", document.baseURI).href}</script>'
)


@lru_cache(maxsize=1)
def index_page() -> str:
    """The page's text."""
    page = Path(streamlit.file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    return page.replace("<head>", f"<head>\n    {_BASE_SCRIPT}", 1)


def routes(url_paths: Iterable[str]) -> list[Route]:
    """A route for the home page and for each page of the app.

    Args:
        url_paths: the pages' names in the address, as given to `st.Page`.
    """
    return [Route(path, _serve) for path in ("/", *(f"/{name}" for name in url_paths))]


async def _serve(request: Request) -> Response:
    # Its scripts are named by their hash: only the page itself must be fresh. Private, because
    # no cache on the way may give one browser's number to another.
    response = HTMLResponse(index_page(), headers={"Cache-Control": "private, no-cache"})
    give_number(request, response)
    return response
