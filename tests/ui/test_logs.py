"""The log's lines: one per event, whatever is in it; and all of a process's lines go the same way."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.log_filter import SecretFilter
from ui import logs
from ui.logs import REQUEST_ID, JsonFormatter, OneWay, PathFilter, TextFormatter, on_one_line, visit_name

ROOT = Path(__file__).parent.parent.parent
START = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+: ")


def record(
    message: str, *args: object, name: str = "page", level: int = logging.INFO, **more: object
) -> logging.LogRecord:
    made = logging.LogRecord(name, level, "file.py", 7, message, args, None)
    vars(made).update(more)
    SecretFilter().filter(made)
    return made


def failing(text: str) -> logging.LogRecord:
    try:
        raise ValueError(text)
    except ValueError:
        return record("failed", exc_info=sys.exc_info(), level=logging.ERROR)


def test_a_line_of_json_says_when_what_and_where() -> None:
    line = JsonFormatter().format(record("%d of %d", 1, 2, created=1_790_000_000.0, msecs=42.9))
    assert json.loads(line) == {
        "time": "2026-09-21T14:13:20.042Z",
        "level": "INFO",
        "logger": "page",
        "event": "1 of 2",
    }


def test_a_line_of_text_says_the_same() -> None:
    line = TextFormatter().format(record("%d of %d", 1, 2, created=1_790_000_000.0, msecs=42.9))
    assert line == "2026-09-21T14:13:20.042Z INFO page: 1 of 2"


def test_ids_and_what_the_code_adds_are_fields() -> None:
    made = record("script error", error_id="0011aabb", batch=8, color_message="colored")
    token = REQUEST_ID.set("c" * 32)
    try:
        line, text = json.loads(JsonFormatter().format(made)), TextFormatter().format(made)
    finally:
        REQUEST_ID.reset(token)
    assert line["request_id"] == "c" * 32
    assert line["error_id"] == "0011aabb"
    assert line["extra"] == {"batch": "8"}
    assert text.endswith(f": script error [request_id={'c' * 32} error_id=0011aabb batch=8]")


def test_a_traceback_is_one_field_or_lines_that_are_set_in() -> None:
    made = failing("first\nsecond")
    assert json.loads(JsonFormatter().format(made))["exception"].endswith("\nValueError: first\nsecond")
    first, *others = TextFormatter().format(made).split("\n")
    assert START.match(first)
    assert others[0] == "    | Traceback (most recent call last):"
    assert others[-2:] == ["    | ValueError: first", "    | second"]


@given(st.text(), st.text(), st.text())
def test_one_event_is_one_line_whatever_is_in_it(message: str, extra: str, error: str) -> None:
    made = failing(error)
    made.msg = message
    vars(made)["more"] = extra
    line = JsonFormatter().format(made)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert (
        json.loads(line)["event"] == message.strip() if message.strip() else "event" not in json.loads(line)
    )
    first, *others = TextFormatter().format(made).splitlines()
    assert START.match(first)
    assert all(other.startswith("    | ") for other in others)
    assert all(each.isprintable() for each in (first, *others))


def test_nothing_that_a_visitor_sends_looks_like_a_line() -> None:
    forged = "x\r\n2026-01-01T00:00:00.000Z ERROR app: forged\u2028\x1b[2K\u202e"
    lines = TextFormatter().format(failing(forged)).splitlines()
    assert len([line for line in lines if START.match(line)]) == 1
    assert on_one_line(forged) == r"x\r\n2026-01-01T00:00:00.000Z ERROR app: forged\u2028\x1b[2K\u202e"
    assert on_one_line("Grüße, 你好 😀") == "Grüße, 你好 😀"


@pytest.mark.parametrize(
    ("logged", "left"),
    [
        ("/hooks?key=sk-123&x=1", "/hooks"),
        ("/?", "/"),
        ("/netron/data/kJ8hG2_fD5sA9-qW1eR3tY6u.onnx", "/netron/data/*.onnx"),
        ("/_stcore/upload_file/0f8fad5b-d9cb-469f-a165-70867728950e/a1", "/_stcore/upload_file/*/a1"),
        ("/static/js/index.CbYgKuZN.js", "/static/js/index.CbYgKuZN.js"),
    ],
)
def test_of_an_address_only_the_path_is_logged_and_no_token(logged: str, left: str) -> None:
    made = logging.LogRecord(
        "uvicorn.access", 20, "", 0, '%s - "%s %s HTTP/%s" %d', ("1.2.3.4:5", "GET", logged, "1.1", 200), None
    )
    assert PathFilter().filter(made)
    assert made.getMessage() == f'1.2.3.4:5 - "GET {left} HTTP/1.1" 200'


def test_only_the_web_servers_lines_are_shortened() -> None:
    made = logging.LogRecord("page", 20, "", 0, "why %s", ("so? because",), None)
    PathFilter().filter(made)
    assert made.getMessage() == "why so? because"


def test_a_visits_name_is_no_part_of_its_session_and_changes_with_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = "0f8fad5b-d9cb-469f-a165-70867728950e"
    name = visit_name(session)
    assert re.fullmatch("[0-9a-f]{8}", name)
    assert name == visit_name(session) != visit_name(session[:-1])
    assert name not in session
    monkeypatch.setattr(logs, "_KEY", b"of another process")
    assert name != visit_name(session)


def test_of_a_silenced_logger_only_warnings_are_heard() -> None:
    logger = OneWay("silenced", logging.INFO)
    logger.propagate = False
    root = logging.getLogger()
    seen: list[logging.LogRecord] = []
    handler = logging.NullHandler()
    handler.handle = seen.append  # type: ignore[assignment]
    root.addHandler(handler)
    try:
        logger.info("nobody hears this")
        logger.warning("but this")
        logger.addHandler(logging.NullHandler())
        logger.info("and this")
    finally:
        root.removeHandler(handler)
    assert [each.getMessage() for each in seen] == ["but this", "and this"]


# What a server's process is made of, with libraries that bring handlers of their own before and after.
PROCESS = """
import logging, logging.config, sys, threading, warnings
import streamlit.logger, uvicorn.config

