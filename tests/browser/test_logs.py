"""What the real server logs: no canary in any spelling, and lines that all parse."""

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, quote_plus
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed

from tests.browser.protocol import visit
from tests.browser.server import serve
from tests.browser.test_house import copy_of_the_app

# Logs whatever it gets, in every way that Python has.
PAGE = """
import base64, json, logging, os, threading, urllib.parse, warnings
from pathlib import Path
import streamlit as st
from dotenv import dotenv_values

log = logging.getLogger("page")
value = st.text_input("A key", key="given")
found = {**os.environ, **dotenv_values(Path(__file__).with_name(".env"))}
planted = [found[name] for name in ("OPENAI_API_KEY", "MY_KEY", "HF_TOKEN", "UTH_METRICS_TOKEN")]
planted.append(st.secrets["PINECONE_API_KEY"])

class Odd:
    def __str__(self):
        raise ValueError(value)

log.info("configured in the app's folder: %s", not st.get_option("browser.gatherUsageStats"))
if value:
    for each in (value, st.query_params["q"], *planted):
        log.warning("got %s", each)
        log.info("spelled %s", urllib.parse.quote(each, safe=""))
        log.info("spelled %s", base64.b64encode(b"user:" + each.encode()).decode())
        log.info("spelled " + json.dumps({"key": each}))
        log.info("with more", extra={"found": {"key": each}}, stack_info=True)
        logging.getLogger("streamlit.of.a.page").error("streamlit %s", each)
        warnings.warn(f"careful {each}")
        try:
            {}[each]
        except KeyError:
            log.exception("no %(name)s", {"name": each})
        log.error("%d", each)
        log.error("%s", Odd())

        def fail(each=each):
            raise RuntimeError(each)

        thread = threading.Thread(target=fail, name=f"thread {each}")
        thread.start()
        thread.join()
    log.warning("first\\n2026-01-01T00:00:00.000Z ERROR page: forged\\u2028\\x1b[31m" + value)
    raise ValueError(f"cannot use {value} and {planted}")
"""


@pytest.fixture(scope="module")
def canaries() -> dict[str, str]:
    """A fake value for each place that a secret can be in."""
    alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

    def some(count: int) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(count))

    return {
        "OPENAI_API_KEY": f"sk-{'proj'}-{some(48)}",
        "MY_KEY": f"{some(8)}/+ &\\{some(8)}",
        "HF_TOKEN": f"hf_{some(34)}",
        "UTH_METRICS_TOKEN": some(32),
        "PINECONE_API_KEY": f"pcsk_{some(60)}",
        "visitor": f"ghp_{some(36)}",
        "query": f"sk-{'ant'}-api03-{some(93)}AA",
        "header": f"AIza{some(35)}",
    }


def spellings(value: str) -> set[str]:
    """How a value may stand in a text."""
    raw = value.encode()
    # Inside a longer text base64 begins at one of three places; what depends on the neighbors is left out.
    encoded = {base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)}
    return {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(json.dumps(value)[1:-1])[1:-1],
        repr(value)[1:-1],
        raw.hex(),
        *encoded,
        *(each.replace("+", "-").replace("/", "_") for each in encoded),
    }


def assert_clean(log: str, canaries: dict[str, str]) -> None:
    for name, value in canaries.items():
        assert not [spelled for spelled in spellings(value) if spelled in log], name


