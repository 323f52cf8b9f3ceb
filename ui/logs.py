"""The log: one line per event, as JSON or as text, without secrets and without visitors' addresses.

A line has the time (UTC), the level, the logger and the event, and where they are known

- `request_id`: the number of the request or websocket, which the response has in `X-Request-ID`;
- `visit`: a name for the visit that this process made up, the same in all its lines;
- `error_id`: the id that a visitor saw on the page when it failed;
- `exception` and `stack`: the traceback;
- `extra`: what the code added.

In JSON each event is one line. As text a traceback follows in lines that begin with spaces and a bar, so that
nothing that a visitor sends looks like an event.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.secrets.log_filter import SecretFilter, extras
from core.settings import LogFormat, LogLevel

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The number of the request that is being answered; empty outside of one."""

# Streamlit logs a failed script before it calls `on_script_error`, which logs it with the id on the screen.
_LOGGED_TWICE: Final = ("streamlit.error_util", "Uncaught app execution")
# At their debug level these log what visitors send, byte for byte.
_TALKATIVE: Final = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "uvicorn.asgi",
    "websockets",
    "python_multipart",
)
# Added by the code, and of no use to a reader.
_LEFT_OUT: Final = frozenset({"color_message", "error_id"})
# What nobody can guess opens something: a model, an upload. So long is no name that a path has otherwise.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,}")
# Visits are told apart by this for as long as the process runs, and by nothing afterwards.
_KEY: Final = secrets.token_bytes(32)


@dataclass(frozen=True)
class Event:
    """What a line says.

    Attributes:
        time: in UTC, ISO 8601 with milliseconds.
        level: of the record.
        logger: its name.
        event: the message.
        request_id: the request's number; empty if there is none.
        error_id: the id on the visitor's screen; empty if there is none.
        visit: this process's name for the visit; empty if there is none.
        exception: the traceback; empty if there is none.
        stack: the stack, if it was asked for; else empty.
        extra: what the code added.
    """

    time: str
    level: str
    logger: str
    event: str
    request_id: str = ""
    error_id: str = ""
    visit: str = ""
    exception: str = ""
    stack: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


class JsonFormatter(logging.Formatter):
    """A record, as a `SecretFilter` leaves it, as one line of JSON; what is empty is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in ASCII."""
        event = read_event(record)
        return json.dumps({name: value for name, value in vars(event).items() if value})


class TextFormatter(logging.Formatter):
    """A record, as a `SecretFilter` leaves it, as one line for people; a traceback follows, set in."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines."""
        event = read_event(record)
        ids = {
            "request_id": event.request_id,
            "error_id": event.error_id,
            "visit": event.visit,
            **event.extra,
        }
        about = " ".join(f"{name}={on_one_line(value)}" for name, value in ids.items() if value)
        first = f"{event.time} {event.level} {on_one_line(event.logger)}: {on_one_line(event.event)}"
        lines = [f"{first} [{about}]" if about else first]
        for text in (event.exception, event.stack):
            lines += [f"    | {on_one_line(line)}" for line in text.split("\n")] if text else []
        return "\n".join(lines)


class PathFilter(logging.Filter):
    """Leaves of the addresses that the web server logs only the path, and of a path no token.

    An address's query holds a visitor's inputs, and a token in a path opens that visitor's model.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Shortens the addresses among a record's arguments; always True."""
        if record.name.partition(".")[0] == "uvicorn" and isinstance(record.args, tuple):
            record.args = tuple(_path(each) if isinstance(each, str) else each for each in record.args)
        return True


class OneWay(logging.Logger):
    """A logger whose records all go to the root's handlers, whatever handlers a library gave it.

    One that reaches no handler was silenced: of it only warnings and worse are logged, as by Python itself.
    """

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Hands a record to the root's handlers."""
        if record.levelno >= logging.WARNING or self.hasHandlers():
            logging.getLogger().callHandlers(record)


def read_event(record: logging.LogRecord) -> Event:
    """What a record says, with the request and the visit that it belongs to."""
    added = {name: str(getattr(record, name)) for name in extras(record)}
    request_id, visit = _whose()
    return Event(
        time=f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
        level=record.levelname,
        logger=record.name,
        event=record.getMessage().strip(),
        request_id=request_id,
        error_id=added.get("error_id", ""),
        visit=visit,
        exception=record.exc_text or "",
        stack=record.stack_info or "",
        extra={name: value for name, value in added.items() if name not in _LEFT_OUT},
    )


def on_one_line(text: str) -> str:
    """A text whose line breaks and other signs that are not seen, or move others, are escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def visit_name(session: str) -> str:
    """This process's name for a visit: the same for the same session, and no way back to it."""
    return hmac.new(_KEY, session.encode(), "sha256").hexdigest()[:8]


def set_up(level: LogLevel, log_format: LogFormat, secrets_out: SecretFilter) -> None:
    """Sends all that this process logs, warns of and dies of to stderr, through the filter.

    Args:
        level: from which on records are logged.
        log_format: how lines look.
        secrets_out: takes secrets out of every record.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else TextFormatter())
    handler.addFilter(PathFilter())
    handler.addFilter(secrets_out)
    handler.setLevel(level.value)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value)
    # Streamlit, uvicorn and others give their loggers handlers of their own, now and later.
    logging.setLoggerClass(OneWay)
    for logger in [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]:
        if type(logger) is logging.Logger:
            logger.__class__ = OneWay
        elif not isinstance(logger, OneWay) and logger.handlers:
            logger.handlers.clear()
            logger.propagate = True
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
    logging.getLogger(_LOGGED_TWICE[0]).addFilter(lambda record: record.msg != _LOGGED_TWICE[1])
    logging.captureWarnings(capture=True)
    # Where nothing can be written, there is nowhere to say so.
    logging.raiseExceptions = False
    _log_what_is_not_caught()


def _log_what_is_not_caught() -> None:
    """By themselves these print a traceback to stderr, with all that is in it."""
    logger = logging.getLogger("uncaught")

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            logger.critical("the process ends by an exception", exc_info=(kind, error, trace))

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            name = args.thread.name if args.thread is not None else "unknown"
            logger.error("thread %s ended by an exception", name, exc_info=args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        logger.error("%s", args.err_msg or "an exception was ignored", exc_info=args.exc_value)

    sys.excepthook = main
    threading.excepthook = thread
    sys.unraisablehook = unraisable


def _whose() -> tuple[str, str]:
    """The number of the request, and the name of the visit, that the caller works for."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return REQUEST_ID.get(), ""
    try:
        # A script runs in a thread of its own; the gate left the websocket's number among its headers.
        request_id = REQUEST_ID.get() or st.context.headers.get("X-Request-ID", "")
    except Exception:  # noqa: BLE001 - a log never raises: there may be no server, as in a test of a page
        request_id = ""
    return str(request_id), visit_name(context.session_id)


def _path(text: str) -> str:
    return _TOKEN.sub("*", text.partition("?")[0])
