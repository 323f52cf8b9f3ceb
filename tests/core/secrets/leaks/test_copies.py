"""Copies of a secret are found wherever they stand."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.secrets.leaks.copies import LEAST_LENGTH, Copies
from core.secrets.leaks.detect import Found
from core.secrets.leaks.leak import Confidence
from core.secrets.leaks.naming import Names
from core.secrets.leaks.passage import plain


def found(value: str, variable: str = "") -> Found:
    return Found("rule", "title", Confidence.HIGH, "advice", "", "", 0, 0, 1, variable, value)


def copies_of(*values: str) -> Copies:
    copies = Copies()
    copies.add(found(value) for value in values)
    return copies


@given(
    st.lists(st.text("ab", min_size=LEAST_LENGTH, max_size=12), min_size=1, max_size=3),
    st.lists(st.text("abc", max_size=9), max_size=4),
)
def test_no_value_is_left(values: list[str], between: list[str]) -> None:
    text = values[0].join(between)
    left = text
    for start, end, each in reversed(list(copies_of(*values).places(text))):
        assert text[start:end] == each.value
        left = f"{left[:start]}-{left[end:]}"
    assert not any(value in left for value in values)


def test_a_short_value_is_let_be() -> None:
    assert list(copies_of("hunter2").places("hunter2 hunter2")) == []


def test_the_longest_is_taken() -> None:
    places = list(copies_of("abcdefgh", "abcdefghij").places("x abcdefghij abcdefghi"))
    assert [(start, end) for start, end, _ in places] == [(2, 12), (13, 21)]


def test_a_value_is_found_as_json_a_literal_a_url_and_an_identifier_say_it() -> None:
    value = 'a1-b"c\\d&e'
    copies = copies_of(value)
    for form in (json.dumps(value), repr(value), "a1-b%22c%5Cd%26e", "a1_b_c_d_e = 1", "A1_B_C_D_E"):
        assert len(list(copies.places(form))) == 1, form


def test_a_password_is_found_out_of_its_url() -> None:
    copies = copies_of("postgresql://app:s3cr3tpw99@db/app")
    assert copies.covered("try s3cr3tpw99", Names()) == "try <URL_PASSWORD>"


def test_copies_are_found_in_their_passages_and_not_across() -> None:
    passages = [plain("x hunter2xyz"), plain("hunter2"), plain("xyz"), plain("hunter2xyz")]
    within = copies_of("hunter2xyz").within(passages)
    assert [(each.passage, each.start, each.end) for each in within] == [(0, 2, 12), (3, 0, 10)]


def test_copies_show_no_value() -> None:
    assert "hunter2xyz" not in repr(copies_of("hunter2xyz"))
