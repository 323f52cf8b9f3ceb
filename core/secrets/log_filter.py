"""A filter for logs: no known value and nothing that looks like a provider's key gets past it."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterable, Sequence
from typing import Final, NoReturn

from core.secrets.declared import declared_keys
from core.secrets.leaks.redact import Redactor
from core.secrets.source import Source

MAX_CHARACTERS: Final = 32_000
"""How much of one text is logged."""

# A secret that the end of what is kept cuts in two is not recognized: so much more is looked at, and dropped.
_MARGIN: Final = 8_000
# A terminal's colors mean nothing in a log, and their last letter would hide where a key begins.
_COLOR: Final = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class SecretFilter(logging.Filter):
    """Takes secrets out of a record: its message, its exception, its stack and what `extra` added.

    It changes the record, whose arguments and exception then are part of its texts, and lets every record
    pass. It never raises: what it cannot read is said to be unreadable.

    Args:
        known: values that must not be logged, whatever they look like.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        super().__init__()
        # A value of several lines may be logged line by line.
        self._redactor = Redactor({part for value in known for part in (value.strip(), *value.splitlines())})

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A SecretFilter holds secrets and cannot be pickled or copied.")

    def clean(self, text: str) -> str:
        """A text without secrets and colors, cut to `MAX_CHARACTERS`."""
        found = self._redactor.redact(_COLOR.sub(" ", text[: MAX_CHARACTERS + _MARGIN]))
        if len(text) <= MAX_CHARACTERS:
            return found
        return f"{found[: min(MAX_CHARACTERS, max(0, len(found) - _MARGIN))]}... ({len(text):,} characters)"

    def filter(self, record: logging.LogRecord) -> bool:
        """Takes the secrets out of a record; always True."""
        record.msg, record.args = self.clean(_message(record)), None
        if record.exc_info or record.exc_text:
            record.exc_text = self.clean(_exception(record))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self.clean(str(record.stack_info))
        for name in extras(record):
            setattr(record, name, self.clean(_text(getattr(record, name))))
        return True


def extras(record: logging.LogRecord) -> list[str]:
    """The names that `extra` added to a record, sorted."""
    return sorted(str(name) for name in vars(record) if name not in _USUAL)


def known_values(sources: Sequence[Source], extra: Iterable[str] = ()) -> list[str]:
    """The values that the declared keys have in any of the sources: for a `SecretFilter` and nothing else.

    Args:
        sources: where to look.
        extra: further declared names.
    """
    names = [key.name for key in declared_keys(extra)]
    found = (source.get(name) for source in sources for name in names)
    return [value for value in found if value]


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a log never raises
        place = f"{record.pathname}:{record.lineno}"
        return f"a record that could not be formatted, of {place} ({type(error).__name__})"


def _exception(record: logging.LogRecord) -> str:
    try:
        if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
            return "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        return record.exc_text or ""
    except Exception as error:  # noqa: BLE001 - a log never raises
        return f"an exception that could not be formatted ({type(error).__name__})"


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a log never raises
        return f"a value that could not be formatted ({type(error).__name__})"
