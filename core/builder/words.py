"""Numbers and shapes of a chain in words, and how much memory it may take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

FLOAT32: Final = 4  # bytes
MAX_PARAMETER_BYTES: Final = 16 * 2**20
MAX_ACTIVATION_BYTES: Final = 4 * 2**20

Shape: TypeAlias = tuple[int, ...]
Value: TypeAlias = int | float | bool


def check_memory(numbers: int, limit: int, what: str, fewer: str, error: Callable[[str], Exception]) -> None:
    """Raises what `error` makes of a line if so many float32 numbers take more bytes than the limit."""
    size = numbers * FLOAT32
    if size > limit:
        wanted, most = memory_words(size), memory_words(limit)
        taken = wanted if wanted != most else f"slightly more than {most}"
        raise error(f"{what} would take {taken}; the limit here is {most}. Use {fewer}.")


def memory_words(size: int) -> str:
    """A number of bytes such as `16.0 MiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
    power = (size.bit_length() - 1) // 10
    return f"{size / 1024**power:.1f} {units[power]}" if power < len(units) else "more than 1024 YiB"


def shown(value: Value) -> str:
    """A value as it is written; of a huge number, how it begins."""
    return repr(value) if isinstance(value, float) else cut(repr(value), 20)


def cut(text: str, limit: int) -> str:
    """A text of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def quoted(text: str) -> str:
    """A visitor's text in quotes, without characters that do not print."""
    return cut(ascii(text), 60)


def dims(shape: Iterable[int | str]) -> str:
    """A shape with its batch: `(N, 8)`."""
    return f"({', '.join(['N', *(s if isinstance(s, str) else shown(s) for s in shape)])})"