early = logging.getLogger("early")
early.addHandler(logging.StreamHandler(sys.stdout))
early.propagate = False
before = streamlit.logger.get_logger("streamlit.before")
logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
logging.getLogger("websockets").setLevel(logging.DEBUG)
silent = logging.getLogger("silent")
silent.propagate = False

from core.secrets.log_filter import SecretFilter
from core.settings import LogFormat, LogLevel
from ui import logs

CANARY = "-".join(["kx8R2vWq", "planted", "9Zt4Ye"])
logs.set_up(LogLevel(sys.argv[2]), LogFormat(sys.argv[1]), SecretFilter([CANARY]))

streamlit.logger.update_formatter()
logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG)
late = logging.getLogger("late")
late.addHandler(logging.StreamHandler(sys.stdout))
late.propagate = False
for name in ("early", "late", "streamlit.before", "uvicorn.error", "root.child"):
    logging.getLogger(name).warning("%s says %s", name, CANARY)
streamlit.logger.get_logger("streamlit.after").warning("after %s", CANARY)
access = logging.getLogger("uvicorn.access")
access.info('%s - "%s %s HTTP/%s" %d', "a:1", "GET", f"/p?k={CANARY}", "1.1", 200)
logging.getLogger("websockets.server").debug("< TEXT what a visitor planted")
logging.getLogger("streamlit.error_util").error("Uncaught app execution", exc_info=ValueError(CANARY))
logging.warning("at the root %s", CANARY)
silent.info("silent")
warnings.warn(f"careful {CANARY}")

def fail():
    raise ValueError(CANARY)

thread = threading.Thread(target=fail, name="worker")
thread.start()
thread.join()

class Unraisable:
    def __del__(self):
        raise KeyError(CANARY)

Unraisable()
logging.getLogger("page").error("%d", CANARY)
fail()
"""
SAYS = [
    ("early", "early says"),
    ("late", "late says"),
    ("streamlit.before", "streamlit.before says"),
    ("uvicorn.error", "uvicorn.error says"),
    ("root.child", "root.child says"),
    ("streamlit.after", "after"),
    ("uvicorn.access", 'a:1 - "GET /p HTTP/1.1" 200'),
    ("root", "at the root"),
    ("py.warnings", "<string>:"),
    ("uncaught", "thread worker ended by an exception"),
    ("uncaught", "an exception was ignored"),
    ("page", "a record that could not be formatted"),
    ("uncaught", "the process ends by an exception"),
]


def run(log_format: str, level: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROCESS, log_format, level]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "planted" not in ended.stderr
    return ended


def test_all_of_a_process_goes_one_way_and_through_the_filter() -> None:
    lines = [json.loads(line) for line in run("json", "INFO").stderr.splitlines()]
    assert len(lines) == len(SAYS), lines
    for line, (logger, event) in zip(lines, SAYS, strict=True):
        assert (line["logger"], line["event"][: len(event)]) == (logger, event)
    assert [line["exception"].splitlines()[-1][:10] for line in lines if "exception" in line] == [
        "ValueError",
        "KeyError: ",
        "ValueError",
    ]


def test_as_text_too_and_with_all_details() -> None:
    text = run("text", "DEBUG").stderr.splitlines()
    assert not [line for line in text if not START.match(line) and not line.startswith("    | ")]
    starts = [line for line in text if START.match(line)]
    assert len([line for line in starts if " DEBUG " not in line]) == len(SAYS)


def test_the_level_holds_for_every_logger() -> None:
    lines = [json.loads(line) for line in run("json", "ERROR").stderr.splitlines()]
    assert {line["level"] for line in lines} == {"ERROR", "CRITICAL"}
    assert [line["logger"] for line in lines] == ["uncaught", "uncaught", "page", "uncaught"]
