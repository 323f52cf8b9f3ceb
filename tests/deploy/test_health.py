import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from deploy import health


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/_stcore/health"
            self.send_response(status if known else 404)
            self.end_headers()
            self.wfile.write(body if known else b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections, and says nothing that HTTP knows."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)

        def serve() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    server.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_server_that_says_ok_is_well() -> None:
    with answering(200, b"ok") as port:
        assert health.main([], {"PORT": str(port)}) == 0


@pytest.mark.parametrize(("status", "body"), [(503, b"ok"), (200, b"unavailable"), (200, b""), (404, b"ok")])
def test_any_other_answer_is_not(status: int, body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(status, body) as port:
        assert health.main([], {"PORT": str(port)}) == 1
    assert capsys.readouterr().err == f"port {port}: /_stcore/health answered {status}, expected 200 and ok\n"


def test_no_server_and_no_http_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    with silent_port() as port:
        assert health.main([], {"PORT": str(port)}) == 1
    assert health.main([], {"PORT": str(closed_port())}) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_port_that_accepts_connections_is_well_where_only_that_is_asked() -> None:
    with silent_port() as port:
        assert health.main(["tcp", str(port)], {}) == 0
    assert health.main(["tcp", str(closed_port())], {}) == 1


@pytest.mark.parametrize("arguments", [["tcp"], ["http", "80"], ["tcp", "80", "81"]])
def test_other_arguments_are_refused(arguments: list[str]) -> None:
    assert health.main(arguments, {}) == 2


def test_a_wrong_port_is_not_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main([], {"PORT": "none"}) == 1
    assert health.main(["tcp", "none"], {}) == 1
    assert capsys.readouterr().err.count("expected a number from 1 to 65535") == 2
