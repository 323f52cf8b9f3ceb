"""What is asked for is checked, and what is wrong is said in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.guest import Order
from core.sandbox.orders import MAX_CODE, MAX_FUEL, MAX_MEMORY, MAX_OUTPUT, MAX_SECONDS, checked_order
from core.sandbox.result import SandboxError

USUAL: dict[str, Any] = {
    "code": "print(1)", "fuel": 10, "memory_bytes": 20, "wall_seconds": 3, "output_bytes": 40, "files": None,
    "argv": (),
}  # fmt: skip


def asked(**changes: object) -> Order:
    return checked_order(**(USUAL | changes))


def test_text_becomes_utf_8_and_numbers_stay() -> None:
    order = asked(code="print('ü')", files={"a.txt": "ü", "b.bin": b"\xff"}, argv=["x", "ü"])
    assert order == Order(
        code="print('ü')".encode(),
        fuel=10,
        memory_bytes=20,
        wall_seconds=3.0,
        output_bytes=40,
        files={"a.txt": "ü".encode(), "b.bin": b"\xff"},
        argv=("x", "ü"),
    )


@pytest.mark.parametrize("code", [b"\xff\xfe\0", bytearray(b"1"), memoryview(b"1"), "", b""])
def test_bytes_are_taken_as_they_are(code: str | bytes) -> None:
    assert asked(code=code).code == (code.encode() if isinstance(code, str) else bytes(code))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": 1}, "Got int for the program; expected text or bytes."),
        ({"code": None}, "Got NoneType for the program; expected text or bytes."),
        (
            {"code": "a\ud800"},
            "Got half a surrogate pair in the program, at character 2; expected text of UTF-8.",
        ),
        (
            {"code": "x" * (MAX_CODE + 1)},
            f"The program has {MAX_CODE + 1} bytes; expected at most {MAX_CODE}.",
        ),
        ({"fuel": 0}, f"Got 0 for fuel; expected a whole number from 1 to {MAX_FUEL}."),
        ({"fuel": -1}, f"Got -1 for fuel; expected a whole number from 1 to {MAX_FUEL}."),
        ({"fuel": True}, f"Got bool for fuel; expected a whole number from 1 to {MAX_FUEL}."),
        ({"fuel": 1.5}, f"Got float for fuel; expected a whole number from 1 to {MAX_FUEL}."),
        (
            {"memory_bytes": 10**5000},
            f"Got a longer number for memory_bytes; expected a whole number from 1 to {MAX_MEMORY}.",
        ),
        ({"output_bytes": "9"}, f"Got str for output_bytes; expected a whole number from 1 to {MAX_OUTPUT}."),
        ({"wall_seconds": 0}, f"Got 0 for wall_seconds; expected more than 0 and at most {MAX_SECONDS:g}."),
        (
            {"wall_seconds": float("nan")},
            f"Got nan for wall_seconds; expected more than 0 and at most {MAX_SECONDS:g}.",
        ),
        (
            {"wall_seconds": float("inf")},
            f"Got inf for wall_seconds; expected more than 0 and at most {MAX_SECONDS:g}.",
        ),
        (
            {"wall_seconds": 10**400},
            f"Got a longer number for wall_seconds; expected more than 0 and at most {MAX_SECONDS:g}.",
        ),
        ({"wall_seconds": "1"}, "Got str for wall_seconds; expected a number."),
        ({"files": [("a", b"")]}, "Got list for files; expected names and what is in them."),
        ({"files": {1: b""}}, "Got int for a file's name; expected text."),
        ({"files": {"a": 1}}, "Got int for a file; expected text or bytes."),
        ({"argv": "abc"}, "Got str for argv; expected a list of texts."),
        ({"argv": None}, "Got NoneType for argv; expected a list of texts."),
        ({"argv": ["a"] * 65}, "Got 65 arguments; expected at most 64."),
        ({"argv": ["a\0b"]}, "Got an argument that is none; expected at most 4096 characters without NUL."),
        ({"argv": [b"a"]}, "Got an argument that is none; expected at most 4096 characters without NUL."),
        (
            {"argv": ["a" * 4097]},
            "Got an argument that is none; expected at most 4096 characters without NUL.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(SandboxError) as caught:
        asked(**change)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "files",
    [{"../up": b""}, {"": b""}, {"a\0b": b""}, {"big": b"x" * (2**25)}, {str(n): b"" for n in range(10_000)}],
    ids=["..", "empty", "NUL", "too large", "too many"],
)
def test_files_that_cannot_be_given_are_refused_before_anything_starts(files: dict[str, bytes]) -> None:
    with pytest.raises(SandboxError) as caught:
        asked(files=files)
    assert "\n" not in str(caught.value)


@given(st.dictionaries(st.sampled_from(list(USUAL)), st.none() | st.integers() | st.text() | st.floats()))
def test_whatever_is_asked_for_is_an_order_or_one_line(changes: dict[str, object]) -> None:
    said = ""
    try:
        asked(**changes)
    except SandboxError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 300
