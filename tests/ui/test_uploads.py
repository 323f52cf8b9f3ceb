"""Uploads: one visit, and all of them, may have so many files here; nobody else is kept from giving one."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.limits import Limits
from ui import uploads
from ui.uploads import UploadBounds

LIMITS = Limits(max_exports_per_visitor=2, max_upload_mb=1, max_model_bytes=4 * 2**20)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, int]]:
    """What Streamlit keeps: sizes, per visit and file."""
    found: dict[str, dict[str, int]] = {}
    monkeypatch.setattr(uploads, "_kept", lambda: found)
    return found


def client(kept: dict[str, dict[str, int]]) -> TestClient:
    async def put(request: Request) -> Response:
        mine = kept.setdefault(request.path_params["visit"], {})
        mine[request.path_params["file"]] = len(await request.body())
        return Response(status_code=204)

    async def delete(request: Request) -> Response:
        kept[request.path_params["visit"]].pop(request.path_params["file"])
        return Response(status_code=204)

    path = "/_stcore/upload_file/{visit}/{file}"
    app = Starlette(routes=[Route(path, put, methods=["PUT"]), Route(path, delete, methods=["DELETE"])])
    return TestClient(UploadBounds(app, LIMITS))


def put(http: TestClient, visit: str, file: str, size: int = 10) -> Any:  # noqa: ANN401 - the client's response
    return http.put(f"/_stcore/upload_file/{visit}/{file}", content=bytes(size))


def test_a_visit_has_so_many_files_and_another_visit_its_own(kept: dict[str, dict[str, int]]) -> None:
    http = client(kept)
    assert [put(http, "a", name).status_code for name in ("1", "2", "3")] == [204, 204, 429]
    assert put(http, "b", "1").status_code == 204
    refused = put(http, "a", "3")
    assert refused.text == "You have 2 files here, and may have 2: take one back first."
    # The same file again takes no second place; one that is taken back makes room.
    assert put(http, "a", "2").status_code == 204
    assert http.delete("/_stcore/upload_file/a/1").status_code == 204
    assert put(http, "a", "3").status_code == 204


def test_all_together_fill_so_much(kept: dict[str, dict[str, int]]) -> None:
    http = client(kept)
    kept["x"] = {"1": 3 * 2**20 + 1}
    refused = put(http, "a", "1")
    assert refused.status_code == 429
    assert (
        refused.text
        == "Busy: visitors' files fill the room that there is for them; try again in some minutes."
    )
    kept["x"] = {"1": 3 * 2**20}
    assert put(http, "a", "1").status_code == 204


def test_what_is_on_its_way_counts(kept: dict[str, dict[str, int]]) -> None:
    bounds = UploadBounds(Starlette(), LIMITS)
    bounds._coming["a"] = 2
    assert "2 files" in bounds._problem("a", "9")
    assert bounds._problem("b", "1") == ""
    bounds._coming["c"] = 2
    assert bounds._problem("b", "1").startswith("Busy:")
    assert kept == {}


def test_what_came_to_nothing_is_no_longer_on_its_way(kept: dict[str, dict[str, int]]) -> None:
    async def fails(request: Request) -> Response:
        raise RuntimeError("no")

    route = Route("/_stcore/upload_file/{visit}/{file}", fails, methods=["PUT"])
    bounds = UploadBounds(Starlette(routes=[route]), LIMITS)
    http = TestClient(bounds, raise_server_exceptions=False)
    assert put(http, "a", "1").status_code == 500
    assert not bounds._coming
    assert kept == {}


def test_nothing_else_is_looked_at(kept: dict[str, dict[str, int]]) -> None:
    kept["a"] = {"1": 2**30, "2": 1, "3": 1}
    http = client(kept)
    assert http.get("/_stcore/upload_file/a/1").status_code == 405
    assert http.put("/elsewhere/a/1").status_code == 404


def test_without_a_server_nothing_is_kept() -> None:
    assert uploads._kept() == {}
