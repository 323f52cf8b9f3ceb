"""Bounds on the files that visitors upload: Streamlit bounds one file, not how many are kept in memory."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.limits import Limits
from ui.limits import limits as limits_in_force

_UPLOAD: Final = re.compile(r".*/_stcore/upload_file/([^/]+)/([^/]+)/?")
_TOO_MANY: Final = 429


class UploadBounds:
    """ASGI middleware: refuses a file where a visit, or all of them, keep as much as they may already.

    A browser takes its last file back when its visitor chooses another, so a person does not get that far.

    Args:
        app: what is behind it.
        limits: `max_exports_per_visitor` files of one visit, and `max_model_bytes` of all; by default the
            ones in force.
    """

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        bounds = limits or limits_in_force()
        self._app = app
        self._files = bounds.max_exports_per_visitor
        self._bytes = bounds.max_model_bytes
        self._each = bounds.max_upload_bytes
        # Per visit, how many are on their way.
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        found = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        visit, file = found.groups()
        problem = self._problem(visit, file)
        if problem:
            await PlainTextResponse(problem, _TOO_MANY)(scope, receive, send)
            return
        self._coming[visit] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[visit] -= 1
            if not self._coming[visit]:
                del self._coming[visit]

    def _problem(self, visit: str, file: str) -> str:
        """Why one more file may not come, in one line; empty if it may."""
        kept = _kept()
        mine = len(kept.get(visit, {}).keys() - {file}) + self._coming[visit]
        if mine >= self._files:
            return f"You have {mine} files here, and may have {self._files}: take one back first."
        every = sum(size for files in kept.values() for size in files.values())
        # Of those on their way nobody knows yet how large they are.
        every += self._coming.total() * self._each
        if every + self._each > self._bytes:
            return "Busy: visitors' files fill the room that there is for them; try again in some minutes."
        return ""


def _kept() -> dict[str, dict[str, int]]:
    """The sizes of the files that are kept, per visit and file."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    kept = dict(manager.file_storage)
    return {
        visit: {name: len(each.data) for name, each in dict(files).items()} for visit, files in kept.items()
    }
