"""The standard library's exceptions on the allow-list: made and never raised, with arguments that are data.

An exception's state is set attribute by attribute, so one could be given in the place of a method that
whoever catches it calls: an attribute may only be a plain value, and not stand for a method.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import INT, NONE, TEXT, attributes, made_by
from core.pickles.rules.rule import Check, Kind, Rule, either, takes
from core.pickles.value import Called, Value, is_plain

_FROM_OS: Final = (
    "OSError", "IOError", "EnvironmentError", "BlockingIOError", "BrokenPipeError", "ChildProcessError",
    "ConnectionAbortedError", "ConnectionError", "ConnectionRefusedError", "ConnectionResetError",
    "FileExistsError", "FileNotFoundError", "InterruptedError", "IsADirectoryError", "NotADirectoryError",
    "PermissionError", "ProcessLookupError", "TimeoutError",
)  # fmt: skip
_BUILT_IN: Final = (
    "BaseException", "Exception", "ArithmeticError", "AssertionError", "AttributeError", "BufferError",
    "EOFError", "FloatingPointError", "GeneratorExit", "ImportError", "IndentationError", "IndexError",
    "KeyError", "KeyboardInterrupt", "LookupError", "MemoryError", "ModuleNotFoundError", "NameError",
    "NotImplementedError", "OverflowError", "PythonFinalizationError", "RecursionError", "ReferenceError",
    "RuntimeError", "StopAsyncIteration", "StopIteration", "SyntaxError", "SystemError", "SystemExit",
    "TabError", "TypeError", "UnboundLocalError", "UnicodeError", "ValueError", "ZeroDivisionError",
    "Warning", "BytesWarning", "DeprecationWarning", "EncodingWarning", "FutureWarning", "ImportWarning",
    "PendingDeprecationWarning", "ResourceWarning", "RuntimeWarning", "SyntaxWarning", "UnicodeWarning",
    "UserWarning",
)  # fmt: skip
_UNICODE: Final = ("UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError")
_GROUPS: Final = ("BaseExceptionGroup", "ExceptionGroup")
_DECIMAL: Final = (
    "Clamped", "ConversionSyntax", "DecimalException", "DivisionByZero", "DivisionImpossible",
    "DivisionUndefined", "FloatOperation", "Inexact", "InvalidContext", "InvalidOperation", "Overflow",
    "Rounded", "Subnormal", "Underflow",
)  # fmt: skip
_NAMES: Final = frozenset({
    *(f"builtins.{name}" for name in (*_FROM_OS, *_BUILT_IN, *_UNICODE, *_GROUPS)),
    *(f"decimal.{name}" for name in _DECIMAL),
    "json.decoder.JSONDecodeError", "numpy.exceptions.AxisError", "numpy.linalg.LinAlgError",
    "numpy.linalg.linalg.LinAlgError",
})  # fmt: skip
_WITH_PLACES: Final = frozenset(f"builtins.{name}" for name in _UNICODE)
_METHODS: Final = frozenset({"with_traceback", "add_note", "split", "subgroup", "derive"})
_PLACES: Final = frozenset({"encoding", "object", "start", "end", "reason"})
"""Attributes of errors about a text, which their arguments set: Python reads the text at these places."""
_NOTES: Final = "__notes__"
_PATHS: Final = frozenset(
    f"{module}.{name}"
    for module in ("pathlib", "pathlib._local")
    for name in ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath", "WindowsPath")
)

_EXCEPTIONS: Final = Kind(
    "a list of exceptions",
    lambda value: (
        isinstance(value, tuple | list) and bool(value) and all(made_by(one, _NAMES) for one in value)
    ),
)


def _plain(args: tuple[Value, ...]) -> str:
    fits = all(is_plain(part) or made_by(part, _NAMES) for part in args)
    return "" if fits else "an argument that is no plain value"


def _of_system(args: tuple[Value, ...]) -> str:
    """An error number, a text and up to two files."""
    fits = all(is_plain(part) or made_by(part, _PATHS) for part in args)
    return "" if fits else "an argument that is neither a plain value nor a path"


def _within(*kinds: Kind) -> Check:
    """The arguments of an error about a text, of which the places lie in the text: Python reads it there."""
    least = takes(*kinds)

    def check(args: tuple[Value, ...]) -> str:
        problem = least(args)
        if problem:
            return problem
        subject, start, end = args[-4], args[-3], args[-2]
        assert isinstance(start, int)
        assert isinstance(end, int)
        length = len(subject) if isinstance(subject, str | bytes) else 0
        return "" if 0 <= start < end <= length else "places that do not lie in the text"

    return check


def _state(target: Called, state: Value) -> str:
    """What is wrong with an exception's attributes."""
    if type(state) is not dict:
        return "a state that is no dict"
    notes = state.get(_NOTES, [])
    if not isinstance(notes, list) or not all(type(note) is str for note in notes):
        return "notes that are no list of texts"
    rest = {name: value for name, value in state.items() if name != _NOTES}
    problem = attributes(target, rest)
    if problem:
        return problem
    if not _METHODS.isdisjoint(rest):
        return "an attribute in the place of a method"
    if target.full in _WITH_PLACES and not _PLACES.isdisjoint(rest):
        return "other places in the text than it was made with"
    if not all(is_plain(value) for value in rest.values()):
        return "an attribute that is no plain value"
    return "" if type(rest.get("args", ())) is tuple else "arguments that are no tuple"


def _rules() -> dict[str, Rule]:
    checks: dict[str, Check] = {f"builtins.{name}": _plain for name in _BUILT_IN}
    checks |= {f"builtins.{name}": _of_system for name in _FROM_OS}
    checks |= {f"builtins.{name}": takes(TEXT, _EXCEPTIONS) for name in _GROUPS}
    checks |= {f"decimal.{name}": _plain for name in _DECIMAL}
    bytes_here = Kind("bytes", lambda value: type(value) is bytes)
    checks["builtins.UnicodeDecodeError"] = _within(TEXT, bytes_here, INT, INT, TEXT)
    checks["builtins.UnicodeEncodeError"] = _within(TEXT, TEXT, INT, INT, TEXT)
    checks["builtins.UnicodeTranslateError"] = _within(TEXT, INT, INT, TEXT)
    checks["json.decoder.JSONDecodeError"] = takes(TEXT, TEXT, INT)
    axis = takes(INT, NONE | INT, NONE | TEXT, least=2)
    checks["numpy.exceptions.AxisError"] = either(takes(TEXT), axis)
    for module in ("numpy.linalg", "numpy.linalg.linalg"):
        checks[f"{module}.LinAlgError"] = _plain
    return {full: Rule(check, state=_state) for full, check in checks.items()}


EXCEPTIONS: Final = MappingProxyType(_rules())
"""Rules by full name."""
