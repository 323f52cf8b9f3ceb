"""Exceptions: what the library pickles is data only, and what it gives is what was pickled."""

from __future__ import annotations

import builtins
import decimal
import json
import pathlib
import pickle

import numpy as np
import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.rules.test_standard_types import dumps
from tests.core.pickles.unpicklers import call, name, program, text

ARGUMENTS = {
    UnicodeDecodeError: ("utf-8", b"ab", 1, 2, "odd"),
    UnicodeEncodeError: ("ascii", "a\xe9", 1, 2, "odd"),
    UnicodeTranslateError: ("ab", 0, 1, "odd"),
    BaseExceptionGroup: ("several", [KeyboardInterrupt(1)]),
    ExceptionGroup: ("several", [ValueError("a"), ExceptionGroup("inner", [KeyError(1)])]),
}
BUILT_IN = sorted(
    {
        value
        for value in vars(builtins).values()
        if isinstance(value, type) and issubclass(value, BaseException)
    },
    key=lambda kind: kind.__name__,
)


def with_attributes() -> BaseException:
    error = ValueError("a")
    error.add_note("seen at noon")
    error.context = {"epoch": 3}  # type: ignore[attr-defined]  # what is tested: attributes are pickled
    return error


OTHERS: list[BaseException] = [
    with_attributes(),
    OSError(2, "no such file", "a", None, "b"),
    OSError(2, "no such file", pathlib.PurePosixPath("a")),
    ImportError("a", name="n", path="p"),
    SyntaxError("odd", ("f", 1, 2, "text", 1, 3)),
    KeyError(("a", [1])),
    RuntimeError(ValueError("inner")),
    json.JSONDecodeError("odd", "{", 1),
    decimal.InvalidOperation("a"),
    np.linalg.LinAlgError("singular"),
    np.exceptions.AxisError(3, 2),
]


def same(left: BaseException, right: BaseException) -> bool:
    """Whether two exceptions say the same: exceptions themselves are only equal to themselves."""
    return repr(left) == repr(right) and repr(vars(left)) == repr(vars(right)) and type(left) is type(right)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.__name__)
def test_every_built_in_exception_is_data_only(kind: type[BaseException], protocol: int) -> None:
    place = ("a", ("file", 1, 2, "text"))
    error = kind(*ARGUMENTS.get(kind, place if issubclass(kind, SyntaxError) else ("a", 1)))
    stream = dumps(error, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    loaded = pickle.loads(stream)  # noqa: S301 - written three lines above
    # Below protocol 3 some are written as the ones that Python 2 has.
    assert type(loaded) is kind or (protocol < 3 and issubclass(kind, type(loaded)))
    assert repr(loaded.args) == repr(error.args)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_an_exception_with_more_in_it_is_data_only(error: BaseException, protocol: int) -> None:
    stream = dumps(error, protocol)
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert same(pickle.loads(stream), error)  # noqa: S301 - written two lines above


@pytest.mark.parametrize("old", ["IOError", "StandardError", "ValueError", "EnvironmentError"])
def test_an_exception_that_python_2_wrote_is_data_only(old: str) -> None:
    assert run(call("exceptions", old, text("a")) + program("STOP")).verdict is Verdict.DATA_ONLY


def state(*pairs: bytes) -> bytes:
    return call("builtins", "ValueError", text("a")) + program("MARK", *pairs, "DICT", "BUILD")


A_FUNCTION = name("_codecs", "encode")
DECODING = ("builtins", "UnicodeDecodeError")
UNSAFE = {
    "a function for an argument": call("builtins", "ValueError", A_FUNCTION),
    "a function for a file": call("builtins", "OSError", program("BININT1", 2), text("a"), A_FUNCTION),
    "a method that is a function": state(text("with_traceback"), A_FUNCTION),
    "a method that is a value": state(text("add_note"), program("NONE")),
    "an attribute that is a function": state(text("handler"), A_FUNCTION),
    "another class": state(text("__class__"), name("builtins", "KeyError")),
    "a cause": state(text("__cause__"), program("NONE")),
    "notes that are no texts": state(text("__notes__"), program("MARK", A_FUNCTION, "LIST")),
    "arguments that are no tuple": state(text("args"), program("EMPTY_LIST")),
    "a state that is no dict": call("builtins", "ValueError") + program("EMPTY_LIST", "BUILD"),
    "a group of what are no exceptions": call(
        "builtins", "ExceptionGroup", text("a"), program("MARK", A_FUNCTION, "LIST")
    ),
    "a group of nothing": call("builtins", "ExceptionGroup", text("a"), program("EMPTY_LIST")),
    "a place before the text": call(
        *DECODING,
        text("utf-8"),
        program("SHORT_BINBYTES", 1, b"a"),
        program("BININT", b"\xff" * 4),
        program("BININT1", 1),
        text("odd"),
    ),
    "a place behind the text": call(
        *DECODING,
        text("utf-8"),
        program("SHORT_BINBYTES", 1, b"a"),
        program("BININT1", 0),
        program("BININT1", 9),
        text("odd"),
    ),
    "a place that is set afterwards": call(
        *DECODING,
        text("utf-8"),
        program("SHORT_BINBYTES", 1, b"a"),
        program("BININT1", 0),
        program("BININT1", 1),
        text("odd"),
    )
    + program("MARK", text("start"), "BININT", b"\xff" * 4, "DICT", "BUILD"),
    "an exception made without its class's init": name("builtins", "ValueError")
    + program("EMPTY_TUPLE", "NEWOBJ"),
    "an item set in an exception": call("builtins", "ValueError") + program("NONE", "NONE", "SETITEM"),
    "a decoder's error of anything": call(
        "json.decoder", "JSONDecodeError", A_FUNCTION, A_FUNCTION, A_FUNCTION
    ),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_what_else_an_exception_could_be_used_for_needs_trust(stream: bytes) -> None:
    assert run(program("PROTO", 4) + stream + program("STOP")).verdict is Verdict.NEEDS_TRUST


def test_a_call_of_an_exception_is_dangerous() -> None:
    stream = call("builtins", "ValueError", text("a")) + program("EMPTY_TUPLE", "REDUCE", "STOP")
    assert run(stream).verdict is Verdict.DANGEROUS
