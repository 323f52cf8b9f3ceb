"""The security headers, on every kind of response."""

import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from ui import security

EVERY = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
}


def plain(_request: Request) -> Response:
    return PlainTextResponse("ok", headers={"Referrer-Policy": "unsafe-url"})


def stream(_request: Request) -> Response:
    return StreamingResponse(iter([b"a", b"b"]))


def crash(_request: Request) -> Response:
    raise RuntimeError("bait")


def crash_late(_request: Request) -> Response:
    def body() -> object:
        yield b"a"
        raise RuntimeError("bait")

    return StreamingResponse(body())  # type: ignore[arg-type]


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(*ancestors: str) -> TestClient:
    routes = [
        Route("/plain", plain),
        Route("/stream", stream),
        Route("/crash", crash),
        Route("/crash-late", crash_late),
        WebSocketRoute("/socket", socket),
    ]
    middleware = [Middleware(security.SecurityHeaders, frame_ancestors=ancestors or ("'self'",))]
    return TestClient(Starlette(routes=routes, middleware=middleware), raise_server_exceptions=False)


def policy(*ancestors: str) -> dict[str, set[str]]:
    directives = security.content_security_policy(ancestors or ("'self'",)).split("; ")
    return {name: set(sources) for name, *sources in map(str.split, directives)}


@pytest.mark.parametrize(
    ("path", "status"), [("/plain", 200), ("/stream", 200), ("/nowhere", 404), ("/crash", 500)]
)
def test_every_response_has_every_header(path: str, status: int) -> None:
    response = client().get(path)
    assert response.status_code == status
    assert set(response.headers) >= EVERY
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_route_cannot_weaken_a_header() -> None:
    assert client().get("/plain").headers.get_list("referrer-policy") == ["same-origin"]


def test_a_crash_tells_nothing_and_still_reaches_the_server() -> None:
    assert client().get("/crash").text == "Internal Server Error"
    with pytest.raises(RuntimeError, match="bait"):
        TestClient(client().app).get("/crash")


def test_a_crash_after_the_start_sends_no_second_response() -> None:
    with pytest.raises(RuntimeError, match="bait"):
        TestClient(client().app).get("/crash-late")


def test_websockets_pass() -> None:
    with client().websocket_connect("/socket") as websocket:
        assert websocket.receive_text() == "hello"


@pytest.mark.parametrize(
    ("ancestors", "legacy"),
    [
        (("'self'",), "SAMEORIGIN"),
        (("'none'",), "DENY"),
        (("'self'", "https://school.example"), None),
    ],
)
def test_both_frame_headers_say_the_same(ancestors: tuple[str, ...], legacy: str | None) -> None:
    headers = client(*ancestors).get("/plain").headers
    assert headers["content-security-policy"].endswith(f"frame-ancestors {' '.join(ancestors)}")
    assert headers.get("x-frame-options") == legacy


@pytest.mark.parametrize(
    ("ancestors", "expected"),
    [
        (("'none'",), "frame-ancestors 'self'"),
        (("https://school.example",), "frame-ancestors 'self' https://school.example"),
        (("'self'",), "frame-ancestors 'self'"),
    ],
)
def test_the_app_may_always_frame_its_own_netron(ancestors: tuple[str, ...], expected: str) -> None:
    app = Starlette(
        routes=[Route("/netron/", plain), Route("/plain", plain)],
        middleware=[Middleware(security.SecurityHeaders, frame_ancestors=ancestors)],
    )
    netron = TestClient(app).get("/netron/").headers
    assert netron["content-security-policy"].endswith(expected)
    assert netron.get("x-frame-options", "SAMEORIGIN") == "SAMEORIGIN"
    other = TestClient(app).get("/plain").headers["content-security-policy"]
    assert other.endswith(f"frame-ancestors {' '.join(ancestors)}")


def test_no_outside_origin_and_no_code_from_text() -> None:
    allowed = {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'", "'wasm-unsafe-eval'"}
    for name, sources in policy().items():
        assert {source for source in sources if not source.startswith("'sha256-")} <= allowed, name
    assert "'unsafe-inline'" not in policy()["script-src"]
    assert "data:" not in policy()["script-src"]
    assert policy()["default-src"] == policy()["object-src"] == policy()["base-uri"] == {"'none'"}
    assert policy()["connect-src"] == {"'self'"}


def test_the_one_inline_script_of_streamlits_page_is_allowed_by_its_hash() -> None:
    # Computed by a browser: Chromium names this hash when it refuses the script of Streamlit 1.67.
    assert "'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='" in policy()["script-src"]


def test_permissions_grant_nothing() -> None:
    value = client().get("/plain").headers["permissions-policy"]
    assert re.fullmatch(r"[a-z-]+=\(\)(, [a-z-]+=\(\))*", value)
