"""Which language a pasted text is in."""

from __future__ import annotations

import ast
import json
import re
from typing import Final

from core.secrets.leaks.env_source import read_env
from core.secrets.leaks.leak import Language, check_size
from core.secrets.leaks.python_source import PythonSource, read_python

_LOOKED_AT: Final = 400
"""How many lines are looked at where no reader decides."""
_TABLE: Final = re.compile(
    r"^\[{1,2}[A-Za-z_][\w.\"-]*\]{1,2}[ \t]*$(?=\s+[\w.\"-]+[ \t]*=[ \t]*[^=\s])", re.MULTILINE
)
_CELLS: Final = re.compile(r'\s*\{\s*"cells"')
_APART: Final = 3
"""From one number to the next, with a sign and a space on both of its sides."""
_KEYS: Final = ('"nbformat"', '"cell_type"')
_PYTHON: Final = re.compile(
    r"\s*(?:import \w|from [\w.]+ import\b|def \w+\(|class \w+|@\w+|if .+:\s*$|for .+ in .+:\s*$|with .+:\s*$"
    r"|return\b|try:\s*$|print\(|[\w.]+ = .*\(|[%!]\w+)"
)
_PROGRAM: Final = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign,
    ast.AnnAssign, ast.Call, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Raise, ast.Assert, ast.Dict,
    ast.Match,
)  # fmt: skip


def guess(text: str) -> Language:
    """The language that a text is most likely in.

    `NAME=value` on every line is a `.env`, unless all of it is Python (quoted values, spaces around the `=`).
    JSON and TOML are text.

    Raises:
        LeakError: the text is too large, or is no text.
    """
    check_size(text)
    source = text.removeprefix("\ufeff")
    if source.lstrip()[:1] == "{" and '"cells"' in source and any(key in source for key in _KEYS):
        return Language.NOTEBOOK
    if _is_data(source):
        return Language.TEXT
    if _CELLS.match(source):
        # The start of a notebook: reading it says what is wrong with it.
        return Language.NOTEBOOK
    lines = [line for line in source.splitlines()[:_LOOKED_AT] if line.strip() and line.lstrip()[0] != "#"]
    like = sum(_PYTHON.match(line) is not None for line in lines)
    is_env = not like and _is_env(source)
    program = read_python(text)
    if is_env and not (program and _calculates(program)):
        return Language.ENV
    if program is not None:
        is_program = any(isinstance(node, _PROGRAM) for node in ast.walk(program.tree))
        return Language.PYTHON if is_program else Language.TEXT
    return Language.PYTHON if like >= 2 and 4 * like >= len(lines) else Language.TEXT


def language_of_file(name: str) -> Language | None:
    """The language that a file's name says: `.py`, `.ipynb`, `.env`, `.env.local`, `prod.env`; else None."""
    name = re.split(r"[/\\]", name)[-1].lower()
    for ending, language in ((".py", Language.PYTHON), (".ipynb", Language.NOTEBOOK), (".env", Language.ENV)):
        if name.endswith(ending):
            return language
    return Language.ENV if name.startswith(".env.") else None


def _calculates(program: PythonSource) -> bool:
    """Whether a program calculates with its own variables, or with numbers apart from their signs."""
    known: set[str] = set()
    for node in program.tree.body:
        if not isinstance(node, ast.Assign):
            continue
        for part in ast.walk(node.value):
            if not isinstance(part, ast.BinOp):
                continue
            sides = (part.left, part.right)
            names = {side.id for side in sides if isinstance(side, ast.Name)}
            numbers = all(isinstance(side, ast.Constant | ast.BinOp) for side in sides)
            apart = part.right.col_offset - (part.left.end_col_offset or 0) >= _APART
            if names & known or (numbers and apart):
                return True
        known |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return False


def _is_data(text: str) -> bool:
    """Whether it is JSON or TOML, which Python would read as well, and in which no call can stand."""
    if _TABLE.search(text):
        return True
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_env(text: str) -> bool:
    """Whether the lines give values to names, and one of them does so as no Python program would."""
    env = read_env(text)
    named = [entry for entry in env.entries if entry.name]
    rest = [entry for entry in env.entries if not entry.name and not entry.kept]
    if not named or len(named) < 4 * len(rest):
        return False
    return any(_is_shell(text[entry.start : entry.end], entry.name) for entry in named)


def _is_shell(line: str, name: str) -> bool:
    """Whether an assignment is written as in a shell: `export`, or no space around the `=`."""
    first, _, value = line.partition("=")
    if first.split()[0] == "export":
        return True
    if not first.endswith(name) or value[:1].isspace():
        return False
    # In quotes it could be either.
    return name.isupper() if value[:1] in {"'", '"'} else value[:1] not in {"(", "[", "{"}
