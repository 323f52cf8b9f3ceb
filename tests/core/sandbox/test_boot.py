"""What the guest tells is untrusted; how it is started is not up to the visitor."""

from hypothesis import given
from hypothesis import strategies as st

from core.sandbox import inside
from core.sandbox.boot import BOOT, arguments, told, unpack_arguments
from core.sandbox.result import GuestError
from core.sandbox.wasi_files import ERROR, LIBRARY, MAX_ERROR, PROGRAM


def test_what_was_told_is_read() -> None:
    data = "ValueError\0no\nvalue\0003\0007\0x = é"
    assert told(data.encode()) == GuestError("ValueError", "no\nvalue", 3, 7, "x = é")
    assert told(b"E\0\0\0\0") == GuestError("E", "", None, None, "")


@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(st.text(max_size=12), max_size=7).map(lambda f: "\0".join(f).encode("utf-8", "replace")),
    )
)
def test_anything_else_is_nothing_or_has_the_form(data: bytes) -> None:
    error = told(data)
    if error is not None:
        assert data.count(b"\0") == 4
        assert error.kind
        assert error.line is None or 0 < error.line < 10**9
        assert error.column is None or 0 < error.column < 10**9
        assert len(error.text.splitlines()) <= 1


def test_numbers_are_numbers() -> None:
    for number in ("-1", "0", "01", "1.5", "1e3", "\u0661", " 1", "9" * 10, "x"):
        assert told(f"E\0m\0{number}\0\0".encode()) is None
        assert told(f"E\0m\0\0{number}\0".encode()) is None


def test_every_field_is_bounded() -> None:
    error = told("\0".join(["K" * 10_000, "m" * 10_000, "1", "1", "t" * 10_000]).encode())
    assert error is not None
    assert (len(error.kind), len(error.message), len(error.text)) == (200, 2_000, 500)


def test_the_kind_is_one_line() -> None:
    error = told(b"A\nB\r\n<b>\0\0\0\0")
    assert error is not None
    assert error.kind == "A B <b>"


def test_the_interpreter_is_isolated_and_the_visitors_arguments_come_after_the_program() -> None:
    line = arguments(("-c", "print(1)", "--help"))
    program = line.index(PROGRAM.encode())
    assert line[0] == b"python"
    assert {b"-I", b"-S", b"-B"} <= set(line[:program])
    assert line[program + 1 :] == (b"-c", b"print(1)", b"--help")
    assert b"-c" in unpack_arguments()


def test_the_bootstrap_has_the_hosts_names() -> None:
    assert inside.PROGRAM == PROGRAM
    assert f"/{ERROR}" == inside.ERROR
    assert f"/{LIBRARY}/" == inside.LIBRARY
    assert inside.SEPARATOR == "\0"
    # What it tells fits where it writes it, however many bytes a character has.
    assert MAX_ERROR > 4 * (200 + 2_000 + 500) + 100
    assert inside.__doc__ is not None
    assert inside.__doc__ in BOOT
