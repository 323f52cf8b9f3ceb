"""Where values come from: the process environment, `.env` and Streamlit's secrets.

A `Source` answers by name and gives nothing else away.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn

MAX_FILE_BYTES: Final = 2**20
"""How large a file of secrets may be."""
_MAX_DEPTH: Final = 20
# A file that is a pipe would otherwise hold the reader until somebody writes; Windows has no such files.
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
# tomllib ends its message with the place; what stands before may quote the file.
_TOML_PLACE: Final = re.compile(r"\(at line (\d{1,9}), column \d{1,9}\)\Z")


class SourceKind(StrEnum):
    """Where a value comes from."""

    PROCESS = "process environment"
    DOTENV = ".env"
    STREAMLIT = "st.secrets"

    @property
    def phrase(self) -> str:
        """Its name within a sentence: `the process environment`."""
        return f"the {self}" if self is SourceKind.PROCESS else str(self)


class SourceError(ValueError):
    """A source that cannot be read: one line that quotes nothing of it."""


class Source:
    """Values by name, from one place.

    It shows its kind and how many names it has, and is neither iterated over, pickled nor copied.

    Args:
        kind: the place.
        values: the values by name; None for a name that stands there without one.
    """

    __slots__ = ("_kind", "_values")

    def __init__(self, kind: SourceKind, values: Mapping[str, str | None]) -> None:
        self._kind = kind
        self._values = dict(values)

    @property
    def kind(self) -> SourceKind:
        """The place."""
        return self._kind

    def get(self, name: str) -> str | None:
        """The value; None if there is none."""
        return self._values.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> NoReturn:
        raise TypeError("a Source is asked by name, not iterated over")

    def __repr__(self) -> str:
        return f"<Source {self._kind}: {len(self._values)} names>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Source is neither pickled nor copied: its values would go with it")


def process_source(names: Iterable[str], environ: Mapping[str, str] | None = None) -> Source:
    """The variables of these names, and of no others, as they are now.

    Args:
        names: the declared names.
        environ: the environment; by default this process's.
    """
    environ = os.environ if environ is None else environ
    return Source(SourceKind.PROCESS, {name: environ[name] for name in names if name in environ})


def dotenv_source(path: Path) -> Source:
    """What the `.env` file at `path` holds now, without expanding anything; nothing if it does not exist.

    Raises:
        SourceError: it cannot be read, or is not a `.env` file (then an `EnvTextError`, which is one).
    """
    # It makes the Source of a text, so it imports this module.
    from core.secrets.env_text import read_env_text

    data = _read(path)
    return Source(SourceKind.DOTENV, {}) if data is None else read_env_text(data).source


def streamlit_source(paths: Iterable[Path]) -> Source:
    """What Streamlit's `secrets.toml` files hold now; a later file wins over an earlier one.

    The files are read here and not through `st.secrets`, which would copy them into the process environment.
    A value inside a table has the table's name before it: `openai.key`. Lists and dates are left out.

    Raises:
        SourceError: a file cannot be read, or is not TOML.
    """
    tables: dict[str, Any] = {}
    for path in paths:
        data = _read(path)
        if data is not None:
            tables |= _toml(data, path.name)
    values: dict[str, str | None] = {}
    _flatten(tables, "", values, 0)
    return Source(SourceKind.STREAMLIT, values)


def without_copies(process: Source, streamlit: Source) -> Source:
    """The process environment without what Streamlit put there: it copies the top level of its secrets."""
    values = process._values.items()
    return Source(process.kind, {name: value for name, value in values if streamlit.get(name) != value})


def _read(path: Path) -> bytes | None:
    """The bytes of a file, None if there is no such file."""
    problem, data = "", b""
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        problem = error.strerror or "it cannot be opened"
    else:
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    data = file.read(MAX_FILE_BYTES + 1)
            else:
                problem = "it is not a file"
        except OSError as error:
            problem = error.strerror or "it cannot be read"
        finally:
            os.close(descriptor)
    if problem:
        raise SourceError(
            f"{path.name}: cannot be read ({problem}); expected a text file that the app may read"
        )
    if len(data) > MAX_FILE_BYTES:
        raise SourceError(
            f"{path.name}: got more than {MAX_FILE_BYTES // 2**20} MiB, expected a small text file"
        )
    return data


def _toml(data: bytes, name: str) -> dict[str, Any]:
    problem, tables = "", {}
    try:
        tables = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        problem = "is not UTF-8: save it as UTF-8"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _TOML_PLACE.search(str(error))
        problem = f'is not TOML{f" in line {place[1]}" if place else ""}: expected lines like NAME = "value"'
    # Raised out here so that it carries no error that holds the file's text.
    if problem:
        raise SourceError(f"{name} {problem}")
    return tables


def _flatten(table: Mapping[str, Any], before: str, values: dict[str, str | None], depth: int) -> None:
    for name, value in table.items():
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            _flatten(value, f"{before}{name}.", values, depth + 1)
        elif isinstance(value, str | int | float):
            values[f"{before}{name}"] = str(value)
