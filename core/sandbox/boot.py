"""How the interpreter in the sandbox is started, and what its bootstrap tells at the end.

A visitor's program is run by the interpreter itself, as `python program.py`, so nothing of ours is on its
stack. The bootstrap (`inside`) only goes first: it is imported because a `-W` option names it, the one hook
that comes before the program and costs nothing; `site` would take a third as long as all the rest. It arrives
as bytecode, because to call `compile` once takes longer still.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from core.sandbox.result import GuestError
from core.sandbox.wasi_files import PROGRAM, REPORT

BOOT: Final = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
"""The bootstrap's text."""

UNPACK: Final = f"""
import marshal
from _frozen_importlib_external import MAGIC_NUMBER

with open("/usr/local/lib/python312.zip", "rb") as file:
    library = file.read()
code = MAGIC_NUMBER + bytes(12) + marshal.dumps(compile({BOOT!r}, "/lib/_boot.py", "exec", optimize=2))
with open("/{REPORT}", "wb") as file:
    file.write(len(code).to_bytes(4, "little") + code + library)
"""
"""Runs once per worker: hands over the bootstrap as bytecode, and the standard library as it is."""

_FLAGS: Final = ("-I", "-S", "-B", "-X", "utf8")
"""Isolated, no `site`, no bytecode written, UTF-8 without an environment that says so."""
_FIELDS: Final = 5
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}")


def arguments(argv: tuple[str, ...]) -> tuple[bytes, ...]:
    """The interpreter's command line for a visitor's program.

    Args:
        argv: `sys.argv` behind the program's name; no text may have a NUL.
    """
    line = ("python", *_FLAGS, "-W", "ignore::_boot.Boot", PROGRAM, *argv)
    return tuple(text.encode(errors="replace") for text in line)


def unpack_arguments() -> tuple[bytes, ...]:
    """The interpreter's command line for `UNPACK`."""
    return tuple(text.encode() for text in ("python", *_FLAGS, "-c", UNPACK))


def told(data: bytes) -> GuestError | None:
    """The exception that the bootstrap told about.

    Args:
        data: what came. The visitor's program could have written it, so anything that is not exactly of the
            form is nothing, and every field is bounded.
    """
    fields = data.decode(errors="replace").split("\0")
    if len(fields) != _FIELDS:
        return None
    kind, message, line, column, text = fields
    if not kind or any(number and not _NUMBER.fullmatch(number) for number in (line, column)):
        return None
    return GuestError(
        kind=" ".join(kind.split())[:200],
        message=message[:2_000],
        line=int(line) if line else None,
        column=int(column) if column else None,
        text=text.splitlines()[0][:500] if text.strip() else "",
    )
