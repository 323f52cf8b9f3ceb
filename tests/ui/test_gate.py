"""The gate: numbers, hosts and metrics, for requests and websockets."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import streamlit as st
from hypothesis import given, strategies
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.settings import Mode, Settings
from ui.gate import HEADER, Gate, is_allowed, is_origin_allowed
from ui.logs import REQUEST_ID

NUMBER = re.compile("[0-9a-f]{32}")
TOKEN = "t0ken-" * 4


def show(request: Request) -> Response:
    return PlainTextResponse(
        f"{request.headers[HEADER]} {len(request.headers.getlist(HEADER))} {REQUEST_ID.get()}"
    )


def crash(_request: Request) -> Response:
    raise RuntimeError("bait")


def plain(_request: Request) -> Response:
    return PlainTextResponse("behind")


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(f"{websocket.headers[HEADER]} {REQUEST_ID.get()}")
    await websocket.close()


async def refusing_socket(websocket: WebSocket) -> None:
    await websocket.send_denial_response(PlainTextResponse("no", 403))


def client(
    *,
    near: bool = False,
    base: str = "",
    raises: bool = False,
    root: str = "",
    **chosen: Any,  # noqa: ANN401
) -> TestClient:
    routes = [
        Route("/", show),
        Route("/crash", crash),
        WebSocketRoute("/socket", socket),
        WebSocketRoute("/refused", refusing_socket),
        *(
            Route(f"{base}/_stcore/{name}", plain, methods=["GET", "OPTIONS"])
            for name in ("health", "metrics")
        ),
    ]
    settings = Settings(**{"mode": Mode.HOSTED, **chosen})
    app = Starlette(routes=routes, middleware=[Middleware(Gate, settings=settings)])
    address = ("127.0.0.1", 5) if near else ("203.0.113.7", 5)
    return TestClient(
        app, "http://school.example", raise_server_exceptions=raises, root_path=root, client=address
    )


def test_every_request_has_a_number_of_its_own_that_the_app_and_the_log_know() -> None:
    numbers = set()
    for _ in range(20):
        answer = client().get("/")
        number, count, logged = answer.text.split()
        assert NUMBER.fullmatch(number)
        assert number == logged == answer.headers[HEADER]
        assert count == "1"
        numbers.add(number)
    assert len(numbers) == 20


@pytest.mark.parametrize("name", ["X-Request-ID", "x-request-id", "X-REQUEST-Id"])
def test_a_number_that_comes_with_a_request_is_not_trusted(name: str) -> None:
    answer = client().get("/", headers=[(name, "forged"), (name, "twice")])
    assert "forged" not in answer.text + str(answer.headers)
    assert answer.text.split()[1] == "1"


def test_a_websocket_has_one_too() -> None:
    with client().websocket_connect("/socket", headers={HEADER: "forged"}) as websocket:
        number, logged = websocket.receive_text().split()
        accepted: dict[bytes, bytes] = dict(vars(websocket)["extra_headers"])
    assert NUMBER.fullmatch(number)
    assert number == logged == accepted[HEADER.lower().encode()].decode()


def test_and_one_that_the_app_refuses() -> None:
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/refused"):
        pass


def test_an_answer_to_a_crash_holds_the_number_and_nothing_of_the_crash() -> None:
    answer = client().get("/crash")
    assert answer.status_code == 500
    number = answer.headers[HEADER]
    assert answer.text == f"Internal Server Error. If you report it, give the id {number}."


def test_a_crash_still_reaches_the_server_which_logs_it() -> None:
    with pytest.raises(RuntimeError, match="bait"):
        client(raises=True).get("/crash")


@pytest.mark.parametrize(
    "host",
    [
        "school.example",
        "SCHOOL.example:8501",
        "school.example.",
        "a.lab.example",
        "a.b.lab.example:1",
        "[::1]:8501",
        "10.0.0.1",
    ],
)
def test_the_hosts_that_are_allowed(host: str) -> None:
    hosts = ("school.example", "*.lab.example", "[::1]", "10.0.0.1")
    assert client(allowed_hosts=hosts).get("/", headers={"Host": host}).status_code == 200
    with client(allowed_hosts=hosts).websocket_connect("/socket", headers={"Host": host}) as websocket:
        assert websocket.receive_text()


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "school.example.evil.example",
        "evil-school.example",
        "xschool.example",
        "lab.example",
        ".lab.example",
        "evillab.example",
        "evil.example:school.example",
        "evil.example#school.example",
        "user@school.example",
        "school.example:port",
        "school.example:",
        "school.example/..",
        "school.example, evil.example",
        "*.lab.example",
    ],
)
def test_the_hosts_that_are_not(host: str) -> None:
    hosts = ("school.example", "*.lab.example")
    answer = client(allowed_hosts=hosts).get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert (
        answer.text
        == "This server does not answer under this host name: use the address that its operator gave."
    )
    assert NUMBER.fullmatch(answer.headers[HEADER])
    with (
        pytest.raises(WebSocketDisconnect) as caught,
        client(allowed_hosts=hosts).websocket_connect("/socket", headers={"Host": host}),
    ):
        pass
    assert caught.value.code == 1008


@pytest.mark.parametrize(
    "origin",
    ["http://school.example", "https://school.example", "http://localhost:8501", "http://127.0.0.1:1"],
)
def test_a_websocket_opened_by_one_of_the_apps_own_pages(origin: str) -> None:
    headers = {"Origin": origin, "Host": "school.example"}
    with client().websocket_connect("/socket", headers=headers) as websocket:
        assert websocket.receive_text()


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://school.example:8501",
        "http://school.example.evil.example",
        "http://localhost.evil.example",
        "http://[evil",
    ],
)
def test_and_by_somebody_elses(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask_outside() -> None:
        raise AssertionError

    monkeypatch.setattr("streamlit.net_util.get_external_ip", ask_outside)
    with (
        pytest.raises(WebSocketDisconnect) as caught,
        client().websocket_connect("/socket", headers={"Origin": origin, "Host": "school.example"}),
    ):
        pass
    assert caught.value.code == 1008
    real = st.get_option
    told = {"server.corsAllowedOrigins": ["http://evil.example"]}
    monkeypatch.setattr(st, "get_option", lambda name: told.get(name, real(name)))
    if origin == "http://evil.example":
        with client().websocket_connect("/socket", headers={"Origin": origin}) as websocket:
            assert websocket.receive_text()


def test_two_origins_are_none() -> None:
    host, mine, other = (
        (b"host", b"a.example"),
        (b"origin", b"http://a.example"),
        (b"Origin", b"http://b.example"),
    )
    assert is_origin_allowed([host, mine])
    assert not is_origin_allowed([host, mine, other])
    assert not is_origin_allowed([host, (b"host", b"b.example"), mine])


@pytest.mark.parametrize("headers", [[], [(b"host", b"school.example"), (b"host", b"school.example")]])
def test_a_request_has_exactly_one_host(headers: list[tuple[bytes, bytes]]) -> None:
    assert not is_allowed(headers, ("school.example",))
    assert is_allowed(headers, ())


@given(strategies.binary(max_size=40))
def test_no_other_bytes_pass_for_the_host(value: bytes) -> None:
    same = value.decode("latin-1").lower().partition(":")[0].removesuffix(".") == "school.example"
    assert is_allowed([(b"host", value)], ("school.example",)) <= same


def test_without_a_list_any_host_will_do() -> None:
    assert client().get("/", headers={"Host": "anything.example"}).status_code == 200


def test_a_health_check_is_answered_under_any_host() -> None:
    asked = client(allowed_hosts=("school.example",))
    assert asked.get("/_stcore/health", headers={"Host": "127.0.0.1:8501"}).text == "behind"
    for path in ("/x/_stcore/health", "/_stcore/health/", "/_stcore/healthy"):
        assert asked.get(path, headers={"Host": "127.0.0.1"}, follow_redirects=False).status_code == 400


def test_and_under_a_base_path(monkeypatch: pytest.MonkeyPatch) -> None:
    real = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "/app/" if name == "server.baseUrlPath" else real(name)
    )
    asked = client(base="/app", allowed_hosts=("school.example",))
    assert asked.get("/app/_stcore/health", headers={"Host": "localhost"}).text == "behind"
    assert asked.get("/_stcore/health", headers={"Host": "localhost"}).status_code == 400
    assert asked.get("/app/_stcore/metrics").status_code == 404


def bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer("wrong"),
        bearer(TOKEN[:-1]),
        bearer(f"{TOKEN}x"),
        bearer(TOKEN.upper()),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
        [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")],
    ],
)
def test_metrics_are_not_there_for_strangers(headers: Any) -> None:  # noqa: ANN401 - what the client takes
    for path in ("/_stcore/metrics", "/_stcore/metrics?families=active_sessions"):
        answer = client(metrics_token=TOKEN).get(path, headers=headers)
        assert (answer.status_code, answer.text) == (404, "Not Found")


def test_metrics_for_who_has_the_token() -> None:
    asked = client(metrics_token=TOKEN)
    assert asked.get("/_stcore/metrics", headers=bearer(TOKEN)).text == "behind"
    assert asked.get("/_stcore/metrics", headers={"Authorization": f"bearer  {TOKEN}"}).text == "behind"


def test_metrics_for_nobody_where_no_token_is_set_even_from_this_machine() -> None:
    for headers in ({}, bearer("")):
        assert client(near=True).get("/_stcore/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/metrics/",
        "/_stcore/metrics%0A",
        "/_stcore%2Fmetrics",
        "/x/_stcore/metrics",
    ],
)
def test_no_way_around(method: str, path: str) -> None:
    answer = client().request(method, path, follow_redirects=False)
    assert answer.status_code == 404
    assert "behind" not in answer.text


def test_nor_below_a_root_path() -> None:
    assert client(root="/below").get("/below/_stcore/metrics").status_code == 404
    assert client(root="/below").get("/_stcore/metrics").status_code == 404


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.8.8", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.168.1.4", 404),
        ("::ffff:192.168.1.4", 404),
        ("testclient", 404),
    ],
)
def test_in_local_mode_this_machine_reads_the_metrics(address: str, status: int) -> None:
    asked = client(mode=Mode.LOCAL)
    asked = TestClient(asked.app, client=(address, 5))
    assert asked.get("/_stcore/metrics").status_code == status


def test_in_local_mode_others_need_the_token() -> None:
    asked = client(mode=Mode.LOCAL, metrics_token=TOKEN)
    assert asked.get("/_stcore/metrics").status_code == 404
    assert asked.get("/_stcore/metrics", headers=bearer(TOKEN)).status_code == 200