def plant(folder: Path, canaries: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """The app with a page that logs secrets, and the secrets; its script and its environment."""
    script = copy_of_the_app(folder, PAGE)
    lines = [f"{name}={canaries[name]}" for name in ("HF_TOKEN", "UTH_METRICS_TOKEN")]
    (folder / ".env").write_text("\n".join([*lines, "UTH_SECRET_KEYS=MY_KEY"]))
    (folder / ".streamlit/secrets.toml").write_text(f'PINECONE_API_KEY = "{canaries["PINECONE_API_KEY"]}"')
    chosen = {name: canaries[name] for name in ("OPENAI_API_KEY", "MY_KEY")}
    return script, {
        **chosen,
        "UTH_REQUIRED_KEYS": "OPENAI_API_KEY",
        "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true",
    }


def knock(url: str, canaries: dict[str, str]) -> list[str]:
    """Visits the page and every kind of address with canaries; the ids of errors that were shown."""
    query = f"q={canaries['query']}"
    headers = {
        "Authorization": f"Bearer {canaries['header']}",
        "X-Request-ID": canaries["header"],
        "User-Agent": canaries["header"],
        "Cookie": f"uth_visitor={canaries['header'][:32]}; other={canaries['header']}",
    }
    with visit(url, query, headers) as open_:
        open_.run()
        shown = open_.run(given=canaries["visitor"])
        for value in canaries.values():
            assert value not in shown
        open_.send(b"\xff" + canaries["visitor"].encode())
        with pytest.raises(ConnectionClosed):
            open_.run()
    for path in (
        "",
        "hooks",
        "nowhere",
        "_stcore/metrics",
        "_stcore/missing",
        "netron/data/a.onnx",
        canaries["query"],
    ):
        asked = Request(f"{url}/{path}?{query}", headers=headers)
        try:
            with urlopen(asked) as response:
                response.read()
        except HTTPError as error:
            error.close()
    with (
        pytest.raises(Exception, match=r"40[03]"),
        visit(url, query, {**headers, "Origin": "https://evil.example"}),
    ):
        pass
    return re.findall(r"give the id `([0-9a-f]{8})`", shown)


def test_no_secret_is_in_the_log_of_a_hosted_server_and_every_line_parses(
    tmp_path: Path, canaries: dict[str, str]
) -> None:
    script, environment = plant(tmp_path / "app", canaries)
    with serve(tmp_path, script, {**environment, "UTH_MODE": "hosted"}) as server:
        ids = knock(server.url, canaries)
    log = server.log.read_text()
    assert_clean(log, canaries)
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"time", "level", "logger", "event"} <= set.intersection(*(set(line) for line in lines))
    # The error on the screen, in one line with its traceback, the visit and the request.
    (failed,) = [line for line in lines if line.get("error_id") in ids]
    assert failed["event"] == f"script error {failed['error_id']}"
    assert "ValueError: cannot use" in failed["exception"]
    assert re.fullmatch("[0-9a-f]{32}", failed["request_id"])
    of_the_visit = [line for line in lines if line.get("visit") == failed["visit"]]
    assert {line["request_id"] for line in of_the_visit} == {failed["request_id"]}
    said = [line["event"] for line in of_the_visit]
    assert len([text for text in said if text.startswith("got ")]) == 7
    assert any("could not be formatted" in text for text in said)
    # What a visitor sends makes no line of its own.
    assert not [line for line in lines if line["event"].startswith("forged")]
    loggers = {line["logger"] for line in lines}
    assert {"app", "page", "py.warnings", "uncaught", "streamlit.of.a.page"} <= loggers
    assert "Uncaught app execution" not in log
    # A page of somebody else's makes Streamlit ask outside for this machine's address, if it gets that far.
    assert "external IP" not in log


@contextmanager
def uvicorn(folder: Path, environment: dict[str, str], *options: str) -> Iterator[tuple[str, Path]]:
    """`uvicorn app:app` from another folder; its address and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    log = folder.parent / "uvicorn.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("UTH_", "STREAMLIT_"))}
    clean |= {
        "HOME": str(elsewhere),
        "TMPDIR": str(elsewhere),
        "UTH_MEASURE_AT_START": "false",
        **environment,
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "app:app",
        "--app-dir",
        str(folder),
        "--port",
        str(port),
        *options,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=elsewhere, env=clean, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/_stcore/health"):
                    break
            except (URLError, ConnectionError):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(20)


def test_nor_in_the_log_of_uvicorn_with_paths_and_as_text(tmp_path: Path, canaries: dict[str, str]) -> None:
    script, environment = plant(tmp_path / "app", canaries)
    chosen = {**environment, "UTH_MODE": "hosted", "UTH_LOG_FORMAT": "text", "UTH_LOG_LEVEL": "DEBUG"}
    with uvicorn(script.parent, chosen, "--log-level", "debug") as (url, log):
        (error_id,) = knock(url, canaries)
    text = log.read_text()
    assert_clean(text, canaries)
    lines = text.splitlines()
    starts = re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+: |    \| "
    )
    # Before the app is imported, uvicorn has nothing to say but that.
    assert not [line for line in lines if not starts.match(line) and "Using selector" not in line]
    assert not [line for line in lines if starts.match(line) and "page: forged" in line[:60]]
    # With the paths, and nothing of what the addresses ask for.
    assert [line for line in lines if "uvicorn.access: " in line and "GET /hooks HTTP/1.1" in line]
    assert [
        line
        for line in lines
        if "uvicorn.error: " in line and '"WebSocket /_stcore/stream" [accepted]' in line
    ]
    assert "q=" not in text
    assert "configured in the app's folder: True" in text
    assert f"error_id={error_id}" in text


def test_a_request_that_crashes_is_found_by_the_number_in_its_answer(tmp_path: Path) -> None:
    script = copy_of_the_app(tmp_path / "app", "import streamlit")
    text = script.read_text()
    route = '        Route("/crash/{what}", _crash),\n        *index_page.routes('
    assert "        *index_page.routes(" in text
    text = text.replace("        *index_page.routes(", route)
    crash = 'from starlette.routing import Route\n\n\ndef _crash(_request):\n    raise OSError("bait")\n\n\n'
    script.write_text(text.replace("_LOGGER: Final", f"{crash}_LOGGER: Final", 1))
    with serve(tmp_path, script, {"UTH_MODE": "hosted"}) as server:
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/crash/here?secret=1")
        body = caught.value.read().decode()
        number = caught.value.headers["X-Request-ID"]
    assert body == f"Internal Server Error. If you report it, give the id {number}."
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (found,) = [line for line in lines if line.get("request_id") == number]
    assert found["exception"].endswith("OSError: bait")
    assert found["event"] == "Exception in ASGI application"
    assert "secret=1" not in server.log.read_text()
