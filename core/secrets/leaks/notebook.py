"""A notebook's JSON: its cells' sources, what they printed, and all the other text in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from core.secrets.leaks.leak import LeakError
from core.secrets.leaks.passage import Passage, Role, Run

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None

_ADVICE: Final = "paste the whole .ipynb file as a text editor shows it"
_ANSI: Final = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
# Pictures and sound in base64; SVG is text.
_BINARY: Final = re.compile(r"(?:image/(?!svg)|video/|audio/|application/pdf|application/octet-stream)")


@dataclass(frozen=True)
class Slot:
    """A text in a notebook's JSON.

    Attributes:
        holder: the object or list that it is in.
        key: under which key or number.
        text: the text; lists of lines are joined.
        cell: its cell's number from 1; None outside of cells.
        output: its output's number from 0; None outside of outputs.
        code: whether it is the source of a code cell.
        source: whether it is the source of any cell.
    """

    holder: dict[str, Any] | list[Any] = field(repr=False)
    key: str | int
    text: str = field(repr=False)
    cell: int | None
    output: int | None = None
    code: bool = False
    source: bool = False

    def put(self, text: str) -> None:
        """Writes another text in its place, as lines if it was lines."""
        holder = cast("dict[str | int, Any]", self.holder)
        is_lines = isinstance(holder[self.key], list)
        holder[self.key] = text.splitlines(keepends=True) if is_lines else text


def parse(text: str) -> dict[str, Any]:
    """A notebook's JSON.

    Raises:
        LeakError: it is no JSON, or no notebook of format 4; nothing of it is quoted.
    """
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise LeakError(
            f"Got text that is not JSON (line {error.lineno}, column {error.colno}), expected a notebook: "
            f"{_ADVICE}."
        ) from None
    except RecursionError:
        raise LeakError(f"Got JSON that is nested too deep, expected a notebook: {_ADVICE}.") from None
    except ValueError:  # a number of thousands of digits
        raise LeakError(f"Got JSON with a number that is too long, expected a notebook: {_ADVICE}.") from None
    if isinstance(document, dict) and isinstance(document.get("worksheets"), list):
        raise LeakError(
            "Got a notebook of format 3 or older, expected format 4: open it in Jupyter and save it again."
        )
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise LeakError(f"Got JSON without a list of cells, expected a notebook: {_ADVICE}.")
    return document


def is_python(document: dict[str, Any]) -> bool:
    """Whether its code cells are Python, which is so unless it says otherwise."""
    metadata = document.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    for group, key in (("language_info", "name"), ("kernelspec", "language")):
        part = known.get(group)
        name = part.get(key) if isinstance(part, dict) else None
        if isinstance(name, str) and name:
            return name.lower() in {"python", "ipython", "python3"}
    return True


def slots(document: dict[str, Any]) -> Iterator[Slot]:
    """All texts of a notebook, a cell's source before its outputs."""
    for number, cell in enumerate(document["cells"], 1):
        if not isinstance(cell, dict):
            yield from _texts(document["cells"], number - 1, number)
            continue
        source = cell.get("source")
        if source is not None and _is_text(source):
            is_code = cell.get("cell_type") == "code"
            yield Slot(cell, "source", _joined(source), number, code=is_code, source=True)
        outputs = cell.get("outputs")
        for index, _ in enumerate(outputs if isinstance(outputs, list) else ()):
            yield from _texts(cell["outputs"], index, number, index)
        done = {"source"} if _is_text(source) else set()
        done |= {"outputs"} if isinstance(outputs, list) else set()
        for key in [key for key in cell if key not in done]:
            yield from _texts(cell, key, number)
    for key in [key for key in document if key != "cells"]:
        yield from _texts(document, key, None)


def _texts(
    holder: dict[str, Any] | list[Any], key: str | int, cell: int | None, output: int | None = None
) -> Iterator[Slot]:
    """The texts of a part of the JSON, however deep."""
    stack = [(holder, key)]
    while stack:
        holder, key = stack.pop()
        value = cast("dict[str | int, Any]", holder)[key]
        if isinstance(key, str) and _BINARY.match(key):
            continue
        if _is_whole(value, key):
            # A traceback's lines have no ends of their own.
            joiner = "\n" if key == "traceback" else ""
            yield Slot(holder, key, _joined(value, joiner), cell, output)
        elif isinstance(value, dict):
            stack += [(value, each) for each in reversed(list(value))]
        elif isinstance(value, list):
            stack += [(value, each) for each in reversed(range(len(value)))]


def _is_whole(value: object, key: str | int) -> bool:
    """Whether a value is one text: a string, or the lines of what nbformat calls a multi-line string."""
    if isinstance(value, str):
        return True
    lines = isinstance(key, str) and (key in {"text", "traceback"} or "/" in key)
    return lines and _is_text(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(line, str) for line in value)
    )


def _joined(value: str | list[str], joiner: str = "") -> str:
    return value if isinstance(value, str) else joiner.join(value)


def printed(slot: Slot) -> Passage:
    """A text as a passage, without the colors of a terminal; what is no source is named by its key."""
    text = slot.text
    parts, runs, at, position = [], [], 0, 0
    for start, end in [*(match.span() for match in _ANSI.finditer(text)), (len(text), len(text))]:
        if start > position:
            parts.append(text[position:start])
            runs.append(Run(at, start - position, position, start - position))
            at += start - position
        position = end
    runs = runs or [Run(0, 0, 0, 0)]
    name = str(slot.key) if not slot.source else ""
    return Passage("".join(parts), tuple(runs), Role.TEXT, name, whole=not slot.source)


def change(document: dict[str, Any], changed: Callable[[str], str]) -> None:
    """Changes every string of a notebook, and every key, in its place."""
    stack: list[dict[str, Any] | list[Any]] = [document]
    while stack:
        holder = stack.pop()
        items = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
        stack += [value for _, value in items if isinstance(value, dict | list)]
        values = [changed(value) if isinstance(value, str) else value for _, value in items]
        if isinstance(holder, list):
            holder[:] = values
            continue
        holder.clear()
        holder.update(zip((changed(str(key)) for key, _ in items), values, strict=True))


def dump(document: dict[str, Any]) -> str:
    """The JSON of a notebook as Jupyter writes it."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can say
        text = json.dumps(document, indent=1) + "\n"
    return text
