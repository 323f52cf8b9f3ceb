"""The addresses below which the runtime's files and the worker that uses them are served."""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from ui.browser_runtime.assets import HOW_TO_ADD, RUNTIME, PinnedFile, Runtime

WORKER_PATH: Final = "/browser-runtime/worker.mjs"
_WORKER: Final = Path(__file__).with_name("worker.mjs")
_LOG: Final = logging.getLogger(__name__)
# A version's files never change.
_FOREVER: Final = "public, max-age=31536000, immutable"


def routes(runtime: Runtime = RUNTIME) -> list[Route]:
    """A route for each file, and one for the worker, which is the app's own."""
    return [
        Route(WORKER_PATH, _worker),
        *(
            Route(f"{runtime.prefix}/{file.name}", _endpoint(runtime.path(file), file))
            for file in runtime.package.files
        ),
    ]


async def _worker(_request: Request) -> Response:
    return FileResponse(_WORKER, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _endpoint(path: Path, file: PinnedFile) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        packed = await run_in_threadpool(_packed, path, file)
        if packed is None:
            return PlainTextResponse(HOW_TO_ADD, 404, headers={"Cache-Control": "no-store"})
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(packed, media_type=file.media_type, headers=headers)
        plain = await run_in_threadpool(gzip.decompress, packed)
        return Response(plain, media_type=file.media_type, headers=headers)

    return serve


def _packed(path: Path, file: PinnedFile) -> bytes | None:
    try:
        found = path.stat()
        return _checked(path, file.sha256, found.st_size, found.st_mtime_ns)
    except FileNotFoundError:
        return None
    except OSError as error:
        _LOG.error("cannot read %s: %s", path.name, error.strerror)
        return None


@lru_cache(maxsize=8)
def _checked(path: Path, sha256: str, _size: int, _changed_ns: int) -> bytes | None:
    """The content, compressed once for all visitors, if it is the pinned one; None if it is another."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        _LOG.error("%s is not the file that it should be: run `make browser-runtime` again", path.name)
        return None
    return gzip.compress(content, compresslevel=6, mtime=0)
