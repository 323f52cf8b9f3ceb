"""Code in a link: what goes in comes out, and nothing hostile unpacks."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.contracts.shared_code import MAX_BYTES, MAX_LETTERS, SharedCodeError, code_complaint, pack, unpack


def letters_of(data: bytes) -> str:
    """Bytes as the letters of a link, by the standard's own words."""
    return base64.b64encode(data, altchars=b"-_").decode().rstrip("=")


@given(st.text(max_size=1_000))
def test_code_comes_out_of_a_link_as_it_went_in(code: str) -> None:
    letters = pack(code)
    assert unpack(letters) == code
    assert code_complaint(letters) == ""
    assert letters.replace("-", "").replace("_", "").isalnum()


def test_a_program_of_the_usual_length_fits() -> None:
    program = "".join(
        f"class Model{n}:\n    def predict{n}(self, rows):\n        return {n}\n\n" for n in range(100)
    )
    assert len(pack(program)) < MAX_LETTERS
    assert unpack(pack(program)) == program


def test_code_that_is_too_long_for_a_link_is_one_line_with_what_to_do() -> None:
    noise = "".join(f"{n * n * 7919:x}" for n in range(4_000))
    with pytest.raises(
        SharedCodeError, match=r"letters in a link, expected at most 6,144.*as a file"
    ) as error:
        pack(noise)
    assert "\n" not in str(error.value)


def test_code_that_has_more_bytes_than_a_link_may_unpack_to_is_told_by_its_bytes() -> None:
    assert unpack(pack("a" * MAX_BYTES)) == "a" * MAX_BYTES
    with pytest.raises(
        SharedCodeError, match=r"has 65,537 bytes, expected at most 65,536.*as a file"
    ) as error:
        pack("a" * (MAX_BYTES + 1))
    assert "letters" not in str(error.value)


def test_half_of_a_character_is_one_line() -> None:
    with pytest.raises(SharedCodeError, match="half of a character"):
        pack("x = '\ud800'")


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ("a" * (MAX_LETTERS + 1), "expected at most"),
        ("", "other letters"),
        ("a b", "other letters"),
        ("é", "other letters"),
        ("<script>", "other letters"),
        ("AAAA", "no compressed code"),
        ("a", "no compressed code"),
        (letters_of(zlib.compress(b"x" * 100)[:-1]), "cut off"),
        (letters_of(zlib.compress(b"x") + b"more"), "goes on"),
        (letters_of(zlib.compress(b"\xff\xfe")), "UTF-8"),
        (letters_of(zlib.compress("\ud800".encode(errors="surrogatepass"))), "UTF-8"),
        (letters_of(zlib.compress(b"0" * (MAX_BYTES + 1))), "more than 65,536 bytes"),
    ],
)
def test_what_is_no_code_is_one_line(letters: str, said: str) -> None:
    with pytest.raises(SharedCodeError, match=said) as error:
        unpack(letters)
    assert "\n" not in str(error.value)
    assert code_complaint(letters) == str(error.value)


def test_a_small_link_never_unpacks_into_much() -> None:
    # Two levels: a link of some hundred letters that would be many megabytes.
    bomb = letters_of(zlib.compress(bytes(4_000_000), 9))
    assert len(bomb) < MAX_LETTERS
    with pytest.raises(SharedCodeError, match="more than"):
        unpack(bomb)


@given(st.text(alphabet="ABCabc012_-", max_size=200))
def test_any_letters_are_code_or_one_line(letters: str) -> None:
    said = code_complaint(letters)
    assert "\n" not in said
    if not said:
        assert pack(unpack(letters))


@given(st.binary(max_size=300))
def test_any_compressed_bytes_are_their_text_or_one_line(data: bytes) -> None:
    letters = letters_of(zlib.compress(data))
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(SharedCodeError, match="UTF-8"):
            unpack(letters)
    else:
        assert unpack(letters) == expected
