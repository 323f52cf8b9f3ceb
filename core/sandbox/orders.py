"""What may be asked of the sandbox: a program and its limits, checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from core.sandbox.guest import Order
from core.sandbox.result import SandboxError
from core.sandbox.wasi_files import check_files

FUEL: Final = 10_000_000_000
"""Some seconds of computing; starting the interpreter takes 0.12 thousand millions of it."""
MEMORY: Final = 128 * 2**20
SECONDS: Final = 10.0
OUTPUT: Final = 256 * 1024
"""What a program may use unless something else is said: instructions, bytes, seconds, bytes printed."""
MAX_FUEL: Final = 1_000_000_000_000
MAX_MEMORY: Final = 2**30
MAX_SECONDS: Final = 120.0
MAX_OUTPUT: Final = 4 * 2**20
MAX_CODE: Final = 2 * 2**20
"""The most that can be asked for, and the longest program in bytes."""
MAX_ARGUMENTS: Final = 64
MAX_ARGUMENT: Final = 4096
"""How many arguments a program gets, and how many characters each may have."""


def checked_order(
    code: str | bytes,
    *,
    fuel: int,
    memory_bytes: int,
    wall_seconds: float,
    output_bytes: int,
    files: Mapping[str, bytes | str] | None,
    argv: Sequence[str],
) -> Order:
    """A program and its limits, checked.

    Raises:
        SandboxError: if one of them cannot be: one line.
    """
    data = _encoded(code, "the program")
    if len(data) > MAX_CODE:
        raise SandboxError(f"The program has {len(data)} bytes; expected at most {MAX_CODE}.")
    given = _files(files or {})
    check_files(given)
    return Order(
        code=data,
        fuel=_whole(fuel, "fuel", MAX_FUEL),
        memory_bytes=_whole(memory_bytes, "memory_bytes", MAX_MEMORY),
        wall_seconds=_seconds(wall_seconds),
        output_bytes=_whole(output_bytes, "output_bytes", MAX_OUTPUT),
        files=given,
        argv=_arguments(argv),
    )


def _encoded(text: object, what: str) -> bytes:
    if isinstance(text, bytes | bytearray | memoryview):
        return bytes(text)
    if not isinstance(text, str):
        raise SandboxError(f"Got {type(text).__name__} for {what}; expected text or bytes.")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise SandboxError(
            f"Got half a surrogate pair in {what}, at character {error.start + 1}; expected text of UTF-8."
        ) from None


def _files(files: object) -> dict[str, bytes]:
    if not isinstance(files, Mapping):
        raise SandboxError(f"Got {type(files).__name__} for files; expected names and what is in them.")
    found = {}
    for name, data in files.items():
        if not isinstance(name, str):
            raise SandboxError(f"Got {type(name).__name__} for a file's name; expected text.")
        _encoded(name, "a file's name")
        found[name] = _encoded(data, "a file")
    return found


def _arguments(argv: object) -> tuple[str, ...]:
    if isinstance(argv, str | bytes) or not isinstance(argv, Sequence):
        raise SandboxError(f"Got {type(argv).__name__} for argv; expected a list of texts.")
    if len(argv) > MAX_ARGUMENTS:
        raise SandboxError(f"Got {len(argv)} arguments; expected at most {MAX_ARGUMENTS}.")
    for each in argv:
        if not isinstance(each, str) or "\0" in each or len(each) > MAX_ARGUMENT:
            raise SandboxError(
                f"Got an argument that is none; expected at most {MAX_ARGUMENT} characters without NUL."
            )
        _encoded(each, "an argument")
    return tuple(argv)


def _whole(value: object, name: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SandboxError(
            f"Got {type(value).__name__} for {name}; expected a whole number from 1 to {most}."
        )
    if not 1 <= value <= most:
        raise SandboxError(f"Got {_shown(value)} for {name}; expected a whole number from 1 to {most}.")
    return int(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SandboxError(f"Got {type(value).__name__} for wall_seconds; expected a number.")
    # What is no number is not within bounds either.
    if not 0 < value <= MAX_SECONDS:
        expected = f"expected more than 0 and at most {MAX_SECONDS:g}"
        raise SandboxError(f"Got {_shown(value)} for wall_seconds; {expected}.")
    return float(value)


def _shown(value: int | float) -> str:
    """A number in few characters: Python refuses to write the longest whole ones at all."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if abs(value) < 10**20 else "a longer number"
